"""The stages of a pass one by one, on the app's own parts: read the nodes, read the targets, plan, tell."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from azure.identity import ManagedIdentityCredential

from shared.changes import fingerprint
from shared.config import load_config
from shared.connections import connect
from shared.desired import desire
from shared.modes import Look
from shared.report import ClusterReport, Outcome, TargetReport, render_json, render_text
from shared.surroundings import Connection
from shared.targets.arm import Arm
from shared.wiring import AKS_SCOPE


def connected(settings: Mapping[str, str]) -> Connection:
    """The one cluster, discovered, as a pass would use it."""
    config = load_config(settings)
    credential = ManagedIdentityCredential(client_id=config.client_id)
    arm = Arm(credential, config.arm_endpoint)
    return connect(config.clusters[0], arm=arm, token=lambda: credential.get_token(AKS_SCOPE).token)


def this_app(settings: Mapping[str, str], hops: Mapping[str, str]) -> object:
    """The nodes as the app reads them; returns what holds the connections."""
    _ = hops
    connection = connected(settings)
    connection.source.read()
    return connection


def of(settings: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each stage by name; it works on what the ones before it found, and returns nothing."""
    connection = connected(settings)
    mode = connection.mode
    reading = connection.source.read()
    observed = [target.observe() for target in connection.targets]

    def plan() -> None:
        seen = Look(reading, desire(reading.nodes, mode.rules.pod_cidrs), None)
        plans = {
            target.id: mode.plan(each, seen, force=False)
            for target, each in zip(connection.targets, observed, strict=True)
        }
        fingerprint(plans)

    def report() -> None:
        targets = tuple(
            TargetReport(target.id, Outcome.IN_SYNC, managed=len(each.managed))
            for target, each in zip(connection.targets, observed, strict=True)
        )
        told = [ClusterReport(mode.rules.owner, mode.name, "timer", Outcome.IN_SYNC, targets=targets)]
        json.dumps(render_json(told))
        render_text(told)

    def observe() -> None:
        for target in connection.targets:
            target.observe()

    def read() -> None:
        connection.source.read()

    yield "read the nodes", read
    yield "read the targets", observe
    yield "plan", plan
    yield "report", report

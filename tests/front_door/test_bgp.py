"""Mode `routeServer` through the functions host, with a hub that is slower than a pass: who answers what, and who goes on.

Wake-ups stay in the queue, where they can be seen, until a second instance takes them.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster import CLUSTER_ID, NETWORK_ID
from sandbox.hub import HUB_ID, PEER_ASN, REFLECTORS
from sandbox.world import eventually
from tests.front_door.stage import BOOKS_ID, NO_WAKE, Stage

pytestmark = pytest.mark.wire

SETTLE = {"maxSeconds": 60, "quietSeconds": 0}
CLUSTERS: list[dict[str, Any]] = [
    {
        "name": "shop-weu",
        "aksClusterId": CLUSTER_ID,
        "routing": {
            "mode": "routeServer",
            "virtualHubId": HUB_ID,
            "peerAsn": PEER_ASN,
            "peers": {"addresses": list(REFLECTORS)},
        },
        "settle": SETTLE,
    },
    {"name": "books-weu", "aksClusterId": BOOKS_ID, "routing": {"mode": "udr"}, "settle": SETTLE},
]
AT_WORK = "Azure is at work on the hub (provisioningState Updating)"
ALL = dict.fromkeys(REFLECTORS, PEER_ASN)


class HubStage(Stage):
    """The usual world, but for shop-weu, which has a Route Server and two reflectors."""

    def reset(self) -> None:
        """The hub is empty and idle again, too."""
        self.faults.clear()
        super().reset()
        self.cloud.arm.add_route_server(HUB_ID, subnet_id=f"{NETWORK_ID}/subnets/RouteServerSubnet")
        for reflector in REFLECTORS:
            self.cloud.arm.hubs.speaker(HUB_ID, reflector, self.cluster.expected)

    def peers(self) -> dict[str, int]:
        """Address → AS number of the hub's connections."""
        return self.cloud.arm.peers(HUB_ID)

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Azure is at work on the hub inside the block."""
        over = self.cloud.arm.hubs.occupy(HUB_ID)
        try:
            yield
        finally:
            over()
            self.cloud.arm.hubs.hub(HUB_ID)  # who looks lets it end

    def woken(self) -> list[str]:
        """The clusters for which wake-ups lie in the queue."""
        return [json.loads(message)["cluster"] for message in self.messages()]

    def writes(self) -> list[str]:
        """Without the POSTs that read what was learned."""
        return [each for each in super().writes() if not each.endswith("/learnedRoutes")]


@pytest.fixture(scope="module")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubStage]:
    told = {"AKS_POD_ROUTES_CLUSTERS": json.dumps(CLUSTERS), **NO_WAKE}
    with HubStage(tmp_path_factory.mktemp("bgp"), settle=SETTLE, extra=told) as stage:
        yield stage


@pytest.fixture
def hub(running_hub: HubStage) -> Iterator[HubStage]:
    running_hub.reset()
    yield running_hub
    assert not running_hub.leaked(running_hub.host.log())


def test_one_pass_over_http_makes_the_peers_and_needs_nobody_to_go_on(hub: HubStage) -> None:
    answer = hub.reconcile()
    (report,) = answer.json()["clusters"]
    assert (answer.status_code, report["mode"], report["outcome"]) == (200, "routeServer", "applied")
    assert [(each["action"], each["peerIp"], each["peerAsn"]) for each in report["targets"][0]["changes"]] == [
        ("create", address, PEER_ASN) for address in REFLECTORS
    ]
    assert (hub.peers(), hub.woken()) == (ALL, [])
    hub.cloud.arm.clear_calls()
    assert hub.reconcile().json()["clusters"][0]["outcome"] == "inSync"
    assert hub.writes() == []


def test_a_pass_that_azure_outlasts_is_answered_with_the_plan_and_the_reason(hub: HubStage) -> None:
    """The one test that waits as long as a pass does: it takes half a minute."""
    hub.faults.on("hub-operation-hangs", times=1)
    answer = hub.reconcile()
    (report,) = answer.json()["clusters"]
    assert (answer.status_code, report["outcome"], report["error"]) == (200, "planned", None)
    (target,) = report["targets"]
    assert [(each["peerIp"], each["result"]) for each in target["changes"]] == [
        (address, "planned") for address in REFLECTORS
    ]
    assert "Azure is at work on rs-shop for longer than 25 s" in target["changes"][0]["reason"]
    assert (target["outcome"], target["error"]) == ("planned", None)
    assert hub.woken() == ["shop-weu"]
    (shown,) = [each for each in hub.ask("GET", "/api/status").json()["clusters"] if each["cluster"] == "shop-weu"]
    assert shown["report"] == report

    hub.faults.clear()
    assert hub.reconcile().json()["clusters"][0]["outcome"] == "applied"
    assert hub.peers() == ALL


def test_a_hub_at_work_answers_200_with_the_reason_and_leaves_a_wake_up(hub: HubStage) -> None:
    with hub.occupied():
        answer = hub.reconcile()
    (report,) = answer.json()["clusters"]
    assert (answer.status_code, report["outcome"]) == (200, "planned")
    assert {each["reason"] for each in report["targets"][0]["changes"]} == {AT_WORK}
    assert (hub.woken(), hub.writes()) == (["shop-weu"], [])


def test_its_text_says_so_too(hub: HubStage) -> None:
    with hub.occupied():
        answer = hub.ask("POST", "/api/reconcile?format=text", json={"cluster": "shop-weu"})
    first, second, third, *_ = answer.text.splitlines()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert first == "shop-weu  routeServer  rs-shop: 2 to create (0 managed, 0 foreign left alone, 0/8 used)"
    assert second.split() == f"+ {REFLECTORS[0]} AS {PEER_ASN} [planned: {AT_WORK}]".split()
    assert third.split() == f"+ {REFLECTORS[1]} AS {PEER_ASN} [planned: {AT_WORK}]".split()


def test_a_plan_of_a_hub_at_work_is_a_plan_and_wakes_nobody(hub: HubStage) -> None:
    with hub.occupied():
        answer = hub.ask("GET", "/api/plan?cluster=shop-weu")
        text = hub.ask("GET", "/api/plan?cluster=shop-weu&format=text").text
        dry = hub.reconcile(dryRun=True)
    (report,) = answer.json()["clusters"]
    assert (answer.status_code, report["outcome"]) == (200, "planned")
    assert [each["result"] for each in report["targets"][0]["changes"]] == ["planned", "planned"]
    assert f"plan {report['fingerprint']}" in text
    assert dry.json()["clusters"][0]["fingerprint"] == report["fingerprint"]
    assert (hub.woken(), hub.writes()) == ([], [])


def test_an_approved_plan_is_carried_out(hub: HubStage) -> None:
    mark = hub.ask("GET", "/api/plan?cluster=shop-weu").json()["clusters"][0]["fingerprint"]
    assert hub.reconcile(expect="000000000000").status_code == 409
    assert hub.reconcile(expect=mark).status_code == 200
    assert hub.peers() == ALL


def test_a_hub_that_is_being_made_is_planned_for_and_left_to_the_timer(hub: HubStage) -> None:
    hub.cloud.arm.edit_hub(HUB_ID, lambda body: body["properties"].update(routingState="Provisioning"))
    answer = hub.reconcile()
    (report,) = answer.json()["clusters"]
    assert (answer.status_code, report["outcome"], hub.woken(), hub.writes()) == (200, "planned", [], [])
    assert "routingState is Provisioning" in report["targets"][0]["changes"][0]["reason"]


def test_the_timer_leaves_a_wake_up_for_a_hub_at_work_and_is_no_failure(hub: HubStage) -> None:
    with hub.occupied():
        run = hub.by_hand("on_timer")
    assert (run.ok, hub.woken()) == (True, ["shop-weu"])
    assert AT_WORK in hub.new_log()


def test_a_timer_that_fails_for_another_cluster_loses_its_wake_up_and_comes_back_itself(hub: HubStage) -> None:
    """The platform drops the outputs of a function that raises; the next run does what is left."""
    hub.books.answer_next("/api/v1/nodes", 403, {"kind": "Status", "message": "nodes is forbidden"}, 2)
    with hub.occupied():
        run = hub.by_hand("on_timer")
    assert (run.ok, hub.woken()) == (False, [])
    assert "books-weu: cannot list nodes" in str(run.error)
    assert "shop-weu" not in str(run.error)
    assert hub.by_hand("on_timer").ok
    assert hub.peers() == ALL


def test_the_wake_up_stays_until_azure_is_done_and_makes_the_rest(hub: HubStage, tmp_path: Path) -> None:
    waking = {**hub.settings, "AzureWebJobs.on_wake.Disabled": "false"}
    with ExitStack() as begun:
        with hub.occupied():
            hub.reconcile()
            other = begun.enter_context(hub.host_with(waking, tmp_path))
            eventually(lambda: AT_WORK in other.log(), "the wake-up has found the hub at work")
            assert hub.writes() == []
        hub.cluster.add("apps", 1)  # so that it looks again at once, and not in ten seconds
        done = other.wait_invocation("on_wake", after=0)
    assert (done.ok, hub.peers(), hub.messages()) == (True, ALL, [])
    (shown,) = [each for each in hub.ask("GET", "/api/status").json()["clusters"] if each["cluster"] == "shop-weu"]
    assert (shown["report"]["trigger"], shown["report"]["outcome"]) == ("event", "applied")

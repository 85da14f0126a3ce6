"""What one check says: verdict, evidence, way out. Which checks there are is told in `checks`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.doctor.unknown import Unknown
from shared.models import Finding, Severity


class Verdict(StrEnum):
    """How it looks. In order: the later, the more a person should look."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at and what was seen. One code may come several times, each time about another resource."""

    code: str
    """Stable."""
    verdict: Verdict
    title: str
    evidence: str
    """What was seen, with the numbers."""
    way_out: str = ""
    """What to do about it; empty where there is nothing to do."""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """A cluster and its checks, in the order of `checks`."""

    cluster: str
    mode: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """One of the things that are checked."""

    code: str
    title: str

    def ok(self, evidence: str, resource: str = "") -> Check:
        """It is as it should be."""
        return Check(self.code, Verdict.OK, self.title, evidence, "", resource)

    def warning(self, evidence: str, way_out: str, resource: str = "") -> Check:
        """It works, or may work, but not for long, or not as it is meant."""
        return Check(self.code, Verdict.WARNING, self.title, evidence, way_out, resource)

    def problem(self, evidence: str, way_out: str, resource: str = "") -> Check:
        """Pods are not reached, or the app cannot do its work."""
        return Check(self.code, Verdict.PROBLEM, self.title, evidence, way_out, resource)

    def unknown(self, fact: Unknown) -> Check:
        """It could not be seen. What is simply not there is a problem, not unknown."""
        evidence, way_out = parted(fact.reason)
        if fact.permission:
            evidence, way_out = f"may not read {fact.what}", f"grant the app's identity {fact.permission}"
        verdict = Verdict.PROBLEM if fact.absent else Verdict.UNKNOWN
        return Check(self.code, verdict, self.title, evidence, way_out, fact.resource)

    def told(self, findings: Iterable[Finding], *, otherwise: str) -> Iterator[Check]:
        """One check per finding, as another room words them; `otherwise` is the evidence where there are none."""
        found = tuple(findings)
        for finding in found:
            evidence, way_out = parted(finding.message)
            verdict = _VERDICTS[finding.severity]
            if finding.code in _UNREADABLE:
                verdict = Verdict.UNKNOWN
                if grant := _GRANT.search(finding.message):
                    evidence, way_out = finding.message.partition(": HTTP ")[0], grant[1]
            elif finding.code in _PROBLEMS:
                verdict = Verdict.PROBLEM
            yield Check(self.code, verdict, self.title, evidence, way_out, finding.resource)
        if not found:
            yield self.ok(otherwise)


_VERDICTS = {Severity.INFO: Verdict.OK, Severity.WARNING: Verdict.WARNING, Severity.ERROR: Verdict.PROBLEM}

_UNREADABLE = frozenset(
    {"ciliumConfigUnreadable", "learnedUnknown", "networkUnreadable", "routeTableUnreadable", "subnetUnreadable"}
)

_GRANT = re.compile(r"; (grant the app's identity Microsoft\.[^;]+)")
"""Where another room names the missing permission."""

_PROBLEMS = frozenset(
    {
        "bgpControlPlaneOff",
        "connectionNotOnDefaultRouteTable",
        "gatewayRoutesNotPropagated",
        "hubWithoutNetwork",
        "nativeCidrMissing",
        "nodeNetworkApart",
        "noRemoteGateway",
        "subnetRouteTableNotManaged",
        "subnetWithoutRouteTable",
    }
)
"""Warnings of a pass, which goes on in spite of them, that keep pods from being reached."""


_AZURE_SAYS = re.compile(r" \(Azure says: [^()]*(?:\([^()]*\)[^()]*)*\)")
_PLAIN = re.compile(r"HTTP 40[34]\b")
"""What Azure says of these adds nothing but the caller's ids."""


def parted(message: str) -> tuple[str, str]:
    """A message as evidence and way out: what follows its last semicolon or full stop outside of brackets is the way out.

    Every message of this app ends in its way out, where it has one (docs/architecture.md).
    """
    depth, cut = 0, 0
    text = _AZURE_SAYS.sub("", message).rstrip(".") if _PLAIN.search(message) else message.rstrip(".")
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth <= 0 and character in ";." and text[at + 1 : at + 2] == " ":
            cut = at
    return (text[:cut], text[cut + 2 :]) if cut else (text, "")

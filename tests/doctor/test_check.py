import pytest

from shared.cilium import parse
from shared.cilium.findings import findings_for
from shared.doctor.check import Topic, Verdict, parted
from shared.doctor.checks_cilium import ASPECTS
from shared.doctor.unknown import Unknown
from shared.models import Finding, Severity
from tests.doctor.cases import PODS

TOPIC = Topic("code", "Title")


@pytest.mark.parametrize(
    ("message", "evidence", "way_out"),
    [
        ("it is stopped; start it, its routes stay", "it is stopped", "start it, its routes stay"),
        ("One thing. Another thing. Set a=b.", "One thing. Another thing", "Set a=b"),
        ("no way out here", "no way out here", ""),
        ("only (brackets; with. Words) inside", "only (brackets; with. Words) inside", ""),
        ("version 1.19.3 is old; take 1.20", "version 1.19.3 is old", "take 1.20"),
        (
            "HTTP 404 NotFound: it does not exist; create it (Azure says: The Resource 'x' (y) was not found. Look at https://aka.ms)",
            "HTTP 404 NotFound: it does not exist",
            "create it",
        ),
        (
            "HTTP 400 Odd: Azure refused it (Azure says: The value is odd; try another.)",
            "HTTP 400 Odd: Azure refused it (Azure says: The value is odd; try another.)",
            "",
        ),
        ("", "", ""),
    ],
)
def test_what_follows_the_last_stop_outside_of_brackets_is_the_way_out(
    message: str, evidence: str, way_out: str
) -> None:
    assert parted(message) == (evidence, way_out)


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        (Finding(Severity.INFO, "nativeCidrTooWide", "x; y"), Verdict.OK),
        (Finding(Severity.WARNING, "masqueradeOff", "x; y"), Verdict.WARNING),
        (Finding(Severity.ERROR, "learnedMissing", "x; y"), Verdict.PROBLEM),
        (Finding(Severity.WARNING, "subnetWithoutRouteTable", "x; y"), Verdict.PROBLEM),
        (Finding(Severity.WARNING, "networkUnreadable", "x; y"), Verdict.UNKNOWN),
    ],
)
def test_a_finding_becomes_a_check(finding: Finding, verdict: Verdict) -> None:
    (check,) = TOPIC.told([finding], otherwise="fine")
    assert (check.verdict, check.evidence, check.way_out) == (verdict, "x", "y")


def test_without_findings_it_is_ok() -> None:
    (check,) = TOPIC.told([], otherwise="fine")
    assert (check.verdict, check.evidence) == (Verdict.OK, "fine")


@pytest.mark.parametrize(
    ("unknown", "verdict", "evidence", "way_out"),
    [
        (
            Unknown("the locks", "no; matter", "a/read on it"),
            Verdict.UNKNOWN,
            "may not read the locks",
            "grant the app's identity a/read on it",
        ),
        (Unknown("the table", "it is not there; make it", absent=True), Verdict.PROBLEM, "it is not there", "make it"),
        (Unknown("the table", "Azure failed; try again"), Verdict.UNKNOWN, "Azure failed", "try again"),
    ],
)
def test_what_could_not_be_read_is_unknown_and_what_is_not_there_a_problem(
    unknown: Unknown, verdict: Verdict, evidence: str, way_out: str
) -> None:
    check = TOPIC.unknown(unknown)
    assert (check.verdict, check.evidence, check.way_out) == (verdict, evidence, way_out)


@pytest.mark.parametrize("mode", ["udr", "routeServer", "virtualWan", "observe"])
@pytest.mark.parametrize("native", ["", "100.64.0.0/10", "100.64.0.0/11", "100.0.0.0/8"])
@pytest.mark.parametrize("ipam", ["cluster-pool", "azure", "crd"])
def test_every_finding_about_cilium_is_about_one_aspect(mode: str, native: str, ipam: str) -> None:
    """A finding of a code that no aspect knows would never be shown."""
    known = [code for aspect in ASPECTS for code in aspect.codes]
    assert len(known) == len(set(known))
    for routing in ("native", "tunnel", "odd"):
        for flags in range(64):
            on = [str(bool(flags >> at & 1)).lower() for at in range(6)]
            config = parse(
                {
                    "routing-mode": routing,
                    "ipv4-native-routing-cidr": native,
                    "ipam": ipam,
                    "cluster-pool-ipv4-cidr": "10.0.0.0/8",
                    "enable-wireguard": on[0],
                    "encrypt-node": on[1],
                    "enable-ipsec": on[2],
                    "enable-bgp-control-plane": on[3],
                    "enable-ipv4-masquerade": on[4],
                    "auto-direct-node-routes": on[5],
                }
            )
            found = findings_for(mode, config, PODS, pod_cidr_source="node")  # type: ignore[arg-type]  # of the four
            assert {finding.code for finding in found} <= set(known)

from shared.doctor.check import Check, Examination, Verdict
from shared.doctor.rendering import render_json, worst

CHECKS = (
    Check("clusterState", Verdict.OK, "The cluster runs", "it is running"),
    Check(
        "ipForwarding",
        Verdict.PROBLEM,
        "The nodes' network interfaces forward packets",
        "off in 1 scale set(s)",
        "turn it on",
        "/sets/a",
    ),
    Check("locks", Verdict.UNKNOWN, "No management lock is in the way", "may not read the locks", "grant it"),
    Check("lastEvent", Verdict.WARNING, "Scale events arrive", "never", "check the subscription"),
)


def test_the_json_has_every_field_of_every_check() -> None:
    (cluster,) = render_json([Examination("prod-weu", "udr", CHECKS)])["clusters"]
    assert (cluster["cluster"], cluster["mode"], cluster["verdict"]) == ("prod-weu", "udr", "problem")
    assert cluster["checks"][1] == {
        "code": "ipForwarding",
        "verdict": "problem",
        "title": "The nodes' network interfaces forward packets",
        "evidence": "off in 1 scale set(s)",
        "wayOut": "turn it on",
        "resource": "/sets/a",
    }


def test_the_verdict_on_a_cluster_is_that_of_its_worst_check() -> None:
    assert worst(()) is Verdict.OK
    assert worst(CHECKS[:1]) is Verdict.OK
    assert worst((CHECKS[0], CHECKS[2])) is Verdict.UNKNOWN
    assert worst((CHECKS[2], CHECKS[3])) is Verdict.WARNING
    assert worst(CHECKS) is Verdict.PROBLEM

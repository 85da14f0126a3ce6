"""Each check of the doctor in a situation that makes it fail: exactly that check speaks up, in these words. At first all is well."""

import pytest

from tests.wire.doctor_case import Case
from tests.wire.doctor_cases_azure import AZURE_CASES
from tests.wire.doctor_cases_bgp import BGP
from tests.wire.doctor_cases_cluster import CLUSTER_CASES, OTHER_NETWORK, another_cluster
from tests.wire.doctor_stage import Ward, amiss

pytestmark = pytest.mark.wire

BGP_ONLY = {"podCidrsFamily", "routePropagation", "hub", "hubNetworks", "bgpPeers", "routesPerPeer", "learnedRoutes"}
UDR = (*CLUSTER_CASES, *AZURE_CASES)


def test_a_healthy_cluster_passes_every_check(ward: Ward) -> None:
    another_cluster(ward, OTHER_NETWORK, "10.201.0.0/16")
    ward.passes()
    checks = ward.examine()
    assert amiss(checks) == set(), ward.text
    reached = {check.code for check in checks}
    assert reached >= {code for case in UDR for code in case.expected}
    assert not reached & BGP_ONLY


def test_a_healthy_cluster_behind_a_route_server_passes_every_check(ward: Ward) -> None:
    ward.to_bgp()
    ward.passes(2)
    checks = ward.examine()
    assert amiss(checks) == set(), ward.text
    assert {check.code for check in checks} >= BGP_ONLY


@pytest.mark.parametrize("case", [*UDR, *BGP], ids=lambda case: case.name)
def test_each_check_speaks_up_alone(case: Case, ward: Ward, waits: list[float]) -> None:
    if case.bgp:
        ward.to_bgp()
    case.plant(ward)
    ward.passes(2 if case.bgp else 1)
    case.after(ward)
    checks = ward.examine()
    assert amiss(checks) >= set(case.expected.items()), ward.text
    assert {code for code, _ in amiss(checks)} == set(case.expected), ward.text
    assert [words for words in case.words if words not in ward.text] == [], ward.text

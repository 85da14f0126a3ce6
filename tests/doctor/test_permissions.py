import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.doctor.facts import Grant
from shared.doctor.permissions import missing

WRITE = "Microsoft.Network/routeTables/write"


@pytest.mark.parametrize(
    ("grants", "held"),
    [
        ((), False),
        ((Grant((WRITE,)),), True),
        ((Grant(("microsoft.network/ROUTETABLES/write",)),), True),
        ((Grant(("*",)),), True),
        ((Grant(("Microsoft.Network/*",)),), True),
        ((Grant(("*/write",)),), True),
        ((Grant(("*/read",)),), False),
        ((Grant(("Microsoft.Network/routeTables/*",)),), True),
        ((Grant(("Microsoft.Network/routeTables/routes/write",)),), False),
        ((Grant(("Microsoft.Network/routeTables",)),), False),
        ((Grant(("Microsoft.Network/routeTable./write",)),), False),
        ((Grant(("*",), (WRITE,)),), False),
        ((Grant(("*",), ("Microsoft.Network/*/write",)),), False),
        ((Grant(("*",), ("Microsoft.Authorization/*/write",)),), True),
        ((Grant(("*",), (WRITE,)), Grant((WRITE,))), True),  # what one role excludes another still allows
    ],
)
def test_a_role_allows_what_its_actions_match_and_its_not_actions_do_not(
    grants: tuple[Grant, ...], *, held: bool
) -> None:
    assert missing((WRITE,), grants) == (() if held else (WRITE,))


@given(st.lists(st.text("aB./*", max_size=6)), st.lists(st.text("aB./*", max_size=6)), st.text("ab./", min_size=1))
def test_another_role_never_takes_a_permission_away(first: list[str], second: list[str], action: str) -> None:
    one, both = [Grant(tuple(first))], [Grant(tuple(first)), Grant(tuple(second), ("*",))]
    assert set(missing((action,), both)) <= set(missing((action,), one))


def test_what_is_missing_is_told_in_the_order_it_is_needed() -> None:
    assert missing(("b/write", "a/read", "c/read"), (Grant(("a/*",)),)) == ("b/write", "c/read")

"""The message of a wake-up, to the queue and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.wake import Wake, parse_wake


@given(st.text(), st.text())
def test_a_wake_up_comes_back_as_it_went(cluster: str, event: str) -> None:
    assert parse_wake(Wake(cluster, event).text().encode()) == Wake(cluster, event)


def test_a_person_may_leave_the_event_out() -> None:
    assert parse_wake(b'{"cluster": "shop-weu"}') == Wake("shop-weu", "")


@pytest.mark.parametrize("body", [b"", b"shop-weu", b"[]", b'{"cluster": 1}', b'{"event": "e"}', b"\xff"])
def test_anything_else_is_refused_with_an_example(body: bytes) -> None:
    with pytest.raises(RequestError, match=r'not a wake-up such as {"cluster": "shop-weu"}'):
        parse_wake(body)

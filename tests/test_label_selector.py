"""Label selectors: which texts are some, and what they select. Meaning as in the Kubernetes documentation."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes_api.entries import entry_of
from sandbox.kubernetes_api.kinds import NODES
from sandbox.kubernetes_api.selectors import label_test
from shared.label_selector import LabelSelector

MATCHES = [
    # selector, labels, whether they match
    ("tier", {"tier": "edge"}, True),
    ("tier", {"tier": ""}, True),
    ("tier", {}, False),
    ("!tier", {}, True),
    ("! tier", {"tier": ""}, False),
    ("tier=edge", {"tier": "edge"}, True),
    ("tier == edge", {"tier": "edge"}, True),
    ("tier=edge", {"tier": "Edge"}, False),
    ("tier=edge", {}, False),
    ("tier=", {"tier": ""}, True),
    ("tier=", {}, False),
    ("tier!=edge", {"tier": "core"}, True),
    ("tier!=edge", {"tier": "edge"}, False),
    ("tier!=edge", {}, True),
    ("tier!=", {"tier": ""}, False),
    ("tier in (edge, core)", {"tier": "core"}, True),
    ("tier in(edge)", {"tier": "edge"}, True),
    ("tier in (edge, core)", {"tier": "leaf"}, False),
    ("tier in (edge)", {}, False),
    ("tier in (,edge)", {"tier": ""}, True),
    ("tier notin (edge, core)", {"tier": "leaf"}, True),
    ("tier notin (edge, core)", {"tier": "core"}, False),
    ("tier notin (edge)", {}, True),
    ("tier=edge,!old", {"tier": "edge"}, True),
    ("tier=edge,!old", {"tier": "edge", "old": "1"}, False),
    ("tier in (edge, core),zone notin (a),new", {"tier": "core", "zone": "b", "new": ""}, True),
    (" a = b , c ", {"a": "b", "c": "d"}, True),
    ("in in (in)", {"in": "in"}, True),
    ("notin", {"notin": ""}, True),
    ("aks-pod-routes/bgp-peer=true", {"aks-pod-routes/bgp-peer": "true"}, True),
    ("aks-pod-routes/bgp-peer=true", {"bgp-peer": "true"}, False),
    ("kubernetes.azure.com/mode=user", {"kubernetes.azure.com/mode": "user"}, True),
]


@pytest.mark.parametrize(("text", "labels", "matches"), MATCHES)
def test_a_selector_selects_what_kubernetes_selects(text: str, labels: dict[str, str], *, matches: bool) -> None:
    assert LabelSelector.parse(text).matches(labels) is matches


BAD = [
    ("", "is empty and would select every node"),
    ("  ", "is empty and would select every node"),
    (",", "',' stands where a label's name is expected"),
    ("a,", "the end stands where a label's name is expected"),
    (",a", "',' stands where a label's name is expected"),
    ("a,,b", "',' stands where a label's name is expected"),
    ("a b", "'b' stands where =, ==, !=, in, notin, ',' or the end is expected"),
    ("a=b c", "'c' stands where ',' or the end is expected"),
    ("a=b=c", "'=' stands where ',' or the end is expected"),
    ("a===b", "'=' stands where ',' or the end is expected"),
    ("!a=b", "'=' stands where ',' or the end is expected"),
    ("!", "the end stands where a label's name is expected"),
    ("!!a", "'!' stands where a label's name is expected"),
    ("=b", "'=' stands where a label's name is expected"),
    ("a in b", "'b' stands where '(' behind in is expected"),
    ("a notin", "the end stands where '(' behind notin is expected"),
    ("a in ()", "in () names no value"),
    ("a in (b", "the end stands where ',' or ')' is expected"),
    ("a in (b c)", "'c' stands where ',' or ')' is expected"),
    ("a in (b)x", "'x' stands where ',' or the end is expected"),
    ("a in ((b))", "'(' stands where ',' or ')' is expected"),
    ("a)", "')' stands where"),
    ("-a=b", "'-a' is no name of a label"),
    ("a-", "'a-' is no name of a label"),
    ("/a", "'' is no prefix of a label"),
    ("a/", "'' is no name of a label"),
    ("A/b", "'A' is no prefix of a label"),
    ("a/b/c", "'a/b' is no prefix of a label"),
    ("a..b/c", "'a..b' is no prefix of a label"),
    ("a>1", "'a>1' is no name of a label"),
    ("äh=1", "'äh' is no name of a label"),
    ("a=ä", "'ä' is no value of a label"),
    ("a=-b", "'-b' is no value of a label"),
    ("k" * 64, "is no name of a label, which is 1 to 63"),
    ("a=" + "v" * 64, "is no value of a label, which is up to 63"),
    ("p" * 254 + "/a", "is no prefix of a label, which is a lower-case DNS name of up to 253"),
]


@pytest.mark.parametrize(("text", "expected"), BAD)
def test_what_is_no_selector_is_refused_with_the_place(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected)) as refused:
        LabelSelector.parse(text)
    sentence = str(refused.value)
    assert sentence.startswith("is ")
    assert sentence.endswith("write it like aks-pod-routes/bgp-peer=true or 'tier in (edge, core)'")


def test_the_longest_names_and_values_are_taken() -> None:
    key, value = f"{'p' * 253}/{'k' * 63}", "v" * 63
    assert LabelSelector.parse(f"{key}={value}").matches({key: value})


def test_two_selectors_that_ask_for_the_same_are_equal_however_they_are_written() -> None:
    assert LabelSelector.parse("a=b, c in (d,e)") == LabelSelector.parse("c in (e, d),a == b")
    assert LabelSelector.parse("a") != LabelSelector.parse("a=")


def test_a_selector_reads_as_it_was_written() -> None:
    assert str(LabelSelector.parse(" a = b , c ")) == " a = b , c "


keys = st.sampled_from(["a", "b", "in", "x.io/c"])
values = st.sampled_from(["", "1", "2", "notin"])
requirements = st.one_of(
    keys,
    keys.map("!{}".format),
    st.builds("{}{}{}".format, keys, st.sampled_from(["=", "==", "!="]), values),
    st.builds(
        "{} {} ({})".format,
        keys,
        st.sampled_from(["in", "notin"]),
        st.lists(values.filter(bool), min_size=1, max_size=3).map(",".join),
    ),
)


@given(st.lists(requirements, min_size=1, max_size=4).map(",".join), st.dictionaries(keys, values))
def test_the_sandboxs_api_server_selects_the_same(text: str, labels: dict[str, str]) -> None:
    node = entry_of(NODES, {"metadata": {"name": "n", "labels": labels}}, 1)
    assert LabelSelector.parse(text).matches(labels) is label_test(text)(node)


@given(st.text())
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    with suppress(ValueError):
        LabelSelector.parse(text)

"""What a person reads on a terminal: as the contract prints it where it fits, made to fit where not, and never a trick in it."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.changes import AnyChange, Create, Delete, Update
from shared.errors import RequestError
from shared.models import Finding, Severity, Waiting
from shared.report import ChangeReport, ClusterReport, Outcome, Result, TargetReport, render_json, render_text
from shared.terminal import DEFAULT_WIDTH, View, doctor_text, reports_text, shortened, status_text, view
from tests.examples import TABLE, managed

GONE = Delete(managed("100.64.9.0/24", "10.0.0.12"))
LONG = "aks-userpool12-38294711-vmss00000b"


def report(node: str = "aks-np1-03", *findings: Finding, **more: Any) -> ClusterReport:
    moved: AnyChange = Update(managed("100.64.3.0/24", "10.0.0.5"), managed("100.64.3.0/24", "10.0.0.7"), node)
    changes = tuple(
        ChangeReport(change, Result.PLANNED)
        for change in (GONE, moved, Create(managed("100.64.12.0/24", "10.0.0.19"), node.replace("b", "c")))
    )
    target = TargetReport(TABLE, Outcome.PLANNED, 14, 2, 1000, changes, findings)
    waiting = (Waiting("aks-np1-0c", "no pod CIDR yet"),)
    return ClusterReport(
        "prod-weu", "udr", "http", Outcome.PLANNED, "4f1c09ab2d37", waiting=waiting, targets=(target,), **more
    )


CONTRACT = """\
prod-weu  udr  rt-pods: 1 to delete, 1 to update, 1 to create (14 managed, 2 foreign left alone, 14/1000 used)
  - 100.64.9.0/24   via 10.0.0.12
  ~ 100.64.3.0/24   via 10.0.0.5 -> 10.0.0.7     aks-np1-03
  + 100.64.12.0/24  via 10.0.0.19                aks-np1-03
  waiting: aks-np1-0c (no pod CIDR yet)
plan 4f1c09ab2d37
"""


def test_what_fits_is_printed_as_the_contract_has_it() -> None:
    assert reports_text([report()], View()) == render_text([report()]) == CONTRACT


def test_a_long_node_name_is_shortened_in_the_middle_so_that_the_line_fits() -> None:
    lines = reports_text([report(LONG)], View(width=72)).splitlines()
    changes = [line for line in lines if re.match(r"  [-~+] ", line)]
    assert changes == [
        "  - 100.64.9.0/24   via 10.0.0.12",
        "  ~ 100.64.3.0/24   via 10.0.0.5 -> 10.0.0.7     aks-userpoo…-vmss00000b",
        "  + 100.64.12.0/24  via 10.0.0.19                aks-userpoo…-vmss00000c",
    ]


def test_a_note_does_not_shorten_the_names_but_goes_on_below() -> None:
    held = ChangeReport(Create(managed("100.64.3.0/24", "10.0.0.7"), LONG), Result.SKIPPED, "word " * 20)
    target = TargetReport(TABLE, Outcome.PARTIAL, 1, 0, 1000, (held,))
    lines = reports_text([ClusterReport("c", "udr", "http", Outcome.PARTIAL, targets=(target,))], View(80)).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("  + "))
    assert lines[at].endswith(LONG)
    assert lines[at + 1].startswith("      [skipped: word")
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    finding = Finding(Severity.ERROR, "brake", "10 of 20 routes would be deleted: " + "and so on, " * 40)
    text = reports_text([report(LONG, finding, error="the nodes could not be read, " * 9)], View(width))
    assert max(map(len, text.splitlines())) <= width
    assert "".join(text.split()).count("andsoon,") == 40  # nothing is lost


@given(st.text(min_size=1, max_size=80), st.integers(3, 90))
def test_a_shortened_name_keeps_its_ends(name: str, width: int) -> None:
    short = shortened(name, width)
    assert len(short) <= max(width, 1)
    if len(name) <= width:
        assert short == name
    else:
        head, _, tail = short.rpartition("…")
        assert name.startswith(head)
        assert name.endswith(tail)
        assert 0 <= len(head) - len(tail) <= 1


def test_colour_comes_only_where_it_is_asked_for_and_changes_no_word() -> None:
    plain, coloured = (reports_text([report()], View(colour=colour)) for colour in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "\x1b[31m  - 100.64.9.0/24   via 10.0.0.12\x1b[0m\n" in coloured
    assert "\x1b[32m  + " in coloured
    assert "\x1b[33m  ~ " in coloured


@pytest.mark.parametrize("trick", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b31m", "\u200b"])
def test_what_others_say_cannot_steer_the_terminal(trick: str) -> None:
    name = f"node{trick}x"
    texts = [
        reports_text([report(name, Finding(Severity.ERROR, "x", name))], View()),
        status_text({"clusters": [{**STATUS["clusters"][0], "error": name}]}, View()),
        doctor_text({"shop-weu": [Said("problem", name, name, name)]}, View()),
    ]
    assert not any(trick in text for text in texts)
    assert all("node?" in text for text in texts)


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ({}, View(DEFAULT_WIDTH)),
        ({"width": "80"}, View(80)),
        ({"color": "always"}, View(DEFAULT_WIDTH, colour=True)),
        ({"color": "never", "width": "400"}, View(400)),
    ],
)
def test_a_caller_says_how_wide_and_whether_in_colour(query: dict[str, str], how: View) -> None:
    assert view(query) == how


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"width": "39"}, "width"),
        ({"width": "401"}, "width"),
        ({"width": "²²²"}, "width"),
        ({"width": "-80"}, "width"),
        ({"color": "auto"}, "color"),
    ],
)
def test_anything_else_is_refused_naming_the_field(query: dict[str, str], field: str) -> None:
    with pytest.raises(RequestError) as refused:
        view(query)
    assert refused.value.field == field


SICK = ClusterReport(
    "data-neu",
    "routeServer",
    "event",
    Outcome.FAILED,
    started_at="2026-11-22T10:05:00Z",
    error="the API server did not answer within 30 s",
    node_count=3,
)
WELL = ClusterReport(
    "shop-weu",
    "udr",
    "timer",
    Outcome.HELD,
    started_at="2026-11-22T10:00:00Z",
    node_count=13,
    waiting=(Waiting("n1", "no pod CIDR yet"),),
    findings=(Finding(Severity.WARNING, "fightingWriter", "somebody undoes it"),),
    targets=(
        TargetReport(f"{TABLE}-2", Outcome.IN_SYNC, 1, 0, 1000),
        TargetReport(TABLE, Outcome.HELD, 700, 100, 1000, findings=(Finding(Severity.INFO, "policy", "not told"),)),
        TargetReport(f"{TABLE}-3", Outcome.FAILED, error="HTTP 403"),
    ),
)
STATUS: dict[str, Any] = {**render_json([WELL, SICK]), "poison": {"count": 2, "clusters": ["shop-weu"]}}


def test_the_status_is_a_row_per_cluster_and_then_what_is_wrong() -> None:
    assert (
        status_text(STATUS, View())
        == """\
CLUSTER   MODE         OUTCOME  NODES  WAITING  FULLEST   LAST PASS
shop-weu  udr          held     13     1        800/1000  2026-11-22T10:00:00Z timer
data-neu  routeServer  failed   3      0        -         2026-11-22T10:05:00Z event
shop-weu: warning: somebody undoes it
shop-weu: error: HTTP 403
data-neu: error: the API server did not answer within 30 s
error: 2 wake-up(s) failed for good (shop-weu)
"""
    )


def test_a_status_before_the_first_pass_says_so() -> None:
    assert status_text({"clusters": [], "poison": {"count": 0, "clusters": []}}, View()) == "no pass has ended yet\n"


@dataclass(frozen=True, slots=True)
class Said:
    verdict: str
    title: str
    evidence: str
    way_out: str = ""


CHECKS = [
    Said("ok", "IP forwarding", "on for 3 scale sets"),
    Said(
        "problem",
        "Route tables of the agent pools' subnets",
        "snet-gpu has no route table",
        "attach rt-pods to snet-gpu, or name another table in routing.routeTables",
    ),
    Said("unknown", "Locks", "may not read locks", "grant the app's identity Microsoft.Authorization/locks/read"),
]


def test_the_doctor_is_a_table_with_the_way_out_below() -> None:
    assert (
        doctor_text({"shop-weu": CHECKS, "data-neu": []}, View(90))
        == """\
shop-weu: 1 problem, 1 unknown, 1 ok
  ok        IP forwarding                   on for 3 scale sets
  problem   Route tables of…pools' subnets  snet-gpu has no route table
                                            > attach rt-pods to snet-gpu, or name another
                                              table in routing.routeTables
  unknown   Locks                           may not read locks
                                            > grant the app's identity
                                              Microsoft.Authorization/locks/read
data-neu: nothing checked
"""
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_doctor_fits_too(width: int) -> None:
    text = doctor_text({"shop-weu": CHECKS}, View(width))
    assert max(map(len, text.splitlines())) <= width

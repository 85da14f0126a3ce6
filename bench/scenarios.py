"""Passes over clusters of some sizes: each case with a stand-in and a worker of its own, one scenario after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.children import Child

REPEAT = 9
"""Passes that find nothing to do; the least of them counts, since two processors are shared with the stand-in."""
HTTP_AND_JSON = "raw HTTP and the standard library's JSON"
HTTP_AND_FIELDS = "raw HTTP and the fields used alone"
BAREST = "raw HTTP unzipped in one go and the fields used alone"


@dataclass(frozen=True, slots=True)
class Case:
    """One cluster."""

    nodes: int
    tables: int = 1
    mode: str = "udr"
    azure: bool = False

    def __str__(self) -> str:
        return f"{self.nodes:,} nodes, {'BGP, reflectors' if self.mode != 'udr' else f'{self.tables} table(s)'}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one kind of pass came to. Times in seconds, sizes in bytes; calls are those of one pass."""

    case: Case
    name: str
    wall: float
    cpu: float
    sent: int
    received: int
    peak: int
    changes: int
    calls: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Measured:
    """All of a case; `stages` and `floor` by name."""

    scenarios: tuple[Scenario, ...]
    stages: Mapping[str, Any]
    floor: Mapping[str, Any]
    write_floor: Any

    @property
    def floors(self) -> Mapping[str, float]:
        """Seconds that nothing to do cannot go below, from what everybody's ways take to the barest."""
        http, in_one_go, plain, used = (part["wall"] for part in self.floor.values())
        return {HTTP_AND_JSON: http + plain, HTTP_AND_FIELDS: http + used, BAREST: in_one_go + used}


def measure(case: Case) -> Measured:
    """First convergence, nothing to do, one change, a tenth changed. RuntimeError where a pass does not end as it should."""
    told = {"nodes": case.nodes - 1, "tables": case.tables, "mode": case.mode, "azure": case.azure}
    with Child("bench.stand_in", told) as stand:
        settings = stand.ask("settings")
        with Child("bench.worker", {}, settings) as worker:
            found = [_scenario(case, "first convergence", stand, worker)]
            found.append(_scenario(case, "nothing to do", stand, worker, repeat=2 if case.azure else REPEAT))
            stand.ask("add", count=1)
            found.append(_scenario(case, "one change", stand, worker))
            tenth = case.nodes // 10
            stand.ask("remove", count=tenth)
            stand.ask("add", count=tenth)
            found.append(_scenario(case, "a tenth changed", stand, worker))
        with Child("bench.worker", {}, settings) as worker:
            stages = {} if case.azure else worker.ask("stages", repeat=REPEAT)
        with Child("bench.worker", {}, settings) as worker:
            floor = worker.ask("floor", repeat=2 if case.azure else REPEAT)
            write = worker.ask("write_floor", repeat=1) if case.mode == "udr" else None
    return Measured(tuple(found), stages, floor, write)


def way(case: Case, name: str, *, hops: int = 0) -> dict[str, Any]:
    """What one of today's ways takes in the same surroundings, on empty tables, for `hops` new nodes."""
    told = {"nodes": case.nodes, "tables": case.tables, "mode": case.mode, "azure": case.azure}
    with Child("bench.stand_in", told) as stand:
        settings = stand.ask("settings")
        wanted = dict(list(stand.ask("hops").items())[:hops])
        stand.ask("clear")
        with Child("bench.worker", {}, settings) as worker:
            answer: dict[str, Any] = worker.ask("way", name=name, hops=wanted)
        return {**answer, "calls": stand.ask("counts"), "nodes": hops or case.nodes, "azure": case.azure}


def _scenario(case: Case, name: str, stand: Child, worker: Child, *, repeat: int = 1) -> Scenario:
    stand.ask("clear")
    took = worker.ask("run", repeat=repeat)
    calls = {what: count // repeat for what, count in stand.ask("counts").items()}
    if took["told"]["outcome"] not in {"applied", "inSync"} or not stand.ask("right"):
        raise RuntimeError(f"{case}, {name}: {took['told']}")
    sizes = {what: int(took[what]) for what in ("sent", "received", "peak")}
    return Scenario(case, name, took["wall"], took["cpu"], **sizes, changes=took["told"]["changes"], calls=calls)

"""What is promised of speed and size, and whether a run kept it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.scenarios import HTTP_AND_FIELDS, HTTP_AND_JSON, Measured, Scenario

NOTHING_1000 = 0.150
NOTHING_5000 = 0.600
TIMES_THE_FLOOR = 1.3
PEAK_5000 = 160e6
PLAN_5000 = 0.050
LINEAR = 13.0
"""Ten times the nodes may take this many times as long: sorting, and caches of the processor that no longer hold it all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise and what became of it; `got` may be `limit` at most."""

    what: str
    got: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it was kept."""
        return self.got <= self.limit

    def __str__(self) -> str:
        return (
            f"{'met   ' if self.met else 'MISSED'}  {self.what}: {self.got:.4g} {self.unit}, at most {self.limit:.4g}"
        )


def of(found: Sequence[Measured], plans: Mapping[int, float]) -> list[Verdict]:
    """Every promise."""
    by_case = {(each.scenarios[0].case.nodes, each.scenarios[0].case.tables): each for each in found}
    thousand, largest = by_case[1000, 1], by_case[5000, 1]
    nothing = {key: each.scenarios[1] for key, each in by_case.items()}
    wall, floors = nothing[1000, 1].wall, thousand.floors
    writes = [scenario for each in found for scenario in each.scenarios if scenario.case.mode == "udr"]
    return [
        Verdict("nothing to do, 1,000 nodes, one table", 1000 * wall, 1000 * NOTHING_1000, "ms"),
        *(
            Verdict(f"the same, of {name}", wall / floors[name], TIMES_THE_FLOOR, "times")
            for name in (HTTP_AND_JSON, HTTP_AND_FIELDS)
        ),
        Verdict("nothing to do, 5,000 nodes, BGP", 1000 * nothing[5000, 1].wall, 1000 * NOTHING_5000, "ms"),
        Verdict(
            "peak memory at 5,000 nodes", max(each.peak for each in largest.scenarios) / 1e6, PEAK_5000 / 1e6, "MB"
        ),
        Verdict("planning alone, 5,000 nodes, processor time", 1000 * plans[5_000], 1000 * PLAN_5000, "ms"),
        Verdict("planning 50,000 nodes, times 5,000", plans[50_000] / plans[5_000], LINEAR, "times"),
        Verdict(
            "calls per table and pass, beside the operation's polls and result", max(map(_calls, writes)), 2, "calls"
        ),
        Verdict(
            "a steady pass, GETs per table",
            max(each.calls["gets"] / each.case.tables for key, each in nothing.items() if key != (5000, 1)),
            1,
            "GET",
        ),
        Verdict(
            "a steady pass, lists in pages of 500",
            max(each.calls["lists"] / -(-each.case.nodes // 500) for each in nothing.values()),
            2,
            "lists",
        ),
    ]


def _calls(scenario: Scenario) -> float:
    """GETs and PUTs of a table; after a PUT, its result is read once more. The first pass reads the cluster and more, too."""
    calls, tables = scenario.calls, scenario.case.tables
    if scenario.name == "first convergence":
        return calls["puts"] / tables + 1
    return (calls["gets"] + calls["puts"] - (tables if calls["puts"] else 0)) / tables

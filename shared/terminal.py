"""Plans, reports, the status and the doctor for a terminal: as wide as it is, in colour only where that is asked for. Pure.

A report reads as `report.render_text` prints it, and so do the lines in the log; here a line that is too wide is made to fit:
node names are shortened in the middle, where they differ least, and sentences go on in the next line.

What Azure or Kubernetes says may hold anything, so nothing but printable characters leaves this room.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any, Final, Literal, Protocol

from shared.changes import Create, Update
from shared.errors import RequestError
from shared.report import ChangeReport, ClusterReport, render_text

DEFAULT_WIDTH: Final = 120
"""So wide is the first line of a report as the contract prints it."""
NARROWEST, WIDEST = 40, 400
_SHORTEST_NODE: Final = 12
Colour = Literal["red", "green", "yellow", "blue", "bold"]
_CODES: Final[Mapping[Colour, str]] = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1"}


@dataclass(frozen=True, slots=True)
class View:
    """How a caller looks at it."""

    width: int = DEFAULT_WIDTH
    colour: bool = False


def view(query: Mapping[str, str]) -> View:
    """`?width=` and `?color=always`. Raises RequestError naming the field."""
    width, colour = query.get("width", str(DEFAULT_WIDTH)), query.get("color", "never")
    if not (width.isascii() and width.isdigit() and NARROWEST <= int(width) <= WIDEST):
        raise RequestError("width", f"a number from {NARROWEST} to {WIDEST}, not {width[:20]!r}")
    if colour not in {"never", "always"}:
        raise RequestError("color", f"never or always, not {colour[:20]!r}")
    return View(int(width), colour == "always")


def reports_text(reports: Iterable[ClusterReport], how: View) -> str:
    """Plan or report."""
    lines: list[str] = []
    for report in reports:
        lines += _lines(_with_short_nodes(report, how.width))
    return _printed(lines, how)


def status_text(status: Mapping[str, Any], how: View) -> str:
    """The status, from the JSON that `answers` gives: one row per cluster, then what is wrong."""
    clusters: Sequence[Mapping[str, Any]] = status.get("clusters", ())
    rows: list[tuple[str, ...]] = [("CLUSTER", "MODE", "OUTCOME", "NODES", "WAITING", "FULLEST", "LAST PASS")]
    rows += [_status_row(each) for each in clusters]
    lines = _table(rows) if clusters else ["no pass has ended yet"]
    for cluster in clusters:
        lines += _troubles(cluster)
    poison = status.get("poison", {})
    if poison.get("count"):
        whose = ", ".join(poison.get("clusters", ()))
        lines.append(f"error: {poison['count']} wake-up(s) failed for good{f' ({whose})' if whose else ''}")
    return _printed(lines, how)


class Check(Protocol):
    """What is needed of a doctor's check."""

    @property
    def verdict(self) -> str:
        """`ok`, `unknown`, `warning`, `problem`."""

    @property
    def title(self) -> str:
        """What was looked at."""

    @property
    def evidence(self) -> str:
        """What was seen."""

    @property
    def way_out(self) -> str:
        """What to do; may be empty."""


def doctor_text(checks: Mapping[str, Sequence[Check]], how: View) -> str:
    """The checks of every cluster, one row each, and the way out below those that have one."""
    lines: list[str] = []
    for cluster, each in checks.items():
        counts = ", ".join(
            f"{number} {verdict}"
            for verdict in ("problem", "warning", "unknown", "ok")
            if (number := sum(str(check.verdict) == verdict for check in each))
        )
        lines.append(f"{cluster}: {counts or 'nothing checked'}")
        wide = max((len(check.title) for check in each), default=0)
        title_width = min(wide, how.width // 3)
        for check in each:
            lines += _check_lines(check, title_width, how.width)
    return _printed(lines, how)


def shortened(name: str, width: int) -> str:
    """`name` in at most `width` characters: beginning and end stay, since the pool is told there and the instance here."""
    if len(name) <= width:
        return name
    tail = (width - 1) // 2
    return f"{name[: width - 1 - tail]}…{name[len(name) - tail :]}"


def _lines(report: ClusterReport) -> list[str]:
    """Not `splitlines`, which would take characters in a name for the end of a line."""
    return render_text([report]).rstrip("\n").split("\n")


def _with_short_nodes(report: ClusterReport, width: int) -> ClusterReport:
    """The report with node names as long as its lines of changes have room for."""
    lines = [_NOTE.sub("", line) for line in _lines(report) if _CHANGE.match(line)]
    over = max((len(line) for line in lines), default=0) - width
    if over <= 0:
        return report
    names = [_node(entry) for target in report.targets for entry in target.changes]
    room = max(max(map(len, names), default=0) - over, _SHORTEST_NODE)
    targets = tuple(
        replace(target, changes=tuple(_renamed(entry, room) for entry in target.changes)) for target in report.targets
    )
    return replace(report, targets=targets)


def _node(entry: ChangeReport) -> str:
    return entry.change.node if isinstance(entry.change, Create | Update) else ""


def _renamed(entry: ChangeReport, room: int) -> ChangeReport:
    change = entry.change
    match change:
        case Create() | Update():
            return replace(entry, change=replace(change, node=shortened(change.node, room)))
        case _:
            return entry


def _status_row(cluster: Mapping[str, Any]) -> tuple[str, ...]:
    nodes, targets = cluster.get("nodes", {}), cluster.get("targets", ())
    full = [
        ((target["managed"] + target["foreign"]) / target["capacity"], target)
        for target in targets
        if target["capacity"]
    ]
    _, fullest = max(full, key=lambda each: each[0], default=(0.0, None))
    room = f"{fullest['managed'] + fullest['foreign']}/{fullest['capacity']}" if fullest else "-"
    return (
        cluster["cluster"],
        cluster["mode"],
        cluster["outcome"],
        str(nodes.get("total", 0)),
        str(len(nodes.get("waiting", ()))),
        room,
        f"{cluster.get('startedAt', '')} {cluster.get('trigger', '')}",
    )


def _troubles(cluster: Mapping[str, Any]) -> Iterator[str]:
    if cluster.get("error"):
        yield f"{cluster['cluster']}: error: {cluster['error']}"
    told: set[str] = set()
    for target in cluster.get("targets", ()):
        if target.get("error"):
            yield f"{cluster['cluster']}: error: {target['error']}"
        for finding in target.get("findings", ()):
            line = f"{cluster['cluster']}: {finding['severity']}: {finding['message']}"
            if finding["severity"] != "info" and line not in told:  # what concerns all targets is told with each
                told.add(line)
                yield line


def _check_lines(check: Check, title_width: int, width: int) -> Iterator[str]:
    head = f"  {check.verdict!s:<8}  {shortened(check.title, title_width):<{title_width}}  "
    room = max(width - len(head), 20)
    sentences = wrap(check.evidence, room) or [""]
    yield f"{head}{sentences[0]}".rstrip()
    yield from (f"{' ' * len(head)}{line}" for line in sentences[1:])
    if check.way_out:
        first, *rest = wrap(check.way_out, max(room - 2, 20))
        yield f"{' ' * len(head)}> {first}"
        yield from (f"{' ' * len(head)}  {line}" for line in rest)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


_CHANGE: Final = re.compile(r"  [-~+] ")
_NOTE: Final = re.compile(r"  \[[a-z]+(: .*)?\]$")
"""What became of a change, where that is not plain; it may go on in the next line."""
_PAINT: Final[Sequence[tuple[re.Pattern[str], Colour]]] = (
    (re.compile(r"  - "), "red"),
    (re.compile(r"  \+ "), "green"),
    (re.compile(r"  ~ "), "yellow"),
    (re.compile(r"(  |\S+: )?error: |  problem "), "red"),
    (re.compile(r"(  |\S+: )?warning: |  warning "), "yellow"),
    (re.compile(r"  unknown |  waiting: "), "blue"),
    (re.compile(r"\S"), "bold"),
)


def _printed(lines: Iterable[str], how: View) -> str:
    fitted = ((line, _fitted(_printable(line), how.width)) for line in lines)
    return "".join(f"{_painted(part, line, how)}\n" for line, parts in fitted for part in parts)


def _printable(line: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in line)


def _fitted(line: str, width: int) -> list[str]:
    """The line, or as many as it takes, the further ones indented below the first."""
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return wrap(
        line,
        width,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _painted(part: str, line: str, how: View) -> str:
    if not how.colour:
        return part
    colour: Colour | None = next((colour for pattern, colour in _PAINT if pattern.match(line)), None)
    return f"\x1b[{_CODES[colour]}m{part}\x1b[0m" if colour else part

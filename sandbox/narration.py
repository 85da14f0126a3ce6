"""How the demo speaks: steps, tables as a person reads them, and checks that count."""

import textwrap
import time
from dataclasses import dataclass, field
from ipaddress import ip_network

Routes = dict[str, str]
"""Prefix → next hop of a whole table."""

_WIDTH = 130
"""Characters of a quoted line; longer ones are wrapped."""


@dataclass
class Narrator:
    """Prints what happens and remembers every check that failed."""

    failures: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _step: int = 0

    def act(self, title: str) -> None:
        """Begin the next act; its steps are counted on."""
        print(f"\n══ {title} {'═' * max(4, 103 - len(title))}")

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._step += 1
        print(f"\n── {self._step}. {title} {'─' * max(4, 100 - len(title))}")

    def say(self, text: str) -> None:
        """One thing that happened, with the time since the start."""
        stamp = f"{time.monotonic() - self._began:6.1f} s  "
        print(textwrap.fill(text, 110, initial_indent=f"  {stamp}", subsequent_indent=" " * (len(stamp) + 2)))

    def quote(self, text: str) -> None:
        """What the app itself said."""
        for line in text.rstrip().splitlines():
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            for part in textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False) or [""]:
                print(f"     │ {part}")

    def check(self, holds: bool, claim: str) -> None:  # noqa: FBT001  # reads as a sentence
        """A claim about the state; a false one makes the demo fail."""
        print(f"     {'✓' if holds else '✗ NOT TRUE:'} {claim}")
        if not holds:
            self.failures.append(claim)

    def table(self, name: str, before: Routes, after: Routes, owners: dict[str, str], by: str) -> None:
        """A table after a step: what changed and by whom, the rest in one line."""
        print(f"     {name}")
        changed = changed_routes(before, after)
        for prefix, line in changed.items():
            print(f"       {line:<60} {owners.get(prefix, '')}  by {by}")
        same = len(after) - len(changed.keys() & after.keys())
        if same:
            print(f"         {same} route{'s' * (same != 1)} unchanged")

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began


def changed_routes(before: Routes, after: Routes) -> dict[str, str]:
    """Prefix → line for every route that came, went or goes elsewhere."""
    lines: dict[str, str] = {}
    for prefix in sorted({*before, *after}, key=_order):
        match before.get(prefix), after.get(prefix):
            case None, str(hop):
                lines[prefix] = f"+ {prefix:<17} via {hop}"
            case str(hop), None:
                lines[prefix] = f"- {prefix:<17} via {hop}"
            case str(old), str(new) if old != new:
                lines[prefix] = f"~ {prefix:<17} via {old} -> {new}"
            case _:
                pass
    return lines


def _order(prefix: str) -> tuple[int, int]:
    network = ip_network(prefix)
    return int(network.network_address), network.prefixlen

"""Faults as words in a terminal: options that were typed, and the list of what is on. No HTTP."""

from collections.abc import Mapping
from typing import Any

from sandbox.faults import Fault, Faults

_COMMON: Mapping[str, type[float] | type[int]] = {"chance": float, "times": int, "seconds": float}


def options_of(fault: Fault, words: Mapping[str, str]) -> dict[str, Any]:
    """The options of `Faults.on` that the words stand for. Raises ValueError for a word that is no number where one is due.

    An option that the fault does not have is left as it is: `on` knows the right ones.
    """
    options: dict[str, Any] = {}
    for name, word in words.items():
        kind = _COMMON.get(name) or type(fault.options.get(name, ""))
        try:
            options[name] = kind(word)
        except ValueError:
            raise ValueError(f"{name} {word!r}: write {'a whole' if kind is int else 'a'} number") from None
    return options


def fault_lines(faults: Faults) -> str:
    """One line per fault: whether it is on, how often it struck, what it plays, which options it has."""
    active, struck = faults.active, faults.struck
    lines = []
    for name in faults.names:
        fault = faults.find(name)
        state = "off"
        if name in active:
            left = active[name]
            state = "on" if left is None else f"on, {left} left"
        options = "".join(f" {option}={value}" for option, value in fault.options.items())
        lines.append(
            f"{name:<27} {state:<11} struck {struck[name]:>4}  {fault.plays}{options and f' ({options[1:]})'}\n"
        )
    return "".join(lines)

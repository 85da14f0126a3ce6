"""How a message names many things. Nothing else lives here."""

from collections.abc import Sequence


def some(names: Sequence[str]) -> str:
    """The first three of `names` and how many more there are, so that a message stays readable whatever went wrong."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

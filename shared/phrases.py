"""How a message names many things, and quotes what a library said. Nothing else lives here."""

from collections.abc import Sequence


def some(names: Sequence[str]) -> str:
    """The first three of `names` and how many more there are, so that a message stays readable whatever went wrong."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def first_line(error: BaseException) -> str:
    """What a library says of a failure, without what it goes on with: at most 200 characters."""
    return str(error).partition("\n")[0][:200]

"""What a check is told in the place of a fact that could not be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be read. `what` is its name in a sentence, `reason` a sentence, with the way out at its end."""

    what: str
    reason: str
    permission: str = ""
    """What the app's identity lacks to read it; empty where it is something else."""
    absent: bool = False
    """It may be read and is not there."""
    resource: str = ""

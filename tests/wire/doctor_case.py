"""One situation for the doctor: what is done to a healthy cluster, and what is said of it then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shared.doctor.check import Verdict
from tests.wire.doctor_stage import Ward


@dataclass(frozen=True)
class Case:
    """What is done to a healthy cluster, which checks it concerns, and words of the sentences a person reads."""

    name: str
    plant: Callable[[Ward], Any]
    expected: dict[str, Verdict]
    words: tuple[str, ...]
    bgp: bool = False
    after: Callable[[Ward], Any] = field(default=lambda _: None)
    """What is done once the pass is over."""

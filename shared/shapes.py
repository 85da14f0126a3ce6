"""JSON and plain values as shapes of msgspec, safe from any thread. What the shapes are is said where they are used.

msgspec works a shape out at its first use, in Python code between which other threads run, and lets them see it half done:
that ends the process with a segmentation fault (0.22.0; passes run side by side, and the first ones of an instance meet
there). So a shape is worked out by one thread, and used by nobody before.
"""

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_one_at_a_time = threading.Lock()
_worked_out: set[Any] = set()


def decode(text: bytes | str | msgspec.Raw, shape: type[T]) -> T:
    """JSON as `shape`. Raises msgspec.DecodeError, also where it does not have that shape."""
    return msgspec.json.decode(text, type=_ready(shape))


def convert(value: object, shape: type[T]) -> T:
    """What a parser made of some text, as `shape`. Raises msgspec.ValidationError where it does not have that shape."""
    return msgspec.convert(value, _ready(shape))


def _ready(shape: type[T]) -> type[T]:
    if shape not in _worked_out:
        with _one_at_a_time:
            msgspec.json.Decoder(shape)
            _worked_out.add(shape)
    return shape

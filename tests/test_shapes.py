"""Shapes are worked out by one thread: what msgspec does otherwise ends the process, so it is tried in one of its own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from shared import shapes

ROOT = Path(__file__).resolve().parents[1]
COLD = """
import sys, threading
import msgspec
from shared import shapes

sys.setswitchinterval(1e-6)
for _ in range(400):
    class Inner(msgspec.Struct, frozen=True, rename="camel"):
        pod_cidr: str | None = None
        pod_cidrs: tuple[str, ...] = ()

    class Outer(msgspec.Struct, frozen=True, rename="camel"):
        inner: Inner
        others: tuple[Inner, ...] = ()

    begin = threading.Barrier(8)

    def use():
        begin.wait()
        shapes.convert({"inner": {"podCidr": "a"}, "others": []}, Outer)
        shapes.decode(b'{"podCidr": "a"}', Inner)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
"""


class Shape(msgspec.Struct, frozen=True):
    name: str


def direct(tree: ast.AST) -> Iterator[str]:
    """What of msgspec works out a shape."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {
            "msgspec.convert",
            "msgspec.json.decode",
            "msgspec.json.Decoder",
        }:
            yield ast.unparse(node)


def test_threads_that_meet_at_the_first_use_of_a_shape_survive_it() -> None:
    done = subprocess.run([sys.executable, "-c", COLD], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("use", [lambda: shapes.decode(b'{"name": 1}', Shape), lambda: shapes.convert({}, Shape)])
def test_what_does_not_have_the_shape_is_told_as_msgspec_does(use: object) -> None:
    with pytest.raises(msgspec.ValidationError, match="name"):
        use()  # type: ignore[operator]  # a table of two calls


def test_what_has_the_shape_is_of_it() -> None:
    assert shapes.decode(b'{"name": "a"}', Shape) == shapes.convert({"name": "a"}, Shape) == Shape("a")


def test_nobody_else_asks_msgspec_for_a_shape() -> None:
    files = [file for file in (ROOT / "shared").rglob("*.py") if file.name != "shapes.py"]
    found = {str(file.relative_to(ROOT)): list(direct(ast.parse(file.read_text()))) for file in files}
    assert {name: calls for name, calls in found.items() if calls} == {}

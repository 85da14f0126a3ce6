"""Imports modules in this fresh process and tells, as JSON, every module that came with them and whose import asked for it first.

Run as `python -m tests.import_probe --without MODULE,MODULE MODULE...`; a test reads what it prints. It imports nothing of its own
beyond what Python starts with, so that nothing is there before the count.
"""

import sys


class FirstImporters:
    """Sits before the import system, finds nothing, and remembers who asked first."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """The module whose code is running while `name` is looked for."""
        _ = path, target
        frame = sys._getframe(1)  # documented, for exactly this
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("importlib"):
            frame = frame.f_back
        self.of.setdefault(name, frame.f_globals.get("__name__", "?"))


def main(without: list[str], names: list[str]) -> None:
    """Import `names` in turn, as if `without` were not installed."""
    for name in without:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: an import of it fails
    before = set(sys.modules)
    asked = FirstImporters()
    sys.meta_path.insert(0, asked)  # never finds anything
    for name in names:
        __import__(name)
    came = {name: asked.of.get(name, "?") for name in sys.modules if name not in before}
    import json  # noqa: PLC0415  # after the count

    print(json.dumps(came))


if __name__ == "__main__":
    main(sys.argv[2].split(","), sys.argv[3:])

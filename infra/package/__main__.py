"""`python -m infra.package --out dist/aks-pod-routes.zip`: build the package, say what it weighs and how it starts."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.package.build import REPOSITORY, build
from infra.package.bytecode import interpreter
from infra.package.cold_start import measure
from infra.package.dependencies import PYTHON_VERSION
from infra.package.errors import PackageError
from infra.package.figures import weigh


def main(arguments: Sequence[str]) -> int:
    """0 when the package is there; 1 when it cannot be built, saying why."""
    parser = argparse.ArgumentParser(prog="python -m infra.package", description="Build what is deployed to Azure.")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist" / "aks-pod-routes.zip", help="the zip to write")
    parser.add_argument(
        "--requirements",
        type=Path,
        default=REPOSITORY / "requirements.txt",
        help="pins with hashes; `make lock` writes them",
    )
    parser.add_argument("--wheels", type=Path, help="install from this folder in place of the package index")
    given = parser.parse_args(arguments)
    try:
        _build(given.out, given.requirements, given.wheels)
    except PackageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _build(out: Path, requirements: Path, wheels: Path | None) -> None:
    python = interpreter()
    build(out, python=python, requirements=requirements, wheels=wheels)
    print(weigh(out))
    if python is None:
        print(
            f"no bytecode inside and no start measured: this machine has no Python {PYTHON_VERSION}. The package runs, but "
            f"every cold start compiles what it imports; build it where python{PYTHON_VERSION} is on the PATH"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        for figure in measure(out, Path(folder), python):
            print(figure.text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

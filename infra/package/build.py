"""From the repository to the zip, in order."""

import shutil
import tempfile
from pathlib import Path

from infra.package.app_files import app_files
from infra.package.archive import write_zip
from infra.package.bytecode import compile_all
from infra.package.dependencies import SITE_PACKAGES, install
from infra.package.pruning import prune

REPOSITORY = Path(__file__).resolve().parents[2]


def build(
    out: Path,
    *,
    python: Path | None,
    repository: Path = REPOSITORY,
    requirements: Path | None = None,
    wheels: Path | None = None,
) -> None:
    """Write the package to `out`; the same inputs give the same bytes. Raises PackageError.

    `python` compiles and is of the version in Azure; without it there is no bytecode inside. `requirements` are the
    repository's unless given, `wheels` a folder to install from in place of the package index.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, file in app_files(repository).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / name)
        install(requirements or repository / "requirements.txt", folder / SITE_PACKAGES, wheels=wheels)
        prune(folder / SITE_PACKAGES)
        if python:
            compile_all(folder, python)
        write_zip(folder, out)

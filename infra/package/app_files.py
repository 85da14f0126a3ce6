"""Which files of the repository run in Azure: a list of what goes in, so that nothing new slips in by itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.package.errors import PackageError

FILES = ("function_app.py", "host.json")
PACKAGE = "shared"


def app_files(repository: Path) -> dict[str, Path]:
    """Path in the package → file. Raises PackageError where one is missing."""
    found: Mapping[str, Path] = {name: repository / name for name in (*FILES, *_package(repository))}
    missing = [name for name, path in found.items() if not path.is_file()]
    if missing or not any(name.startswith(f"{PACKAGE}/") for name in found):
        raise PackageError(f"{repository} is no repository of this app: {', '.join(missing) or PACKAGE} is missing")
    return dict(found)


def _package(repository: Path) -> Iterator[str]:
    """Modules and what they serve (a page and its scripts); neither bytecode nor what editors and file managers leave."""
    for path in sorted((repository / PACKAGE).rglob("*")):
        name = path.relative_to(repository)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in name.parts):
            yield name.as_posix()

"""What of the installed packages never runs in this app. Each rule has its reason; what is not named here stays.

Licences and METADATA stay: the first are owed, the second is read at run time (`importlib.metadata.version`).
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from infra.package.errors import PackageError

ASYNC_ONLY: Final = frozenset(
    {
        "aiohappyeyeballs",
        "aiohttp",
        "aiohttp-retry",
        "aiosignal",
        "attrs",
        "frozenlist",
        "multidict",
        "propcache",
        "yarl",
    }
)
"""The asyncio HTTP client and what it needs. The app is synchronous throughout; only the asyncio half of the Kubernetes
client asks for these. azure-core takes them where they are there, which costs every first use of storage 70 modules and 80 ms,
and does without where they are not (`azure.core.pipeline.transport`)."""

WANTED_BY: Final = frozenset({"kubernetes"})
"""What may require something of ASYNC_ONLY and yet stay."""

NEVER_RUN: Final = (
    (r"bin/.*|\.lock", "commands of packages, and the installer's lock"),
    (
        r"[^/]+\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)",
        "the installer's notes; nothing installs there",
    ),
    (r".*/tests?/.*", "tests"),
    (r".*\.(pyi|pyx|pxd|pxi|h|c)", "for type checkers and compilers"),
    (r".*/__pycache__/.*", "bytecode is compiled anew, the same everywhere"),
    (r"azure/.*/aio/.*", "clients for asyncio; the app is synchronous"),
    (r"kubernetes/aio/.*", "a second client for asyncio, 40 MB"),
    (
        r"kubernetes/client/(api|models)/(?!__init__\.py).*",
        "32 MB of API classes and models, each loaded when asked for by name; the app asks for none of them",
    ),
)
"""Patterns of whole paths below site-packages, and why."""

_PATTERNS: Final = tuple(re.compile(pattern) for pattern, _ in NEVER_RUN)


def prune(site_packages: Path) -> None:
    """Delete what never runs. Raises PackageError where something that stays requires a package of ASYNC_ONLY."""
    for distribution in _to_drop(site_packages):
        for file in distribution.files or ():
            Path(str(file.locate())).unlink(missing_ok=True)
    for path in sorted(site_packages.rglob("*")):
        if path.is_file() and never_runs(path.relative_to(site_packages).as_posix()):
            path.unlink()
    _delete_empty_folders(site_packages)


def never_runs(path: str) -> bool:
    """Whether a file at `path` below site-packages is one of NEVER_RUN."""
    return any(pattern.fullmatch(path) for pattern in _PATTERNS)


def _to_drop(site_packages: Path) -> list[Distribution]:
    installed = {_normal(each.metadata["Name"]): each for each in distributions(path=[str(site_packages)])}
    for name, distribution in sorted(installed.items()):
        wanted = ASYNC_ONLY.intersection(_requirements(distribution))
        if wanted and name not in WANTED_BY | ASYNC_ONLY:
            raise PackageError(
                f"{name} requires {', '.join(sorted(wanted))}, which infra/package/pruning.py drops: see whether it runs "
                "without, then name it in WANTED_BY, or drop less"
            )
    return [installed[name] for name in sorted(ASYNC_ONLY & installed.keys())]


def _requirements(distribution: Distribution) -> Iterator[str]:
    """Names of what it always needs; extras are asked for by whoever wants them."""
    for requirement in distribution.requires or ():
        if "extra ==" not in requirement and (name := re.match(r"[\w.-]+", requirement)):
            yield _normal(name.group())


def _normal(name: str) -> str:
    """The one spelling of a name. Source: https://packaging.python.org/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _delete_empty_folders(root: Path) -> None:
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()

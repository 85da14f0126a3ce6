"""What a cold instance imports, counted in modules and never in seconds: first to be indexed, then for an event, then for a plan.

A package that is not in the table may not be imported on that path at all; the failure names the package and the chain of
imports that brought it. Raise a number only for a reason: `make package` tells what the path costs in milliseconds.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache

import pytest

from infra.package.cold_start import EVENT_IMPORTS, INDEXING_IMPORTS, PLAN_IMPORTS
from sandbox.world import APP

PYTHON = "Python"
"""Stands for the modules of Python itself."""

INDEXING = {PYTHON: 185, "azure.functions": 75, "werkzeug": 35, "shared": 32, "msgspec": 15, "markupsafe": 3}
"""No cloud SDK, no Kubernetes, no pydantic, no HTTP client."""

EVENT = INDEXING | {
    PYTHON: 255,
    "shared": 70,
    "azure.core": 65,
    "azure.identity": 50,
    "azure.mgmt": 36,
    "azure.storage": 60,
    "requests": 75,
    "cryptography": 55,
    "pydantic": 48,
    "urllib3": 32,
    "msal": 25,
    "isodate": 12,
    "charset_normalizer": 12,
    "idna": 7,
    "certifi": 3,
    "annotated_types": 2,
    "pydantic_core": 5,
    "typing_inspection": 4,
}
"""No Kubernetes, no YAML."""

PLAN = {package: limit for package, limit in EVENT.items() if package != "azure.storage"} | {
    PYTHON: 275,
    "shared": 100,
    "kubernetes": 40,
    "oauthlib": 76,
    "requests_oauthlib": 6,
    "yaml": 20,
    "dateutil": 16,
    "websocket": 16,
    "durationpy": 3,
}
"""No storage."""

PATHS = {
    "indexing": (INDEXING, INDEXING_IMPORTS),
    "event": (EVENT, EVENT_IMPORTS),
    "plan": (PLAN, PLAN_IMPORTS),
}

COMPILED = ("_cython_", "cython_runtime", "_sysconfigdata_", "_cffi_backend", "_openssl", "__mp_main__")
"""Modules without a file of their own, which come and go with how others were compiled."""

MODELS = ("kubernetes.client.models.", "kubernetes.client.api.", "kubernetes.aio")
"""Hundreds of classes that nobody here needs; `make package` leaves them out."""


@cache
def imported(*names: str) -> Mapping[str, str]:
    """Module → who asked for it first, for all that comes with `names` in a process of its own.

    Without aiohttp and yarl, as in the package (infra/package/pruning.py): storage would take them where they are there.
    """
    command = [sys.executable, "-m", "tests.import_probe", "--without", "aiohttp,yarl", *names]
    found: dict[str, str] = json.loads(subprocess.run(command, cwd=APP, capture_output=True, check=True).stdout)
    return found


def package_of(module: str) -> str:
    """The package that a module counts for; `azure` is a namespace of many."""
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names:
        return PYTHON
    return f"azure.{rest[0]}" if first == "azure" and rest else first


def over_budget(found: Mapping[str, str], limits: Mapping[str, int]) -> list[str]:
    """One sentence per package beyond its limit, with the imports that led there."""
    ignored = {"azure", "function_app", "typing_extensions"}
    counted = [module for module in found if module not in ignored and not module.startswith(COMPILED)]
    counts = Counter(map(package_of, counted))
    return [
        f"{package}: {count} modules, {limits.get(package, 0)} allowed; first by {chain(found, package)}"
        for package, count in counts.items()
        if count > limits.get(package, 0)
    ]


def chain(found: Mapping[str, str], package: str) -> str:
    """The way from what was asked for to the first module of a package."""
    module = next(module for module in found if package_of(module) == package)
    way = [module]
    while (importer := found.get(way[0])) and importer not in way:
        way.insert(0, importer)
    return " → ".join(way)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_imports_no_more_than_its_budget(path: str) -> None:
    limits, names = PATHS[path]
    assert over_budget(imported(*names), limits) == []


@pytest.mark.parametrize("path", PATHS)
def test_no_path_imports_the_models_of_kubernetes(path: str) -> None:
    _, names = PATHS[path]
    assert [module for module in imported(*names) if module.startswith(MODELS)] == []


def test_a_heavy_package_is_named_with_the_way_it_came() -> None:
    found = {"function_app": "tests.import_probe", "shared.wiring": "function_app", "kubernetes": "shared.wiring"}
    (sentence,) = over_budget(found, {"shared": 1})
    assert sentence == (
        "kubernetes: 1 modules, 0 allowed; first by tests.import_probe → function_app → shared.wiring → kubernetes"
    )


def test_the_way_of_a_real_import_ends_where_it_began() -> None:
    assert chain(imported("function_app"), "werkzeug").startswith(
        "__main__ → function_app → azure.functions → azure.functions._abc → werkzeug"
    )


def test_no_collection_of_garbage_looks_through_what_was_imported_and_it_collects_again() -> None:
    """Even where the configuration is refused: the instance lives on, and the next call builds on the same modules."""
    script = (
        "import function_app, gc\n"
        "from shared.errors import ConfigError\n"
        "try:\n    function_app.fleet()\n"
        "except ConfigError:\n    print(gc.isenabled(), gc.get_freeze_count() > 9 * len(gc.get_objects()))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AKS_POD_ROUTES_")}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=APP, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]

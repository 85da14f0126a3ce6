"""The zip that is deployed: what is in it, the same bytes twice, hashes enforced, and it runs by itself.

No network: it is built from wheels of what is installed here.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.package.app_files import app_files
from infra.package.archive import write_zip
from infra.package.build import REPOSITORY, build
from infra.package.bytecode import interpreter
from infra.package.dependencies import SITE_PACKAGES, install
from infra.package.errors import PackageError
from infra.package.figures import weigh
from infra.package.pruning import ASYNC_ONLY, never_runs, prune
from tests.infra.wheels import pinned, wheels_for_indexing, write_wheel

ODD = {
    "odd/__init__.py": b"",
    "odd/__init__.pyi": b"",
    "odd/tests/test_odd.py": b"",
    "azure/odd/aio/__init__.py": b"",
    "bin/odd": b"",
}
"""A package full of what never runs."""

RUN = """
import json, sys
sys.path[:0] = sys.argv[1:]
import function_app
names = sorted(each.get_function_name() for each in function_app.app.get_functions())
folders = {module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)}
cached = [getattr(sys.modules[name].__spec__, "cached", None) for name in ("function_app", "shared.reconcile", "azure.functions")]
print(json.dumps({"functions": names, "files": sorted(folders), "cached": cached}))
"""

IMPORT_ALL_WITHOUT = """
import importlib, json, pkgutil, sys
from importlib.machinery import PathFinder
from infra.package.pruning import ASYNC_ONLY, never_runs
from importlib.metadata import packages_distributions

gone = {top for top, names in packages_distributions().items() if ASYNC_ONLY.issuperset(name.lower() for name in names)}

class Pruned:
    def find_spec(self, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path)
        _, site_packages, file = ((spec and spec.origin) or "").rpartition("/site-packages/")
        if site_packages and (never_runs(file) or name.partition(".")[0] in gone):
            raise ModuleNotFoundError(f"{name} is not in the package", name=name)
        return None

sys.meta_path.insert(0, Pruned())
import shared, function_app, azure.identity, azure.storage.blob, azure.storage.queue, azure.eventgrid
for module in pkgutil.walk_packages(shared.__path__, "shared."):
    importlib.import_module(module.name)
print(json.dumps(sorted(gone)))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of all that function_app imports, one package more, and their pins."""
    folder = tmp_path_factory.mktemp("wheels")
    found = [*wheels_for_indexing(folder), write_wheel(folder, "odd", "1.0", ODD)]
    (folder / "requirements.txt").write_text(pinned(*found))
    return folder


@pytest.fixture(scope="module")
def package(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "app.zip"
    build(out, python=interpreter(), requirements=wheels / "requirements.txt", wheels=wheels)
    return out


def names(package: Path) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def test_the_package_holds_the_front_door_its_settings_and_all_of_shared(package: Path) -> None:
    ours = {name for name in names(package) if not name.startswith(SITE_PACKAGES) and "__pycache__" not in name}
    shared = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "shared").rglob("*.*") if path.is_file()}
    expected = {path.as_posix() for path in shared if "__pycache__" not in path.parts}
    assert ours == {"function_app.py", "host.json"} | expected


def test_what_editors_leave_beside_the_modules_stays_out(tmp_path: Path) -> None:
    for name in ("function_app.py", "host.json", "shared/a.py", "shared/page/status.html", "shared/.a.py.swp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "shared" / "__pycache__").mkdir()
    (tmp_path / "shared" / "__pycache__" / "a.cpython-313.pyc").touch()
    assert sorted(app_files(tmp_path)) == ["function_app.py", "host.json", "shared/a.py", "shared/page/status.html"]


def test_the_package_holds_nothing_that_never_runs(package: Path) -> None:
    installed = [name.removeprefix(f"{SITE_PACKAGES}/") for name in names(package) if name.startswith(SITE_PACKAGES)]
    assert "odd/__init__.py" in installed
    assert "odd-1.0.dist-info/METADATA" in installed
    assert [name for name in installed if "__pycache__" not in name and never_runs(name)] == []
    assert not any(name.startswith(("odd/tests", "azure/odd", "bin")) for name in installed)


@pytest.mark.skipif(interpreter() is None, reason="no Python of the version in Azure on this machine")
def test_every_module_comes_with_bytecode_that_is_never_checked(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        held = set(archive.namelist())
        modules = [Path(name) for name in held if name.endswith(".py")]
        compiled = {
            path: f"{path.parent}/__pycache__/{path.stem}.cpython-313.pyc".removeprefix("./") for path in modules
        }
        assert [str(path) for path, name in compiled.items() if name not in held] == []
        # PEP 552: the second word is 1 for a hash that is not checked.
        assert {archive.read(name)[4:8] for name in compiled.values()} == {b"\x01\0\0\0"}


def test_the_same_repository_gives_the_same_bytes(package: Path, wheels: Path, tmp_path: Path) -> None:
    again = tmp_path / "elsewhere" / "app.zip"
    build(again, python=interpreter(), requirements=wheels / "requirements.txt", wheels=wheels)
    assert again.read_bytes() == package.read_bytes()


def test_a_zip_depends_neither_on_times_nor_on_modes_nor_on_the_order_of_writing(tmp_path: Path) -> None:
    for folder, order in (("one", "ab"), ("two", "ba")):
        (tmp_path / folder).mkdir()
        for name in order:
            (tmp_path / folder / name).write_text(name * 100)
    (tmp_path / "two" / "a").chmod(0o755)
    os.utime(tmp_path / "two" / "a", (1e9, 1e9))
    write_zip(tmp_path / "one", tmp_path / "one.zip")
    write_zip(tmp_path / "two", tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("builder", [interpreter(), None], ids=["compiled", "not compiled"])
def test_the_package_runs_by_itself(builder: Path | None, package: Path, wheels: Path, tmp_path: Path) -> None:
    if builder is None:
        package = tmp_path / "plain.zip"
        build(package, python=None, requirements=wheels / "requirements.txt", wheels=wheels)
    app = tmp_path / "wwwroot"
    with zipfile.ZipFile(package) as archive:
        archive.extractall(app)
    command = [sys.executable, "-I", "-S", "-B", "-c", RUN, str(app / SITE_PACKAGES), str(app)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout)
    assert found["functions"] == ["doctor", "on_scale_event", "on_timer", "on_wake", "plan", "reconcile", "status"]
    assert not [file for file in found["files"] if "site-packages" in file and not file.startswith(str(app))]
    if builder and sys.version_info[:2] == (3, 13):
        assert all(Path(cached).is_file() for cached in found["cached"])


def test_everything_the_app_can_import_is_still_there_after_pruning() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_WITHOUT], capture_output=True, text=True, check=False, cwd=REPOSITORY
    )
    assert not done.returncode, done.stderr
    assert "aiohttp" in json.loads(done.stdout)


@pytest.mark.parametrize(
    ("path", "goes"),
    [
        ("kubernetes/aio/client/__init__.py", True),
        ("kubernetes/client/models/v1_pod.py", True),
        ("kubernetes/client/models/__init__.py", False),
        ("kubernetes/client/api_client.py", False),
        ("azure/storage/blob/aio/_blob_client_async.py", True),
        ("azure/storage/blob/_shared/policies_async.py", False),
        ("websocket/tests/test_app.py", True),
        ("werkzeug/test.py", False),
        ("msal-1.0.dist-info/RECORD", True),
        ("msal-1.0.dist-info/METADATA", False),
        ("msal-1.0.dist-info/licenses/LICENSE", False),
        ("certifi/cacert.pem", False),
        ("pydantic/_internal/_core.pyi", True),
    ],
)
def test_only_what_is_named_is_pruned(path: str, goes: bool) -> None:  # noqa: FBT001  # a column of the table
    assert never_runs(path) is goes


def test_a_package_that_needs_what_is_dropped_stops_the_build(tmp_path: Path) -> None:
    info = tmp_path / "newcomer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: newcomer\nVersion: 1.0\nRequires-Dist: AioHTTP>=3\n")
    with pytest.raises(PackageError, match="newcomer requires aiohttp"):
        prune(tmp_path)


def test_an_extra_that_nobody_asked_for_stops_nothing(tmp_path: Path) -> None:
    info = tmp_path / "newcomer-1.0.dist-info"
    info.mkdir()
    metadata = 'Metadata-Version: 2.1\nName: newcomer\nVersion: 1.0\nRequires-Dist: aiohttp>=3; extra == "aio"\n'
    (info / "METADATA").write_text(metadata)
    prune(tmp_path)
    assert (info / "METADATA").exists()


def test_what_is_dropped_goes_as_a_whole(tmp_path: Path) -> None:
    name = min(ASYNC_ONLY)
    wheel = write_wheel(tmp_path, name, "1.0", {f"{name}/__init__.py": b""})
    (tmp_path / "requirements.txt").write_text(pinned(wheel))
    target = tmp_path / "site"
    install(tmp_path / "requirements.txt", target, wheels=tmp_path)
    assert (target / name / "__init__.py").exists()
    prune(target)
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda pins: pins.partition(" --hash")[0], "hash"),
        (lambda pins: pins[:-2] + ("0" if pins[-2] != "0" else "1") + "\n", "[Hh]ash mismatch"),
        (lambda pins: pins.replace("==1.0", ">=1.0"), "=="),
    ],
    ids=["no hash", "another hash", "no pin"],
)
def test_nothing_is_installed_but_what_is_pinned_by_its_hash(change: object, why: str, tmp_path: Path) -> None:
    assert callable(change)
    wheel = write_wheel(tmp_path, "odd", "1.0", ODD)
    (tmp_path / "requirements.txt").write_text(change(pinned(wheel)))
    with pytest.raises(PackageError, match=why):
        install(tmp_path / "requirements.txt", tmp_path / "site", wheels=tmp_path)


def test_a_dependency_that_is_not_pinned_is_refused(tmp_path: Path) -> None:
    metadata = b"Metadata-Version: 2.1\nName: odd\nVersion: 1.0\nRequires-Dist: even\n"
    wheel = write_wheel(tmp_path, "odd", "1.0", {**ODD, "odd-1.0.dist-info/METADATA": metadata})
    write_wheel(tmp_path, "even", "1.0", {"even.py": b""})
    (tmp_path / "requirements.txt").write_text(pinned(wheel))
    with pytest.raises(PackageError, match="even"):
        install(tmp_path / "requirements.txt", tmp_path / "site", wheels=tmp_path)


def test_a_folder_that_is_no_repository_of_this_app_is_refused(tmp_path: Path) -> None:
    (tmp_path / "function_app.py").touch()
    with pytest.raises(PackageError, match=r"host\.json is missing"):
        app_files(tmp_path)


def test_the_figures_name_size_files_and_the_largest_packages(package: Path) -> None:
    text = weigh(package)
    assert f"{len(names(package))} files" in text
    assert "azure.functions" in text
    assert "werkzeug" in text

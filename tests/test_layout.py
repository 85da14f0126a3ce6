"""The shape of the repository: who may import whom, what is pinned, what is written down, and what must not be."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEPLOYED = [ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py"))]
HELPERS = [
    *sorted((ROOT / "sandbox").rglob("*.py")),
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "bench").rglob("*.py")),
    *sorted((ROOT / "infra").rglob("*.py")),
]
OURS = {"bench", "function_app", "infra", "sandbox", "shared", "tests"}
PIN = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9.-]*)==[0-9][0-9a-z.]*( ; [a-z_]+ [!<>=]+ '[^']+'( and [a-z_]+ [!<>=]+ '[^']+')?)?(?: --hash=sha256:[0-9a-f]{64})+"
)
PLACES = {
    "a path of somebody's machine": r"(?<![\w.])/(?:work|root|home(?!/site/wwwroot)|Users|tmp/x)/\w",
    "a package registry": r"registry\.npmjs|files\.pythonhosted|pypi\.org/simple|(?<!emit-)index[-]url|find[-]links[= ]+[\"']?https?:",
}


def imported(file: Path) -> set[str]:
    """Every module a file imports, also inside functions and by name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import():
                found |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module), level=0):
                found |= {f"{module}.{alias.name}" for alias in node.names}
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module))]):
                found.add(module)
            case _:
                pass
    return found


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def kept_files() -> tuple[Path, ...]:
    """What is in the repository or about to be: everything that git does not ignore."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so what belongs to the repository is not known")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(file for name in listed.split("\0") if name and (file := ROOT / name).is_file())


def pins(name: str) -> dict[str, str]:
    """Package → line of a requirements file."""
    lines = (ROOT / name).read_text().splitlines()
    return {line.partition("==")[0]: line for line in lines if line and not line.startswith(("#", " "))}


@pytest.mark.parametrize("file", DEPLOYED, ids=named)
def test_deployed_code_imports_neither_sandbox_nor_tests(file: Path) -> None:
    assert {module for module in imported(file) if module.partition(".")[0] in {"sandbox", "tests"}} == set()


@pytest.mark.parametrize("file", DEPLOYED[1:], ids=named)
def test_the_package_does_not_import_the_front_door(file: Path) -> None:
    assert "function_app" not in imported(file)


@pytest.mark.parametrize("file", DEPLOYED, ids=named)
def test_every_deployed_module_has_its_room_sign(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly_and_names_no_address(name: str) -> None:
    """With the hashes of its files, so that what is installed is what was looked at."""
    text = (ROOT / name).read_text()
    entries = text.replace(" \\\n    ", " ").splitlines()

    assert entries
    assert [line for line in entries if not PIN.fullmatch(line)] == []
    assert "://" not in text


def test_tests_run_on_the_versions_that_are_deployed() -> None:
    deployed, development = pins("requirements.txt"), pins("requirements-dev.txt")

    assert {name: development.get(name) for name in deployed} == deployed


@pytest.mark.parametrize(
    ("files", "requirements"),
    [(DEPLOYED, "requirements.in"), (DEPLOYED + HELPERS, "requirements-dev.in")],
    ids=["deployed", "development"],
)
def test_every_package_that_is_imported_is_asked_for(files: list[Path], requirements: str) -> None:
    """One that is only there by chance is missing on a clean machine."""
    asked = set(asked_for(requirements))

    missing = {
        f"{package} ({named(file)})"
        for file in files
        for module in imported(file)
        if (package := package_of(module)) and package not in asked | BROUGHT_ALONG
    }

    assert sorted(missing) == []


BROUGHT_ALONG = {
    "azure-core",  # by every azure package: its errors and pipeline are their public interface
    "azure-mgmt-core",  # by azure-mgmt-network
    "pydantic-core",  # by pydantic, pinned to its exact version
    "requests",  # by azure-core
    "urllib3",  # by kubernetes, whose errors are urllib3's
}


def asked_for(requirements: str) -> Iterator[str]:
    for line in (ROOT / requirements).read_text().splitlines():
        if line.startswith("-r "):
            yield from asked_for(line.removeprefix("-r ").strip())
        elif line and not line.startswith("#"):
            yield re.split(r"[ =<>!~;\[]", line, maxsplit=1)[0]


def package_of(module: str) -> str:
    """The distribution a module comes from; empty for ours and for Python's own."""
    top = module.partition(".")[0]
    if top in OURS | set(sys.stdlib_module_names):
        return ""
    candidates = {name.lower().replace("_", "-") for name in providers().get(top, ["unknown"])}
    if len(candidates) == 1:
        return candidates.pop()
    # A namespace such as azure: the longest distribution name that begins the module's.
    dashed = module.replace(".", "-").replace("_", "-").lower()
    return max((name for name in candidates if f"{dashed}-".startswith(f"{name}-")), key=len, default=f"{module} ?")


@cache
def providers() -> dict[str, list[str]]:
    return {top: list(names) for top, names in importlib.metadata.packages_distributions().items()}


@pytest.mark.parametrize("what", PLACES)
def test_no_file_names_a_place_that_others_do_not_have(what: str) -> None:
    pattern = re.compile(PLACES[what])
    found = [
        f"{named(file)}:{number}: {line.strip()[:100]}"
        for file in kept_files()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_the_readme_and_the_documents_name_only_commands_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("CONTRIBUTING.md")]

    named_commands = {
        (named(file), command)
        for file in documents
        for command in re.findall(r"(?:`|^\s*(?:\$ )?)make ([a-z-]+)", file.read_text(), re.MULTILINE)
    }

    assert {command for file, command in named_commands if file == "README.md"} >= {"demo", "test"}
    assert {(file, command) for file, command in named_commands if command not in targets} == set()


def test_every_command_of_the_makefile_is_explained_by_make_help() -> None:
    lines = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", lines, re.MULTILINE)

    assert [name for name in phony.split() if not re.search(rf"^{name}:.*## \S", lines, re.MULTILINE)] == []


def test_the_documents_link_only_to_files_that_are_there() -> None:
    broken = [
        f"{named(file)}: {target}"
        for file in kept_files()
        if file.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", file.read_text())
        if not (file.parent / target).exists()
    ]

    assert broken == []

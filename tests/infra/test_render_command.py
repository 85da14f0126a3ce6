"""`python -m infra.render`: what it writes, what it takes away, and what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.render.__main__ import main
from tests.infra.rendering import DIRECT, NETWORK, ROUTES, THROUGH, files


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """The arguments for the cluster behind reflectors; the folder is `tmp_path / "out"`."""
    return arguments(tmp_path, THROUGH)


def arguments(folder: Path, cluster: dict[str, Any], **network: Any) -> list[str]:
    (folder / "clusters.json").write_text(json.dumps([cluster]))
    (folder / "network.yaml").write_text(json.dumps(NETWORK | network))
    return ["--clusters", f"{folder}/clusters.json", "--network", f"{folder}/network.yaml", "--out", f"{folder}/out"]


def there(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_it_writes_what_is_rendered(tmp_path: Path, given: list[str]) -> None:
    assert main(given) == 0

    assert there(tmp_path / "out") == files(THROUGH)


def test_a_second_time_it_changes_nothing(tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(given)
    capsys.readouterr()

    assert main(given) == 0
    assert all(line.endswith("(unchanged)") for line in capsys.readouterr().out.splitlines())


def test_what_an_earlier_rendering_left_goes_and_what_is_not_its_own_stays(tmp_path: Path, given: list[str]) -> None:
    main(given)
    (tmp_path / "out" / "notes.txt").write_text("mine")

    assert main(arguments(tmp_path, ROUTES)) == 0
    assert there(tmp_path / "out") == files(ROUTES) | {"notes.txt": "mine"}


def test_check_tells_a_folder_that_differs_and_writes_nothing(
    tmp_path: Path, given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(given)
    assert main([*given, "--check"]) == 0

    (tmp_path / "out" / "cilium-values.yaml").write_text("routingMode: tunnel\n")
    assert main([*given, "--check"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/out/cilium-values.yaml: differs from the inputs; render again\n"
    assert (tmp_path / "out" / "cilium-values.yaml").read_text() == "routingMode: tunnel\n"


def test_the_clusters_come_from_the_apps_own_setting(
    tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AKS_POD_ROUTES_CLUSTERS", given[1])

    assert main(given[2:]) == 0
    assert there(tmp_path / "out") == files(THROUGH)


@pytest.mark.parametrize(
    ("cluster", "network", "expected"),
    [
        (THROUGH, {"hubSubnet": "10.10.0.0/27"}, "network.hubSubnet: 10.10.0.0/27 overlaps 10.10.0.0/20"),
        ({**THROUGH, "podCidr": []}, {}, "clusters[0] (prod).podCidr: unknown key; did you mean podCidrs?"),
    ],
)
def test_wrong_inputs_are_told_line_by_line_and_write_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    cluster: dict[str, Any],
    network: dict[str, Any],
    expected: str,
) -> None:
    assert main(arguments(tmp_path, cluster, **network)) == 1

    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_network_file_that_is_not_there_is_named(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    given[3] += ".no"

    assert main(given) == 1
    assert "--network: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cluster: [", "network: is not YAML: line 1"),
        ("- prod", "network: must be an object with the key cluster"),
        ("cluster: prod\ncluster: test", "network: line 2: key 'cluster' is given twice; keep one"),
    ],
)
def test_a_network_file_that_cannot_be_read_says_where(
    given: list[str], capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    Path(given[3]).write_text(text)

    assert main(given) == 1
    assert expected in capsys.readouterr().err


def test_one_reflector_and_no_reflector_are_remarked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {**THROUGH, "routing": {**THROUGH["routing"], "peers": {"addresses": ["10.10.17.4"]}}}

    main(arguments(tmp_path, one))
    assert "one reflector: while it is away, the hub has no pod routes" in capsys.readouterr().err
    main(arguments(tmp_path, DIRECT))
    assert "no reflectors: a node announces only its own pods" in capsys.readouterr().err

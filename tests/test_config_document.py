"""The clusters setting as text: a JSON array, or the path of a JSON or YAML file."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.config import Config, load_config
from shared.errors import ConfigError

AKS = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters"
JSON = json.dumps([{"name": "prod", "aksClusterId": f"{AKS}/prod", "routing": {"mode": "udr"}}])
YAML = f"- name: prod\n  aksClusterId: {AKS}/prod\n  routing: {{mode: udr}}\n"
SETTING = "AKS_POD_ROUTES_CLUSTERS"


def load(value: str) -> Config:
    return load_config({"AzureWebJobsStorage__accountName": "podroutes", SETTING: value})


def problem(value: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(value)
    [only] = caught.value.problems
    return only


def test_setting_json_file_and_yaml_file_say_the_same(tmp_path: Path) -> None:
    for name, text in [
        ("c.json", JSON),
        ("c.yaml", YAML),
        ("C.YML", YAML),
        ("j.yaml", JSON),
        ("bom.json", "\ufeff" + JSON),
    ]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert load(str(tmp_path / name)) == load(f"\n  {JSON}\n")


def test_a_relative_path_starts_at_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clusters.yaml").write_text(YAML, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert load("clusters.yaml") == load(JSON)


def test_anchors_and_merged_keys_work_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    second = f"- <<: *first\n  name: test\n  aksClusterId: {AKS}/test\n"
    file.write_text(YAML.replace("- name", "- &first\n  name") + second, encoding="utf-8")

    assert [cluster.name for cluster in load(str(file)).clusters] == ["prod", "test"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "is not set; give a JSON array of clusters, or the path of a JSON or YAML file"),
        ("[]", "names no cluster; add at least one"),
        ("{}", "is an object; expected an array with one object per cluster"),
        ('[{"name": "prod",}]', "is not JSON: line 1, column"),
        ('[\n{"name" "prod"}]', "is not JSON: line 2, column 9: Expecting ':' delimiter"),
        ("[" * 100_000, "is nested too deeply"),
        ("prod", "is neither a JSON array of clusters nor the path of a .json, .yaml or .yml file"),
        ("AccountName=a;AccountKey=b", "is neither a JSON array"),
        ("a\0.json", "is neither a JSON array"),
        ("no-such-file.json", "(no-such-file.json): there is no such file; a relative path starts at "),
    ],
)
def test_an_unusable_setting_is_one_clear_sentence(value: str, expected: str) -> None:
    found = problem(value)

    assert found.startswith(SETTING)
    assert expected in found
    assert "AccountKey" not in found


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("c.yaml", b"- name: a\n- name: [\n", "(c.yaml): is not YAML: line 3, column 1: "),
        ("c.yaml", b"- name: b\n\tx: c", "(c.yaml): is not YAML: line 2, column 1: found character '\\t'"),
        ("c.yaml", b"- a\n---\n- b\n", "(c.yaml): is not YAML: line 2, column 1: but found another document"),
        ("c.yaml", b"\x07", "(c.yaml): is not YAML: special characters are not allowed at position 0"),
        ("c.yaml", b"- !!python/name:os.system x\n", "(c.yaml): is not YAML: line 1, column 3: could not determine"),
        ("c.yaml", b"- !!bool perhaps\n", "(c.yaml): holds a value that is not what it looks like"),
        ("c.yaml", b"- name: 2026-13-01\n", "(c.yaml): holds a value that is not what it looks like"),
        ("c.yaml", b"", "(c.yaml): is empty; expected an array"),
        ("c.yaml", b"clusters:\n- name: a\n", "(c.yaml): is an object; expected an array"),
        ("c.yaml", b"[" * 100_000, "(c.yaml): is nested too deeply"),
        ("c.json", b'"prod"', "(c.json): is a single value; expected an array"),
        ("c.json", b"", "(c.json): is not JSON: line 1, column 1"),
        ("c.json", b"\xff\xfe", "(c.json): is not UTF-8 text (byte 0)"),
    ],
)
def test_an_unusable_file_is_one_clear_sentence(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)

    assert expected in problem(str(tmp_path / name))


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").mkdir()

    assert problem(str(tmp_path / "c.yaml")) == f"{SETTING} (c.yaml): is a folder; name the file inside it"


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    loop = tmp_path / "c.yaml"
    loop.symlink_to(loop)

    assert problem(str(loop)).startswith(f"{SETTING} (c.yaml): cannot be read: ")


def test_a_key_given_twice_is_told_beside_the_other_problems(tmp_path: Path) -> None:
    twice = JSON.replace('"name": "prod"', '"name": "prod", "name": "prod", "adopt": 1')
    (tmp_path / "c.yaml").write_text(YAML + "  name: prod\n  adopt: 1\n", encoding="utf-8")

    for value, where in [
        (twice, f"{SETTING}: key 'name' is given twice in one object; keep one"),
        (str(tmp_path / "c.yaml"), f"{SETTING} (c.yaml): line 4: key 'name' is given twice; keep one"),
    ]:
        with pytest.raises(ConfigError) as caught:
            load(value)
        assert caught.value.problems == (where, "clusters[0] (prod).adopt: must be true or false, not a number")


def test_what_yaml_takes_for_something_else_is_told(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    for written, expected in [
        ("2026-01-01", ".name: must be text, not a date (put it in quotes)"),
        ("off", ".name: must be text, not true or false"),
        ("0x" + "f" * 5000, ".name: must be text, not a number"),
    ]:
        file.write_text(YAML.replace("prod", written, 1), encoding="utf-8")
        assert expected in problem(str(file))
    file.write_text(YAML + "  limits: {freeDeletes: -0x" + "f" * 5000 + "}\n", encoding="utf-8")
    assert "freeDeletes: the number is too small" in problem(str(file))
    file.write_text(YAML + "  1: 2\n", encoding="utf-8")
    assert "[1]: unknown key; keys are text" in problem(str(file))
    file.write_text("- &a [*a]\n", encoding="utf-8")
    assert problem(str(file)) == "clusters[0]: must be an object, not an array"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="[]{}:-,&*a1 \n\"'!#|>?~=<.\\") | st.text(), suffix=st.sampled_from(["json", "yaml"]))
def test_whatever_a_file_holds_it_loads_or_is_a_config_error(tmp_path: Path, text: str, suffix: str) -> None:
    file = tmp_path / f"any.{suffix}"
    file.write_text(text, encoding="utf-8", errors="replace")

    with pytest.raises(ConfigError):
        load(str(file))


@given(st.text())
def test_whatever_the_setting_holds_it_is_never_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"SharedSecret{text}")

    assert "SharedSecret" not in str(caught.value) or text.strip().endswith((".json", ".yaml", ".yml"))

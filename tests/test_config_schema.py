"""The schema in docs/ is the one the code would generate, and the manual knows every key, its default and true examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.config import load_config
from shared.config.schema import json_schema

DOCS = Path(__file__).parent.parent / "docs"
MANUAL = (DOCS / "configuration.md").read_text(encoding="utf-8")
STORAGE = {"AzureWebJobsStorage__accountName": "podroutes"}


def keys(node: dict[str, Any], defs: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key below an object of the schema as a dotted path with its own schema; objects only through their keys."""
    for name, each in node.get("properties", {}).items():
        members = [each, *each.get("oneOf", ())]
        objects = [defs[member["$ref"].rpartition("/")[2]] for member in members if "$ref" in member]
        parts = [part for part in objects if "properties" in part]
        for part in parts:
            yield from keys(part, defs, f"{path}{name}.")
        if not parts:
            yield f"{path}{name}", each


SCHEMA = json_schema()
KEYS = list(keys(SCHEMA["$defs"]["Cluster"], SCHEMA["$defs"]))


def test_the_schema_in_docs_is_current() -> None:
    kept = json.loads((DOCS / "clusters.schema.json").read_text(encoding="utf-8"))

    assert kept == SCHEMA, "docs/clusters.schema.json is out of date: run `make schema` and commit the result"


def test_the_schema_knows_the_keys_of_the_contract() -> None:
    routing = {"mode", "routeTables", "virtualHubId", "hubConnectionId", "peerAsn", "peers.nodeSelector"}
    routing |= {"peers.addresses", "maxPeers"}
    limits = {"maxDeleteFraction", "freeDeletes", "routesPerTable", "secondWitness"}
    top = {"name", "aksClusterId", "podCidrs", "podCidrSource", "policy", "adopt", "kubeconfig"}

    assert {path for path, _ in KEYS} == {
        *top,
        *(f"routing.{key}" for key in routing),
        *(f"limits.{key}" for key in limits),
        "settle.maxSeconds",
        "settle.quietSeconds",
    }


@pytest.mark.parametrize(("path", "key"), KEYS, ids=[path for path, _ in KEYS])
def test_every_key_is_described_in_schema_and_manual_with_its_default(path: str, key: dict[str, Any]) -> None:
    assert key["description"]
    row = re.search(rf"^\| `{re.escape(path)}` \|([^|]*)\|.*\w.*\|$", MANUAL, re.MULTILINE)
    assert row, f"docs/configuration.md has no row for {path}"
    default = key.get("default")
    if isinstance(default, str):
        assert row[1].strip() == f"`{default}`"
    elif default is not None and path != "podCidrs":  # its absence means something else than an empty list
        assert row[1].strip() == f"`{json.dumps(default)}`"


def test_no_object_of_the_schema_takes_unknown_keys() -> None:
    objects = [each for each in SCHEMA["$defs"].values() if each.get("type") == "object"]

    assert len(objects) == 8
    assert all(each["additionalProperties"] is False for each in objects)


@pytest.mark.parametrize(
    "setting",
    [
        "AKS_POD_ROUTES_CLUSTERS",
        "AKS_POD_ROUTES_SCHEDULE",
        "AKS_POD_ROUTES_ARM_ENDPOINT",
        "AZURE_CLIENT_ID",
        "AzureWebJobsStorage",
        "AzureWebJobsStorage__accountName",
        "AzureWebJobsStorage__blobServiceUri",
        "AzureWebJobsStorage__queueServiceUri",
    ],
)
def test_every_setting_is_in_the_manual(setting: str) -> None:
    assert f"| `{setting}` |" in MANUAL


def test_the_json_example_of_the_manual_loads() -> None:
    [example] = re.findall(r"```json\n(.*?)```", MANUAL, re.DOTALL)

    config = load_config(STORAGE | {"AKS_POD_ROUTES_CLUSTERS": example})

    assert [cluster.name for cluster in config.clusters] == ["prod-weu"]


def test_the_yaml_example_of_the_manual_loads(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)
    file = tmp_path / "clusters.yaml"
    file.write_text(example, encoding="utf-8")

    config = load_config(STORAGE | {"AKS_POD_ROUTES_CLUSTERS": str(file)})

    assert [cluster.routing.mode for cluster in config.clusters] == ["udr", "routeServer"]
    assert (DOCS.parent / "docs/clusters.schema.json").is_file()  # named in the example's first line


def test_every_example_of_the_schema_is_accepted() -> None:
    kubeconfig_cluster = {"routing": {"mode": "observe"}, "name": "a", "podCidrs": ["10.0.0.0/8"], "kubeconfig": "k"}
    examples = [(path, each) for path, key in KEYS if "." not in path for each in key.get("examples", ())]

    assert {path for path, _ in examples} == {"name", "podCidrs", "kubeconfig"}
    for path, each in examples:
        load_config(STORAGE | {"AKS_POD_ROUTES_CLUSTERS": json.dumps([{**kubeconfig_cluster, path: each}])})

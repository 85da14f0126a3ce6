"""The settings beside the clusters: timer, Resource Manager, identity, storage account."""

import json
from typing import Any

import pytest

from shared.config import Storage, load_config
from shared.errors import ConfigError
from tests.configs import UDR, load, problems

GOOD_SETTINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"AKS_POD_ROUTES_SCHEDULE": "*/30 0-10,20 * 1 JAN MON-FRI"}, {"schedule": "*/30 0-10,20 * 1 JAN MON-FRI"}),
    ({"AKS_POD_ROUTES_SCHEDULE": " "}, {"schedule": "0 */5 * * * *"}),
    ({"AKS_POD_ROUTES_ARM_ENDPOINT": "https://arm.example:8443/"}, {"arm_endpoint": "https://arm.example:8443"}),
    (
        {"AZURE_CLIENT_ID": "0000000a-0000-0000-0000-00000000000F"},
        {"client_id": "0000000a-0000-0000-0000-00000000000F"},
    ),
]


@pytest.mark.parametrize(("settings", "expected"), GOOD_SETTINGS)
def test_settings_are_taken_over(settings: dict[str, str], expected: dict[str, Any]) -> None:
    config = load(UDR, **settings)

    assert {key: getattr(config, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("AKS_POD_ROUTES_SCHEDULE", "*/5 * * * *", "has 5 fields; NCRONTAB has 6, seconds first: 0 */5 * * * *"),
        ("AKS_POD_ROUTES_SCHEDULE", "00:05:00", "has 1 field; NCRONTAB has 6"),
        ("AKS_POD_ROUTES_SCHEDULE", "0 0 9 ? * MON", "NCRONTAB knows digits, names, and * / , - only"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "http://management.azure.com", "must be https and a host without a path"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "management.azure.com", "must be https"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "https://management.azure.com/.default", "without a path"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "https://user:pass@arm", "must be https"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "https://arm:port", "must be https"),
        ("AKS_POD_ROUTES_ARM_ENDPOINT", "https://[", "must be https"),
        ("AZURE_CLIENT_ID", "/subscriptions/x", "is not a client id; take the GUID called clientId"),
    ],
)
def test_a_wrong_setting_is_one_problem(key: str, value: str, expected: str) -> None:
    [problem] = problems(UDR, **{key: value})

    assert problem.startswith(f"{key}: ")
    assert expected in problem


S = "AzureWebJobsStorage"
BLOB, QUEUE = "https://a.blob.example/", "https://a.queue.example"
CONNECTION_STRING = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({f"{S}__accountName": "a12"}, Storage(None, "https://a12.blob.core.windows.net", "https://a12.queue.core.windows.net")),
        ({f"{S}__blobServiceUri": BLOB, f"{S}__queueServiceUri": QUEUE}, Storage(None, BLOB[:-1], QUEUE)),
        ({f"{S}__accountName": "a12", f"{S}__blobServiceUri": BLOB}, Storage(None, BLOB[:-1], "https://a12.queue.core.windows.net")),
        ({S: CONNECTION_STRING, f"{S}__accountName": "?"}, Storage(CONNECTION_STRING)),
    ],
)  # fmt: skip  # one row, one line
def test_the_storage_account_is_named_in_any_of_the_ways_of_the_host(
    settings: dict[str, str], expected: Storage
) -> None:
    config = load_config({"AKS_POD_ROUTES_CLUSTERS": json.dumps([UDR]), **settings})

    assert config.storage == expected
    assert "c2VjcmV0" not in repr(config)


def test_development_storage_is_azurite_on_this_machine() -> None:
    connection = load(UDR, AzureWebJobsStorage="UseDevelopmentStorage=true").storage.connection_string

    assert connection is not None
    assert "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;" in connection


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [f"{S}: is not set; give {S}__accountName"]),
        ({S: "@Microsoft.KeyVault(x)"}, [f"{S}: is not a connection string; copy it"]),
        ({f"{S}__accountName": "A.b"}, [f"{S}__accountName: is not the name of a storage account"]),
        ({f"{S}__blobServiceUri": BLOB}, [f"{S}__queueServiceUri: is missing; give it beside {S}__blobServiceUri"]),
        ({f"{S}__queueServiceUri": QUEUE}, [f"{S}: is not set; give"]),
        ({f"{S}__blobServiceUri": "a", f"{S}__queueServiceUri": "http://a"}, [f"{S}__blobServiceUri: must be an https", f"{S}__queueServiceUri: must"]),
    ],
)  # fmt: skip  # one row, one line
def test_without_a_usable_storage_account_the_way_out_is_told(settings: dict[str, str], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"AKS_POD_ROUTES_CLUSTERS": json.dumps([UDR]), **settings})

    assert len(caught.value.problems) == len(expected)
    for problem, start in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(start)

"""Inputs as people write them, and the rendered files as values, for the tests of the rendering."""

import json
from typing import Any

import pytest
import yaml

from infra.render.files import render
from infra.render.inputs import Inputs, read_inputs
from shared.errors import ConfigError
from tests.configs import ROUTE_SERVER, UDR, VIRTUAL_WAN

REFLECTORS = {"addresses": ["10.10.17.4", "10.10.17.5"]}
THROUGH: dict[str, Any] = {**UDR, "routing": {**ROUTE_SERVER, "peers": REFLECTORS}, "podCidrs": ["100.64.0.0/16"]}
THROUGH_WAN = {**THROUGH, "routing": {**VIRTUAL_WAN, "peers": REFLECTORS}}
DIRECT = {**THROUGH, "routing": {**ROUTE_SERVER, "peers": {"nodeSelector": "aks-pod-routes/bgp-peer=true"}}}
ROUTES = {**UDR, "podCidrs": ["100.64.0.0/16"]}
OBSERVE = {**ROUTES, "routing": {"mode": "observe"}}

NETWORK: dict[str, Any] = {
    "cluster": "prod",
    "nodeSubnets": ["10.10.0.0/20"],
    "hubSubnet": "10.10.16.0/26",
    "hubAddresses": ["10.10.16.4", "10.10.16.5"],
}


def read(cluster: dict[str, Any], /, *others: dict[str, Any], **network: Any) -> Inputs:
    """Inputs for `cluster`; a key of the network file that is None is left out."""
    return read_inputs(json.dumps([cluster, *others]), json.dumps(NETWORK | network))


def files(cluster: dict[str, Any], /, **network: Any) -> dict[str, str]:
    """What is rendered for it."""
    return render(read(cluster, **network))


def problems(cluster: dict[str, Any], /, *others: dict[str, Any], **network: Any) -> list[str]:
    """What is refused about it."""
    with pytest.raises(ConfigError) as caught:
        read(cluster, *others, **network)
    return list(caught.value.problems)


def values(rendered: dict[str, str]) -> dict[str, Any]:
    """The Helm values."""
    found: dict[str, Any] = yaml.safe_load(rendered["cilium-values.yaml"])
    return found


def objects(rendered: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The objects of Cilium's BGP control plane, by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(rendered["cilium-bgp.yaml"])}


def cloud_init(rendered: dict[str, str], number: int) -> dict[str, Any]:
    """The user data of a reflector."""
    found: dict[str, Any] = yaml.safe_load(rendered[f"reflector-{number}/cloud-init.yaml"])
    return found

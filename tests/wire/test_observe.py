"""Mode `observe`: which option is in force, said in the report, and nothing is ever written."""

import json
from typing import Any

import pytest

from sandbox.cluster import CLUSTER_ID
from shared.report import render_json, render_text
from shared.wake import Wake
from tests.wire.conftest import Sent
from tests.wire.hub_stage import HubStage
from tests.wire.stage import PreparedError, Stage

pytestmark = pytest.mark.wire

OBSERVE: dict[str, Any] = {"routing": {"mode": "observe"}}


@pytest.fixture
def hub(stage: Stage, waits: list[float]) -> HubStage:
    _ = waits
    return HubStage(stage)


NATIVE = {"routing-mode": "native", "ipv4-native-routing-cidr": "100.64.0.0/10"}
OPTIONS = [
    ("WireGuard", NATIVE | {"enable-wireguard": "true"}, "wireguard"),
    ("tunnel", {"routing-mode": "tunnel"}, "tunnel"),
    ("native", NATIVE, "userDefinedRoutes"),
    ("native with BGP", NATIVE | {"enable-bgp-control-plane": "true"}, "bgp"),
    ("delegated IPAM", {"routing-mode": "native", "ipam": "delegated-plugin"}, "azureCni"),
]


def observed(hub: HubStage) -> tuple[dict[str, Any], str]:
    """Two passes and a wake-up in mode observe, which write nothing: the only cluster of the JSON report, and the text."""
    app = hub.start(OBSERVE | {"settle": {"maxSeconds": 1, "quietSeconds": 0}})
    app.run(dry_run=True)
    app.fleet.keep_vigil(Wake("shop-weu"))
    report = app.run(force=True)
    posts = {call.path.rpartition("/")[2] for call in hub.arm.calls if call.method != "GET"}
    assert posts <= {"listClusterUserCredential"}
    (cluster,) = render_json([report])["clusters"]
    assert (cluster["mode"], cluster["error"]) == ("observe", None)
    (target,) = cluster["targets"]
    assert (target["changes"], target["outcome"], target["error"]) == ([], "inSync", None)
    return json.loads(json.dumps(cluster)), render_text([report])


def drift(hub: HubStage) -> None:
    """What every other mode would change at once."""
    hub.add(1, 2)
    hub.stage.hand_edit(name="apr_shop-weu_100.64.9.0-24", prefix="100.64.9.0/24")()
    hub.add_foreign(("apr_shop-weu_10.10.4.99", "10.10.4.99", 65001))


@pytest.mark.parametrize(("config", "option"), [each[1:] for each in OPTIONS], ids=[each[0] for each in OPTIONS])
def test_observe_names_the_option_in_force_and_writes_nothing(
    hub: HubStage, sent: list[Sent], config: dict[str, str], option: str
) -> None:
    drift(hub)
    hub.kubernetes.put_config_map("kube-system", "cilium-config", config)
    cluster, text = observed(hub)
    (found,) = (each for each in cluster["targets"][0]["findings"] if each["code"] == "option")
    assert found["message"].startswith(f"Option {option}:")
    assert f"info: Option {option}:" in text
    assert cluster["nodes"]["total"] == 2
    assert not [each for each in sent if each.method in {"PUT", "PATCH", "DELETE"} and "/subscriptions/" in each.path]


@pytest.mark.parametrize("why", ["forbidden", "absent"])
def test_observe_without_cilium_s_configuration_says_why_and_goes_on(hub: HubStage, why: str) -> None:
    drift(hub)
    status, word = {"forbidden": (403, "permission"), "absent": (404, "another namespace")}[why]
    answer = {"kind": "Status", "message": "configmaps is not for you", "reason": why}
    hub.kubernetes.answer_next("configmaps/cilium-config", status, answer, times=9)
    cluster, text = observed(hub)
    (found,) = (each for each in cluster["targets"][0]["findings"] if each["code"] == "ciliumConfigUnreadable")
    assert str(status) in found["message"]
    assert {"forbidden": "infra/kubernetes/reader.yaml", "absent": word}[why] in found["message"]
    assert found["message"] in text
    assert cluster["nodes"]["total"] == 2


def test_observe_of_azure_cni_powered_by_cilium_says_that_there_is_nothing_to_do(hub: HubStage) -> None:
    hub.kubernetes.put_config_map(
        "kube-system", "cilium-config", {"routing-mode": "native", "ipam": "delegated-plugin"}
    )
    body = {
        "properties": {
            "provisioningState": "Succeeded",
            "powerState": {"code": "Running"},
            "nodeResourceGroup": "MC_rg-shop_shop-weu_westeurope",
            "networkProfile": {"networkPlugin": "azure", "networkDataplane": "cilium", "networkPluginMode": "overlay"},
            "agentPoolProfiles": [],
        }
    }
    hub.arm.refuse_next("GET", CLUSTER_ID, PreparedError(200, body), times=9)
    cluster, text = observed(hub)
    codes = {each["code"] for each in cluster["targets"][0]["findings"]}
    assert {"azureCniPoweredByCilium", "option"} <= codes
    assert "needs neither pod routes nor BGP peers" in text


def test_observe_of_a_stopped_cluster_asks_no_api_server(hub: HubStage) -> None:
    hub.add(1)
    hub.recreate(power_state="Stopped")
    hub.kubernetes.clear_calls()
    cluster, text = observed(hub)
    assert {each["code"] for each in cluster["targets"][0]["findings"]} == {"clusterStopped"}
    assert "its nodes cannot be read until it is started" in text
    assert hub.kubernetes.calls.count() == 0
    assert cluster["nodes"]["total"] == 0

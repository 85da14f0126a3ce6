"""The one command: what azd runs, the second phase and its attempts, and that the guide names what is there."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from shared.coordination import CONTAINER
from shared.wake import WAKE_QUEUE
from shared.wiring import POISON_QUEUE
from tests.infra.bicep import INFRA, ROOT, written

AZD = yaml.safe_load((ROOT / "azure.yaml").read_text())
GUIDE = ROOT / "docs" / "deployment.md"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script of infra with an `az` that notes its arguments, and a `sleep` that does not wait.

    The first `FAILURES` calls of `az` fail; a list of roles, resources or assignments is what the variable of that name says.
    """
    (tmp_path / "az").write_text(
        """#!/bin/sh
echo "$*" >> "$0.calls"
[ "$(wc -l < "$0.calls")" -gt "${FAILURES:-0}" ] || exit 1
case "$*" in
  *"role definition list"*assignableScopes*) printf '/subscriptions/a\\n/subscriptions/b\\n/subscriptions/a\\n' ;;
  *"role definition list"*) printf '%s' "${ROLES:-}" ;;
  *"resource list"*"--subscription a"*) printf '%s' "${RESOURCES:-}" ;;
  *"role assignment list"*"--subscription a"*) printf '%s' "${ASSIGNMENTS:-}" ;;
esac
"""
    )
    (tmp_path / "sleep").write_text('#!/bin/sh\necho "$1" >> "$0.calls"\n')
    for name in ("az", "sleep"):
        (tmp_path / name).chmod(0o755)

    def running(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", str(INFRA / script)], env={"PATH": path, **environment}, capture_output=True, text=True, check=False
        )

    return running


AZD_SETS = {"AZURE_ENV_NAME": "prod", "AZURE_LOCATION": "westeurope"}
OUTPUTS = {
    "AKS_POD_ROUTES_TOKEN": "abc",
    "AKS_POD_ROUTES_PRINCIPAL_ID": "00000000-0000-0000-0000-000000000009",
    "AZURE_RESOURCE_GROUP": "rg-aks-pod-routes-prod",
}


def calls(tmp_path: Path, name: str = "az") -> list[str]:
    file = tmp_path / f"{name}.calls"
    return file.read_text().splitlines() if file.exists() else []


def test_azd_deploys_the_app_and_then_connects_it() -> None:
    assert AZD["infra"] == {"provider": "bicep", "path": "infra", "module": "main"}
    (service,) = AZD["services"]
    assert AZD["services"][service] == {
        "project": ".",
        "language": "python",
        "host": "function",
        "remoteBuild": True,
    }
    assert f"'azd-service-name': '{service}'" in written().files["modules/function-app.bicep"]
    assert {name: [each["run"] for each in hook.values()] for name, hook in AZD["hooks"].items()} == {
        "postdeploy": ["infra/connect.sh", "infra/connect.ps1"],
        "predown": ["infra/disconnect.sh", "infra/disconnect.ps1"],
    }
    for script in ("connect.sh", "disconnect.sh"):
        assert (INFRA / script).stat().st_mode & 0o111


def test_the_clusters_are_a_deployment_of_their_own_that_azd_does_not_take_for_its_own(
    run: Run, tmp_path: Path
) -> None:
    done = run("connect.sh", **AZD_SETS, AZURE_SUBSCRIPTION_ID="00000000-0000-0000-0000-000000000000")
    assert done.returncode == 0, done.stderr
    (call,) = calls(tmp_path)
    assert call.startswith("deployment sub create ")
    assert "--name aks-pod-routes-clusters-prod " in call  # azd looks for its environment's name, or a tag with it
    assert "--location westeurope" in call
    assert f"--parameters {INFRA / 'clusters.bicepparam'}" in call
    assert call.endswith("--subscription 00000000-0000-0000-0000-000000000000")


def test_a_function_that_is_not_seen_yet_is_tried_again(run: Run, tmp_path: Path) -> None:
    assert run("connect.sh", **AZD_SETS, FAILURES="2").returncode == 0
    assert (len(calls(tmp_path)), calls(tmp_path, "sleep")) == (3, ["30", "30"])


def test_after_five_attempts_it_says_what_to_do(run: Run, tmp_path: Path) -> None:
    done = run("connect.sh", **AZD_SETS, FAILURES="9")
    assert done.returncode == 1
    assert (len(calls(tmp_path)), len(calls(tmp_path, "sleep"))) == (5, 4)
    assert "Run infra/connect.sh again" in done.stderr


@pytest.mark.parametrize(
    ("script", "missing"),
    [("connect.sh", name) for name in AZD_SETS]
    + [("disconnect.sh", name) for name in ("AKS_POD_ROUTES_TOKEN", "AKS_POD_ROUTES_PRINCIPAL_ID")],
)
def test_without_its_environment_a_script_asks_nothing_of_azure(
    run: Run, tmp_path: Path, script: str, missing: str
) -> None:
    environment = {**AZD_SETS, **OUTPUTS}
    done = run(script, **{name: value for name, value in environment.items() if name != missing})
    assert done.returncode != 0
    assert missing in done.stderr
    assert calls(tmp_path) == []


def test_disconnecting_takes_back_topics_assignments_and_roles_and_leaves_the_apps_own(
    run: Run, tmp_path: Path
) -> None:
    there = "/subscriptions/a/resourceGroups/rg-shop/providers/Microsoft.ContainerService/managedClusters/shop-weu/ra"
    own = "/subscriptions/a/resourceGroups/rg-aks-pod-routes-prod/providers/Microsoft.Storage/storageAccounts/s/ra"
    done = run(
        "disconnect.sh", **OUTPUTS, ROLES="role-1\nrole-2\n", RESOURCES="/topic\n", ASSIGNMENTS=f"{there}\n{own}\n"
    )
    assert done.returncode == 0, done.stderr
    asked = calls(tmp_path)
    assert [call for call in asked if " delete " in call] == [
        "resource delete --only-show-errors --ids /topic",
        f"role assignment delete --only-show-errors --ids {there}",
        "role definition delete --only-show-errors --name role-1 --custom-role-only true",
        "role definition delete --only-show-errors --name role-2 --custom-role-only true",
    ]
    assert all("ends_with(roleName, '(abc)')" in call for call in asked if "role definition list" in call)
    assert sum("role assignment list" in call for call in asked) == 2  # one for each subscription


def test_an_app_that_was_never_connected_is_disconnected_without_a_delete(run: Run, tmp_path: Path) -> None:
    done = run("disconnect.sh", **OUTPUTS)
    assert done.returncode == 0, done.stderr
    assert not [call for call in calls(tmp_path) if " delete " in call]


def test_names_of_topics_and_roles_are_those_that_disconnecting_looks_for() -> None:
    templates = written()
    script = (INFRA / "disconnect.sh").read_text()
    assert "(${token})" in templates.files["modules/role-definitions.bicep"]
    assert "ends_with(roleName, '($AKS_POD_ROUTES_TOKEN)')" in script
    assert "name: 'aks-pod-routes-${appName}-${token}'" in templates.files["modules/cluster-events.bicep"]
    assert "starts_with(name, 'aks-pod-routes-') && contains(name, '$AKS_POD_ROUTES_TOKEN')" in script
    assert "application: 'aks-pod-routes'" in templates.files["clusters.bicep"]
    outputs = set(templates.template("main.bicep").outputs)
    assert {name for name in OUTPUTS if f"${{{name}" in script or f"${name}" in script} <= outputs


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed")
@pytest.mark.parametrize("script", ["connect.ps1", "disconnect.ps1"])
def test_a_script_for_windows_is_read_by_powershell(script: str) -> None:
    parse = f"[ScriptBlock]::Create((Get-Content -Raw '{INFRA / script}')) | Out-Null"
    subprocess.run(["pwsh", "-NoProfile", "-Command", parse], check=True)


@pytest.mark.parametrize("script", ["connect", "disconnect"])
def test_the_scripts_for_unix_and_windows_ask_azure_for_the_same(script: str) -> None:
    unix, windows = ((INFRA / f"{script}.{each}").read_text() for each in ("sh", "ps1"))
    commands = re.compile(r"az (?:deployment|role|resource) ?(?:sub|definition|assignment)? ?(?:create|list|delete)")
    assert set(commands.findall(unix)) == set(commands.findall(windows)) != set()


def test_the_guide_names_every_parameter_and_no_other() -> None:
    rows = set(re.findall(r"(?m)^\| `(\w+)` \|", GUIDE.read_text().partition("## Parameters")[2].partition("\n## ")[0]))
    templates = written()
    assert rows == set(templates.template("main.bicep").parameters) | set(
        templates.template("clusters.bicep").parameters
    )


def test_the_guide_names_every_role() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \|", GUIDE.read_text().partition("## Roles")[2].partition("\n## ")[0])
    assert set(rows) == set(yaml.safe_load(written().files["roles.json"]))


def test_the_guide_calls_queues_and_containers_by_their_names() -> None:
    text = GUIDE.read_text()
    for name in (WAKE_QUEUE, POISON_QUEUE, CONTAINER, f"{CONTAINER}-dead-letters", "on_scale_event"):
        assert f"`{name}`" in text


def test_every_check_that_is_left_out_has_its_reason() -> None:
    lines = re.findall(r"(?m)^  - (CKV\w+)(.*)$", (INFRA / "checkov.yaml").read_text())
    assert len({name for name, _ in lines}) == len(lines) > 0
    assert all(re.fullmatch(r" # .+: .+", reason) for _, reason in lines)

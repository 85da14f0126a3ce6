"""The templates keep every rule, and every rule finds what it is for: each is shown a copy that is broken on purpose."""

import inspect
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.infra import rules, rules_of_the_app
from tests.infra.bicep import NotBicepError, Templates, written

Rule = Callable[[Templates], Iterator[str]]

MAIN, CLUSTERS, APP, STORAGE = "main.bicep", "clusters.bicep", "modules/function-app.bicep", "modules/storage.bicep"
EVENTS, MONITORING, CLUSTER = "modules/events.bicep", "modules/monitoring.bicep", "modules/cluster.bicep"
SURROUNDINGS = "modules/cluster-surroundings.bicep"

BROKEN: list[tuple[Rule, str, str, str]] = [
    (rules.module_calls_fit, MAIN, "'modules/workbook.bicep'", "'modules/workbok.bicep'"),
    (rules.module_calls_fit, MAIN, "    clusters: string(configurations)\n", ""),
    (rules.module_calls_fit, MAIN, "    schedule: schedule\n", "    schedule: schedule\n    timer: schedule\n"),
    (rules.module_calls_fit, MAIN, "storage.outputs.blobEndpoint", "storage.outputs.blobs"),
    (rules.names_are_declared_and_used, CLUSTERS, "seed: roleSeed", "seed: rolSeed"),
    (rules.names_are_declared_and_used, EVENTS, "advancedFilters: [", "advancedFilters: missing ? [] : ["),
    (
        rules.names_are_declared_and_used,
        STORAGE,
        "param eventsPrincipalId string",
        "param eventsPrincipalId string\nparam nobody string",
    ),
    (rules.names_are_declared_and_used, APP, "'${blobEndpoint}${packageContainer}'", "'${blobEndpoint}${container}'"),
    (rules.parameters_fit_their_templates, "main.bicepparam", "param clusters =", "param cluster ="),
    (rules.parameters_fit_their_templates, "main.bicepparam", "using './main.bicep'", "using './other.bicep'"),
    (rules.parameters_fit_their_templates, "clusters.bicepparam", "'clusters.yaml'", "'others.yaml'"),
    (
        rules.the_app_stays_in_its_own_group,
        MAIN,
        "module workbook 'modules/workbook.bicep' = {\n  name: 'aks-pod-routes-workbook-${token}'\n  scope: group",
        "module workbook 'modules/workbook.bicep' = {\n  name: 'aks-pod-routes-workbook-${token}'\n  scope: resourceGroup('rg-shop')",
    ),
    (rules.the_app_stays_in_its_own_group, MAIN, "'modules/workbook.bicep'", "'modules/cluster.bicep'"),
    (rules.the_app_stays_in_its_own_group, CLUSTERS, "environment: environmentName", "'azd-env-name': environmentName"),
    (rules.the_app_is_found_by_its_names, STORAGE, "'stapr${token}'", "'st${token}'"),
    (rules.the_app_is_found_by_its_names, STORAGE, "'aks-pod-routes-dead-letters'", "'dead-letters'"),
    (
        rules.the_app_is_found_by_its_names,
        CLUSTERS,
        "uniqueString(subscription().id, environmentName)",
        "uniqueString(environmentName)",
    ),
    (
        rules.children_name_their_parent,
        STORAGE,
        "  parent: queues\n  name: 'aks-pod-routes-wake'",
        "  name: 'aks-pod-routes-wake'",
    ),
    (
        rules.children_name_their_parent,
        STORAGE,
        "  sku: {",
        "  resource inner 'blobServices' = {\n    name: 'default'\n  }\n  sku: {",
    ),
    (
        rules.nothing_has_a_key_or_a_secret,
        STORAGE,
        "output id string = account.id",
        "output id string = account.listKeys().keys[0].value",
    ),
    (
        rules.nothing_has_a_key_or_a_secret,
        APP,
        "AZURE_CLIENT_ID: identityClientId",
        "AzureWebJobsStorage: 'AccountName=a'\n    AZURE_CLIENT_ID: identityClientId",
    ),
    (rules.nothing_has_a_key_or_a_secret, MAIN, "param location string", "@secure()\nparam location string"),
    (rules.nothing_has_a_key_or_a_secret, EVENTS, "param source string", "param connectionString string"),
    (rules.storage_is_closed, STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
    (rules.storage_is_closed, STORAGE, "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'"),
    (rules.storage_is_closed, STORAGE, "    allowBlobPublicAccess: false\n", ""),
    (rules.storage_is_closed, STORAGE, "bypass: 'AzureServices'", "bypass: 'None'"),
    (rules.app_is_closed, APP, "    httpsOnly: true\n", ""),
    (rules.app_is_closed, APP, "      minTlsVersion: '1.2'", "      minTlsVersion: '1.1'"),
    (
        rules.app_is_closed,
        APP,
        "name: 'scm'\n  properties: {\n    allow: false",
        "name: 'scm'\n  properties: {\n    allow: true",
    ),
    (rules.app_is_closed, APP, "name: 'ftp'", "name: 'scm'"),
    (rules.app_is_flex_consumption, APP, "name: 'FC1'", "name: 'Y1'"),
    (rules.app_is_flex_consumption, APP, "version: '3.13'", "version: '3.10'"),
    (rules.app_is_flex_consumption, APP, "type: 'UserAssigned'\n", "type: 'SystemAssigned'\n"),
    (rules.app_is_flex_consumption, APP, "type: 'UserAssignedIdentity'", "type: 'StorageAccountConnectionString'"),
    (rules.app_is_flex_consumption, MAIN, "param instanceMemoryMB int = 512", "param instanceMemoryMB int = 2048"),
    (
        rules.app_is_flex_consumption,
        APP,
        "AZURE_CLIENT_ID: identity",
        "FUNCTIONS_WORKER_RUNTIME: 'python'\n    AZURE_CLIENT_ID: identity",
    ),
    (rules.telemetry_needs_a_token, MONITORING, "DisableLocalAuth: true", "DisableLocalAuth: false"),
    (rules.telemetry_needs_a_token, MONITORING, "disableLocalAuth: true", "disableLocalAuth: false"),
    (rules.telemetry_needs_a_token, APP, "'Authorization=AAD;ClientId=${identityClientId}'", "''"),
    (
        rules.telemetry_needs_a_token,
        MONITORING,
        "3913510d-42f4-4e42-8a64-420c390055eb",
        "00000000-0000-0000-0000-000000000000",
    ),
    (
        rules.assignments_are_stable,
        CLUSTER,
        "guid(cluster.id, principalId, clusterRole)",
        "guid(clusterName, clusterRole)",
    ),
    (
        rules.assignments_are_stable,
        "modules/access-machines.bicep",
        "guid(resourceGroup().id",
        "guid(subscription().id",
    ),
    (rules.assignments_are_stable, CLUSTER, "    principalType: 'ServicePrincipal'\n", ""),
    (rules.everything_is_tagged, EVENTS, "  tags: tags\n", ""),
    (rules.versions_are_stable, EVENTS, "eventSubscriptions@2025-02-15", "eventSubscriptions@2022-06-15"),
    (rules.versions_are_stable, STORAGE, "@2023-05-01", "@2023-05-01-preview"),
    (rules.alerts_can_fire, "modules/alerts.bicep", "loadTextContent('../queries/poison.kql')", "''"),
    (rules.alerts_can_fire, "modules/alerts.bicep", "    name: 'headroom'\n", "    name: 'room'\n"),
    (rules.alerts_can_fire, EVENTS, "'DroppedEventCount'", "'PublishFailCount'"),
    (rules.alerts_can_fire, "queries/poison.kql", "| extend cluster = 'any'", ""),
    (rules_of_the_app.settings_are_those_of_the_app, APP, "AKS_POD_ROUTES_CLUSTERS:", "AKS_POD_ROUTES_CLUSTER:"),
    (rules_of_the_app.settings_are_those_of_the_app, APP, "__queueServiceUri", "__queueUri"),
    (rules_of_the_app.settings_are_those_of_the_app, MAIN, "0 */5 * * * *", "0 */15 * * * *"),
    (
        rules_of_the_app.storage_is_reached_by_identity,
        APP,
        "__credential: 'managedidentity'",
        "__credential: 'default'",
    ),
    (
        rules_of_the_app.storage_is_reached_by_identity,
        APP,
        "AzureWebJobsStorage__clientId: identityClientId",
        "AzureWebJobsStorage__clientId: ''",
    ),
    (
        rules_of_the_app.queues_and_containers_are_those_of_the_app,
        STORAGE,
        "'aks-pod-routes-wake-poison'",
        "'aks-pod-routes-wake-dead'",
    ),
    (
        rules_of_the_app.queues_and_containers_are_those_of_the_app,
        STORAGE,
        "  name: 'aks-pod-routes'\n",
        "  name: 'coordination'\n",
    ),
    (rules_of_the_app.functions_are_those_of_the_app, EVENTS, "functions/on_scale_event", "functions/on_event"),
    (rules_of_the_app.functions_are_those_of_the_app, APP, "function:on_wake", "function:on_queue"),
    (
        rules_of_the_app.events_are_those_of_the_app,
        EVENTS,
        "  'Microsoft.Compute/virtualMachineScaleSets/reimage/action'\n",
        "",
    ),
    (rules_of_the_app.events_are_those_of_the_app, EVENTS, "ResourceDeleteSuccess", "ResourceDeleteFailure"),
    (rules_of_the_app.events_are_those_of_the_app, EVENTS, "'StringIn'", "'StringContains'"),
    (rules_of_the_app.events_are_those_of_the_app, EVENTS, "'CloudEventSchemaV1_0'", "'EventGridSchema'"),
    (
        rules_of_the_app.events_are_those_of_the_app,
        EVENTS,
        "Microsoft.Resources.ResourceGroups",
        "Microsoft.Resources.Subscriptions",
    ),
    (rules_of_the_app.events_are_tried_again_and_kept, EVENTS, "maxDeliveryAttempts: 30", "maxDeliveryAttempts: 31"),
    (
        rules_of_the_app.events_are_tried_again_and_kept,
        EVENTS,
        "    deadLetterWithResourceIdentity: deadLetters ? deadLetter : null\n",
        "",
    ),
    (
        rules_of_the_app.events_are_tried_again_and_kept,
        EVENTS,
        "deadLetterWithResourceIdentity:",
        "deadLetterDestination:",
    ),
    (rules_of_the_app.events_are_tried_again_and_kept, EVENTS, "    userAssignedIdentity: identityId\n", ""),
    (rules_of_the_app.events_are_tried_again_and_kept, STORAGE, "  scope: deadLetterContainer", "  scope: blobs"),
    (
        rules_of_the_app.storage_roles_are_the_least,
        STORAGE,
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    ),
    (
        rules_of_the_app.storage_roles_are_the_least,
        STORAGE,
        "'Microsoft.Authorization/roleDefinitions', queueDataContributor",
        "'Microsoft.Authorization/roleDefinitions', blobDataOwner",
    ),
    (
        rules_of_the_app.versions_are_those_of_the_app,
        CLUSTER,
        "managedClusters@2025-02-01",
        "managedClusters@2024-02-01",
    ),
    (rules_of_the_app.versions_are_those_of_the_app, "modules/access-hub.bicep", "@2025-05-01", "@2024-05-01"),
    (
        rules_of_the_app.queries_read_what_is_logged,
        "queries/outcome.kql",
        "aks_pod_routes.outcome",
        "aks_pod_routes.result",
    ),
    (rules_of_the_app.queries_read_what_is_logged, "queries/outcome.kql", "'held'", "'delayed'"),
    (rules_of_the_app.queries_read_what_is_logged, "queries/stale.kql", "'failed'", "'broken'"),
    (
        rules_of_the_app.queries_read_what_is_logged,
        "queries/headroom.kql",
        "'aks_pod_routes.figures ' line",
        "'aks_pod_routes.metrics ' line",
    ),
    (rules_of_the_app.queries_read_what_is_logged, "queries/poison.kql", "poison_message.count", "poison.count"),
    (rules_of_the_app.queries_read_what_is_logged, "queries/stale.kql", "k8s.cluster.name", "cluster"),
    (rules_of_the_app.queries_read_what_is_logged, "workbook.json", "http.response.status_code", "http.status"),
    (rules_of_the_app.clusters_become_the_setting, MAIN, "cluster => cluster.config", "cluster => cluster"),
    (
        rules_of_the_app.clusters_become_the_setting,
        APP,
        "AKS_POD_ROUTES_CLUSTERS: clusters",
        "AKS_POD_ROUTES_CLUSTERS: '[]'",
    ),
    (rules_of_the_app.clusters_become_the_setting, "clusters.yaml", "mode: udr", "mode: routes"),
    (rules_of_the_app.clusters_become_the_setting, "clusters.yaml", "kubernetesAccess:", "access:"),
    (rules_of_the_app.clusters_become_the_setting, CLUSTERS, "cluster.?events", "cluster.?event"),
]
"""Rule, file, what is broken in it, and into what."""


@cache
def templates() -> Templates:
    return written()


def all_rules() -> list[Rule]:
    return [
        rule
        for module in (rules, rules_of_the_app)
        for name, rule in vars(module).items()
        if inspect.isfunction(rule) and rule.__module__ == module.__name__ and not name.startswith("_")
    ]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.__name__)
def test_the_templates_keep_the_rule(rule: Rule) -> None:
    assert list(rule(templates())) == []


@pytest.mark.parametrize(("rule", "file", "old", "new"), BROKEN, ids=lambda each: getattr(each, "__name__", None))
def test_the_rule_finds_a_broken_copy(rule: Rule, file: str, old: str, new: str) -> None:
    assert list(rule(templates().with_change(file, old, new)))


def test_every_rule_has_been_shown_a_broken_copy() -> None:
    assert {rule for rule, *_ in BROKEN} == set(all_rules())


@pytest.mark.parametrize("file", [name for name in templates().files if name.endswith(".bicep")])
def test_every_file_is_read_by_the_parser_and_a_lost_brace_is_noticed(file: str) -> None:
    text = templates().template(file).text
    with pytest.raises(NotBicepError):
        templates().with_change(file, text, "\n".join(text.rsplit("\n}", 1))).template(file)

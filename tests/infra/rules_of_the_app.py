"""Where the templates repeat what the app's code says: settings, functions, queues, containers, events, the figures it logs.

One function for each rule: the problems it finds, none where templates and code agree.
"""

import json
import re
from collections.abc import Iterator

import yaml

import shared.config.settings as config
from shared import figures
from shared.config.document import SETTING as CLUSTERS
from shared.coordination import CONTAINER
from shared.errors import ConfigError
from shared.events import _DONE, OPERATIONS
from shared.managed_cluster import CLUSTER_API_VERSION
from shared.pool_subnets import NETWORK_API_VERSION
from shared.report import Outcome
from shared.wake import WAKE_QUEUE
from shared.wiring import POISON_QUEUE
from tests.infra.bicep import ROOT, Templates, code, role_of

EVENT_FUNCTION = "on_scale_event"
WAKE_FUNCTION = "on_wake"
STORAGE_SETTINGS = {
    f"{config.STORAGE}__blobServiceUri",
    f"{config.STORAGE}__queueServiceUri",
    f"{config.STORAGE}__credential",
    f"{config.STORAGE}__clientId",
}
"""The last two are the host's own:
https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity"""

HOST_SETTINGS = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"}


def settings_are_those_of_the_app(templates: Templates) -> Iterator[str]:
    """Each setting that the app reads is given, and nothing that neither it nor the host knows."""
    own = {
        CLUSTERS,
        config.SCHEDULE,
        config.ARM_ENDPOINT,
        config.CLIENT_ID,
        config.HISTORY_DAYS,
        config.EVENTS_ENDPOINT,
    }
    wanted = own | STORAGE_SETTINGS | HOST_SETTINGS
    given = set(templates.settings)
    yield from (f"setting {name} is missing" for name in sorted(wanted - given))
    yield from (f"setting {name} is unknown" for name in sorted(given - wanted))
    default = templates.template("main.bicep").parameters["schedule"]["default"]
    if default != config.DEFAULT_SCHEDULE:
        yield f"the timer's schedule is {default}, not {config.DEFAULT_SCHEDULE}"


def storage_is_reached_by_identity(templates: Templates) -> Iterator[str]:
    """The host takes the user-assigned identity for its storage, and the app for everything."""
    settings = templates.settings
    if settings.get("AzureWebJobsStorage__credential") != "managedidentity":
        yield "the host does not use a managed identity for its storage"
    for name in ("AzureWebJobsStorage__clientId", config.CLIENT_ID):
        if settings.get(name) != "identityClientId":
            yield f"{name} is not the app's identity"


def queues_and_containers_are_those_of_the_app(templates: Templates) -> Iterator[str]:
    """The wake queue, its poison queue and the container of leases come with the deployment."""
    queues = {
        each.config["name"] for each in templates.of_type("Microsoft.Storage/storageAccounts/queueServices/queues")
    }
    if queues != {WAKE_QUEUE, POISON_QUEUE}:
        yield f"queues are {sorted(queues)}"
    containers = {
        each.config["name"] for each in templates.of_type("Microsoft.Storage/storageAccounts/blobServices/containers")
    }
    if containers != {CONTAINER, f"{CONTAINER}-dead-letters", "app-package"}:
        yield f"containers are {sorted(containers)}"


def functions_are_those_of_the_app(templates: Templates) -> Iterator[str]:
    """Event Grid and the warm instances name functions that exist."""
    functions = set(re.findall(r'@app\.function_name\("(\w+)"\)', (ROOT / "function_app.py").read_text()))
    destination = templates.one("Microsoft.EventGrid/systemTopics/eventSubscriptions").properties["destination"]
    endpoint = destination["properties"]["resourceId"]
    if endpoint != "${functionAppId}/functions/" + EVENT_FUNCTION or destination["endpointType"] != "AzureFunction":
        yield f"events go to {endpoint}"
    warm = templates.template("modules/function-app.bicep").variables["warm"]["name"]
    if warm != f"function:{WAKE_FUNCTION}":
        yield f"instances are kept warm for {warm}"
    yield from (f"the app has no function {name}" for name in {EVENT_FUNCTION, WAKE_FUNCTION} - functions)


def events_are_those_of_the_app(templates: Templates) -> Iterator[str]:
    """What is subscribed to is what shared/events.py counts: types, operations, and the place of the operation's name."""
    told = templates.template("modules/events.bicep").variables
    if {each.lower() for each in told["types"]} != _DONE:
        yield "event types differ from shared/events.py"
    if tuple(told["operations"]) != OPERATIONS:
        yield "operations differ from shared/events.py"
    if len(told["operations"]) > 25:
        yield "a subscription may have 25 values in its advanced filters"
    topic = templates.one("Microsoft.EventGrid/systemTopics")
    if topic.properties["topicType"] != "Microsoft.Resources.ResourceGroups" or topic.config["location"] != "global":
        yield "the topic is not that of a resource group"
    subscription = templates.one("Microsoft.EventGrid/systemTopics/eventSubscriptions").properties
    wanted = [{"operatorType": "StringIn", "key": "data.operationName", "values": "operations"}]
    if subscription["filter"] != {"includedEventTypes": "types", "advancedFilters": wanted}:
        yield "the filter is not: these types, and data.operationName among the operations"
    if subscription["eventDeliverySchema"] != "CloudEventSchemaV1_0":
        yield "events do not come as CloudEvents"


def events_are_tried_again_and_kept(templates: Templates) -> Iterator[str]:
    """A retry policy, and dead letters written by identity into the container that is made for them."""
    subscription = templates.one("Microsoft.EventGrid/systemTopics/eventSubscriptions").properties
    retry = subscription.get("retryPolicy", {})
    if not (1 <= retry.get("maxDeliveryAttempts", 0) <= 30 and 1 <= retry.get("eventTimeToLiveInMinutes", 0) <= 1440):
        yield "no retry policy within Event Grid's limits"
    if "deadLetterDestination" in subscription:
        yield "dead letters are written with a key"
    if "deadLetter" not in json.dumps(subscription.get("deadLetterWithResourceIdentity")):
        yield "no dead letters"
    letter = templates.template("modules/events.bicep").variables["deadLetter"]
    if letter["identity"] != {"type": "UserAssigned", "userAssignedIdentity": "identityId"}:
        yield "dead letters are not written by the identity"
    writers = [
        each
        for each in templates.of_type("Microsoft.Authorization/roleAssignments")
        if each.properties["principalId"] == "eventsPrincipalId"
    ]
    if [each.config.get("scope") for each in writers] != ["deadLetterContainer"]:
        yield "the identity of events may write elsewhere than into the container of dead letters, or not there"


def storage_roles_are_the_least(templates: Templates) -> Iterator[str]:
    """Of blobs the host needs to be owner, of queues contributor; nothing else is assigned on the account."""
    told = templates.template("modules/storage.bicep").variables
    if told["blobDataOwner"] != "b7e6dc6d-f1e8-4753-8033-0f276bb0955b":
        yield "blobDataOwner is another role"
    if told["queueDataContributor"] != "974c5e8b-45b9-4653-ba55-5f855dd0fb88":
        yield "queueDataContributor is another role"
    on_account = {
        (each.properties["principalId"], role_of(each))
        for each in templates.of_type("Microsoft.Authorization/roleAssignments")
        if each.config.get("scope") == "account"
    }
    if on_account != {("appPrincipalId", "blobDataOwner"), ("appPrincipalId", "queueDataContributor")}:
        yield f"roles on the storage account: {sorted(on_account)}"


def versions_are_those_of_the_app(templates: Templates) -> Iterator[str]:
    """What is read of a cluster or network is read in the version whose answers were recorded."""
    wanted = {"Microsoft.ContainerService": CLUSTER_API_VERSION, "Microsoft.Network": NETWORK_API_VERSION}
    for each in templates.resources:
        version = wanted.get(each.type.partition("/")[0])
        if each.exists and version and each.api_version != version:
            yield f"{each.file}: {each.type} is read in {each.api_version}, by the app in {version}"


def queries_read_what_is_logged(templates: Templates) -> Iterator[str]:
    """Every metric, attribute and outcome that a query names is one that shared/figures.py writes into its line."""
    source = (ROOT / "shared" / "figures.py").read_text()
    written = {f"aks_pod_routes.{name}" for name in re.findall(r'Metric\("([\w.]+)"', source)}
    written |= set(re.findall(r'"(aks_pod_routes\.[\w.]+)"', source)) | {figures.CLUSTER, figures.RESOURCE}
    written |= {"http.request.method", "http.response.status_code"} & set(re.findall(r'"(http[\w.]+)"', source))
    outcomes = {str(outcome) for outcome in Outcome}
    for name, query in _queries(templates):
        named = set(re.findall(r"(?:name\) == |attributes\[)'([\w.]+)'", query))
        yield from (f"{name}: no line has {key}" for key in sorted(named - written))
        if f"parse Message with * '{figures.NAME} ' line" not in query:
            yield f"{name}: does not find the line of figures"
        compared = " ".join(re.findall(r"where outcome (.+)", query))
        yield from (
            f"{name}: there is no outcome {each}" for each in re.findall(r"'(\w+)'", compared) if each not in outcomes
        )


def _queries(templates: Templates) -> Iterator[tuple[str, str]]:
    for name, text in templates.files.items():
        if name.endswith(".kql"):
            yield name, text
    for item in json.loads(templates.files["workbook.json"])["items"]:
        if item["type"] == 3:
            yield f"workbook.json: {item['name']}", item["content"]["query"]


def clusters_become_the_setting(templates: Templates) -> Iterator[str]:
    """One array is the setting, checked by the app itself, and drives roles and events of each cluster."""
    for file, needed in (
        ("main.bicep", "var configurations = map(clusters, cluster => cluster.config)"),
        ("main.bicep", "clusters: string(configurations)"),
        ("clusters.bicep", "module access 'modules/cluster.bicep' = [for cluster in reachable:"),
        ("clusters.bicep", "module events 'modules/cluster-events.bicep' = [for cluster in filter(reachable,"),
    ):
        if needed not in templates.files[file]:
            yield f"{file}: {needed} is not there"
    if templates.settings.get(CLUSTERS) != "clusters":
        yield f"{CLUSTERS} is not the array"
    entries = yaml.safe_load(templates.files["clusters.yaml"])
    storage = {
        f"{config.STORAGE}__blobServiceUri": "https://a.blob.test/",
        f"{config.STORAGE}__queueServiceUri": "https://a.queue.test/",
    }
    try:
        config.load_config({CLUSTERS: json.dumps([each["config"] for each in entries]), **storage})
    except ConfigError as error:
        yield f"clusters.yaml: {error}"
    for entry in entries:
        unknown = set(entry) - {"config", "kubernetesAccess", "networks", "events", "machines"}
        yield from (f"clusters.yaml: {key} is unknown" for key in sorted(unknown))
        if entry.get("kubernetesAccess") not in {"azureRbac", "clusterRole"}:
            yield "clusters.yaml: kubernetesAccess is neither azureRbac nor clusterRole"
    offered = set(re.findall(r"(?m)^#   (\w+) ", templates.files["clusters.yaml"]))
    read = set(re.findall(r"\bcluster\.\??(\w+)", code(templates.files["clusters.bicep"])))
    if offered != read:
        yield f"clusters.yaml offers {sorted(offered)}, clusters.bicep reads {sorted(read)}"

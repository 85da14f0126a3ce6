"""What must hold for the templates, one function for each rule: the problems it finds, none where it holds.

That the rules about roles and about names in the code hold is in `rules_of_the_app`; here is what is Bicep's and Azure's own.
"""

import re
from collections.abc import Iterator

from tests.infra.bicep import Resource, Templates, code, role_of

UNTAGGABLE = (
    "Microsoft.Authorization/",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Storage/storageAccounts/",
    "Microsoft.Web/sites/",
)
"""Types that take no tags, or whose prefix does."""

KEYWORDS = frozenset(
    {"targetScope", "param", "var", "resource", "module", "output", "existing", "for", "in", "if"}
    | {"true", "false", "null", "string", "int", "bool", "array", "object"}
)
OBJECT_KEY = r"(?m)(?:^|[{,])\s*[A-Za-z_]\w*(?=\s*:(?!:))"


def module_calls_fit(templates: Templates) -> Iterator[str]:
    """Every module's file is there; it gets each parameter it requires and no other; outputs that are read exist."""
    known = {template.name: template for template in templates.templates}
    for template in known.values():
        for symbol, (path, config) in template.modules.items():
            where = f"{template.name}: {symbol}"
            if path not in known:
                yield f"{where}: there is no {path}"
                continue
            given, takes = set(config.get("params", {})), known[path].parameters
            required = {name for name, each in takes.items() if each["default"] is None}
            yield from (f"{where}: {path} knows no parameter {name}" for name in given - set(takes))
            yield from (f"{where}: {path} requires {name}" for name in required - given)
            read = set(re.findall(rf"\b{symbol}\.outputs\.(\w+)", template.text))
            yield from (f"{where}: {path} has no output {name}" for name in read - set(known[path].outputs))


def names_are_declared_and_used(templates: Templates) -> Iterator[str]:
    """Every name in an expression is declared in its file, and every parameter and variable is used."""
    for template in templates.templates:
        text = re.sub(r"\.\??\s*[A-Za-z_]\w*", "", code(template.text).replace("=>", " => "))
        text = re.sub(r"(?m)^\s*@[a-z]\w*", "", text)
        declared = set(re.findall(r"(?m)^(?:param|var|resource|module|output)\s+(\w+)", text))
        locals_ = set(re.findall(r"\bfor\s+\(?(\w+)(?=\s+in|,)", text)) | set(re.findall(r",\s*(\w+)\)\s+in\b", text))
        locals_ |= set(re.findall(r"(\w+)\s*=>", text))
        body = re.sub(r"(?m)^(param\s+\w+\s+\w+|(?:var|resource|module)\s+\w+|output\s+\w+\s+\w+)", "", text)
        body = re.sub(OBJECT_KEY, "", _ternaries_kept(body))
        used = {name for name in re.findall(r"[A-Za-z_]\w*(?!\w)(?!\s*\()", body) if name not in KEYWORDS}
        yield from (f"{template.name}: {name} is not declared" for name in sorted(used - declared - locals_))
        told = {*template.parameters, *template.variables}
        yield from (f"{template.name}: {name} is not used" for name in sorted(told - used))


def _ternaries_kept(text: str) -> str:
    """A name before the colon of `a ? b : c` is no key."""
    return re.sub(r"\?([^?:\n]*):", r"?\1,", text)


def parameters_fit_their_templates(templates: Templates) -> Iterator[str]:
    """Each file of parameters answers what its template asks, nothing else, and all get the same clusters."""
    for name, text in templates.files.items():
        if not name.endswith(".bicepparam"):
            continue
        template = name.replace(".bicepparam", ".bicep")
        if f"using './{template}'" not in text or "param clusters = loadYamlContent('clusters.yaml')" not in text:
            yield f"{name}: does not give clusters.yaml to {template}"
        given = set(re.findall(r"(?m)^param (\w+) =", text))
        takes = templates.template(template).parameters
        required = {name for name, each in takes.items() if each["default"] is None}
        yield from (f"{name}: {template} knows no {each}" for each in sorted(given - set(takes)))
        yield from (f"{name}: {each} is missing" for each in sorted(required - given))


def the_app_stays_in_its_own_group(templates: Templates) -> Iterator[str]:
    """main.bicep reaches into no resource group but the one it makes, since `azd down` deletes all that it reached into.

    Source: https://github.com/Azure/azure-dev/issues/2916
    """
    main = templates.template("main.bicep")
    reached, files = [], {"main.bicep"}
    for symbol, (path, config) in main.modules.items():
        reached += [symbol] if config.get("scope") != "group" else []
        files.add(path)
    yield from (f"main.bicep: {symbol} is not in the app's own resource group" for symbol in reached)
    for path in sorted(files - {"main.bicep"}):
        if templates.template(path).modules:
            yield f"{path}: leads on to other modules"
    if "azd-" in re.sub(r"//.*", "", templates.files["clusters.bicep"]):
        yield "clusters.bicep: has a tag by which azd takes a resource for its own"


def the_app_is_found_by_its_names(templates: Templates) -> Iterator[str]:
    """What clusters.bicep looks up has the names that main.bicep gave, from the same token."""
    made = [(each.type, each.config["name"]) for each in templates.resources if not each.exists]
    for each in templates.resources:
        if each.file == "modules/app-found.bicep" and (each.type, each.config["name"]) not in made:
            yield f"{each.file}: nobody makes {each.config['name']}"
    container = templates.template("modules/app-found.bicep").outputs["deadLetterContainer"]["value"]
    if ("Microsoft.Storage/storageAccounts/blobServices/containers", container) not in made:
        yield f"modules/app-found.bicep: nobody makes {container}"
    for line in ("var token = ", "param resourceGroupName string = "):
        told = {re.search(rf"(?m)^{line}.*$", templates.files[name])[0] for name in ("main.bicep", "clusters.bicep")}  # type: ignore[index]  # it is there
        if len(told) != 1:
            yield f"main.bicep and clusters.bicep differ: {sorted(told)}"


def children_name_their_parent(templates: Templates) -> Iterator[str]:
    """No resource is nested in another (of nested siblings the parser keeps the last one only), none has a / in its name."""
    for name, text in templates.files.items():
        if name.endswith(".bicep") and re.search(r"(?m)^[ \t]+resource \w+ '", text):
            yield f"{name}: a resource is nested; declare it with parent"
    for each in templates.resources:
        segments = each.type.count("/")
        if segments > 1 and "parent" not in each.config:
            yield f"{each.file}: {each.symbol} names no parent"


def nothing_has_a_key_or_a_secret(templates: Templates) -> Iterator[str]:
    """No key is listed, no secret taken, no connection string written but that of telemetry, whose key opens nothing."""
    for name, text in templates.files.items():
        bare = re.sub(r"(?m)(^|\s)//.*$", "", text)
        if re.search(r"list[A-Z]\w*\(|@secure|AccountKey|SharedAccessKey|getSecret|sharedKey", bare):
            yield f"{name}: lists a key or takes a secret"
        bare = bare.replace("APPLICATIONINSIGHTS_CONNECTION_STRING", "").replace(
            "insights.properties.ConnectionString", ""
        )
        if re.search(r"connection_?string", bare, re.IGNORECASE):
            yield f"{name}: has a connection string"
    setting = templates.settings.get("AzureWebJobsStorage")
    if setting is not None:
        yield "the app's storage is reached by a connection string"


def storage_is_closed(templates: Templates) -> Iterator[str]:
    """No shared keys, no public blobs, TLS 1.2, HTTPS; trusted services pass the firewall, for dead letters."""
    account = templates.one("Microsoft.Storage/storageAccounts").properties
    wanted = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "allowCrossTenantReplication": False,
        "defaultToOAuthAuthentication": True,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    }
    yield from (
        f"storage: {key} is not {value}"
        for key, value in wanted.items()
        if account.get(key) is not value and account.get(key) != value
    )
    if account["networkAcls"]["bypass"] != "AzureServices":
        yield "storage: dead letters cannot pass the firewall"


def app_is_closed(templates: Templates) -> Iterator[str]:
    """HTTPS only, TLS 1.2 for the app and its deployments, and no password for either way to publish."""
    site = templates.one("Microsoft.Web/sites").properties
    if site.get("httpsOnly") is not True:
        yield "app: plain http is answered"
    for key in ("minTlsVersion", "scmMinTlsVersion"):
        if site["siteConfig"].get(key) not in {"1.2", "1.3"}:
            yield f"app: {key} is below 1.2"
    policies = templates.of_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    closed = {each.config["name"] for each in policies if each.properties.get("allow") is False}
    yield from (f"app: basic publishing credentials are on for {each}" for each in sorted({"scm", "ftp"} - closed))


def app_is_flex_consumption(templates: Templates) -> Iterator[str]:
    """FC1, Python 3.13, 512 MB, its package and its storage reached by the user-assigned identity.

    Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to
    """
    plan, site = templates.one("Microsoft.Web/serverfarms"), templates.one("Microsoft.Web/sites")
    if plan.config["sku"] != {"tier": "FlexConsumption", "name": "FC1"} or plan.properties.get("reserved") is not True:
        yield "plan: is not Flex Consumption"
    if site.config["kind"] != "functionapp,linux" or site.config["identity"]["type"] != "UserAssigned":
        yield "app: is no Linux function app with a user-assigned identity"
    config = site.properties["functionAppConfig"]
    if config["runtime"] != {"name": "python", "version": "3.13"}:
        yield "app: does not run Python 3.13"
    if config["deployment"]["storage"]["authentication"]["type"] != "UserAssignedIdentity":
        yield "app: its package is not read by identity"
    if templates.template("main.bicep").parameters["instanceMemoryMB"]["default"] != 512:
        yield "app: instances do not have 512 MB by default"
    forbidden = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"}
    yield from (
        f"app: Flex Consumption refuses the setting {each}" for each in sorted(forbidden & set(templates.settings))
    )


def telemetry_needs_a_token(templates: Templates) -> Iterator[str]:
    """Local authentication is off, and the app's identity publishes metrics, which takes the setting that says so."""
    if templates.one("Microsoft.Insights/components").properties.get("DisableLocalAuth") is not True:
        yield "Application Insights: takes telemetry from anybody with its key"
    workspace = templates.one("Microsoft.OperationalInsights/workspaces").properties
    if workspace["features"].get("disableLocalAuth") is not True:
        yield "workspace: takes logs from anybody with its key"
    setting = templates.settings.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
    if setting != "Authorization=AAD;ClientId=${identityClientId}":
        yield "app: does not publish with its identity"
    if "3913510d-42f4-4e42-8a64-420c390055eb" not in templates.files["modules/monitoring.bicep"]:
        yield "Application Insights: the app's identity is no Monitoring Metrics Publisher"


def assignments_are_stable(templates: Templates) -> Iterator[str]:
    """A role assignment's name derives from scope, principal and role, so that a second run changes nothing."""
    for each in templates.of_type("Microsoft.Authorization/roleAssignments"):
        where = f"{each.file}: {each.symbol}"
        is_subscription = templates.template(each.file).parsed["globals"]["scope"]["value"] == "subscription"
        scope = each.config.get("scope", "subscription()" if is_subscription else "resourceGroup()")
        principal = each.properties["principalId"]
        expected = rf"name: guid\({re.escape(scope)}\.id, {principal}, {role_of(each)}\)"
        declared = templates.files[each.file].partition(f"resource {each.symbol} '")[2].partition("properties:")[0]
        if not re.search(expected, declared):
            yield f"{where}: its name is not guid(scope, principal, role)"
        if each.properties.get("principalType") != "ServicePrincipal":
            yield f"{where}: principalType is missing, so that a new identity may not be found yet"


def everything_is_tagged(templates: Templates) -> Iterator[str]:
    """Each resource that takes tags has them."""
    for each in templates.resources:
        if not each.exists and not each.type.startswith(UNTAGGABLE) and "tags" not in each.config:
            yield f"{each.file}: {each.symbol} has no tags"


def versions_are_stable(templates: Templates) -> Iterator[str]:
    """No preview, and one version for each type and its children."""
    seen: dict[str, Resource] = {}
    for each in templates.resources:
        if not re.fullmatch(r"20\d\d-\d\d-\d\d", each.api_version):
            yield f"{each.file}: {each.type} is asked for in {each.api_version}"
        family = "/".join(each.type.split("/")[:2])
        if seen.setdefault(family, each).api_version != each.api_version:
            yield f"{each.file}: {each.type} is asked for in another version than in {seen[family].file}"


def alerts_can_fire(templates: Templates) -> Iterator[str]:
    """Each query is used, names the cluster it is about, and is asked every five minutes."""
    rules = templates.template("modules/alerts.bicep")
    text = templates.files["modules/alerts.bicep"]
    for name, query in templates.files.items():
        if name.endswith(".kql"):
            if f"loadTextContent('../{name}')" not in text:
                yield f"{name} is not used"
            if "cluster" not in re.split(r"\b(?:summarize|join) ", query)[-1]:
                yield f"{name} does not tell the cluster"
    queries = [each["name"] for each in rules.variables["rules"]]
    if sorted(queries) != ["headroom", "outcome", "poison", "stale"]:
        yield f"alerts are for {queries}"
    lost = templates.template("modules/events.bicep").variables["lost"]
    if sorted(lost) != ["DeadLetteredCount", "DroppedEventCount"]:
        yield "nobody is told of dead letters"

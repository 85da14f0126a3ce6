// The app: its plan, identities, storage, telemetry, and what watches it, in a resource group of its own and nowhere else.
// What reaches out to the clusters, roles and events, is clusters.bicep: `azd down` deletes every resource group that this
// template has touched, and must not find a cluster's among them (https://github.com/Azure/azure-dev/issues/2916).
// Which clusters, which mode: clusters.yaml. Which network: main.bicepparam. How to deploy: ../docs/deployment.md.
targetScope = 'subscription'

@description('Names everything: two environments in one subscription share nothing.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of the app.')
@minLength(1)
param location string

@description('What is in clusters.yaml.')
param clusters array

@description('NCRONTAB of the timer.')
param schedule string = '0 */5 * * * *'

@description('Days for which the history of passes is kept.')
@minValue(1)
@maxValue(3650)
param historyDays int = 30

@description('Endpoint of an Event Grid topic that is told of what happened; empty: none. The identity then needs EventGrid Data Sender on it.')
param eventsEndpoint string = ''

@description('Id of a subnet for the app, delegated to Microsoft.App/environments; empty: no virtual network. Needed for private clusters.')
param functionSubnetId string = ''

@description('Id of a subnet for private endpoints of the storage account; empty: the account is reached over its public address. Needs functionSubnetId.')
param privateEndpointSubnetId string = ''

@description('Ids of existing private DNS zones, { blob: id, queue: id }; empty: they are made and linked to the network of the private endpoints.')
param privateDnsZoneIds object = {}

@description('Ids of action groups that alerts call; without one, alerts are seen in the portal only.')
param actionGroupIds array = []

@description('A cluster without a pass for so long raises an alert: three periods of the timer.')
@allowed(['PT5M', 'PT10M', 'PT15M', 'PT30M', 'PT45M', 'PT1H', 'PT2H', 'PT3H', 'PT4H', 'PT5H', 'PT6H'])
param staleAfter string = 'PT15M'

@description('Memory of an instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('Instances kept warm for wake-ups; 0 costs nothing and adds a cold start to the first event.')
@minValue(0)
param alwaysReady int = 0

@description('On every resource that takes tags.')
param tags object = {}

@description('Resource group of the app. It is made here.')
param resourceGroupName string = 'rg-aks-pod-routes-${environmentName}'

var token = uniqueString(subscription().id, environmentName)
var allTags = union(tags, { 'azd-env-name': environmentName, application: 'aks-pod-routes' })
var configurations = map(clusters, cluster => cluster.config)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identities 'modules/identities.bicep' = {
  name: 'aks-pod-routes-identities-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
  }
}

module storage 'modules/storage.bicep' = {
  name: 'aks-pod-routes-storage-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    isPrivate: !empty(privateEndpointSubnetId)
    appPrincipalId: identities.outputs.appPrincipalId
    eventsPrincipalId: identities.outputs.eventsPrincipalId
  }
}

module privateEndpoints 'modules/private-endpoints.bicep' = if (!empty(privateEndpointSubnetId)) {
  name: 'aks-pod-routes-private-endpoints-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    subnetId: privateEndpointSubnetId
    storageAccountId: storage.outputs.id
    dnsZoneIds: privateDnsZoneIds
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'aks-pod-routes-monitoring-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    appPrincipalId: identities.outputs.appPrincipalId
  }
}

module app 'modules/function-app.bicep' = {
  name: 'aks-pod-routes-app-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    identityId: identities.outputs.appId
    identityClientId: identities.outputs.appClientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    packageContainer: storage.outputs.packageContainer
    insightsConnection: monitoring.outputs.connection
    subnetId: functionSubnetId
    instanceMemoryMB: instanceMemoryMB
    alwaysReady: alwaysReady
    clusters: string(configurations)
    schedule: schedule
    historyDays: historyDays
    eventsEndpoint: eventsEndpoint
  }
  dependsOn: [
    privateEndpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'aks-pod-routes-alerts-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    workspaceId: monitoring.outputs.workspaceId
    clusterNames: map(configurations, config => config.name)
    staleAfter: staleAfter
    actionGroupIds: actionGroupIds
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'aks-pod-routes-workbook-${token}'
  scope: group
  params: {
    location: location
    tags: allTags
    token: token
    workspaceId: monitoring.outputs.workspaceId
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AKS_POD_ROUTES_APP string = app.outputs.name
output AKS_POD_ROUTES_URL string = app.outputs.url
@description('For kubernetes/reader.yaml, in clusters with kubernetesAccess clusterRole, and for disconnect.sh.')
output AKS_POD_ROUTES_PRINCIPAL_ID string = identities.outputs.appPrincipalId

@description('What the names of everything end with.')
output AKS_POD_ROUTES_TOKEN string = token

// What reaches out to the clusters: the roles of the app's identity and the subscriptions to scale events. After the code:
// Event Grid refuses a function that it cannot see. azure.yaml runs it in the same command, through connect.sh.
targetScope = 'subscription'

@description('As in main.bicep.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('What is in clusters.yaml.')
param clusters array

@description('Keep events that could not be delivered. Where Azure refuses an identity on the topic: docs/deployment.md, troubleshooting.')
param deadLetters bool = true

@description('Let the doctor read limits, locks, own permissions and event subscriptions in the subscriptions of the clusters.')
param examine bool = true

@description('Ids of action groups that alerts call.')
param actionGroupIds array = []

@description('On every resource that takes tags.')
param tags object = {}

@description('As in main.bicep.')
param resourceGroupName string = 'rg-aks-pod-routes-${environmentName}'

var token = uniqueString(subscription().id, environmentName)
var roleSeed = guid(subscription().id, environmentName, 'aks-pod-routes')
var allTags = union(tags, { application: 'aks-pod-routes', environment: environmentName }) // no tag of azd's: see main.bicep
var reachable = filter(clusters, cluster => contains(cluster.config, 'aksClusterId'))

// Everything named in the configuration that a role is assigned on, to know its subscriptions.
var named = flatten(map(reachable, cluster => concat(
  [cluster.config.aksClusterId],
  cluster.config.routing.?routeTables ?? [],
  contains(cluster.config.routing, 'virtualHubId') ? [cluster.config.routing.virtualHubId] : [],
  cluster.?networks ?? []
)))
var subscriptions = union(map(named, id => toLower('/subscriptions/${split(id, '/')[2]}')), [])

module app 'modules/app-found.bicep' = {
  name: 'aks-pod-routes-found-${token}'
  scope: resourceGroup(resourceGroupName)
  params: {
    token: token
  }
}

module roles 'modules/role-definitions.bicep' = {
  name: 'aks-pod-routes-roles-${token}'
  params: {
    seed: roleSeed
    token: token
    assignableScopes: union([toLower(subscription().id)], subscriptions)
  }
}

module doctor 'modules/access-doctor.bicep' = [for (id, i) in (examine ? subscriptions : []): {
  name: 'aks-pod-routes-doctor-${i}-${token}'
  scope: subscription(split(id, '/')[2])
  params: {
    principalId: app.outputs.principalId
    roleSeed: roleSeed
  }
  dependsOn: [
    roles
  ]
}]

// One after another: clusters may share networks and tables, and two writers of one role assignment are refused.
@batchSize(1)
module access 'modules/cluster.bicep' = [for cluster in reachable: {
  name: 'aks-pod-routes-${token}-${cluster.config.name}'
  scope: resourceGroup(split(cluster.config.aksClusterId, '/')[2], split(cluster.config.aksClusterId, '/')[4])
  params: {
    clusterName: split(cluster.config.aksClusterId, '/')[8]
    config: cluster.config
    kubernetesAccess: cluster.kubernetesAccess
    networks: cluster.?networks ?? []
    machines: cluster.?machines ?? true
    principalId: app.outputs.principalId
    roleSeed: roleSeed
  }
  dependsOn: [
    roles
  ]
}]

module events 'modules/cluster-events.bicep' = [for cluster in filter(reachable, cluster => cluster.?events ?? true): {
  name: 'aks-pod-routes-events-${token}-${cluster.config.name}'
  scope: resourceGroup(split(cluster.config.aksClusterId, '/')[2], split(cluster.config.aksClusterId, '/')[4])
  params: {
    tags: allTags
    token: token
    clusterName: split(cluster.config.aksClusterId, '/')[8]
    appName: cluster.config.name
    functionAppId: app.outputs.functionAppId
    identityId: app.outputs.eventsIdentityId
    storageAccountId: app.outputs.storageAccountId
    deadLetterContainer: app.outputs.deadLetterContainer
    deadLetters: deadLetters
    actionGroupIds: actionGroupIds
  }
}]

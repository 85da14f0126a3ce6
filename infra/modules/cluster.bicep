// What the app may do around one cluster. Told is the cluster's id alone; its node resource group, its subnets and their route
// tables are found from it. A module's scope must be known when its deployment starts, so what is found travels down as a
// parameter: to the module it is known.
@description('Its name in Azure. The scope of this module is its resource group.')
param clusterName string

@description('The cluster as in docs/configuration.md.')
param config object

@description('azureRbac: a role for the nodes is assigned here. clusterRole: kubectl apply infra/kubernetes/reader.yaml.')
@allowed(['azureRbac', 'clusterRole'])
param kubernetesAccess string

@description('Ids of further virtual networks to read (modes routeServer and virtualWan).')
param networks array

@description('Whether to assign a role on the node resource group. AKS forbids it where that group is locked down.')
param machines bool

param principalId string
param roleSeed string

var mode = config.routing.mode
var hubs = contains(config.routing, 'virtualHubId') ? [config.routing.virtualHubId] : []
var clusterRole = guid(roleSeed, 'cluster')
var kubernetesRole = guid(roleSeed, 'kubernetes')

resource cluster 'Microsoft.ContainerService/managedClusters@2025-02-01' existing = {
  name: clusterName
}

resource onCluster 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(cluster.id, principalId, clusterRole)
  scope: cluster
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', clusterRole)
  }
}

resource onKubernetes 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (kubernetesAccess == 'azureRbac') {
  name: guid(cluster.id, principalId, kubernetesRole)
  scope: cluster
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', kubernetesRole)
  }
}

module found 'cluster-surroundings.bicep' = {
  name: take('aks-pod-routes-found-${config.name}', 64)
  params: {
    name: config.name
    mode: mode
    nodeResourceGroup: cluster.properties.nodeResourceGroup
    subnetIds: map(cluster.properties.agentPoolProfiles, pool => pool.?vnetSubnetID ?? '')
    routeTableIds: config.routing.?routeTables ?? []
    networkIds: networks
    machines: machines
    principalId: principalId
    roleSeed: roleSeed
  }
}

module onHub 'access-hub.bicep' = [for hubId in hubs: {
  name: take('aks-pod-routes-hub-${config.name}', 64)
  scope: resourceGroup(split(hubId, '/')[2], split(hubId, '/')[4])
  params: {
    hubName: split(hubId, '/')[8]
    principalId: principalId
    roleSeed: roleSeed
  }
}]

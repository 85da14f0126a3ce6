// Scale events of one cluster. The scope is the cluster's resource group: a topic must be in the subscription of its source, and
// the node resource group itself belongs to AKS.
param tags object
param token string

@description('Its name in Azure.')
param clusterName string

@description('Its name in the app\'s configuration.')
param appName string

param functionAppId string
param identityId string
param storageAccountId string
param deadLetterContainer string
param deadLetters bool
param actionGroupIds array

resource cluster 'Microsoft.ContainerService/managedClusters@2025-02-01' existing = {
  name: clusterName
}

module events 'events.bicep' = {
  name: take('aks-pod-routes-topic-${appName}', 64)
  params: {
    tags: tags
    name: 'aks-pod-routes-${appName}-${token}'
    source: '${subscription().id}/resourceGroups/${cluster.properties.nodeResourceGroup}'
    functionAppId: functionAppId
    identityId: identityId
    storageAccountId: storageAccountId
    deadLetterContainer: deadLetterContainer
    deadLetters: deadLetters
    actionGroupIds: actionGroupIds
  }
}

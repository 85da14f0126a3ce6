// Read of one virtual network: address space and peerings. The scope is its resource group.
param networkName string
param principalId string
param roleSeed string

var role = guid(roleSeed, 'network')

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = {
  name: networkName
}

resource onNetwork 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(network.id, principalId, role)
  scope: network
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}

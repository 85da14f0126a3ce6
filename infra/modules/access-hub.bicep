// The role on a Route Server or virtual hub, a virtualHubs resource in both cases. The scope is its resource group.
// A BGP connection that names a connection of the hub takes read on that one, too, a child of the hub and so in this role:
// https://learn.microsoft.com/azure/virtual-wan/roles-permissions
param hubName string
param principalId string
param roleSeed string

var role = guid(roleSeed, 'hub')

resource hub 'Microsoft.Network/virtualHubs@2025-05-01' existing = {
  name: hubName
}

resource onHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hub.id, principalId, role)
  scope: hub
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}

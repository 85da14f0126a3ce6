// Read of one subnet, and the role on the route table that is found there. The scope is the network's resource group.
@description('Tells deployments apart.')
param name string

param networkName string
param subnetName string

@description('Key of the role in roles.json; empty: none.')
param tableRole string

param principalId string
param roleSeed string

var role = guid(roleSeed, 'subnet')

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = {
  name: networkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2025-05-01' existing = {
  parent: network
  name: subnetName
}

resource onSubnet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subnet.id, principalId, role)
  scope: subnet
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}

module onTable 'route-tables.bicep' = if (!empty(tableRole)) {
  name: take('aks-pod-routes-table-${name}', 64)
  params: {
    name: name
    tableIds: contains(subnet.properties, 'routeTable') ? [subnet.properties.routeTable.id] : []
    role: tableRole
    principalId: principalId
    roleSeed: roleSeed
  }
}

// The role on one route table. The scope is the table's resource group.
// A write of a table takes routeTables/write and no more: routes are part of the table, and routeTables/join/action is asked of
// who associates a subnet, which the app never does. https://learn.microsoft.com/azure/virtual-network/manage-route-table#permissions
param tableName string

@description('Key of the role in roles.json.')
@allowed(['routeTable', 'routeTableReader'])
param role string

param principalId string
param roleSeed string

var roleId = guid(roleSeed, role)

resource table 'Microsoft.Network/routeTables@2025-05-01' existing = {
  name: tableName
}

resource onTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(table.id, principalId, roleId)
  scope: table
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
  }
}

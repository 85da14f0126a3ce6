// From the ids of route tables to the role on each: a table may be in another resource group than who names it.
@description('Tells deployments apart.')
param name string

param tableIds array

@description('Key of the role in roles.json.')
param role string

param principalId string
param roleSeed string

@batchSize(1)
module onTable 'access-route-table.bicep' = [for (tableId, i) in tableIds: {
  name: take('aks-pod-routes-table-${i}-of-${name}', 64)
  scope: resourceGroup(split(tableId, '/')[2], split(tableId, '/')[4])
  params: {
    tableName: split(tableId, '/')[8]
    role: role
    principalId: principalId
    roleSeed: roleSeed
  }
}]

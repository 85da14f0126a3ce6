// What lies around a cluster: its machines, its subnets, their networks and route tables. Assigned with one batch each, since
// agent pools share subnets, and two writers of one role assignment are refused.
param name string
param mode string
param nodeResourceGroup string

@description('One for each agent pool; empty for the network that AKS makes itself, which is in the node resource group.')
param subnetIds array

@description('The configured ones; empty: those of the subnets.')
param routeTableIds array

param networkIds array
param machines bool
param principalId string
param roleSeed string

var subnets = union(map(filter(subnetIds, id => !empty(id)), id => toLower(id)), [])
var ofSubnets = map(subnets, id => join(take(split(id, '/'), 9), '/'))
var byPeers = mode == 'routeServer' || mode == 'virtualWan'
var networks = union(ofSubnets, map(networkIds, id => toLower(id)))
var tables = mode == 'udr' ? map(routeTableIds, id => toLower(id)) : []

module onMachines 'access-machines.bicep' = if (machines) {
  name: take('aks-pod-routes-machines-${name}', 64)
  scope: resourceGroup(nodeResourceGroup)
  params: {
    principalId: principalId
    roleSeed: roleSeed
  }
}

@batchSize(1)
module onSubnet 'access-subnet.bicep' = [for (subnetId, i) in subnets: {
  name: take('aks-pod-routes-subnet-${i}-${name}', 64)
  scope: resourceGroup(split(subnetId, '/')[2], split(subnetId, '/')[4])
  params: {
    name: '${i}-${name}'
    networkName: split(subnetId, '/')[8]
    subnetName: split(subnetId, '/')[10]
    tableRole: mode == 'observe' || !empty(tables) ? '' : (byPeers ? 'routeTableReader' : 'routeTable')
    principalId: principalId
    roleSeed: roleSeed
  }
}]

@batchSize(1)
module onNetwork 'access-network.bicep' = [for (networkId, i) in networks: {
  name: take('aks-pod-routes-network-${i}-${name}', 64)
  scope: resourceGroup(split(networkId, '/')[2], split(networkId, '/')[4])
  params: {
    networkName: split(networkId, '/')[8]
    principalId: principalId
    roleSeed: roleSeed
  }
}]

module onTables 'route-tables.bicep' = {
  name: take('aks-pod-routes-tables-${name}', 64)
  params: {
    name: name
    tableIds: tables
    role: 'routeTable'
    principalId: principalId
    roleSeed: roleSeed
  }
}

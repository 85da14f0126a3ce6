// Private endpoints of the storage account for what the app uses, blobs and queues, and the names that lead to them.
param location string
param tags object
param token string
param subnetId string
param storageAccountId string

@description('{ blob: id, queue: id } of existing zones, or empty: zones are made here.')
param dnsZoneIds object

var services = ['blob', 'queue']
var ownZones = empty(dnsZoneIds) ? services : []
var networkId = join(take(split(subnetId, '/'), 9), '/')

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [for service in ownZones: {
  name: 'privatelink.${service}.${environment().suffixes.storage}'
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [for (service, i) in ownZones: {
  parent: zones[i]
  name: 'link-aks-pod-routes-${token}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [for service in services: {
  name: 'pe-aks-pod-routes-${service}-${token}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: storageAccountId
          groupIds: [service]
        }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (service, i) in services: {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: {
          privateDnsZoneId: dnsZoneIds[?service] ?? resourceId('Microsoft.Network/privateDnsZones', 'privatelink.${service}.${environment().suffixes.storage}')
        }
      }
    ]
  }
  dependsOn: [
    zones
    links
  ]
}]

// Two route reflectors: small machines in two zones that speak BGP and nothing else. They hold no state: a machine that
// is deleted comes back with the next deployment. Most parameters are rendered; see README.md.
//
// Not here: the bgpConnections of the hub (the app keeps them) and the subnet, which needs a way out to the package archive.

targetScope = 'resourceGroup'

@description('Addresses of the reflectors, as in routing.peers.addresses of the clusters file. Rendered.')
@minLength(1)
@maxLength(8)
param addresses string[]

@description('Ranges that may speak BGP to the reflectors: the subnets of the nodes and of the hub. Rendered.')
param bgpSources string[]

@description('User data of each reflector, in the order of the addresses. Rendered; holds no secret.')
param cloudInits string[]

@description('Resource id of the subnet the addresses are in. Not a subnet of nodes, and not RouteServerSubnet.')
param subnetId string

@description('Public SSH key of the administrator. Azure asks for one; the network security group lets no SSH in.')
param sshPublicKey string

param adminUsername string = 'azureuser'

param location string = resourceGroup().location

@description('Beginning of the names of all resources.')
param namePrefix string = 'pod-route-reflector'

@description('Availability zones to spread over, one reflector after the other.')
param zones string[] = ['1', '2']

param vmSize string = 'Standard_B2ts_v2'

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${namePrefix}-nsg'
  location: location
  properties: {
    securityRules: [
      {
        name: 'allow-bgp'
        properties: {
          description: 'Nodes and hub'
          priority: 100
          direction: 'Inbound'
          access: 'Allow'
          protocol: 'Tcp'
          sourceAddressPrefixes: bgpSources
          sourcePortRange: '*'
          destinationAddressPrefixes: addresses
          destinationPortRange: '179'
        }
      }
      {
        // Azure's own rules would let the whole virtual network in.
        name: 'deny-everything-else'
        properties: {
          priority: 4096
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: '*'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// enableIPForwarding stays off: packets to pods go from node to node by Azure's routes, never through a reflector.
resource interfaces 'Microsoft.Network/networkInterfaces@2024-05-01' = [
  for (address, i) in addresses: {
    name: '${namePrefix}-${i + 1}-nic'
    location: location
    properties: {
      enableIPForwarding: false
      networkSecurityGroup: {
        id: securityGroup.id
      }
      ipConfigurations: [
        {
          name: 'bgp'
          properties: {
            privateIPAllocationMethod: 'Static'
            privateIPAddress: address
            subnet: {
              id: subnetId
            }
          }
        }
      ]
    }
  }
]

resource reflectors 'Microsoft.Compute/virtualMachines@2024-07-01' = [
  for (address, i) in addresses: {
    name: '${namePrefix}-${i + 1}'
    location: location
    zones: [
      zones[i % length(zones)]
    ]
    properties: {
      // Unlike customData it may change on an existing machine; cloud-init reads it where there is no customData.
      userData: base64(cloudInits[i])
      hardwareProfile: {
        vmSize: vmSize
      }
      storageProfile: {
        imageReference: {
          publisher: 'Canonical'
          offer: 'ubuntu-24_04-lts'
          sku: 'server'
          version: 'latest'
        }
        osDisk: {
          createOption: 'FromImage'
          deleteOption: 'Delete'
          managedDisk: {
            storageAccountType: 'StandardSSD_LRS'
          }
        }
      }
      osProfile: {
        computerName: 'reflector-${i + 1}'
        adminUsername: adminUsername
        linuxConfiguration: {
          disablePasswordAuthentication: true
          provisionVMAgent: true
          ssh: {
            publicKeys: [
              {
                path: '/home/${adminUsername}/.ssh/authorized_keys'
                keyData: sshPublicKey
              }
            ]
          }
          // Azure does not update machines of different zones at the same time.
          // https://learn.microsoft.com/azure/virtual-machines/automatic-vm-guest-patching
          patchSettings: {
            patchMode: 'AutomaticByPlatform'
            assessmentMode: 'AutomaticByPlatform'
            automaticByPlatformSettings: {
              rebootSetting: 'IfRequired'
            }
          }
        }
      }
      securityProfile: {
        securityType: 'TrustedLaunch'
        uefiSettings: {
          secureBootEnabled: true
          vTpmEnabled: true
        }
      }
      networkProfile: {
        networkInterfaces: [
          {
            id: interfaces[i].id
          }
        ]
      }
      diagnosticsProfile: {
        bootDiagnostics: {
          enabled: true
        }
      }
    }
  }
]

@description('Resource ids of the machines, in the order of the addresses.')
output reflectorIds string[] = [for i in range(0, length(addresses)): reflectors[i].id]

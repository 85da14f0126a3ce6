// Which network. Which clusters, in which mode: clusters.yaml. Everything else has a default or is found.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param clusters = loadYamlContent('clusters.yaml')

// Empty: no virtual network. A private cluster needs the first, a storage account without a public address both.
param functionSubnetId = ''
param privateEndpointSubnetId = ''

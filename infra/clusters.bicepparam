// What reaches out to the clusters. Which ones: clusters.yaml.
using './clusters.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'prod')
param clusters = loadYamlContent('clusters.yaml')

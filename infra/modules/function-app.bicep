// The Flex Consumption plan and the app on it. Every setting the app reads is here; their names are those of shared/config.
// Shape: https://learn.microsoft.com/azure/azure-functions/flex-consumption-how-to
param location string
param tags object
param token string
param identityId string
param identityClientId string
param blobEndpoint string
param queueEndpoint string
param packageContainer string
param insightsConnection string

@description('Empty: no virtual network.')
param subnetId string

param instanceMemoryMB int
param alwaysReady int

@description('The clusters as the app reads them, JSON.')
param clusters string

param schedule string
param historyDays int
param eventsEndpoint string

var warm = {
  name: 'function:on_wake'
  instanceCount: alwaysReady
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-aks-pod-routes-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-aks-pod-routes-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: 40
        alwaysReady: alwaysReady > 0 ? [warm] : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'appsettings'
  properties: {
    AKS_POD_ROUTES_CLUSTERS: clusters
    AKS_POD_ROUTES_SCHEDULE: schedule
    AKS_POD_ROUTES_HISTORY_DAYS: string(historyDays)
    AKS_POD_ROUTES_EVENTS_ENDPOINT: eventsEndpoint
    AKS_POD_ROUTES_ARM_ENDPOINT: environment().resourceManager
    AZURE_CLIENT_ID: identityClientId
    // Addresses instead of the account's name: the host knows names in the public cloud only.
    AzureWebJobsStorage__blobServiceUri: blobEndpoint
    AzureWebJobsStorage__queueServiceUri: queueEndpoint
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identityClientId}'
  }
}

resource noPasswordsForCode 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

resource noPasswordsForFiles 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

output id string = site.id
output name string = site.name
output url string = 'https://${site.properties.defaultHostName}'

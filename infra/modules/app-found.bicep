// The app that main.bicep made, found by its names. The scope is its resource group.
param token string

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: 'id-aks-pod-routes-${token}'
}

resource eventsIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: 'id-aks-pod-routes-events-${token}'
}

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: 'stapr${token}'
}

resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: 'func-aks-pod-routes-${token}'
}

output principalId string = identity.properties.principalId
output eventsIdentityId string = eventsIdentity.id
output storageAccountId string = account.id
output deadLetterContainer string = 'aks-pod-routes-dead-letters'
output functionAppId string = site.id

// What GET /api/doctor reads beyond what a pass reads, in one subscription. Without it those checks say that they do not know.
targetScope = 'subscription'

param principalId string
param roleSeed string

var role = guid(roleSeed, 'doctor')

resource onSubscription 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, role)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}

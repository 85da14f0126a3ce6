// The custom roles: exactly the actions that the app uses, from roles.json. Where they are assigned: cluster.bicep.
targetScope = 'subscription'

@description('What the ids of the roles are derived from.')
param seed string

param token string

@description('Every subscription with something to assign a role on.')
param assignableScopes array

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in items(loadJsonContent('../roles.json')): {
  name: guid(seed, role.key)
  properties: {
    roleName: '${role.value.title} (${token})' // names are unique in a tenant
    description: role.value.description
    type: 'CustomRole'
    assignableScopes: assignableScopes
    permissions: [
      {
        actions: role.value.actions
        notActions: []
        dataActions: role.value.dataActions
        notDataActions: []
      }
    ]
  }
}]

// What a person should know of, from the line of figures that the app logs for each cluster and pass (../../docs/metrics.md).
// Dead letters: events.bicep.
param location string
param tags object
param token string
param workspaceId string
param clusterNames array

@description('A cluster without a good pass for so long is stale.')
param staleAfter string

param actionGroupIds array

var rules = [
  {
    name: 'stale'
    title: 'a cluster is not looked after'
    description: 'No pass over the cluster did its work for the time of the window. Look at the app\'s last errors; GET /api/status has the last report.'
    severity: 1
    window: staleAfter
    query: replace(loadTextContent('../queries/stale.kql'), 'CLUSTERS', string(clusterNames))
  }
  {
    name: 'outcome'
    title: 'a pass failed or holds deletes back'
    description: 'The last pass over the cluster failed, or deletes wait for a person. GET /api/plan says what and why; POST /api/reconcile with force lets them go.'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/outcome.kql')
  }
  {
    name: 'headroom'
    title: 'a route table or hub is nearly full'
    description: 'Less than a tenth of its capacity is free. Larger pod CIDRs per node, fewer nodes, or another mode.'
    severity: 2
    window: 'PT30M'
    query: loadTextContent('../queries/headroom.kql')
  }
  {
    name: 'poison'
    title: 'wake-ups failed for good'
    description: 'Messages lie in the poison queue. The timer repairs what they stood for; GET /api/status names the clusters.'
    severity: 2
    window: 'PT15M'
    query: loadTextContent('../queries/poison.kql')
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'aks-pod-routes-${rule.name}-${token}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'aks-pod-routes: ${rule.title}'
    description: rule.description
    severity: rule.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT5M'
    windowSize: rule.window
    skipQueryValidation: true // the table is there with the first line in it
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            {
              name: 'cluster'
              operator: 'Include'
              values: ['*']
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: actionGroupIds
    }
  }
}]

// An Event Grid topic on a node resource group, and the subscription of on_scale_event to what makes nodes come, go or change.
// Azure has one system topic for each source: where there is one already, see docs/deployment.md.
param tags object
param name string

@description('Id of the node resource group.')
param source string

param functionAppId string

@description('The identity with which Event Grid writes dead letters.')
param identityId string

param storageAccountId string
param deadLetterContainer string
param deadLetters bool
param actionGroupIds array

// The types and operations that shared/events.py counts; others never leave Event Grid. 8 values of the 25 that a subscription
// may have in its advanced filters, which do not heed case: https://learn.microsoft.com/azure/event-grid/event-filtering
var types = [
  'Microsoft.Resources.ResourceWriteSuccess'
  'Microsoft.Resources.ResourceDeleteSuccess'
  'Microsoft.Resources.ResourceActionSuccess'
]
var operations = [
  'Microsoft.Compute/virtualMachineScaleSets/write'
  'Microsoft.Compute/virtualMachineScaleSets/delete'
  'Microsoft.Compute/virtualMachineScaleSets/delete/action'
  'Microsoft.Compute/virtualMachineScaleSets/deallocate/action'
  'Microsoft.Compute/virtualMachineScaleSets/start/action'
  'Microsoft.Compute/virtualMachineScaleSets/reimage/action'
  'Microsoft.Compute/virtualMachines/write'
  'Microsoft.Compute/virtualMachines/delete'
]

var writer = {
  type: 'UserAssigned'
  userAssignedIdentities: {
    '${identityId}': {}
  }
}

var deadLetter = {
  identity: {
    type: 'UserAssigned'
    userAssignedIdentity: identityId
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storageAccountId
      blobContainerName: deadLetterContainer
    }
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: 'global'
  tags: tags
  identity: deadLetters ? writer : null
  properties: {
    source: source
    topicType: 'Microsoft.Resources.ResourceGroups'
  }
}

resource toFunction 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: 'on-scale-event'
  properties: {
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${functionAppId}/functions/on_scale_event'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: types
      advancedFilters: [
        {
          operatorType: 'StringIn'
          key: 'data.operationName'
          values: operations
        }
      ]
    }
    // After an hour the timer has looked a dozen times: an older event tells nothing new.
    retryPolicy: {
      eventTimeToLiveInMinutes: 60
      maxDeliveryAttempts: 30
    }
    deadLetterWithResourceIdentity: deadLetters ? deadLetter : null
  }
}

// https://learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-eventgrid-systemtopics-metrics
var lost = ['DeadLetteredCount', 'DroppedEventCount']

resource undelivered 'Microsoft.Insights/metricAlerts@2018-03-01' = [for metric in lost: {
  name: '${name}-${metric}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Scale events did not reach the app (${metric}). The timer repairs what they stood for; look why the function does not take them.'
    severity: 2
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: metric
          metricNamespace: 'Microsoft.EventGrid/systemTopics'
          metricName: metric
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    autoMitigate: true
    actions: [for id in actionGroupIds: {
      actionGroupId: id
    }]
  }
}]

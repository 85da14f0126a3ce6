// The figures of every cluster on one page, from the same line that the alerts read (../../docs/metrics.md).
param location string
param tags object
param token string
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, token, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: 'aks-pod-routes'
    sourceId: workspaceId
    serializedData: loadTextContent('../workbook.json')
  }
}

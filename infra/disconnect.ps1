# Takes back what connect.ps1 did, as disconnect.sh does.
$ErrorActionPreference = 'Stop'
foreach ($name in 'AKS_POD_ROUTES_TOKEN', 'AKS_POD_ROUTES_PRINCIPAL_ID') {
    if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is not set; azd sets it, otherwise set the deployment's output" }
}
$where = @()
if ($env:AZURE_SUBSCRIPTION_ID) { $where = '--subscription', $env:AZURE_SUBSCRIPTION_ID }
$definitions = az role definition list --only-show-errors --custom-role-only true @where --output json | ConvertFrom-Json |
    Where-Object { $_.roleName.EndsWith("($env:AKS_POD_ROUTES_TOKEN)") }
foreach ($scope in ($definitions.assignableScopes | Sort-Object -Unique)) {
    $subscription = $scope -replace '^/subscriptions/', ''
    az resource list --only-show-errors --subscription $subscription --output json | ConvertFrom-Json |
        Where-Object { $_.name.StartsWith('aks-pod-routes-') -and $_.name.Contains($env:AKS_POD_ROUTES_TOKEN) -and $_.tags.application -eq 'aks-pod-routes' } |
        ForEach-Object { az resource delete --only-show-errors --ids $_.id }
    az role assignment list --only-show-errors --subscription $subscription --all --output json | ConvertFrom-Json |
        Where-Object { $_.principalId -eq $env:AKS_POD_ROUTES_PRINCIPAL_ID -and $_.id -notlike "*/resourceGroups/$env:AZURE_RESOURCE_GROUP/*" } |
        ForEach-Object { az role assignment delete --only-show-errors --ids $_.id }
}
foreach ($definition in $definitions) {
    az role definition delete --only-show-errors --name $definition.name --custom-role-only true @where
}
Write-Output 'Disconnected from the clusters. Their routes and peers stay as they are.'

# Connects the app with its clusters, as connect.sh does.
$ErrorActionPreference = 'Stop'
foreach ($name in 'AZURE_ENV_NAME', 'AZURE_LOCATION') {
    if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is not set; azd sets it, otherwise set it yourself" }
}
$where = @()
if ($env:AZURE_SUBSCRIPTION_ID) { $where = '--subscription', $env:AZURE_SUBSCRIPTION_ID }
foreach ($attempt in 1..5) {
    az deployment sub create --only-show-errors --output none --name "aks-pod-routes-clusters-$env:AZURE_ENV_NAME" `
        --location $env:AZURE_LOCATION --parameters "$PSScriptRoot/clusters.bicepparam" @where
    if ($LASTEXITCODE -eq 0) { Write-Output 'Connected with the clusters.'; exit 0 }
    if ($attempt -lt 5) {
        Write-Warning "Attempt $attempt of 5 failed; the next one follows in 30 s."
        Start-Sleep -Seconds 30
    }
}
Write-Error 'Not connected. Run infra/connect.ps1 again when the cause is gone; see docs/deployment.md, troubleshooting.' -ErrorAction Continue
exit 1

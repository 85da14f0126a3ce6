#!/bin/sh
# Connects the app with its clusters: roles, and subscriptions to scale events. Event Grid refuses a function that it cannot see,
# and a function is seen some time after its code was deployed: hence the attempts. Changes nothing when run again.
set -eu
: "${AZURE_ENV_NAME:?is not set; azd sets it, otherwise export the name of the environment}"
: "${AZURE_LOCATION:?is not set; azd sets it, otherwise export the region}"
if [ -n "${AZURE_SUBSCRIPTION_ID:-}" ]; then
  set -- --subscription "$AZURE_SUBSCRIPTION_ID" "$@"
fi
for attempt in 1 2 3 4 5; do
  if az deployment sub create --only-show-errors --output none --name "aks-pod-routes-clusters-$AZURE_ENV_NAME" \
    --location "$AZURE_LOCATION" --parameters "$(dirname "$0")/clusters.bicepparam" "$@"; then
    echo "Connected with the clusters."
    exit 0
  fi
  if [ "$attempt" -lt 5 ]; then
    echo "Attempt $attempt of 5 failed; the next one follows in 30 s." >&2
    sleep 30
  fi
done
echo "Not connected. Run infra/connect.sh again when the cause is gone; see docs/deployment.md, troubleshooting." >&2
exit 1

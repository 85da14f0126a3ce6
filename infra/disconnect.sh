#!/bin/sh
# Takes back what connect.sh did: topics and their alerts, role assignments, custom roles. Routes and peers stay as they are.
# Finds everything by the token that ends the names, and by the identity; asks nothing of the clusters. May be run again.
set -eu
: "${AKS_POD_ROUTES_TOKEN:?is not set; azd sets it, otherwise export the output of the deployment}"
: "${AKS_POD_ROUTES_PRINCIPAL_ID:?is not set; azd sets it, otherwise export the output of the deployment}"
ours="[?ends_with(roleName, '($AKS_POD_ROUTES_TOKEN)')]"
if [ -n "${AZURE_SUBSCRIPTION_ID:-}" ]; then
  set -- --subscription "$AZURE_SUBSCRIPTION_ID"
fi
roles=$(az role definition list --only-show-errors --custom-role-only true "$@" --query "$ours.name" --output tsv)
scopes=$(az role definition list --only-show-errors --custom-role-only true "$@" --query "$ours.assignableScopes[]" --output tsv | sort -u)
for scope in $scopes; do
  subscription=${scope#/subscriptions/}
  topics="[?starts_with(name, 'aks-pod-routes-') && contains(name, '$AKS_POD_ROUTES_TOKEN') && tags.application == 'aks-pod-routes']"
  az resource list --only-show-errors --subscription "$subscription" --query "$topics.id" --output tsv |
    while read -r id; do az resource delete --only-show-errors --ids "$id" </dev/null; done
  az role assignment list --only-show-errors --subscription "$subscription" --all \
    --query "[?principalId == '$AKS_POD_ROUTES_PRINCIPAL_ID'].id" --output tsv |
    while read -r id; do
      case $id in
        */resourceGroups/"${AZURE_RESOURCE_GROUP:-}"/*) ;; # the app's own, which go with its resource group
        *) az role assignment delete --only-show-errors --ids "$id" </dev/null ;;
      esac
    done
done
for role in $roles; do
  az role definition delete --only-show-errors --name "$role" --custom-role-only true "$@"
done
echo "Disconnected from the clusters. Their routes and peers stay as they are."

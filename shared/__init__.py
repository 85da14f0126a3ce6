"""aks-pod-routes: Azure routes for the pod CIDRs of AKS clusters that run Cilium native routing."""

"""What surrounds the app in Azure and Kubernetes: templates, roles, manifests, and the command that renders some of them.

Imports `shared` to read the app's own configuration; `shared` never imports from here, and nothing here is deployed with it.
"""

"""`python -m infra.package`: the zip that is deployed to Azure Functions Flex Consumption, with nothing left to build there.

- `app_files`: which files of the repository run in Azure.
- `dependencies`: the pinned packages, for the platform in Azure.
- `pruning`: what of them never runs, with the reason.
- `bytecode`: compiled ahead, because the package is mounted read-only.
- `archive`: the same files give the same bytes.
- `build`: the story from the repository to the zip.
- `figures`: sizes. `cold_start`: seconds and modules, measured on the unpacked zip.

Built here and not in Azure, for three reasons: the remote build may run an older Python than the app and so take other
packages (https://github.com/Azure/azure-dev/issues/8538), it compiles nothing that a read-only mount could keep, and what
was tested would not be what runs. So it is deployed without remote build (`az functionapp deployment source config-zip
--build-remote false`, `remoteBuild: false` in azure.yaml), for which packages have to lie in
`.python_packages/lib/site-packages` and `host.json` at the root.
Source: https://learn.microsoft.com/azure/azure-functions/python-build-options#deployment-package-considerations
"""

"""What Cilium's own configuration says about how pods are reached, and what of it a person should know. Pure.

    config = parse(data)                       # the entries of the ConfigMap kube-system/cilium-config
    option_of(config)                          # how the cluster is routed
    findings_for("udr", config, pod_cidrs)     # what contradicts the configured mode

`configuration` reads the entries, `option` names the option in force, `findings` words what is worth knowing. How the
ConfigMap is fetched is told in `shared.sources.cilium_config`.
"""

from shared.cilium.configuration import CiliumConfig, Routing, parse
from shared.cilium.findings import Mode, findings_for
from shared.cilium.option import Option, option_of

__all__ = ["CiliumConfig", "Mode", "Option", "Routing", "findings_for", "option_of", "parse"]

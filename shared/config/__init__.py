"""Settings → Config: every problem at once, each with the way out. Nothing here reads the environment or the network.

    settings   what the settings beside the clusters may hold; `load_config` puts it all together
    document   the text of the clusters setting, or of the file it names, as plain values (`yaml_document` for YAML)
    clusters   one cluster: what each key may hold on its own; these are also the values the app works with
    fields     the types of those keys: resource ids, networks, AS numbers, label selectors
    together   what keys, and clusters, must hold together
    wording    a refused key as one line for a person
    schema     the same rules as a JSON Schema for editors

The room stays cheap to import: it is loaded on every cold start (no azure, no kubernetes; yaml only for a YAML file).
"""

from shared.config.clusters import (
    Cluster,
    Limits,
    ObserveRouting,
    Peers,
    PodCidrSource,
    RouteServerRouting,
    Routing,
    Settle,
    UdrRouting,
    VirtualWanRouting,
)
from shared.config.settings import Config, Storage, load_config

__all__ = [
    "Cluster",
    "Config",
    "Limits",
    "ObserveRouting",
    "Peers",
    "PodCidrSource",
    "RouteServerRouting",
    "Routing",
    "Settle",
    "Storage",
    "UdrRouting",
    "VirtualWanRouting",
    "load_config",
]

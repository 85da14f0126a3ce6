"""Trouble with a name, turned on and off while the app runs: what Azure, Kubernetes, identity and storage do on a bad day.

    with Faults(cloud, azurite) as faults:
        faults.on("throttled", times=3)
        ...
        faults.clear()

Rooms: `faults` is the switchboard; `fault` says what a fault is, `strikes` when it strikes; `catalogue` lists them all and
`refusals`, `operations`, `writers`, `kubernetes`, `watches`, `identity`, `network` and `storage` play them; `proxy` stands
between the app and storage. Nothing here is ever true of a stand-in that has no fault on.
"""

from sandbox.faults.fault import Fault
from sandbox.faults.faults import Faults

__all__ = ["Fault", "Faults"]

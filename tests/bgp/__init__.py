"""Real routers on this machine: FRR in network namespaces, joined like Azure's subnets, with the rendered configuration.

    namespaces   hosts, subnets and the fabric that joins them; taken away whatever happens
    speaker      one bgpd on one host: start, ask, freeze, kill
    neighbours   what the tests themselves play: the hub's instances, and nodes as Cilium is configured
    gobgp        a node that speaks through GoBGP, as Cilium does
    region       a whole arrangement from one rendering, and the questions the tests put to it
    waiting      until something holds, and how long that took

`make test-bgp` runs them; they need FRR, iproute2, GoBGP and the right to make namespaces, and say so where
these are missing: apt-get install frr iproute2 gobgpd.
"""

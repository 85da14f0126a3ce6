"""What another route controller took, measured the same way, for comparison.

Source: the route controller of azure-cloud-controller-manager 7b31c76c (2026-08-19) with its defaults (poll 10 s, batch tick
30 s, wait 30 s after each write), run on 2026-11-22 against a real API server and a Resource Manager stand-in whose write
operation ends after L seconds. Its times are counted from the creation of the Node objects, which have a pod CIDR at once.
"""

CONDITIONS = (
    "azure-cloud-controller-manager 7b31c76c, route defaults, measured 2026-11-22 with a real API server and a Resource "
    "Manager stand-in whose writes end after L; from the creation of the Node objects"
)

ROWS = (
    ("one new node: PUT on the wire, L = 0.1 s", "5.0 to 33.4 s, median 23.9 (n = 11)"),
    ("one new node: PUT on the wire, L = 3 s, Retry-After 10", "15.0 to 32.3 s, median 18.6 (n = 5)"),
    ("400 new nodes: all routes in the table, L = 0.1 s", "76.0 and 88.8 s, 2 PUTs, 400 NIC reads"),
    ("400 new nodes: all routes in the table, L = 3 s", "76.7 s"),
    ("a lost race (412): the route really there", "134 s"),
)

CALLS = (
    ("400 new nodes, its code: calls to Resource Manager", "410 to 420 (400 of them NIC reads), 2 PUTs"),
    ("1,000 new nodes, its code: calls to Resource Manager", "about 1,030, 5 PUTs"),
    ("one new node: calls to Resource Manager", "7 or 8"),
    ("nothing to do, an hour", "28 to 30 table reads"),
)
"""Documented and counted; of the same controller."""

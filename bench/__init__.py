"""Measurements of the app in the sandbox, each a command that prints its figures and fails where a promise is broken.

What a pass costs is measured by `python -m bench`, beside its floor and the ways of today; how fast a route is written by
`latency`, what many events at once lead to by `events`, rounds over many clusters by `fleet`. What is measured is the unchanged
app; nothing here is deployed, and no test needs it.
"""

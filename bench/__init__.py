"""Measurements of the running app in the sandbox, each a command that prints its figures and fails where a promise is broken.

How fast a route is written is in `latency`, what many events at once lead to in `events`. What is measured is the unchanged
app in its functions host; nothing here is deployed, and no test needs it.
"""

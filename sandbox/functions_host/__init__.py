"""An Azure Functions host on your machine: runs an unchanged Python v2-model app the way the cloud would.

    python -m sandbox.functions_host --app DIR --port 0 --keys keys.json --log host.log

Rooms, from the outside in:

process       for a parent: start the host, call it, wait for invocations, stop it
__main__      the command line; host wires the rooms and owns start and stop
http_trigger, event_grid, queue_trigger, timer, admin      what makes a function run; auth and routes serve the first two
invoker       one invocation from its input to its outputs; journal remembers it, logs prints it, outputs sends messages
worker        what runs the app: runtime_worker (Microsoft's library) or fallback_worker (own, for Python before 3.13)
protos        the messages between the two; functions and settings are what the app and host.json say
ncrontab, polling, queues                                   time and storage

Not played: scaling, retry policies, identity-based storage connections, bindings beyond those above.
"""

"""What all acts do: deliver an event, run the timer, await a wake-up. What they show is each act's own."""

import time
from dataclasses import dataclass

from sandbox.cluster import Operation, scale_event
from sandbox.narration import Narrator
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the acts are played. Every deed tells what it does and checks that it went well."""

    world: World
    tell: Narrator

    def deliver(self, pool: str, operation: Operation, *, schema: str = "cloud") -> tuple[int, float]:
        """Send the scale event; returns the journal's cursor before it and the moment."""
        since, at = self.world.host.cursor(), time.monotonic()
        event = scale_event(pool, operation, schema="cloud" if schema == "cloud" else "eventGrid")
        answer = self.world.host.send_event("on_scale_event", event)
        kind = "CloudEvents" if schema == "cloud" else "Event Grid"
        self.tell.say(
            f"Event Grid delivers virtualMachineScaleSets/{operation} of pool {pool} ({kind} schema): "
            f"HTTP {answer.status_code} in {time.monotonic() - at:.2f} s, and a message waits in the queue"
        )
        self.tell.check(answer.ok, "the event was taken")
        return since, at

    def run_timer(self) -> None:
        """Run the timer's function now, and await its end."""
        since = self.world.host.cursor()
        self.world.host.run("on_timer")
        done = self.world.host.wait_invocation("on_timer", after=since)
        self.tell.say(f"on_timer ran for {done.duration_ms} ms")
        self.tell.check(bool(done.ok), "the timer's invocation ended well")

    def settled(self, since: int) -> None:
        """Await the end of the wake-up that began after the cursor `since`."""
        done = self.world.host.wait_invocation("on_wake", after=since)
        self.tell.say(f"on_wake has found the cluster settled and ended after {(done.duration_ms or 0) / 1000:.1f} s")
        self.tell.check(bool(done.ok), "the wake-up ended well")

"""The last act: a cluster back on routes, examined; three faults are planted, and the doctor finds exactly these."""

from sandbox.cluster import CLUSTER_ID, GROUP, NODE_GROUP, SUBSCRIPTION, scale_set_id, table_id
from sandbox.demo.stage import Stage

NODE_GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{NODE_GROUP}"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/shop-weu-nodes"
FUNCTION = f"{GROUP}/providers/Microsoft.Web/sites/func-pod-routes/functions/on_scale_event"
PLANTED = {"ipForwarding", "locks", "eventSubscription"}


class DoctorAct:
    """The steps, in their order."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._tell = stage, stage.tell
        self._arm = stage.world.cloud.arm

    def play(self) -> None:
        """All of them."""
        self.healthy()
        self.three_faults()

    def healthy(self) -> None:
        """Back to route tables, as deployed."""
        self._tell.step("Back on route tables, with the event subscription that a deployment makes: nothing is amiss")
        self._arm.event_grid.add_system_topic(TOPIC, NODE_GROUP_ID)
        self._arm.event_grid.subscribe(TOPIC, FUNCTION)
        self._stage.world.redeploy(routing={"mode": "udr"})
        self._stage.run_timer()
        self._tell.check(self._amiss() == set(), "the doctor finds nothing")

    def three_faults(self) -> None:
        """What people do to clusters."""
        self._tell.step("Three faults are planted, and the doctor finds exactly these, each with the way out")
        self._arm.machines.forward(scale_set_id("apps"), on=False)
        self._arm.access.lock(table_id("rt-apps"), "ReadOnly")
        self._arm.event_grid.unsubscribe(TOPIC)
        self._tell.say(
            f"IP forwarding is turned off for pool apps of {CLUSTER_ID.rpartition('/')[2]}, rt-apps gets a ReadOnly lock, and the "
            "event subscription is deleted."
        )
        found = self._amiss()
        self._tell.check(found == PLANTED, "found are IP forwarding, the lock and the subscription, and nothing else")

    def _amiss(self) -> set[str]:
        """The codes of all checks that are not ok, after their sentences were shown."""
        answer = self._stage.world.host.http("GET", "/api/doctor")
        checks = answer.json()["clusters"][0]["checks"]
        amiss = [check for check in checks if check["verdict"] != "ok"]
        self._tell.say(
            f"GET /api/doctor: HTTP {answer.status_code}, {len(checks) - len(amiss)} of {len(checks)} checks are ok"
        )
        for check in amiss:
            self._tell.quote(f"{check['verdict']}  {check['title']}: {check['evidence']}\n    -> {check['wayOut']}")
        return {check["code"] for check in amiss}

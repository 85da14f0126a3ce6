"""What a fleet is handed from outside: connected clusters, coordination, time. Shapes only; `wiring` builds what fits them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.arm_calls import ArmCall
from shared.history import Query
from shared.models import Finding
from shared.modes import Mode
from shared.reconcile import NodeSource, Target
from shared.report import ClusterReport
from shared.wake import Wake
from shared.witness import Answer


class FollowedNodes(NodeSource, Protocol):
    """Nodes that are kept up to date while one stays with them."""

    def wait(self, seconds: float) -> bool:
        """Whether something that matters changed; at most so many seconds."""
        ...


class FollowableSource(NodeSource, Protocol):
    """A source that can be read once, or followed."""

    def follow(self) -> AbstractContextManager[FollowedNodes]:
        """Stay with the nodes."""
        ...


class Lease(Protocol):
    """A lease that is held."""

    def check(self) -> None:
        """BusyError where it is lost."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class Coordination(Protocol):
    """What the instances of the app share."""

    def writer(self, cluster: str) -> AbstractContextManager[Lease]:
        """Be the cluster's one writer, or BusyError."""
        ...

    def acquire(self, folder: str, cluster: str) -> Lease | None:
        """A lease, or None where somebody has it."""
        ...

    def move_marker(self, cluster: str) -> None:
        """Give the marker a new version."""
        ...

    def marker(self, cluster: str) -> str:
        """The marker's version."""
        ...

    def save_report(self, cluster: str, report: str) -> None:
        """Keep the last report."""
        ...

    def last_report(self, cluster: str) -> str | None:
        """The last report, if there is one."""
        ...


class Aftermath(Protocol):
    """What follows a pass that was meant to write; `shared.aftermath.Aftermath` fits. Neither raises anything."""

    def conclude(self, report: ClusterReport, calls: Sequence[ArmCall] = (), wake: Wake | None = None) -> ClusterReport:
        """The report with what the history has to add."""
        ...

    def finish(self, trigger: str) -> None:
        """Before an invocation ends."""
        ...


class History(Protocol):
    """The history of all clusters; `shared.history_blobs.History` fits. Every method raises StorageError."""

    def entries(self, query: Query) -> list[dict[str, Any]]:
        """In short, the newest first."""
        ...

    def entry(self, cluster: str, entry_id: str) -> Any:
        """One whole, or None."""
        ...

    def repairs(self, cluster: str, since: datetime) -> list[tuple[datetime, int]]:
        """When something was put back since then, and how much."""
        ...


class Clock(Protocol):
    """Time, as it is handed in."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster that was discovered: how Azure is told of its pods, where its nodes are read, which tables or hub are its."""

    mode: Mode[Any, Any]
    source: FollowableSource
    targets: Sequence[Target[Any, Any]]
    findings: tuple[Finding, ...] = ()
    ask_azure: Callable[[], Answer] | None = None
    """Which machines Azure has, for the second witness; None where it is not to be asked."""

"""Every error this app raises on purpose. Nothing else lives here.

AppError                  a sentence for a person: what, the numbers, the way out
├── ConfigError           the settings are wrong; carries every problem at once
├── RequestError          a caller sent something unusable; names the field
├── UnknownClusterError   a caller named a cluster that is not configured
├── RefusedError          the plan is impossible as things stand (wrong network plugin, no pod CIDRs, no route table)
├── BusyError             another writer holds the cluster's lease
├── SourceError           the nodes could not be read in full; nothing may be deleted
└── TargetError           Azure could not be read or refused a write
    ├── SupersededError   somebody else wrote in between: read again and plan again
    └── UnfinishedError   Azure accepted a write and is still at work on it: come back
"""


class AppError(Exception):
    """An expected failure; its text is shown to people and never holds a secret."""


class ConfigError(AppError):
    """The settings are wrong. `problems` has one line each, naming cluster and field."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class RequestError(AppError):
    """A request that cannot be understood. `field` is the offending parameter or body field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class UnknownClusterError(AppError):
    """No configured cluster has that name."""


class RefusedError(AppError):
    """Doing it would be wrong or impossible until a person changes something."""


class BusyError(AppError):
    """Another writer has the cluster. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageError(AppError):
    """The app's storage account could not be used."""


class SourceError(AppError):
    """Nodes or CiliumNodes could not be read in full."""


class TargetError(AppError):
    """Azure answered a read or a write with something that is not success.

    `status` is the HTTP status (0 when there was no answer), `code` is Azure's error code ("" when it gave none).
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SupersededError(TargetError):
    """Somebody else writes, or wrote, the same target. `retry_after` seconds from now it is worth reading again."""

    def __init__(self, message: str, *, status: int = 0, code: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message, status=status, code=code)
        self.retry_after = retry_after


class UnfinishedError(TargetError):
    """An operation that Azure accepted outlasts what a pass waits for; the next pass finds it ended, or still at work."""

"""What host.json and the app settings say, read once and checked. No binding lives here."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

_PLACEHOLDER: Final = re.compile(r"%([^%\s]+)%")
_OVERRIDE: Final = "AzureFunctionsJobHost__"
_TIME_SPAN: Final = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(\.\d+)?")


class SettingsError(ValueError):
    """host.json or an app setting is wrong; the text names it and says what would be right."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json, with the cloud's defaults.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings
    """

    max_polling_interval: timedelta = timedelta(minutes=1)
    visibility_timeout: timedelta = timedelta(0)
    batch_size: int = 16
    new_batch_size: int = 8
    max_dequeue_count: int = 5
    base64: bool = True


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Everything the host itself needs to know about an app."""

    route_prefix: str
    queues: QueueOptions
    values: Mapping[str, str]

    def resolve(self, text: str) -> str:
        """`text` with every `%NAME%` replaced by the app setting; SettingsError when there is none."""

        def value(match: re.Match[str]) -> str:
            found = self.values.get(match[1])
            if found is None:
                raise SettingsError(f"'%{match[1]}%' does not resolve to a value: set the app setting {match[1]}")
            return found

        return _PLACEHOLDER.sub(value, text)

    def is_disabled(self, function: str) -> bool:
        """https://learn.microsoft.com/azure/azure-functions/disable-function."""
        names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
        return any(self.values.get(name, "").lower() in {"true", "1"} for name in names)

    def connection_string(self, connection: str) -> str:
        """The storage account behind a binding's `connection` property; SettingsError when there is none."""
        name = connection or "AzureWebJobsStorage"
        for candidate in (f"AzureWebJobs{name}", name):
            if found := self.values.get(candidate):
                return found
        if any(key.startswith(f"{name}__") for key in self.values):
            raise SettingsError(
                f"{name}: identity-based connections are not played here, set {name} to a connection string"
            )
        raise SettingsError(f"{name} is not set: it has to hold a storage connection string")


def read_settings(app_dir: Path, values: Mapping[str, str]) -> HostSettings:
    """The settings of the app in `app_dir`; `values` are its app settings. Raises SettingsError."""
    path = app_dir / "host.json"
    try:
        document = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise SettingsError(f"host.json is not JSON: {error}") from error
    for name, value in values.items():
        if name.startswith(_OVERRIDE):
            _override(document, name.removeprefix(_OVERRIDE).split("__"), value)
    extensions = document.get("extensions", {})
    prefix = extensions.get("http", {}).get("routePrefix", "api")
    return HostSettings(
        route_prefix=prefix.strip("/"), queues=_queue_options(extensions.get("queues", {})), values=values
    )


def _override(document: dict[str, Any], path: list[str], value: str) -> None:
    """https://learn.microsoft.com/azure/azure-functions/functions-host-json#override-hostjson-values."""
    for key in path[:-1]:
        document = document.setdefault(key, {})
    document[path[-1]] = value


def _queue_options(raw: Mapping[str, Any]) -> QueueOptions:
    try:
        batch_size = int(raw.get("batchSize", 16))
        options = QueueOptions(
            max_polling_interval=_time_span(raw.get("maxPollingInterval", "00:01:00")),
            visibility_timeout=_time_span(raw.get("visibilityTimeout", "00:00:00")),
            batch_size=batch_size,
            new_batch_size=int(raw.get("newBatchSize", batch_size // 2)),
            max_dequeue_count=int(raw.get("maxDequeueCount", 5)),
            base64=str(raw.get("messageEncoding", "base64")).lower() == "base64",
        )
    except ValueError as error:
        raise SettingsError(f"host.json, extensions.queues: {error}") from error
    if not 1 <= options.batch_size <= 32:
        raise SettingsError(f"host.json, extensions.queues.batchSize: {options.batch_size} is not within 1 and 32")
    return options


def _time_span(text: object) -> timedelta:
    match = _TIME_SPAN.fullmatch(str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a time span like 00:00:05")
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    return timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds) + float(f"0{fraction}")
    )

"""The timer's language: NCRONTAB, six fields with seconds first, or five without. Pure.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions. Occurrences are found by
cronsim; here is what NCRONTAB does not share with the crontab of Linux.
"""

import re
from datetime import UTC, datetime
from typing import Final

from cronsim import CronSim, CronSimError

_FULL_NAME: Final = re.compile(
    r"\b(sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", re.IGNORECASE
)
_VALUE: Final = r"(?:\d+|[a-z]{3})"
_FIELD: Final = re.compile(rf"(?:\*|{_VALUE}(?:-{_VALUE})?)(?:/\d+)?", re.IGNORECASE)


class Schedule:
    """When a timer fires, in UTC. Raises ValueError for what the cloud would refuse."""

    def __init__(self, expression: str) -> None:
        self.expression = expression.strip()
        self._cron = _FULL_NAME.sub(lambda match: match[1], self.expression)
        fields = self._cron.split()
        if ":" in self.expression:
            raise ValueError(f"schedule {expression!r}: time spans work on an App Service plan only, use NCRONTAB")
        if len(fields) not in {5, 6}:
            raise ValueError(f"schedule {expression!r} has {len(fields)} fields, NCRONTAB has six: seconds first")
        for field in fields:
            if not all(_FIELD.fullmatch(part) for part in field.split(",")):
                raise ValueError(f"schedule {expression!r}: {field!r} is not NCRONTAB")
        if re.search(r"(?<![\d/])7", fields[-1]):
            raise ValueError(f"schedule {expression!r}: days of the week go from 0, Sunday, to 6")
        self.next_after(datetime.now(UTC))

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        try:
            occurrences = CronSim(self._cron, moment.astimezone(UTC))
            # NCRONTAB wants day of month and day of week to match both; crontab would take either.
            occurrences.day_and = True
            return next(occurrences)
        except (CronSimError, StopIteration) as error:
            raise ValueError(f"schedule {self.expression!r} never fires: {error}") from error

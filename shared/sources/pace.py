"""How soon after a failure the next attempt is made. A pure rule; seconds."""

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0
"""No longer between two attempts, whatever the server asks for, as when lists are retried (`api_server.RETRIES`): a settling
window lasts minutes, and who comes back once in ten seconds loads nobody."""


class Pace:
    """Counts failures in a row: the next attempt at once after the first, then after a time that doubles."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """An attempt has shown that things work."""
        self._failures = 0

    def failed(self, retry_after: float = 0.0) -> float:
        """How long to wait after one more failure; `retry_after` is what the server asked for, and obeyed up to the longest."""
        # The exponent is bounded as well: a window of failures must not count up to a number that is no float.
        delay = FIRST_SECONDS * 2.0 ** min(self._failures - 1, 16) if self._failures else 0.0
        self._failures += 1
        return min(max(delay, retry_after), LONGEST_SECONDS)

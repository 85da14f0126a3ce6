"""An answer that goes on for a long time, read line by line. What the lines say is told in `watch_events`."""

import threading
from collections.abc import Iterator
from contextlib import suppress

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from shared.errors import SourceError


class Stream:
    """One answer. It is read by one thread and may be ended from another."""

    def __init__(self, response: HTTPResponse, *, silence: float) -> None:
        """`silence` is how many seconds may pass between two pieces of the answer."""
        self.status = response.status
        self._response = response
        self._lock = threading.Lock()
        self._closed = False
        # No socket where the server closes after this answer: then the patience with its beginning goes on.
        if response.connection is not None and response.connection.sock is not None:
            response.connection.sock.settimeout(silence)

    @property
    def retry_after(self) -> float:
        """How many seconds the server asks to wait; 0 where it does not. API servers send a number, never a date."""
        text = self._response.headers.get("Retry-After", "")
        return float(text) if text.isascii() and text.isdigit() else 0.0

    def lines(self) -> Iterator[bytes]:
        """Every line as soon as it is there, until the answer ends. Raises SourceError where it breaks off or falls silent."""
        try:
            yield from self._response
        # ValueError: TLS is taken off the socket by `hang_up` while it is read (ssl.SSLSocket.shutdown).
        except (HTTPError, OSError, ValueError) as error:
            raise SourceError(f"the answer broke off ({type(error).__name__})") from None

    def hang_up(self) -> None:
        """From any thread: a read that waits in `lines` ends now."""
        with self._lock:
            if not self._closed:
                with suppress(RuntimeError, ValueError, OSError):  # it has just ended by itself
                    self._response.shutdown()

    def close(self) -> None:
        """Let go of the connection; one that was not read to the end is closed."""
        with self._lock:
            self._closed = True
            self._response.close()

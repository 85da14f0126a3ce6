"""A storage account of its own: Microsoft's Azurite emulator, blobs and queues, on free loopback ports.

The emulator is the npm package pinned in `package.json`; it is installed once, into `.sandbox/node` of the repository.
"""

import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

ACCOUNT: Final = "devstoreaccount1"
ACCOUNT_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Public by design: https://learn.microsoft.com/azure/storage/common/storage-connect-azurite#microsoft-azure-storage-explorer."""

_MANIFESTS: Final = Path(__file__).parent
_INSTALLED: Final = _MANIFESTS.parent / ".sandbox" / "node"
_LISTENING: Final = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0


class AzuriteError(RuntimeError):
    """Azurite could not be installed or started; the text holds what npm or node said."""


def connection_string(blob_url: str, queue_url: str) -> str:
    """How to reach the emulator's account at these addresses."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
        f"BlobEndpoint={blob_url}/{ACCOUNT};QueueEndpoint={queue_url}/{ACCOUNT};"
    )


def ensure_installed() -> Path:
    """The entry script of the pinned Azurite, installed with `npm ci` when it is not there yet.

    Safe to call from several processes at a time. Raises AzuriteError when Node.js is missing or npm fails.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise AzuriteError(
                f"{tool} is not on the PATH. Azurite needs Node.js 18 or newer: install it and try again."
            )
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    lock_file = (_MANIFESTS / "package-lock.json").read_bytes()
    finished = _INSTALLED / "installed.json"
    with (_INSTALLED / "installing").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not finished.exists() or finished.read_bytes() != lock_file:
            finished.unlink(missing_ok=True)
            _npm_ci()
            finished.write_bytes(lock_file)
    return _INSTALLED / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def _npm_ci() -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_MANIFESTS / name, _INSTALLED / name)
    # No scripts: nothing below Azurite has to be built, and its one post-install script only prints.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=_INSTALLED, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AzuriteError(
            f"npm ci ended with {done.returncode} in {_INSTALLED}:\n{(done.stderr or done.stdout).strip()}"
        )


class Azurite:
    """One running emulator. Use as a context manager; any number may run side by side.

    What is stored lives under `folder` and is there again for the next Azurite on the same folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blob_url = ""
        self.queue_url = ""
        self._process: subprocess.Popen[str] | None = None
        self._drain: threading.Thread | None = None
        self._log = folder / "azurite.log"

    @property
    def connection_string(self) -> str:
        """For `AzureWebJobsStorage` and the storage SDKs."""
        return connection_string(self.blob_url, self.queue_url)

    def __enter__(self) -> Self:
        script = ensure_installed()
        self.folder.mkdir(parents=True, exist_ok=True)
        # Port 0 lets the system choose, so two of them never fight for one. The SDKs run ahead of the service versions
        # that Azurite knows by name, hence no version check.
        options = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0", "--location", str(self.folder)]
        self._process = subprocess.Popen(
            [
                "node",
                "--require",
                str(_MANIFESTS / "stop_with_parent.cjs"),
                str(script),
                *options,
                "--silent",
                "--skipApiVersionCheck",
                "--disableTelemetry",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A Ctrl-C in the terminal is for the parent, which then stops Azurite in its own order.
            start_new_session=True,
        )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._drain:
            self._drain.join()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()

    def _wait_until_ready(self, process: subprocess.Popen[str]) -> None:
        urls: dict[str, str] = {}
        ready = threading.Event()
        self._drain = threading.Thread(
            target=self._read_output, args=(process, urls, ready), name="azurite-output", daemon=True
        )
        self._drain.start()
        if not ready.wait(_START_SECONDS) or len(urls) < 3:
            said = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
            raise AzuriteError(f"Azurite did not start within {_START_SECONDS:.0f} s. It said:\n{said or '(nothing)'}")
        self.blob_url, self.queue_url = urls["Blob"], urls["Queue"]
        for url in (self.blob_url, self.queue_url):
            _connect(url, deadline=time.monotonic() + _START_SECONDS)

    def _read_output(self, process: subprocess.Popen[str], urls: dict[str, str], ready: threading.Event) -> None:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe above
        with self._log.open("a") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if found := _LISTENING.search(line):
                    urls[found[1]] = found[2]
                    if len(urls) == 3:
                        ready.set()
        ready.set()


def _connect(url: str, *, deadline: float) -> None:
    parts = urlsplit(url)
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=1.0),
        ):
            return
        if time.monotonic() > deadline:
            raise AzuriteError(f"Azurite said it listens at {url}, but nothing answers there (process {os.getpid()}).")

"""What this process has cost so far, as the kernel accounts for it: processor time, peak memory, bytes of its connections. Linux."""

import contextlib
import os
import resource
import socket
import stat
import struct
import time
from dataclasses import dataclass
from pathlib import Path

_TCP_INFO_BYTES = 136
_BYTES_ACKED = 120
"""Offset of tcpi_bytes_acked in struct tcp_info, followed by tcpi_bytes_received; both 64 bits (linux/tcp.h, since 4.1)."""


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds and bytes up to a moment."""

    wall: float
    cpu: float
    sent: int
    received: int

    @classmethod
    def now(cls) -> "Account":
        """As of now. Bytes are those of the connections that are open: TLS, headers and all."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        sent, received = _bytes()
        return cls(time.perf_counter(), used.ru_utime + used.ru_stime, sent, received)

    def since(self, before: "Account") -> dict[str, float]:
        """What came on top: `wall` and `cpu` in seconds, `sent` and `received` in bytes."""
        return {name: getattr(self, name) - getattr(before, name) for name in self.__slots__}


def peak_bytes() -> int:
    """The most memory this process ever had resident."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel tells no VmHWM")


def _bytes() -> tuple[int, int]:
    sent = received = 0
    for each_open in Path("/proc/self/fd").iterdir():
        number = int(each_open.name)
        with contextlib.suppress(OSError):  # no socket any more, or none of TCP
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as each:
                info = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            out, came = struct.unpack_from("QQ", info, _BYTES_ACKED)
            sent, received = sent + out, received + came
    return sent, received

"""Telling the service manager how we are: systemd's notification protocol (sd_notify(3)), datagrams on the socket it names."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Self

SOCKET, WATCHDOG_US, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class NotifySocket:
    """The way to one service manager. A message that cannot be sent is lost, never an error: who listens must not stop who works."""

    def __init__(self, address: str) -> None:
        """`address`: a path, or `@` and a name in the abstract namespace."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """The socket that `NOTIFY_SOCKET` names; None when nobody listens (or not in a way of this machine's, such as vsock)."""
        address = environ.get(SOCKET, "")
        return cls(address) if address[:1] in {"/", "@"} and len(address) > 1 else None

    def tell(self, **fields: str | int) -> bool:
        """Send one message, e.g. `tell(READY=1, STATUS="trading")`; False when it did not get through. Newlines become spaces."""
        lines = (f"{name}={str(value).replace(chr(10), ' ')}" for name, value in fields.items())
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:  # gone, full, or a path too long
            return False
        return True

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


def watchdog_us(environ: Mapping[str, str], pid: int) -> int | None:
    """After how many microseconds without a sign of life the service manager kills us; None when it does not, or watches another."""
    found = environ.get(WATCHDOG_US, "")
    if not found.isdecimal() or not int(found) or environ.get(WATCHDOG_PID, str(pid)) != str(pid):
        return None
    return int(found)

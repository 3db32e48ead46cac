"""The notification protocol on real sockets."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from utils.notify_socket import NotifySocket, watchdog_us


@pytest.mark.parametrize("abstract", [False, True])
def test_a_message_arrives_as_lines(tmp_path: Path, abstract: bool) -> None:
    name = f"@bot-test-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        found = NotifySocket.of({"NOTIFY_SOCKET": name})
        assert found is not None and found.tell(READY=1, STATUS="one\ntwo")
        assert manager.recv(1000) == b"READY=1\nSTATUS=one two"
        found.close()


def test_nobody_listens(tmp_path: Path) -> None:
    for address in ("", "/", "@", "vsock:2:1234"):
        assert NotifySocket.of({"NOTIFY_SOCKET": address}) is None
    assert NotifySocket.of({}) is None
    for path in (tmp_path / "gone", tmp_path / ("x" * 200)):
        gone = NotifySocket(str(path))
        assert not gone.tell(WATCHDOG=1)
        gone.close()


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        found = NotifySocket(str(tmp_path / "notify"))
        assert any(not found.tell(STATUS="x" * 1000) for _ in range(10_000))
        found.close()


@pytest.mark.parametrize(
    "environ, expected",
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30_000_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30_000_000),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdogs_time(environ: dict[str, str], expected: int | None) -> None:
    assert watchdog_us(environ, 7) == expected

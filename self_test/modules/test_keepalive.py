"""Signs of life on a real socket, told by a real event loop."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.app import Daemon
from modules.environment import Environment
from modules.keepalive import KeepAlive, Stand, stand_of
from modules.options import RunOptions
from modules.ui.console import ConsoleObserver, console_on
from utils.clock import WallClock
from utils.supervise import Supervisor

START = Stand(alive=True, ready=False, stopping=False, words="waits for feed crypto: connecting")
RUN = Stand(alive=True, ready=True, stopping=False, words="running")
DEAD = Stand(alive=False, ready=True, stopping=False, words="running")
END = Stand(alive=True, ready=True, stopping=True, words="stopping")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as found:
        found.bind(str(tmp_path / "notify"))
        yield found


def environ(tmp_path: Path, usec: int = 0) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify")} | ({"WATCHDOG_USEC": str(usec)} if usec else {})


async def heard(manager: socket.socket, until: str) -> list[str]:
    """Messages up to `until`."""
    found: list[str] = []
    async with asyncio.timeout(20):
        while until not in found:
            found.append((await asyncio.get_running_loop().sock_recv(manager, 4096)).decode())
    return found


def waiting(manager: socket.socket) -> list[str]:
    found: list[str] = []
    while True:
        try:
            found.append(manager.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.mark.asyncio
async def test_a_start_asks_for_time_then_is_ready_once_then_lives_then_stops(tmp_path: Path, manager: socket.socket) -> None:
    stand = START
    with KeepAlive(lambda: stand, environ(tmp_path, 20_000)):
        first = await heard(manager, "WATCHDOG=1")
        assert first == [f"STATUS={START.words}", "EXTEND_TIMEOUT_USEC=60000000", "WATCHDOG=1"]
        stand = RUN
        assert [one for one in await heard(manager, "READY=1") if one.startswith("STATUS")] == ["STATUS=running"]
        later = [*await heard(manager, "WATCHDOG=1"), *await heard(manager, "WATCHDOG=1")]
        assert later == ["WATCHDOG=1", "WATCHDOG=1"], "ready is said once, words when they change"
        stand = END
        assert "STATUS=stopping" in await heard(manager, "STOPPING=1")
    assert "STOPPING=1" not in waiting(manager), "once"


@pytest.mark.asyncio
async def test_a_dead_engine_is_silent(tmp_path: Path, manager: socket.socket) -> None:
    stand, looks = RUN, 0
    enough = asyncio.Event()

    def look() -> Stand:
        nonlocal looks
        looks += 1
        if looks > 5:
            enough.set()
        return stand

    with KeepAlive(look, environ(tmp_path, 20_000)):
        await heard(manager, "WATCHDOG=1")
        waiting(manager)
        stand, looks = DEAD, 0
        async with asyncio.timeout(20):
            await enough.wait()
        assert waiting(manager) == []
    assert waiting(manager) == ["STOPPING=1"]


@pytest.mark.asyncio
async def test_without_a_watchdog_there_is_no_sign_and_without_a_manager_nothing_at_all(tmp_path: Path, manager: socket.socket) -> None:
    with KeepAlive(lambda: RUN, environ(tmp_path)):
        assert waiting(manager) == ["STATUS=running", "READY=1"]
    with KeepAlive(lambda: RUN, {"WATCHDOG_USEC": "20000"}):
        pass
    assert waiting(manager) == ["STOPPING=1"]


@pytest.mark.asyncio
async def test_how_a_daemon_stands(tmp_path: Path) -> None:
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=tmp_path)
    daemon = Daemon(options, CONFIG, ConsoleObserver(console_on(), WallClock()), WallClock())
    assert stand_of(daemon) == Stand(True, False, False, "simulated, stage 1, spot: starting")
    daemon.tasks = Supervisor(WallClock(), random.Random(1))
    ended = asyncio.Event()
    async with daemon.tasks as tasks:
        task = tasks.supervise("engine", lambda: _until(ended))
        assert stand_of(daemon).alive
        ended.set()
        await task
        assert not stand_of(daemon).alive, "the engine has ended, whatever else goes on"
        daemon.stopping.set()
        assert stand_of(daemon) == Stand(True, False, True, "simulated, stage 1, spot: stopping")
        daemon.next = msgspec.structs.replace(options, stage=2)
        assert stand_of(daemon) == Stand(True, False, False, "simulated, stage 1, spot: another life")


async def _until(event: asyncio.Event) -> None:
    await event.wait()

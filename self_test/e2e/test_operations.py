"""What the machine around a running bot sees: where it listens, who may read its files, what it tells the service manager, a backup."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import psutil
import pytest

from bench.audit import audit, rows_of
from bench.bot import no_leftovers, run, simulator_pid, started

QUICK = ("--symbols", "BTCUSDT,ETHUSDT", "--strategies", "demo", "--speed", "3000", "--set", "domains.crypto.warmup_days=2")


def open_to_others(folder: Path) -> list[str]:
    """Files and folders below `folder` that somebody else could read, write or enter."""
    found = []
    for path in folder.rglob("*"):
        try:
            if not path.is_symlink() and path.lstat().st_mode & 0o077:
                found.append(str(path.relative_to(folder)))
        except FileNotFoundError:  # a running bot replaces its files
            continue
    return found


def doors(pids: Iterable[int]) -> set[tuple[str, int]]:
    """Address and port of every socket of these processes and their children that waits for others: TCP that listens, UDP with no peer."""
    found = set()
    for process in [one for pid in pids for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a child that has done its work
            for one in process.net_connections("inet"):
                if one.status == psutil.CONN_LISTEN or (one.type == socket.SOCK_DGRAM and one.laddr and not one.raddr):
                    found.add((str(one.laddr.ip), int(one.laddr.port)))
    return found


def on_loopback(address: str) -> bool:
    found = ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback


def heard(manager: socket.socket, until: str) -> list[str]:
    """What the bot tells its service manager up to `until`."""
    found: list[str] = []
    while until not in found:
        found.append(manager.recv(4096).decode())
    return found


@pytest.mark.parametrize(
    "address, inside",
    [
        ("127.0.0.1", True),
        ("127.0.1.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104  told apart, not bound
        ("::", False),
        ("10.0.0.1", False),
    ],
)
def test_loopback_is_told_from_everywhere_else(address: str, inside: bool) -> None:
    assert on_loopback(address) is inside


def test_every_door_of_a_process_is_seen() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_connection(tcp.getsockname()) as client,
    ):
        udp.bind(("127.0.0.1", 0))
        seen = doors([os.getpid()])
        assert {tcp.getsockname(), udp.getsockname()} <= seen and client.getsockname() not in seen


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """What most shells and service managers give."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("usual_umask")
def test_a_run_seen_from_outside(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, no_leftovers(state_dir):
        manager.bind(environ["NOTIFY_SOCKET"])
        manager.settimeout(90)
        with started(state_dir, *QUICK, environ=environ) as bot:
            assert any(one.startswith("EXTEND_TIMEOUT_USEC=") for one in heard(manager, "READY=1"))
            bot.ready()
            heard(manager, "WATCHDOG=1")
            bot.until("three closed trades", lambda: bot.closed() >= 3, 40)
            assert open_to_others(state_dir) == [], "state, tokens and sockets are the bot's alone"
            simulator = simulator_pid(state_dir)
            assert simulator is not None
            at = doors((bot.process.pid, simulator))
            assert [one for one in at if not on_loopback(one[0])] == [], "nothing of it can be reached from another machine"
            assert {port for _, port in doors([bot.process.pid])} >= {int(bot.ready()["http"].rpartition(":")[2])}, "panel and metrics"
            assert len(doors([simulator])) >= 2, "the exchange and the broker"
            assert bot.stop() == 0
            assert "READY=1" not in heard(manager, "STOPPING=1")
        assert open_to_others(state_dir) == [] and len(list(state_dir.rglob("*"))) > 10


@pytest.mark.timeout(240)
def test_a_backup_of_a_trading_bot_goes_on_elsewhere(tmp_path: Path) -> None:
    state_dir, new, archive = tmp_path / "var", tmp_path / "new", tmp_path / "one.tar.gz"
    with no_leftovers(state_dir), started(state_dir, *QUICK) as bot:
        bot.ready()
        bot.until("three closed trades", lambda: bot.closed() >= 3, 40)
        told = run("backup", str(archive), "--state-dir", str(state_dir))
        assert (told.returncode, told.stderr) == (0, ""), told.stderr
        second = run("restore", str(archive), "--state-dir", str(state_dir))
        assert second.returncode == 6 and f"pid {bot.process.pid}" in second.stderr
        assert open_to_others(state_dir) == []
        assert bot.stop() == 0
        held = [bytes(row.row) for row in rows_of(bot.folder)]
    with no_leftovers(new):
        told = run("restore", str(archive), "--state-dir", str(new))
        assert (told.returncode, told.stderr) == (0, ""), told.stderr
        with started(new, *QUICK, output=tmp_path / "again.out") as bot:
            bot.ready()
            assert "going on from the stored state" in bot.said and "recovery" not in bot.said
            closed = bot.closed()
            assert closed >= 3
            bot.until("another trade", lambda: bot.closed() > closed, 40)
            assert bot.stop() == 0
        assert audit(rows_of(bot.folder), bot.status()["accounts"]) == []
        again = [bytes(row.row) for row in rows_of(bot.folder)]
        assert again[:20] == held[:20] and len(again) > 20, "its history came along"

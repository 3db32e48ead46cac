"""The daemon in this process: what it refuses and leaves behind, and a whole short life on a simulator of the test."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bench.audit import audit, rows_of
from config import CONFIG
from modules import app, beginning, loading, process
from modules.environment import HOSTS, Environment, Hosts
from modules.options import RunOptions
from modules.overrides import apply_overrides
from modules.readiness import DAEMON_FILE
from modules.ui.console import ConsoleObserver, console_on
from self_test.modules.simulator.live import serving
from telemetry import client
from telemetry.server import Ask
from telemetry.status import status_of
from utils.clock import WallClock
from utils.errors import ExitCode, Refusal, Rejected
from utils.files import DirectoryLock

LIMIT_S = 60.0
QUICK = apply_overrides(CONFIG, {}, ["domains.crypto.warmup_days=1", "http.port=0"])


@pytest.fixture(autouse=True)
def _compiling_stays_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbidding it is for a process's whole life; other tests share this one."""
    monkeypatch.setattr(loading, "warm", lambda config: 0)


def options(state_dir: Path, **changes: Any) -> RunOptions:
    plain: dict[str, Any] = {"stage": 1, "env": Environment.SIMULATED, "state_dir": state_dir, "strategies": ("demo",)}
    return RunOptions(**(plain | changes))


def console(stream: io.StringIO | None = None) -> ConsoleObserver:
    return ConsoleObserver(console_on(stream or io.StringIO()), WallClock())


def refused(wanted: RunOptions) -> Refusal:
    with pytest.raises(Refusal) as caught:
        process.run(wanted, QUICK, console())
    return caught.value


def left_in(folder: Path) -> set[str]:
    """Files with something in them; what was asked of an address counts for its budget, whoever refused what."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    return {path.relative_to(folder).as_posix() for path in found if path.name != app.ASKED}


def test_without_a_network_live_is_unreachable_and_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOSTS, Environment.LIVE, Hosts("http://127.0.0.1:9", "ws://127.0.0.1:9"))
    said = refused(options(tmp_path, env=Environment.LIVE, strategies=None))
    assert said.code is ExitCode.UNREACHABLE
    assert str(said).startswith("--env live: the market data of http://127.0.0.1:9 cannot be had")
    assert "\n" not in str(said)
    assert left_in(tmp_path) == set()


@pytest.mark.parametrize("when", ["market", "listed"])
def test_a_no_of_the_venue_at_the_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    async def no(*_args: object) -> None:
        raise Rejected("10001: no")

    async def asked_to_stop(daemon: app.Daemon) -> None:
        daemon.stopping.set()
        await asyncio.Event().wait()

    (tmp_path / "live").mkdir()
    (tmp_path / "live" / DAEMON_FILE).write_text("of one that was killed")
    wanted = options(tmp_path, env=Environment.LIVE, strategies=None)
    if when == "market":  # a stop during start-up ends it, cleanly
        monkeypatch.setattr(app.Daemon, "_find_market", asked_to_stop)
        assert process.run(wanted, QUICK, console()) is ExitCode.DONE
    else:
        monkeypatch.setattr(beginning, "listed", no)
        said = refused(wanted)
        assert said.code is ExitCode.UNREACHABLE and "--env live" in str(said) and HOSTS[Environment.LIVE].http in str(said)
    assert left_in(tmp_path) == set()


def test_half_a_key_is_refused_before_anybody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOSTS, Environment.LIVE, Hosts("http://127.0.0.1:9", "ws://127.0.0.1:9"))
    monkeypatch.setenv("BYBIT_API_KEY", "half")
    for name in ("BYBIT_API_SECRET", "BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    said = refused(options(tmp_path, env=Environment.LIVE, strategies=None))
    assert said.code is ExitCode.CREDENTIALS
    assert str(said) == "--env live: BYBIT_API_SECRET is missing beside BYBIT_API_KEY"
    assert left_in(tmp_path) == set()


@pytest.mark.asyncio
async def test_half_a_key_of_the_brokers_does_not_refuse_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOSTS, Environment.LIVE, Hosts("http://127.0.0.1:9", "ws://127.0.0.1:9"))
    monkeypatch.setenv("OANDA_API_TOKEN", "half")
    for name in ("OANDA_ACCOUNT_ID", "BYBIT_API_KEY", "BYBIT_API_SECRET", "BYBIT_PERP_API_KEY", "BYBIT_PERP_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    wanted = options(tmp_path, env=Environment.LIVE, stage=2, override_gates=True, strategies=None)
    daemon = app.Daemon(wanted, QUICK, console(), WallClock())
    with pytest.raises(Refusal) as said:
        await daemon.run()
    assert said.value.code is ExitCode.UNREACHABLE, "it went on to the crypto market, which is not there"
    unavailable = "FOREX unavailable: --env live: OANDA_ACCOUNT_ID is missing beside OANDA_API_TOKEN"
    assert daemon.lineup.notes[-1] == unavailable and daemon.broker is None


def test_a_port_in_use_is_told_first(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(options(tmp_path, http_port=port))
    assert said.code is ExitCode.USAGE and f"--http-port: 127.0.0.1:{port} is in use" in str(said)
    assert left_in(tmp_path) == set()


def test_a_directory_has_one_bot(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path / "simulated"):
        said = refused(options(tmp_path))
    assert said.code is ExitCode.ALREADY_RUNNING and str(tmp_path) in str(said)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "simulated").write_text("mine")
    said = refused(options(tmp_path))
    assert said.code is ExitCode.USAGE and "a file is in the way" in str(said)
    assert (tmp_path / "simulated").read_text() == "mine"


async def answer(folder: Path, path: str) -> Any:
    return await client.ask(folder / app.CONTROL_SOCKET, path)


async def until_ready(folder: Path) -> dict[str, Any]:
    while not (folder / DAEMON_FILE).exists():
        await WallClock().sleep(0.02)
    found: dict[str, Any] = json.loads((folder / DAEMON_FILE).read_text())
    return found


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as found:
        return found.status, await found.text()


@pytest.mark.asyncio
async def test_a_life_from_start_to_summary_and_on(tmp_path: Path) -> None:
    folder, stream = tmp_path / "simulated", io.StringIO()
    async with asyncio.timeout(LIMIT_S), serving() as simulator:
        wanted = options(tmp_path, simulator_url=simulator.http + "/control", symbols=("BTCUSDT",), enable=("forex",))
        daemon = app.Daemon(wanted, QUICK, console(stream), WallClock())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(daemon.run())
            record = await until_ready(folder)
            assert record["simulator"] == simulator.http + "/control"
            assert (await get(record["http"] + "/healthz"))[0] == 200
            assert (await get(record["http"] + "/readyz"))[0] == 200
            status, text = await get(record["http"] + "/metrics")
            assert status == 200 and "# TYPE" in text
            assert (await answer(folder, "/status"))["live"] is True
            while daemon.engine.state.closed_trades[0] < 1:
                await WallClock().sleep(0.02)
            await client.control(folder / app.CONTROL_SOCKET, Ask("pause", {}, "the test"))
            while not daemon.engine.state.toggles.paused:
                await WallClock().sleep(0.02)
            with pytest.raises(Refusal, match="is no command"):
                await client.control(folder / app.CONTROL_SOCKET, Ask("dance", {}, "the test"))
            daemon.stopping.set()
        assert running.result() is ExitCode.DONE
        first = rows_of(folder)
        shown = status_of(daemon.engine.state, "simulated")
        assert audit(first, msgspec.to_builtins(shown.accounts)) == []
        assert (tmp_path / "last_env").read_text() == "simulated"
        assert not (folder / DAEMON_FILE).exists() and not (folder / app.CONTROL_SOCKET).exists()
        said = stream.getvalue()
        assert "SIMULATED" in said and "--enable forex: stage 1" in said and "(new)" in said

        stream = io.StringIO()
        more = app.Daemon(options(tmp_path, simulator_url=wanted.simulator_url, duration_s=0.1), QUICK, console(stream), WallClock())
        assert await more.run() is ExitCode.DONE
        assert [bytes(row.row) for row in rows_of(folder)[: len(first)]] == [bytes(row.row) for row in first]
        assert "going on from" in stream.getvalue() and more.engine.state.toggles.paused, "a pause outlives a restart"

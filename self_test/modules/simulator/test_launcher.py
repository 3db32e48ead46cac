"""The embedded simulator: started once, found again, replaced when dead, its own words when it refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from modules.simulator import launcher, standby, state_folder
from modules.simulator.attachments import process_lives
from modules.simulator.launcher import Endpoints, answers, arguments, ensure_running, read_record, stop
from modules.simulator.venue_options import SimulatorOptions
from self_test.conftest import REPO
from self_test.modules.simulator.test_commands import PROGRAM
from utils.clock import FakeClock, WallClock
from utils.errors import ExitCode, Refusal, Transient

ONE = SimulatorOptions(speed=600.0, symbols=("BTCUSDT",), seed=4)
LIMIT_S = 40.0


async def clock_of(endpoints: Endpoints) -> dict[str, object]:
    async with aiohttp.ClientSession() as session, session.get(f"{endpoints.control}/clock") as answer:
        found: dict[str, object] = await answer.json()
        return found


async def until_gone(endpoints: Endpoints) -> None:
    while await answers(endpoints):
        await WallClock().sleep(0.02)


@pytest.mark.asyncio
async def test_started_found_again_and_after_a_kill_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPO)
    async with asyncio.timeout(LIMIT_S):
        first = await ensure_running(tmp_path, ONE, WallClock(), PROGRAM)
        record = tmp_path / "simulated" / "simulator.json"
        assert stat.S_IMODE(record.stat().st_mode) == 0o600
        assert read_record(tmp_path) == first and first.api_key and first.api_secret
        assert first.perp_api_key not in {"", first.api_key} and first.perp_api_secret not in {"", first.api_secret}
        assert os.getsid(first.pid) == first.pid, "in a session of its own: it outlives us"
        assert (await clock_of(first))["held"] is True
        again = await ensure_running(tmp_path, msgspec.structs.replace(ONE, speed=50.0), WallClock(), PROGRAM)
        assert again == first and (await clock_of(first))["speed"] == 50.0
        with pytest.raises(Refusal, match=r"^--seed"):
            await ensure_running(tmp_path, msgspec.structs.replace(ONE, seed=9), WallClock(), PROGRAM)
        os.kill(first.pid, signal.SIGKILL)
        await until_gone(first)
        second = await ensure_running(tmp_path, msgspec.structs.replace(ONE, seed=None), WallClock(), PROGRAM)
        assert second.pid != first.pid
        assert (await clock_of(second))["seed"] == 4, "the state folder remembers"
        more = msgspec.structs.replace(ONE, symbols=("ETHUSDT",))
        third = await ensure_running(tmp_path, more, WallClock(), PROGRAM)
        assert third.pid != second.pid, "the running one did not list it"
        stored = state_folder.load(tmp_path / "simulated" / standby.STATE)
        assert stored is not None and stored.symbols == ("BTCUSDT", "ETHUSDT"), "and what was listed stays listed: somebody may hold it"
        await stop(tmp_path, third)
        await until_gone(third)
        assert read_record(tmp_path) is None


@pytest.mark.asyncio
async def test_one_that_is_only_busy_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loaded machine: two venues would write into one state folder."""
    monkeypatch.chdir(REPO)
    monkeypatch.setattr(launcher.answers, "__defaults__", (0.05,))
    async with asyncio.timeout(LIMIT_S):
        first = await ensure_running(tmp_path, ONE, WallClock(), PROGRAM)
        os.kill(first.pid, signal.SIGSTOP)
        try:
            assert not await answers(first)
            async with asyncio.TaskGroup() as group:
                found = group.create_task(ensure_running(tmp_path, ONE, WallClock(), (sys.executable, "-c", "raise SystemExit(99)")))
                while not found.done() and not await answers(first):
                    os.kill(first.pid, signal.SIGCONT)
            assert found.result() == first
        finally:
            os.kill(first.pid, signal.SIGCONT)
        await stop(tmp_path, first)
        while process_lives(first.pid):
            await WallClock().sleep(0.02)


@pytest.mark.asyncio
async def test_its_refusal_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPO)
    with pytest.raises(Refusal, match="NOPEUSDT") as refused:
        await ensure_running(tmp_path, msgspec.structs.replace(ONE, symbols=("NOPEUSDT",)), WallClock(), PROGRAM)
    assert refused.value.code is ExitCode.USAGE
    assert read_record(tmp_path) is None


@pytest.mark.asyncio
async def test_a_program_that_dies_or_stays_silent_is_transient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Transient, match="code 99: oh no"):
        await ensure_running(tmp_path, ONE, WallClock(), (sys.executable, "-c", "import sys; sys.stderr.write('oh no'); sys.exit(99)"))
    monkeypatch.setattr(launcher, "START_LIMIT_S", 0.0)
    with pytest.raises(Transient, match="not ready"):
        await ensure_running(tmp_path, ONE, FakeClock(), (sys.executable, "-c", "import time; time.sleep(60)"))


@pytest.mark.asyncio
async def test_a_stale_or_damaged_record_is_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "simulated"
    folder.mkdir()
    assert read_record(tmp_path) is None
    (folder / "simulator.json").write_bytes(b"{")
    assert read_record(tmp_path) is None
    (folder / "simulator.json").write_bytes(b'{"pid": 1, "bybit_http": "h", "bybit_ws": "w", "control": "c", "api_key": "k"}')
    old = read_record(tmp_path)
    assert old is not None and (old.api_key, old.perp_api_key) == ("k", ""), "of a simulator that had one account"
    somebody = Endpoints(pid=os.getpid(), bybit_http="", bybit_ws="", control="http://127.0.0.1:9")
    assert not await answers(somebody), "our pid lives, but nobody serves there"


@pytest.mark.asyncio
async def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "simulated").write_text("a file")
    with pytest.raises(Refusal, match="--state-dir"):
        await ensure_running(tmp_path, ONE, WallClock(), PROGRAM)


def test_the_command_line_says_what_was_said_and_no_more(tmp_path: Path) -> None:
    words = arguments(SimulatorOptions(), tmp_path)
    assert "--embedded" in words and str(tmp_path) in words
    assert not {"--seed", "--market", "--from", "--to", "--symbols", "--pace"} & set(words)
    assert arguments(SimulatorOptions(perp_balance="USDT=5"), tmp_path)[-2:] == ["--perp-balance", "USDT=5"]
    more = arguments(msgspec.structs.replace(ONE, market="generated", from_ms=5, to_ms=9, pace="free"), tmp_path)
    second = "1970-01-01T00:00:00"
    assert more[-12:] == [
        "--pace",
        "free",
        "--seed",
        "4",
        "--market",
        "generated",
        "--from",
        f"{second}.005+00:00",
        "--to",
        f"{second}.009+00:00",
        "--symbols",
        "BTCUSDT",
    ]

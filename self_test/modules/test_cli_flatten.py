from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config import CONFIG
from modules import cli, cli_flatten, flatten_doors
from modules.cli_flatten import seconds, told
from modules.flatten import FlatReport, LiveAccount
from modules.latch import latched
from modules.learning.parameter_file import PROMOTED
from modules.offline import stored_state
from self_test.fakes.flat_venue import FlatVenue
from self_test.fakes.stored import Played
from self_test.modules.test_flatten import PERPS, ours
from telemetry.server import Answers, Ask, Server
from utils.errors import ExitCode, Refusal, Transient
from utils.files import DirectoryLock


def run(state_dir: Path, *words: str) -> int:
    return cli.main(["flatten", "--yes", "--state-dir", str(state_dir), *words], lambda: CONFIG)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A bot that died with positions open."""
    bot = Played(tmp_path / "simulated")
    bot.minutes(20)
    bot.crash()
    (tmp_path / "last_env").write_text("simulated")
    return tmp_path


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> FlatVenue:
    """The live accounts of whatever state there is: one, on a venue in memory."""
    found = FlatVenue()
    found.sizes = {"PERPS:C0USDT": Decimal(4)}

    @asynccontextmanager
    async def doors(env: object, state_dir: Path, state: object, *_: Any) -> AsyncIterator[tuple[list[LiveAccount], list[str]]]:
        assert latched(state_dir / str(env)) is not None, "the latch is written before anything is done"
        known = ours(PERPS, 1, tag="") if state is None else ours(PERPS, 1, held=dict(found.sizes))
        yield [LiveAccount(known, found)], []

    monkeypatch.setattr(flatten_doors, "live_accounts", doors)
    return found


def test_without_a_daemon_it_latches_writes_it_down_and_closes(
    state_dir: Path, venue: FlatVenue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(state_dir) == ExitCode.DONE
    said = capsys.readouterr().out
    assert "written down" in said and "PERPS/LIVE: flat, seen at the venue" in said
    assert venue.sizes["PERPS:C0USDT"] == 0
    assert latched(state_dir / "simulated") == "flatten by command line"
    assert stored_state(state_dir / "simulated").halted
    assert cli.main(["resume", "--yes", "--state-dir", str(state_dir)], lambda: CONFIG) == ExitCode.DONE
    assert latched(state_dir / "simulated") is None, "resume lets go of the latch"


def test_wrong_settings_do_not_stop_a_disaster(
    state_dir: Path, venue: FlatVenue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (state_dir / "simulated" / PROMOTED).write_text("[C4\n")
    assert run(state_dir) == ExitCode.DONE
    said = capsys.readouterr().out
    assert "is damaged" in said and "going on with the values of config.py alone" in said
    assert venue.sizes["PERPS:C0USDT"] == 0
    assert cli.main(["resume", "--yes", "--state-dir", str(state_dir)], lambda: CONFIG) == ExitCode.USAGE, "nothing else goes on so"


def test_a_venue_that_stays_down_is_exit_4_and_says_so(state_dir: Path, venue: FlatVenue, capsys: pytest.CaptureFixture[str]) -> None:
    venue.down = True
    assert run(state_dir, "--timeout", "1") == ExitCode.UNREACHABLE
    assert "PERPS/LIVE: NOT seen to be flat" in capsys.readouterr().out


def test_beside_a_hung_daemon_it_acts_all_the_same(state_dir: Path, venue: FlatVenue, capsys: pytest.CaptureFixture[str]) -> None:
    with DirectoryLock(state_dir / "simulated"):
        assert run(state_dir) == ExitCode.DONE
    said = capsys.readouterr().out
    assert f"pid {os.getpid()} holds its lock, and it does not answer: acting beside it" in said and "written down" not in said
    assert venue.sizes["PERPS:C0USDT"] == 0 and latched(state_dir / "simulated")


def test_a_daemon_that_answers_does_it(
    state_dir: Path, venue: FlatVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Ask] = []

    async def control(ask: Ask) -> dict[str, str]:
        assert latched(state_dir / "simulated")
        asked.append(ask)
        return {"accepted": ask.name}

    async def scenario() -> int:
        server = Server(Answers(metrics=lambda: b"", unhealthy=list, missing=list, status=dict, control=control))
        await server.start("127.0.0.1", 0, state_dir / "simulated" / "control.sock")
        try:
            return await asyncio.to_thread(run, state_dir)
        finally:
            await server.close()

    assert asyncio.run(scenario()) == ExitCode.DONE
    assert [one.name for one in asked] == ["flatten"] and "the running bot has it" in capsys.readouterr().out
    assert venue.asked == []


def test_with_the_state_lost_a_key_is_enough_to_take_orders_back(
    tmp_path: Path, venue: FlatVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", "k")
    entry = venue.rest("PERPS:C0USDT", "PLxyz-C0USDT-1a-e", 1, "2")
    assert run(tmp_path, "--env", "demo") == ExitCode.UNREACHABLE
    said = capsys.readouterr().out
    assert "only orders that bear this bot's mark" in said and "not touched: PERPS:C0USDT: a position of 4" in said
    assert venue.orders[entry.venue_id].status.final and venue.sizes["PERPS:C0USDT"] == 4 and latched(tmp_path / "demo")


def test_an_exchange_that_does_not_come_up_is_exit_4(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def doors(*_: Any) -> AsyncIterator[Any]:
        raise Transient("the simulator was not ready")
        yield

    monkeypatch.setattr(flatten_doors, "live_accounts", doors)
    assert run(state_dir) == ExitCode.UNREACHABLE
    assert "flatten: the simulator was not ready" in capsys.readouterr().err


def test_a_disk_that_refuses_the_latch_does_not_stop_it(
    state_dir: Path, venue: FlatVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (state_dir / "simulated" / ".HALTED.tmp").mkdir()
    (state_dir / "simulated" / "HALTED").write_text(json.dumps({"who": "earlier", "ts": 1}))
    assert run(state_dir) == ExitCode.DONE
    assert "HALTED cannot be written" in capsys.readouterr().out and venue.sizes["PERPS:C0USDT"] == 0


def test_a_disk_that_refuses_the_lock_does_not_stop_it(
    state_dir: Path, venue: FlatVenue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(folder: Path) -> DirectoryLock:
        raise Refusal(f"cannot write to {folder}: No space left on device")

    monkeypatch.setattr("utils.files.DirectoryLock", full)
    assert run(state_dir) == ExitCode.DONE
    said = capsys.readouterr().out
    assert "No space left on device; acting all the same, over the venues" in said and "written down" not in said
    assert venue.sizes["PERPS:C0USDT"] == 0


def test_the_words_of_a_report_and_of_the_timeout() -> None:
    report = FlatReport(account="PERPS/LIVE", verified=False, seconds=3.0, cancelled=1, closed=2, left=("x",), trouble="down")
    assert told(report) == [
        "PERPS/LIVE: NOT seen to be flat (1 orders taken back, 2 closing orders, 3.0 s): down",
        "  not touched: x",
    ]
    assert seconds("5") == 5
    for text in ("0", "x", "9999"):
        with pytest.raises(argparse.ArgumentTypeError):
            seconds(text)
    assert cli_flatten.SOCKET == "control.sock"

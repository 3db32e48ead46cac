"""The program as people run it: one command, looked at from outside, ended by a signal, started again."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from bench.audit import audit, replayed, rows_of
from bench.bot import Bot, no_leftovers, run, simulator_pid, simulators_of, started

QUICK = ("--strategies", "demo", "--speed", "3000", "--set", "domains.crypto.warmup_days=2")
PAPER = "CRYPTO/PAPER"


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def books(bot: Bot) -> list[str]:
    return audit(rows_of(bot.folder), bot.status()["accounts"])


def protected(view: dict[str, Any]) -> bool:
    """Every open position has a stop on one side of it and a target on the other."""
    return all(float(one["stop"]) < float(one["entry"]) < float(one["target"]) for one in view["open_positions"])


def test_a_newcomers_tour_and_the_next_day(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    words = ("--symbols", "BTCUSDT,ETHUSDT", *QUICK)
    with no_leftovers(state_dir):
        with started(state_dir, *words) as bot:
            record = bot.ready()
            assert record["simulator"].startswith("http://127.0.0.1:")
            assert get(record["http"] + "/healthz")[0] == 200
            assert get(record["http"] + "/readyz")[0] == 200
            assert b"# HELP" in get(record["http"] + "/metrics")[1]
            assert json.loads(get(record["http"] + "/status")[1])["env"] == "simulated"
            bot.until("three closed trades", lambda: bot.closed() >= 3, 40)
            for _ in range(3):
                seen = bot.status()
                assert seen["live"] is True and protected(seen["accounts"][PAPER])

            second = run("--stage", "1", "--state-dir", str(state_dir), "--http-port", "0")
            assert second.returncode == 6 and f"already running on {bot.folder}: pid {bot.process.pid}" in second.stderr
            assert second.stderr.count("\n") == 1 and bot.process.poll() is None

            told = run("pause", "--yes", "--state-dir", str(state_dir))
            assert (told.returncode, told.stdout) == (0, "pause: the running bot has it\n")
            bot.until("flat", lambda: not bot.status()["accounts"][PAPER]["open_positions"], 40)
            assert run("unpause", "--yes", "--state-dir", str(state_dir)).returncode == 0
            closed = bot.closed()
            bot.until("trading again", lambda: bot.closed() > closed, 40)
            assert bot.stop() == 0
            assert "Summary: simulated" in bot.said and "Traceback" not in bot.said
        left = bot.status()
        assert left["live"] is False and books(bot) == []
        assert not (bot.folder / "daemon.json").exists() and simulator_pid(state_dir) is None
        assert replayed(bot.folder, tmp_path / "copy").differing == 0
        first = [bytes(row.row) for row in rows_of(bot.folder)]

        with started(state_dir, "--symbols", "SOLUSDT", *QUICK, output=tmp_path / "again.out") as bot:
            bot.ready()
            assert "going on from the stored state" in bot.said
            bot.until("more trades", lambda: bot.closed() >= left["accounts"][PAPER]["closed_trades"] + 3, 40)
            bot.process.send_signal(signal.SIGINT)
            assert bot.ended() == 0
        after = bot.status()["accounts"][PAPER]
        assert books(bot) == []
        assert [bytes(row.row) for row in rows_of(bot.folder)][: len(first)] == first
        assert after["closed_trades"] >= left["accounts"][PAPER]["closed_trades"] + 3
        assert not any(one["symbol"] != "SOLUSDT" and one["opened_ts"] <= left["time"] for one in after["open_positions"]), (
            "what was held goes on being managed, also without its symbol"
        )
    assert simulators_of(state_dir) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_the_real_strategies_close_three_trades(tmp_path: Path, seed: int) -> None:
    """The run of the README, as fast as this machine can: `make chaos ARGS=--paper` has it at its own pace for twenty seeds."""
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir), started(state_dir, "--seed", str(seed), "--speed", "100000") as bot:
        bot.ready()
        bot.until("three closed trades", lambda: bot.closed() >= 3, 90)
        assert protected(bot.status()["accounts"][PAPER])
        assert bot.stop() == 0
        left = bot.status()["accounts"][PAPER]
        assert books(bot) == [] and left["closed_trades"] >= 3
        assert replayed(bot.folder, tmp_path / "copy").differing == 0


@pytest.mark.data
def test_real_candles_through_the_real_adapter(tmp_path: Path, market_data: Path) -> None:
    state_dir = tmp_path / "var"
    market = ("--market", f"recorded:{market_data}", "--symbols", "SOLUSDT,XRPUSDT", "--from", "2025-02-15")
    with no_leftovers(state_dir), started(state_dir, *market, "--to", "2025-02-18", "--speed", "100000") as bot:
        assert bot.ended(100) == 0, bot.said[-2000:]
        assert "played to its end" in bot.said
        left = bot.status()["accounts"][PAPER]
        assert books(bot) == [] and protected(left) and left["closed_trades"] >= 1


def test_a_killed_exchange_comes_back_and_the_bot_goes_on(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir), started(state_dir, "--symbols", "BTCUSDT,ETHUSDT", *QUICK) as bot:
        bot.ready()
        bot.until("a trade", lambda: bot.closed() >= 2, 40)
        first = simulator_pid(state_dir)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        bot.until("another one", lambda: simulator_pid(state_dir) not in {None, first}, 40)
        closed = bot.closed()
        bot.until("more trades", lambda: bot.closed() >= closed + 2, 40)
        assert "the built-in exchange was gone" in bot.said
        assert bot.stop() == 0 and books(bot) == []
    assert simulators_of(state_dir) == []


def test_a_duration_ends_cleanly_also_when_interrupted_twice(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    with no_leftovers(state_dir), started(state_dir, "--duration", "300", "--symbols", "BTCUSDT", *QUICK) as bot:
        bot.ready()
        bot.process.send_signal(signal.SIGTERM)
        bot.process.send_signal(signal.SIGTERM)
        assert bot.ended(20) in {0, 130, -signal.SIGTERM}, "at once or in order, but it ends"
        assert bot.status()["live"] is False and books(bot) == []

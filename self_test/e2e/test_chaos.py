"""One seed of chaos, as `make chaos` runs twenty: a minute, three kills, both ledgers equal; and a flatten after a kill -9."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from bench.bot import end_simulators, run, simulators_of, started, status_of
from modules.chaos.control import Control
from modules.chaos.verdict import legs, not_flat
from modules.simulator import launcher

SYMBOLS = "BTCUSDT,ETHUSDT,SOLUSDT,XRPUSDT"
LIVE = ("--stage", "4", "--override-gates", "--profile", "spot+perp", "--strategies", "demo", "--speed", "10")


@pytest.mark.timeout(300)
def test_one_seed_a_minute_three_kills(tmp_path: Path) -> None:
    document = tmp_path / "found.json"
    words = ("--seed", "1", "--minutes", "1", "--kills", "3", "--symbols", SYMBOLS, "--set", "domains.crypto.warmup_days=2")
    done = run("chaos", *words, "--set", "domains.perps.warmup_days=2", "--json", str(document), limit_s=280)
    found = json.loads(document.read_text())
    assert found["broken"] == [] and done.returncode == 0, done.stdout
    assert found["kills"] == 3 and found["entries"] > 10 and sum(found["faults_injected"].values()) > 5
    assert (found["duplicates"], found["lost_fills"], found["double_counted"], found["unprotected_over"]) == (0, 0, 0, 0)
    assert found["flat"] and found["recovery_max_s"] is not None


@pytest.mark.timeout(300)
@pytest.mark.asyncio
async def test_flatten_with_the_daemon_dead(tmp_path: Path) -> None:
    state_dir = tmp_path / "var"
    try:
        with started(state_dir, *LIVE, "--symbols", SYMBOLS) as bot:
            bot.ready()

            def holds() -> bool:
                return all(len(bot.status()["accounts"][name]["open_positions"]) >= 2 for name in ("CRYPTO/LIVE", "PERPS/LIVE"))

            bot.until("positions on both live accounts", holds, 60)
            bot.kill()
        done = run("flatten", "--yes", "--state-dir", str(state_dir))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "CRYPTO/LIVE: flat, seen at the venue" in done.stdout and "PERPS/LIVE: flat, seen at the venue" in done.stdout
        endpoints = launcher.read_record(state_dir)
        assert endpoints is not None
        async with aiohttp.ClientSession() as session:
            ledger = await Control(session, endpoints.control).ledger()
        assert not_flat(ledger) == [] and legs(ledger)[1] == []

        with started(state_dir, *LIVE, "--symbols", SYMBOLS) as bot:
            bot.ready()
            bot.until("what was sold is booked", lambda: not any(one["open_positions"] for one in bot.status()["accounts"].values()), 60)
            status = bot.status()
            assert status["halted"] and all(status["accounts"][name]["halted"] for name in ("CRYPTO/LIVE", "PERPS/LIVE"))
            assert bot.stop() == 0
        assert status_of(state_dir)["halted"]
    finally:
        end_simulators(state_dir)
    assert simulators_of(state_dir) == []

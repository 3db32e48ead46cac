from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config import CONFIG
from modules.doctor import rounds
from modules.doctor.findings import Verdict
from modules.environment import HOSTS, Environment, Hosts
from modules.simulator import launcher
from modules.simulator.venue_options import SimulatorOptions
from self_test.fakes.stored import Played
from utils.clock import WallClock


def test_simulated_against_the_real_built_in_exchange(tmp_path: Path) -> None:
    """Feeds, streams, keys and wallets are asked of it, and it is left running as it was."""
    Played(tmp_path / "simulated").close()

    async def go() -> tuple[dict[str, Verdict], str, bool]:
        there = await launcher.ensure_running(tmp_path, SimulatorOptions(seed=1), WallClock())
        try:
            found = await rounds.examine(Environment.SIMULATED, tmp_path, CONFIG, {}, WallClock())
            return {one.check: one.verdict for one in found}, repr(found), await launcher.answers(there)
        finally:
            await launcher.stop(tmp_path, there)

    found, told, lives = asyncio.run(go())
    assert lives
    for check in ("config", "state", "venue", "feed crypto", "feed perps", "stream bybit-spot", "stream bybit-linear"):
        assert found[check] is Verdict.OK, (check, told)
    assert found["key CRYPTO"] is found["key PERPS"] is Verdict.OK, told
    assert found["bot"] is found["clock"] is found["telegram"] is Verdict.SKIP
    assert found["wallet"] in {Verdict.OK, Verdict.WARN}


def test_a_bad_setting_and_half_a_key_are_told_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOSTS, Environment.DEMO, Hosts("http://127.0.0.1:9", "ws://127.0.0.1:9"))
    environ = {"BOT_RISK__MAX_DRAWDOWN": "7", "BYBIT_API_KEY": "planted"}
    found = asyncio.run(rounds.examine(Environment.DEMO, tmp_path, CONFIG, environ, WallClock()))
    told = {one.check: one for one in found}
    assert told["config"].verdict is told["keys"].verdict is told["venue"].verdict is Verdict.FAIL
    assert all(one.remedy for one in found if one.verdict in {Verdict.WARN, Verdict.FAIL}) and "planted" not in repr(found)
    assert list(tmp_path.iterdir()) == []

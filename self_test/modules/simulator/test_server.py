"""The whole venue on a clock that the test moves: speed, lockstep, hold, loneliness, resume."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modules.simulator import state_folder
from modules.simulator.generated import DEFAULT_START
from modules.simulator.publisher import STEP_MS
from modules.simulator.server import LONELY_S, Simulator, build_market
from modules.simulator.topics import parse_topic
from modules.simulator.venue_options import SimulatorOptions
from self_test.modules.simulator import toy
from self_test.modules.simulator.test_recorded import write
from utils.clock import FakeClock
from utils.errors import Refusal

SYMBOLS = ("BTCUSDT",)


def options(**more: Any) -> SimulatorOptions:
    return msgspec.structs.replace(SimulatorOptions(speed=600.0, symbols=SYMBOLS), **more)


@contextlib.asynccontextmanager
async def running(chosen: SimulatorOptions) -> AsyncIterator[tuple[Simulator, FakeClock, list[str]]]:
    clock, said = FakeClock(), list[str]()
    simulator = Simulator(chosen, clock, say=said.append)
    await simulator.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(simulator.run())
        try:
            yield simulator, clock, said
        finally:
            simulator.stop()
            await clock.advance(1.0)
    await simulator.close()


@pytest.mark.asyncio
async def test_venue_time_runs_at_its_speed() -> None:
    async with running(options()) as (simulator, clock, _):
        assert simulator.pace == "lockstep"
        await clock.advance(2.0)
        assert 1_190_000 <= simulator.clock.now_ms - DEFAULT_START <= 1_200_000
        assert simulator.clock.achieved() == pytest.approx(600.0, rel=0.02)
        ready = simulator.ready()
        assert ready["ready"] is True and str(ready["control"]).startswith(simulator.http)


@pytest.mark.asyncio
async def test_at_speed_one_venue_time_is_wall_time() -> None:
    async with running(options(speed=1.0)) as (simulator, clock, _):
        assert simulator.pace == "free"
        await clock.advance(3.0)
        assert abs(simulator.clock.now_ms - clock.now_ms()) <= 20


@pytest.mark.asyncio
async def test_lockstep_stops_at_the_close_until_it_is_acknowledged() -> None:
    async with running(options()) as (simulator, clock, _):
        simulator.attachments.register("bot", None, simulator.clock.now_ms)
        listener = toy.Listener()
        simulator.hub.clients.add(listener.client)
        found = parse_topic("kline.5.BTCUSDT")
        assert found is not None
        simulator.publisher.subscribe(listener.client, found)
        close = DEFAULT_START + STEP_MS
        for _ in range(3):
            await clock.advance(1.0)
            assert simulator.clock.now_ms == close
        rows = [one["data"][0] for one in listener.take()]
        assert rows[-1]["confirm"] is True and rows[-1]["end"] == close - 1
        simulator.attachments.ack(close)
        await clock.advance(0.05)
        await clock.advance(0.6)
        assert simulator.clock.now_ms == close + STEP_MS


@pytest.mark.asyncio
async def test_free_pace_waits_for_nobody() -> None:
    async with running(options(pace="free")) as (simulator, clock, _):
        simulator.attachments.register("bot", None, simulator.clock.now_ms)
        await clock.advance(2.0)
        assert simulator.clock.now_ms > DEFAULT_START + 3 * STEP_MS


@pytest.mark.asyncio
async def test_an_embedded_venue_holds_until_a_daemon_comes_and_ends_when_none_does() -> None:
    async with running(options(embedded=True, pace="free")) as (simulator, clock, said):
        await clock.advance(5.0)
        assert simulator.clock.now_ms == DEFAULT_START and simulator.clock.held
        simulator.attachments.register("bot", None, simulator.clock.now_ms)
        await clock.advance(1.0)
        assert simulator.clock.now_ms > DEFAULT_START + 500_000
        simulator.attachments.unregister("bot")
        await clock.advance(0.1)
        there = simulator.clock.now_ms
        await clock.advance(5.0)
        assert simulator.clock.now_ms == there and said == []
        for web in (simulator._web, simulator.oanda.web):
            await clock.advance(LONELY_S - 10.0)
            web.asked += 1  # a daemon that is warming up
            await clock.advance(1.0)
        assert said == []
        await clock.advance(LONELY_S)
        assert said == ["no daemon for a minute; ending"]


@pytest.mark.asyncio
async def test_an_embedded_venue_waits_for_who_started_it_while_that_one_lives() -> None:
    async with running(options(embedded=True, pace="free")) as (simulator, clock, said):
        lives = {7}
        simulator.attachments._lives = lives.__contains__
        simulator._control.post_clock(b'{"expect": 7}')
        await clock.advance(5 * LONELY_S)  # it compiles its kernels
        assert said == [] and simulator.clock.held and simulator.clock.now_ms == DEFAULT_START
        lives.clear()
        await clock.advance(LONELY_S - 1)
        assert said == []
        await clock.advance(2.0)
        assert said == ["no daemon for a minute; ending"]


@pytest.mark.asyncio
async def test_the_market_ends_says_so_and_holds(tmp_path: Path) -> None:
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_5m.parquet", 300_000, 288 * 3)
    end = toy.START + 2 * 86_400_000
    chosen = options(market=f"recorded:{tmp_path}", from_ms=end - 600_000, to_ms=end)
    async with running(chosen) as (simulator, clock, said):
        await clock.advance(3.0)
        assert simulator.clock.now_ms == end and simulator.clock.ended
        assert any("38.0 too few" in one or "too few" in one for one in said)
        assert len([one for one in said if "ends here" in one]) == 1


def kept(folder: Path) -> state_folder.Stored:
    found = state_folder.load(folder)
    assert found is not None
    return found


@pytest.mark.asyncio
async def test_a_clean_end_keeps_the_very_instant_and_the_next_run_goes_on(tmp_path: Path) -> None:
    async with running(options(state_folder=tmp_path, seed=5)) as (simulator, clock, _):
        await clock.advance(1.3)
        bars = simulator.market.series["spot:BTCUSDT"].bars.copy()
    there = simulator.clock.now_ms
    assert kept(tmp_path).venue_ms == there
    again = Simulator(options(state_folder=tmp_path), FakeClock())
    assert again.clock.now_ms == there
    assert (again.market.series["spot:BTCUSDT"].bars[: len(bars)] == bars).all()
    with pytest.raises(Refusal, match=r"^--seed"):
        Simulator(options(state_folder=tmp_path, seed=6), FakeClock())


@pytest.mark.asyncio
async def test_after_a_kill_time_never_runs_backwards(tmp_path: Path) -> None:
    async with running(options(state_folder=tmp_path, speed=6000.0)) as (simulator, clock, _):
        for _ in range(40):
            await clock.advance(0.013)
            assert simulator.clock.now_ms <= kept(tmp_path).venue_ms <= simulator.clock.now_ms + STEP_MS


@pytest.mark.asyncio
async def test_a_port_in_use_is_refused_by_number() -> None:
    async with running(options()) as (simulator, _, _said):
        port = int(simulator.http.rpartition(":")[2])
        other = Simulator(options(port=port), FakeClock())
        with pytest.raises(Refusal, match=f"{port} is in use"):
            await other.start()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"speed": 0.0}, "--speed"),
        ({"speed": float("nan")}, "--speed"),
        ({"market": "recorded:"}, "--market"),
        ({"market": "dreamed"}, "--market"),
        ({"from_ms": 2000, "to_ms": 1000}, "--to"),
        ({"to_ms": 1000}, "--to"),
    ],
)
def test_wrong_options_are_refused_by_name(more: dict[str, Any], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        Simulator(options(**more), FakeClock())


def test_a_generated_market_may_have_an_end() -> None:
    assert build_market("generated", 1, DEFAULT_START, DEFAULT_START + 1000, SYMBOLS, 600.0, 0).end_ms == DEFAULT_START + 1000

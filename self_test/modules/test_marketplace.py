from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules.environment import HOSTS, Environment
from modules.marketplace import find_market, listed, past_candles
from modules.options import RunOptions
from modules.simulator import launcher
from modules.simulator.launcher import Endpoints
from modules.simulator.venue_options import SimulatorOptions
from self_test.fakes.books import M5, M15, coin
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle
from utils.clock import Clock, FakeClock
from utils.errors import ExitCode, Refusal, Transient
from utils.throttle import Urgency

DAY_MS = 86_400_000
NOW = 1_741_075_200_000
BTC, ETH = coin("BTCUSDT"), coin("ETHUSDT")


class Venue:
    """Lists two coins and has `days` days of flat candles."""

    def __init__(self, days: float = 400.0, *, silent: bool = False) -> None:
        self.first, self.silent = NOW - int(days * DAY_MS), silent

    async def instruments(self, domain: Domain) -> list[Instrument]:
        return [BTC, ETH]

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int | None:
        return None if self.silent else NOW // timeframe_ms * timeframe_ms

    async def klines(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        first = -(-max(start_ms, self.first) // timeframe_ms) * timeframe_ms
        return [Candle(instrument.key, ts, 100, 101, 99, 100, 1.0) for ts in range(first, end_ms, timeframe_ms)]


def options(**changes: Any) -> RunOptions:
    plain: dict[str, Any] = {"stage": 1, "env": Environment.SIMULATED, "state_dir": Path("var")}
    return RunOptions(**(plain | changes))


@pytest.mark.asyncio
async def test_the_real_worlds_are_the_venues_hosts() -> None:
    for env, hosts in HOSTS.items():
        found = await find_market(options(env=env), FakeClock())
        assert (found.hosts, found.control_url, found.embedded) == (hosts, None, None)
        await found.leave()  # nothing of ours to end


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["http://127.0.0.1:5/control", "http://127.0.0.1:5/control/", "http://127.0.0.1:5"])
async def test_a_simulator_that_runs_already_is_used_and_left_alone(url: str) -> None:
    found = await find_market(options(simulator_url=url), FakeClock())
    assert (found.hosts.http, found.hosts.ws) == ("http://127.0.0.1:5", "ws://127.0.0.1:5")
    assert found.control_url == "http://127.0.0.1:5/control" and found.embedded is None


@pytest.mark.asyncio
async def test_ours_is_started_with_what_was_asked_and_ended_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[SimulatorOptions] = []
    ended: list[Endpoints] = []
    endpoints = Endpoints(pid=1, bybit_http="http://h", bybit_ws="ws://h", control="http://h/control")

    async def ensure(state_dir: Path, wanted: SimulatorOptions, clock: Clock) -> Endpoints:
        asked.append(wanted)
        return endpoints

    async def stop(state_dir: Path, found: Endpoints) -> None:
        ended.append(found)

    monkeypatch.setattr(launcher, "ensure_running", ensure)
    monkeypatch.setattr(launcher, "stop", stop)
    found = await find_market(options(seed=7, speed=50.0, symbols=("BTCUSDT",), from_ms=5), FakeClock())
    assert found.name == "generated" and found.control_url == "http://h/control"
    assert (asked[0].seed, asked[0].speed, asked[0].symbols, asked[0].from_ms, asked[0].pace) == (7, 50.0, ("BTCUSDT",), 5, None)
    await found.leave()
    assert ended == [endpoints]
    assert (await find_market(options(market="recorded:x"), FakeClock())).name == "recorded:x"


@pytest.mark.asyncio
async def test_ours_is_started_again_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Endpoints(pid=1, bybit_http="http://h:5", bybit_ws="ws://h:5", control="http://h:5/control")
    ports: list[int] = []
    alive = True

    async def answers(endpoints: Endpoints) -> bool:
        return alive

    async def ensure(state_dir: Path, wanted: SimulatorOptions, clock: Clock) -> Endpoints:
        ports.append(wanted.port)
        if len(ports) == 3:
            raise Refusal("port 5 is in use")
        return msgspec.structs.replace(there, pid=len(ports))

    monkeypatch.setattr(launcher, "ensure_running", ensure)
    monkeypatch.setattr(launcher, "answers", answers)
    found = await find_market(options(), FakeClock())
    assert await found.revive(FakeClock()) is False and ports == [0]
    alive = False
    assert await found.revive(FakeClock()) is True
    assert ports == [0, 5] and found.embedded is not None and found.embedded.pid == 2
    with pytest.raises(Transient, match="does not come back: port 5 is in use"):
        await found.revive(FakeClock())
    borrowed = await find_market(options(simulator_url="http://h:5/control"), FakeClock())
    assert await borrowed.revive(FakeClock()) is False and len(ports) == 3, "somebody else's is not ours to start"


@pytest.mark.asyncio
async def test_one_that_does_not_come_up_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ensure(state_dir: Path, wanted: SimulatorOptions, clock: Clock) -> Endpoints:
        raise Transient("code 1: oh")

    monkeypatch.setattr(launcher, "ensure_running", ensure)
    with pytest.raises(Refusal, match="the built-in exchange did not start: code 1: oh") as refused:
        await find_market(options(), FakeClock())
    assert refused.value.code is ExitCode.UNREACHABLE


@pytest.mark.asyncio
async def test_symbols_asked_for_must_be_listed_configured_ones_may_be_missing() -> None:
    venue: Any = Venue()
    assert await listed(venue, CONFIG, (Domain.CRYPTO,), None) == [BTC, ETH]
    assert await listed(venue, CONFIG, (Domain.CRYPTO,), ("ETHUSDT",)) == [ETH]
    with pytest.raises(Refusal, match="--symbols: crypto does not know NOPE, NADA; it lists BTCUSDT, ETHUSDT"):
        await listed(venue, CONFIG, (Domain.CRYPTO,), ("NOPE", "ETHUSDT", "NADA"))


@pytest.mark.asyncio
async def test_what_does_not_trade_is_left_out_and_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    venue: Any = Venue()

    async def instruments(domain: Domain) -> list[Instrument]:
        return [BTC, msgspec.structs.replace(ETH, trading=False)]

    monkeypatch.setattr(venue, "instruments", instruments)
    assert await listed(venue, CONFIG, (Domain.CRYPTO,), None) == [BTC]
    with pytest.raises(Refusal, match="--symbols: crypto lists ETHUSDT but does not trade it now"):
        await listed(venue, CONFIG, (Domain.CRYPTO,), ("BTCUSDT", "ETHUSDT"))


@pytest.mark.asyncio
async def test_history_is_whole_days_of_bars_with_primary_bars_from_before() -> None:
    venue: Any = Venue()
    said: list[str] = []
    before, candles = await past_candles(venue, CONFIG, [BTC, ETH], lambda done, all_: None, said.append)
    days = CONFIG.domains[Domain.CRYPTO].warmup_days
    assert set(before) == set(candles) == {BTC.key, ETH.key} and not said
    assert candles[BTC.key][0].ts == NOW - days * DAY_MS and candles[BTC.key][-1].ts == NOW - M5
    assert before[BTC.key][-1].ts == NOW - days * DAY_MS - M15, "they end where the candles begin"


@pytest.mark.asyncio
async def test_a_young_market_is_said_with_how_much_is_missing() -> None:
    venue: Any = Venue(days=10)
    said: list[str] = []
    before, candles = await past_candles(venue, CONFIG, [BTC], lambda done, all_: None, said.append)
    assert len(said) == 1 and "10.0 of 40 days" in said[0] and "30.0 too few" in said[0]
    assert before[BTC.key] == [] and candles[BTC.key]


@pytest.mark.asyncio
async def test_a_venue_without_any_candle_is_no_market() -> None:
    venue: Any = Venue(silent=True)
    with pytest.raises(Transient, match="no candles of BTCUSDT"):
        await past_candles(venue, CONFIG, [BTC], lambda done, all_: None, lambda text: None)

"""The broker as a second market: what it brings, what is done without it, and that it is asked again. Over a real socket, scripted."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest
from aiohttp import web

from config import CONFIG
from forex.oanda_parse import instruments, rfc3339, time_ms
from modules.accounts import Key
from modules.boot import knows
from modules.broker import Broker, Offer, find_broker, instrument_of
from modules.engine.desk import make_state
from modules.environment import OANDA_HOSTS, BrokerHosts, Environment
from modules.marketplace import is_pair
from modules.overrides import apply_overrides
from modules.simulator.launcher import Endpoints
from self_test.forex.scripted import ACCOUNT, INSTRUMENT, TOKEN, QuickClock, candle, served
from state.accounts import Domain
from state.instruments import Financing, Instrument
from state.runtime import RuntimeState
from state.stages import paper_account
from utils.clock import FakeClock
from utils.errors import Refusal
from utils.throttle import Throttle

M15, H1, DAY = 900_000, 3_600_000, 86_400_000
NOW = 1_741_075_200_000  # a Tuesday, 08:00 UTC
PAIR = INSTRUMENT | {"financing": {"longRate": "-0.01", "shortRate": "0.002", "financingDaysOfWeek": []}}
SHORT = apply_overrides(CONFIG, {}, ["domains.forex.warmup_days=2", "domains.options.warmup_days=2"])


class Market:
    """Lists one pair and has every candle of four weeks; answers `failing` instead while that is set."""

    def __init__(self) -> None:
        self.failing = 0
        self.only_listing = False
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if self.failing and not (self.only_listing and request.path.endswith("/instruments")):
            return web.json_response({"errorMessage": "no"}, status=self.failing)
        if request.path == f"/v3/accounts/{ACCOUNT}/instruments":
            return web.json_response({"instruments": [PAIR]})
        length = {"M15": M15, "H1": H1}[request.query["granularity"]]
        first, count = NOW - length, int(request.query["count"])
        if "from" in request.query:
            first = time_ms(request.query["from"])
        rows = [candle(rfc3339(ts), "1.1", "1.1", "1.1", "1.1", complete=ts + length <= NOW) for ts in range(first, NOW + 1, length)]
        return web.json_response({"candles": rows[-count:] if "from" not in request.query else rows[:count]})


@asynccontextmanager
async def broker(market: Market, clock: Any = None) -> AsyncIterator[Broker]:
    async with served(market.answer) as url:
        found = Broker(Key(ACCOUNT, TOKEN), BrokerHosts(url, url), Throttle({}, FakeClock()), clock or QuickClock(), random.Random(1))
        try:
            yield found
        finally:
            await found.close()


async def offered(
    from_: Broker, stored: RuntimeState | None = None, symbols: tuple[str, ...] | None = None, *, options: bool = False
) -> tuple[Offer, list[str]]:
    said: list[str] = []
    known = partial(knows, stored, SHORT)
    offer = await from_.offer(SHORT, symbols, stored, known, lambda done, all_: None, said.append, options=options)
    return offer, said


def stored_with(*instruments: Instrument) -> RuntimeState:
    return make_state(SHORT, instruments, (paper_account(Domain.FOREX),))


@pytest.mark.asyncio
async def test_it_brings_its_pairs_with_their_terms_and_the_past_of_those_that_are_new() -> None:
    async with broker(Market()) as at:
        offer, said = await offered(at)
        (pair,) = offer.instruments
        assert (pair.key, pair.margin_rate, pair.financing) == (
            "FOREX:EURUSD",
            Decimal(PAIR["marginRate"]),
            Financing(Decimal("-0.01"), Decimal("0.002")),
        )
        assert offer.reason == "" and said == []
        bars, before = offer.candles[pair.key], offer.before[pair.key]
        assert bars[0].ts == NOW - 2 * DAY and bars[-1].ts == NOW - M15
        assert before[-1].ts == NOW - 2 * DAY - H1, "native primary bars end where the candles begin"
        again, _ = await offered(at, stored_with(pair))
        assert again.instruments == (pair,) and again.candles == {}, "what is known needs no past"
        assert (await at.filters(("EURUSD", "GBPUSD"))) == {pair.key: pair}


@pytest.mark.asyncio
@pytest.mark.parametrize(("status", "only_listing"), [(503, False), (401, False), (503, True)])
async def test_without_an_answer_there_is_a_reason_and_what_is_stored(status: int, only_listing: bool) -> None:
    market = Market()
    async with broker(market) as at:
        (pair,) = (await offered(at))[0].instruments
        market.failing, market.only_listing = status, only_listing
        offer, _ = await offered(at)
        assert offer.instruments == () and f"HTTP {status}" in offer.reason and TOKEN not in offer.reason
        known, _ = await offered(at, stored_with(msgspec.structs.replace(pair, tick=Decimal("0.0001"))))
        assert len(known.instruments) == 1 and known.reason


@pytest.mark.asyncio
async def test_a_pair_that_it_does_not_list_is_the_askers_mistake_and_coins_are_not_its_business() -> None:
    async with broker(Market()) as at:
        with pytest.raises(Refusal, match="--symbols: forex does not know GBPUSD; it lists EURUSD"):
            await offered(at, symbols=("BTCUSDT", "GBPUSD"))
        assert len((await offered(at, symbols=("BTCUSDT",)))[0].instruments) == 1
    assert [is_pair(name) for name in ("EURUSD", "BTCUSDT", "EURUSDT", "ETHBTC", "USDJPY")] == [True, False, False, False, True]


@pytest.mark.asyncio
async def test_the_slots_of_options_have_their_pairs_terms_and_past_and_the_venue_is_asked_once() -> None:
    market = Market()
    async with broker(market) as at:
        alone, _ = await offered(at)
        once, market.asked = market.asked, []
        both, _ = await offered(at, options=True)
        assert market.asked == once, "the same questions as for the pair alone"
        pair, slot = both.instruments
        assert (slot.key, slot.tick, slot.step, slot.min_qty) == (
            "OPTIONS:EURUSD",
            pair.tick,
            Decimal(100),
            Decimal(100),
        ) and slot.financing is None
        assert [one.close for one in both.candles[slot.key]] == [one.close for one in both.candles[pair.key]]
        assert both.candles[pair.key] == alone.candles[pair.key] and {one.key for one in both.candles[slot.key]} == {slot.key}
        assert await at.filters(("EURUSD",), Domain.OPTIONS) == {slot.key: slot}
        assert both.before.keys() == both.candles.keys() == {pair.key, slot.key} and both.slotless == ""
        later, _ = await offered(at, stored_with(pair), options=True)
        assert later.candles.keys() == {slot.key}, "the pair is known, its slot is new"
        market.failing = 503
        away, _ = await offered(at, stored_with(pair, slot), options=True)
        assert away.instruments == (pair, slot) and away.reason


@pytest.mark.asyncio
async def test_no_slot_for_a_pair_without_options() -> None:
    none = apply_overrides(SHORT, {}, ["domains.options.symbols=USDJPY"])
    async with broker(Market()) as at:
        offer = await at.offer(none, None, None, lambda one: False, lambda done, all_: None, lambda line: None, options=True)
        assert [one.key for one in offer.instruments] == ["FOREX:EURUSD"]
        assert offer.slotless == "there are options on USDJPY, and none of them is traded in this run"


@pytest.mark.asyncio
async def test_it_is_asked_until_it_answers() -> None:
    market = Market()
    market.failing = 401
    clock = QuickClock()
    async with broker(market, clock) as at:

        async def heal(seconds: float) -> None:
            clock.slept.append(seconds)
            market.failing = 0 if len(clock.slept) >= 3 else 401

        clock.sleep = heal  # type: ignore[method-assign]
        await at.until_it_answers()
    assert len(clock.slept) == 3 and len(market.asked) == 3


@pytest.mark.asyncio
async def test_where_it_is_goes_by_the_environment() -> None:
    throttle, clock, rng = Throttle({}, FakeClock()), FakeClock(), random.Random(1)
    simulator = Endpoints(pid=1, bybit_http="", bybit_ws="", control="", oanda_http="http://h", oanda_stream="http://s")
    key = Key(ACCOUNT, TOKEN, "practice")
    assert find_broker(Environment.LIVE, None, None, throttle, clock, rng) is None
    assert find_broker(Environment.SIMULATED, key, None, throttle, clock, rng) is None
    assert find_broker(Environment.SIMULATED, key, msgspec.structs.replace(simulator, oanda_http=""), throttle, clock, rng) is None
    for env, hosts in ((Environment.SIMULATED, BrokerHosts("http://h", "http://s")), (Environment.DEMO, OANDA_HOSTS["practice"])):
        found = find_broker(env, key, simulator, throttle, clock, rng)
        assert found is not None and found.hosts == hosts
        await found.close()


def test_terms_without_financing_leave_it_to_the_configuration() -> None:

    (terms,) = instruments(msgspec.json.encode({"instruments": [INSTRUMENT]}))
    assert instrument_of(msgspec.structs.replace(terms, long_rate=None)).financing is None
    days = msgspec.structs.replace(terms, long_rate=Decimal(1), short_rate=Decimal(2), days=(1, 1, 1, 3, 1, 0, 0))
    assert instrument_of(days).financing == Financing(Decimal(1), Decimal(2), (1, 1, 1, 3, 1, 0, 0))

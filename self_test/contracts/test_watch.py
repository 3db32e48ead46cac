"""The watch over the wire: our venue adapter, private stream and tracker against the simulator, with faults; the book always agrees."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp
import pytest

from marketdata.bybit_rest import BybitRest
from modules.exchange.bybit_stream import BybitAccountStream
from modules.exchange.executor import Executor
from modules.exchange.reconcile import Book, Findings, reconcile
from modules.exchange.tracker import Tracker
from modules.exchange.watch import Pace, Watch
from modules.ports import AccountStream
from modules.simulator.keyring import KeyRequest
from self_test.contracts.oanda_at import Broker, dealing
from self_test.contracts.venue_at import Trader, trading
from self_test.modules.exchange.watching import LIVE_FX, LIVE_PERP, LIVE_SPOT, PREFIX
from state.accounts import Account
from state.instruments import Instrument
from state.intents import Approved, ExitPlan, Intent, OrderType, Side, order_id
from state.messages import AccountDown, AccountEvent, AccountUp, OrderFilled, Place, Protected, StopFilled, VenueRead
from state.orders import Fill
from utils.clock import WallClock
from utils.fixed import money_units
from utils.throttle import Limit, Throttle

pytestmark = pytest.mark.asyncio
PATIENCE_S = 15.0
PACE = Pace(compare_s=0.3, silent_compare_s=0.3, retry_s=0.1, keys_retry_s=0.3, lost_after_s=0.5, filters_s=0.3, clock_s=0.5, rights_s=0.5)


Instruments = Callable[[], Awaitable[Sequence[Instrument]]]


class Desk:
    """A watch, what it told, and the book that follows from the fills."""

    def __init__(
        self, trader: Trader | Broker, account: Account, instrument: Instrument, instruments_of: Instruments, *, cursor: int = 0
    ) -> None:
        self.trader, self.account, self.instrument, self.instruments_of = trader, account, instrument, instruments_of
        self.told: list[AccountEvent] = []
        self.news = asyncio.Event()
        clock = WallClock()
        instruments = {instrument.key: instrument}
        self.tracker = Tracker(account, instruments, PREFIX[account])

        async def listing() -> dict[str, Instrument]:
            return {one.key: one for one in await instruments_of()}

        self.executor = Executor(account, trader.venue, self.tracker, instruments, self._emit, clock, trader.now, "abc")
        stream = stream_of(trader, account)
        self.watch = Watch(
            account, trader.venue, stream, self.tracker, self.executor, instruments, self._emit, clock, random.Random(2),
            trader.now, prefix=PREFIX[account], cursor=cursor, env="simulated", listing=listing, pace=PACE,
        )  # fmt: skip

    def _emit(self, events: list[AccountEvent]) -> None:
        self.told += events
        self.news.set()

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not happened():
                self.news.clear()
                await self.news.wait()

    def enter(self) -> str:
        """Send a small long entry at market with attached protection; returns its id."""
        ticks, at, now = self.instrument.ticks, self.trader.at, self.trader.now()
        exits = ExitPlan(stop=ticks(at("0.95")), target=ticks(at("1.05")), atr=1.0, trail_atr=0.0, max_hold_ms=3_600_000)
        intent = Intent(
            ts=now, account=self.account, key=self.instrument.key, strategy="C1", arm="base", side=Side.LONG,
            steps=self.instrument.steps(self.trader.qty), order_type=OrderType.MARKET, reference=ticks(at("1")), limit=ticks(at("1.01")),
            expires_ts=now + 60_000, exits=exits,
        )  # fmt: skip
        link = order_id(self.account, self.instrument.key, now, "e", "abc")
        self.executor.submit(Place(Approved(intent=intent, order_id=link)))
        return link

    def words(self) -> list[str]:
        ups_and_downs = [one for one in self.told if isinstance(one, AccountDown | AccountUp)]
        return [("-" if isinstance(one, AccountDown) else "+") + one.cause for one in ups_and_downs]

    def fills(self) -> list[Fill]:
        return [one.fill for one in self.told if isinstance(one, OrderFilled | StopFilled)]

    def reads(self) -> list[VenueRead]:
        return [one for one in self.told if isinstance(one, VenueRead)]

    async def fresh_read(self) -> VenueRead:
        """A reading that began after this call."""
        before = len(self.reads())
        await self.until(lambda: len(self.reads()) >= before + 2)
        return self.reads()[-1]

    def book(self, until: VenueRead) -> Book:
        """What the engine would hold, by the fills told before `until`."""
        cash, paid, coins, steps = money_units(Decimal(10_000 if self.account == LIVE_FX else 100_000)), 0, Decimal(0), 0
        for event in self.told[: self.told.index(until)]:
            if isinstance(event, OrderFilled | StopFilled):
                fill = event.fill
                cash += (fill.gained or 0) - fill.fee
                paid += fill.side * fill.price * fill.steps * self.instrument.unit
                coins += fill.side * self.instrument.qty(fill.steps) - fill.base_fee
                steps += fill.side * fill.steps
        if self.account == LIVE_SPOT:
            return Book(cash=cash - paid, coins={"BTC": coins}, outside_coins={"BTC": Decimal(1)})
        if self.account == LIVE_FX:  # the broker itself says what an exit gained
            return Book(cash=cash, positions={self.instrument.key: steps})
        realised = 0 if steps else -paid
        return Book(cash=cash + realised, positions={self.instrument.key: steps}, outside_coins={"BTC": Decimal(1)})


def stream_of(trader: Trader | Broker, account: Account) -> AccountStream:
    """The private stream of its account."""
    if isinstance(trader, Broker):
        return trader.stream()
    private, wire = trader.simulator.private, trader.simulator.http.replace("http", "ws")
    key, secret = private.api_key, private.api_secret
    return BybitAccountStream(f"{wire}/v5/private", key, secret, account.domain, WallClock(), trader.venue.venue_ms, random.Random(3))


@contextlib.asynccontextmanager
async def watching(account: Account = LIVE_SPOT, **more: Any) -> AsyncIterator[Desk]:
    """A watch at work on the simulator's account."""
    clock = WallClock()
    async with contextlib.AsyncExitStack() as stack:
        if account == LIVE_FX:
            broker = await stack.enter_async_context(dealing(**more))
            desk = Desk(broker, account, await broker.instrument(), broker.venue.rest.instruments)
        else:
            trader = await stack.enter_async_context(trading(account.domain, **more))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            rest = BybitRest(session, trader.simulator.http, Throttle({"bybit.ip": Limit(500, 5)}, clock), clock, random.Random(1))
            [instrument] = await rest.instruments(account.domain, ["BTCUSDT"])
            desk = Desk(trader, account, instrument, partial(rest.instruments, account.domain))
        await desk.watch.start()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(desk.watch.run()), group.create_task(desk.executor.run())]
            try:
                await desk.until(lambda: desk.words() == ["+reconcile"])
                yield desk
            finally:
                for task in tasks:
                    task.cancel()


@pytest.mark.parametrize("account", [LIVE_SPOT, LIVE_PERP, LIVE_FX])
async def test_what_was_told_adds_up_to_what_the_venue_shows(account: Account):
    async with watching(account) as desk:
        desk.enter()
        await desk.until(lambda: len(desk.fills()) == 1)
        await desk.until(lambda: any(isinstance(one, Protected) for one in desk.told))
        read = await desk.fresh_read()
        assert read.foreign == (), "the protection that the venue made of the entry is ours"
        assert reconcile(desk.book(read), read) == Findings()
        again = await desk.fresh_read()
        assert again.foreign == () and desk.words() == ["+reconcile"]


@pytest.mark.parametrize("account", [LIVE_SPOT, LIVE_PERP, LIVE_FX])
async def test_pain_10_a_fill_whose_frame_was_lost_is_told_once_and_before_the_figures_that_show_it(account: Account):
    async with watching(account) as desk:
        lost = {"kind": "drop", "match": "transactions", "count": 2} if account == LIVE_FX else {"kind": "lose_fill"}
        desk.trader.fault(**lost)
        desk.enter()
        await desk.until(lambda: len(desk.fills()) == 1)
        read = await desk.fresh_read()
        assert reconcile(desk.book(read), read) == Findings() and len(desk.fills()) == 1


@pytest.mark.parametrize("kind", ["liquidate", "adl"])
async def test_pain_07_a_position_taken_by_the_venue_is_told_and_leaves_no_ghost(kind: str):
    async with watching(LIVE_PERP) as desk:
        desk.enter()
        await desk.until(lambda: len(desk.fills()) == 1)
        desk.trader.fault(kind="lose_fill")
        desk.trader.fault(kind=kind, symbol="BTCUSDT")
        await desk.until(lambda: len(desk.fills()) == 2)
        read = await desk.fresh_read()
        assert read.positions == {} and reconcile(desk.book(read), read) == Findings()


async def test_pain_29_a_cut_stream_is_told_and_over_once_all_was_read():
    async with watching() as desk:
        desk.trader.fault(kind="cut", match="order")
        desk.enter()
        await desk.until(lambda: desk.words() == ["+reconcile", "-stream", "+stream"])
        assert len(desk.fills()) == 1
        read = await desk.fresh_read()
        assert reconcile(desk.book(read), read) == Findings()


async def test_bad_input_a_key_revoked_and_given_back():
    async with watching() as desk:
        private = desk.trader.simulator.private
        private.change_key(KeyRequest(key=private.api_key, revoked=True))
        await desk.until(lambda: "-keys" in desk.words())
        private.change_key(KeyRequest(key=private.api_key, revoked=False))
        await desk.until(lambda: "+keys" in desk.words() and desk.words()[-1] in {"+keys", "+stream"})
        assert desk.words().count("-keys") == 1


async def test_bad_input_a_permission_taken_away():
    async with watching() as desk:
        private = desk.trader.simulator.private
        private.change_key(KeyRequest(key=private.api_key, permissions={"spot": False}))
        await desk.until(lambda: "-rights" in desk.words())
        assert "may not trade spot" in next(one.reason for one in desk.told if isinstance(one, AccountDown) and one.cause == "rights")


async def test_bad_input_maintenance_is_an_outage_and_ends():
    async with watching() as desk:
        fault = desk.trader.fault(kind="maintenance")
        await desk.until(lambda: "-venue" in desk.words())
        desk.trader.simulator.private.remove_fault(fault)
        await desk.until(lambda: "+venue" in desk.words())
        assert desk.words().count("-venue") == 1


async def test_pain_41_bad_input_another_bot_and_an_order_by_hand():
    async with watching() as desk:
        await desk.trader.create("CLxyz-BTCUSDT-1-e", price=desk.trader.at("0.9"), immediate=False)
        await desk.trader.create("by-hand", price=desk.trader.at("0.8"), immediate=False)
        await desk.until(lambda: len(desk.reads()[-1].foreign) == 2)
        foreign, other = desk.reads()[-1].foreign
        assert foreign.startswith("a foreign order: buy 0.01 CRYPTO:BTCUSDT") and other.startswith("another bot trades on this account")


async def test_bad_input_filters_changed_and_instrument_paused():
    async with watching() as desk:
        desk.trader.fault(kind="filters", symbol="BTCUSDT", value={"minNotionalValue": "50"})
        await desk.until(lambda: "-filters" in desk.words())
        desk.trader.fault(kind="filters", symbol="BTCUSDT", value={"status": "Closed"})
        await desk.until(lambda: "-not_trading" in desk.words())


async def test_a_deposit_is_outside_money():
    async with watching() as desk:
        desk.trader.simulator.private.transfer(desk.trader.simulator.private.api_key, "USDT", Decimal(50))
        read = await desk.fresh_read()
        assert reconcile(desk.book(read), read) == Findings(outside=money_units(Decimal(50)))


async def test_pain_32_a_skewed_venue_clock_is_followed():
    async with watching() as desk:
        desk.trader.fault(kind="clock_skew", ms=20_000)
        await desk.until(lambda: "+clock" in desk.words())
        read = await desk.fresh_read()
        assert read.cash == money_units(Decimal(100_000))


@pytest.mark.parametrize("account", [LIVE_SPOT, LIVE_PERP, LIVE_FX])
async def test_pain_12_a_restart_tells_what_happened_since_the_cursor_once_and_agrees(account: Account):
    async with watching(account) as desk:
        cursor = desk.watch.cursor
        link = desk.enter()
        await desk.until(lambda: len(desk.fills()) == 1)
        again = Desk(desk.trader, account, desk.instrument, desk.instruments_of, cursor=cursor)
        again.tracker.expect(link, desk.instrument.key, desk.instrument.steps(desk.trader.qty), entry=True)
        await again.watch.start()
        [read] = again.reads()
        assert again.fills() == desk.fills() and reconcile(again.book(read), read) == Findings()

"""Interactive Brokers under the bot's own hands: executor, tracker and watch of one live account of options."""

from __future__ import annotations

import asyncio
import contextlib
import random
from asyncio import TaskGroup
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.causes import STREAM
from modules.exchange.executor import Executor
from modules.exchange.ibkr_orders import STOP
from modules.exchange.ibkr_slots import IbkrSlots, IbkrSlotStream
from modules.exchange.reconcile import Book, Findings, reconcile
from modules.exchange.tracker import Tracker
from modules.exchange.watch import Pace, Watch
from self_test.contracts.ibkr.desk import Desk, dealing
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument, option_slot
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side, order_id, prefix_of
from state.messages import (
    AccountDown,
    AccountEvent,
    AccountUp,
    Close,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Place,
    Protect,
    Protected,
    ProtectionFailed,
    StopFilled,
    VenueRead,
)
from state.options import OptionContract
from utils.backoff import Backoff
from utils.clock import WallClock
from utils.fixed import money_units

pytestmark = pytest.mark.asyncio

LIVE = Account(Domain.OPTIONS, Mode.LIVE)
SLOT = option_slot(
    Instrument(
        domain=Domain.FOREX, symbol="EURUSD", base="EUR", quote="USD", tick=Decimal("0.00001"), step=Decimal(1), min_qty=Decimal(1),
        min_notional=Decimal(0), max_qty=Decimal(100_000_000),
    )
)  # fmt: skip
PACE = Pace(compare_s=0.3, silent_compare_s=0.3, retry_s=0.1, keys_retry_s=0.3, lost_after_s=0.2, filters_s=5.0, clock_s=5.0, rights_s=5.0)


class Hand:
    """Executor, tracker and watch of one live account of options, on the slot of a pair, and what they told the engine."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.told, self.news = desk, list[AccountEvent](), asyncio.Event()
        clock, self.instrument = WallClock(), SLOT
        venue, prefix = IbkrSlots(desk.venue), prefix_of(LIVE, "abc")
        venue.prefix = prefix
        listed = {SLOT.key: SLOT}
        self.tracker = Tracker(LIVE, listed, prefix)
        self.executor = Executor(LIVE, venue, self.tracker, listed, self._emit, clock, clock.now_ms, "abc")

        async def listing() -> dict[str, Instrument]:
            return listed

        stream = IbkrSlotStream(venue, clock, random.Random(1), Backoff(base_s=0.05, cap_s=0.1))
        self.watch = Watch(
            LIVE, venue, stream, self.tracker, self.executor, listed, self._emit, clock, random.Random(2), clock.now_ms,
            prefix=prefix, cursor=0, env="live", listing=listing, pace=PACE,
        )  # fmt: skip

    def _emit(self, events: list[AccountEvent]) -> None:
        self.told += events
        self.news.set()

    def heard(self, *sorts: type) -> list[Any]:
        return [one for one in self.told if isinstance(one, sorts)]

    async def until(self, happened: Callable[[], object]) -> None:
        while not happened():
            self.news.clear()
            await self.news.wait()

    def enter(self, limit: str = "0.0080", stop: str = "0.00481", target: str = "0.01607", steps: int = 1_250) -> str:
        ticks, now = self.instrument.ticks, WallClock().now_ms()
        exits = ExitPlan(stop=ticks(Decimal(stop)), target=ticks(Decimal(target)), atr=1.0, trail_atr=0.0, max_hold_ms=3_600_000)
        intent = Intent(
            ts=now, account=LIVE, key=SLOT.key, strategy="O1", arm="base", side=Side.LONG, steps=steps, order_type=OrderType.MARKET,
            reference=ticks(Decimal(limit)), limit=ticks(Decimal(limit)), expires_ts=now + 60_000, exits=exits,
            contract=OptionContract.parse("EURUSD-20261204-C-1.10000"),
        )  # fmt: skip
        name = order_id(LIVE, SLOT.key, now, "e", "abc")
        self.executor.submit(Place(Approved(intent=intent, order_id=name)))
        return name


@contextlib.asynccontextmanager
async def working(**fields: Any) -> AsyncIterator[Hand]:
    async with dealing(**fields) as desk:
        hand = Hand(desk)
        async with TaskGroup() as group:
            tasks = [group.create_task(hand.watch.run()), group.create_task(hand.executor.run())]
            try:
                await hand.until(lambda: hand.heard(VenueRead))
                yield hand
            finally:
                for task in tasks:
                    task.cancel()


async def test_the_executor_enters_is_protected_moves_its_stop_and_closes() -> None:
    async with working() as hand:
        name = hand.enter()
        await hand.until(lambda: hand.heard(Protected, ProtectionFailed))
        (first,) = hand.heard(Protected, ProtectionFailed)
        assert isinstance(first, Protected) and not first.software_target and first.gap_ms < 2_000
        (filled,) = hand.heard(OrderFilled)
        assert (filled.fill.order_id, filled.fill.steps, filled.left) == (name, 1_250, 0)
        stop = hand.instrument.ticks(Decimal("0.00603"))
        hand.executor.submit(Protect(LIVE, SLOT.key, 1, 1_250, stop, hand.instrument.ticks(Decimal("0.01607")), trailed=True))
        await hand.until(lambda: len(hand.heard(Protected)) == 2)
        assert hand.desk.tws.of(name + STOP).aux == "0.0061"
        out = order_id(LIVE, SLOT.key, WallClock().now_ms(), "x", "abc")
        hand.executor.submit(Close(Reduce(ts=1, account=LIVE, key=SLOT.key, order_id=out, reason=ExitReason.OPERATOR)))
        await hand.until(lambda: len(hand.heard(OrderFilled)) == 2)
        assert hand.heard(OrderFilled)[1].fill.order_id == out and hand.tracker.held(SLOT.key).steps == 0
        assert hand.desk.tws.open() == [] and hand.desk.tws.options[0].position == 0
        assert not hand.heard(ProtectionFailed, OrderRejected, OrderUnknown)
        writes = hand.desk.written()
        await hand.until(lambda: len(hand.heard(VenueRead)) > 4)
        assert hand.desk.written() == writes == 5  # bracket, move, close: nothing is sent without a difference


async def test_what_a_fill_moves_is_what_the_next_reading_shows() -> None:
    """The other half of `self_test/scenarios/test_live_options.py`: the engine books this fill, and its book is what this one is here."""
    async with working() as hand:
        hand.enter()
        await hand.until(lambda: hand.heard(Protected))
        (filled,) = hand.heard(OrderFilled)
        fill, reads = filled.fill, len(hand.heard(VenueRead))
        assert (fill.key, fill.steps, fill.base_fee, fill.gained) == (SLOT.key, 1_250, 0, None)
        paid = money_units(SLOT.price(fill.price) * SLOT.qty(fill.steps)) + fill.fee
        await hand.until(lambda: len(hand.heard(VenueRead)) > reads + 1)
        read = hand.heard(VenueRead)[-1]
        assert (read.positions, read.coins, read.foreign) == ({SLOT.key: 1_250}, {}, ())
        book = Book(cash=money_units(Decimal(200_000)) - paid, positions={SLOT.key: 1_250})
        assert reconcile(book, read) == Findings()


async def test_a_stop_that_fires_while_the_gateway_is_away_is_told_when_it_is_back() -> None:
    async with working() as hand:
        hand.enter()
        await hand.until(lambda: hand.heard(Protected))
        await hand.desk.tws.stop()
        await hand.until(lambda: hand.heard(AccountDown))
        hand.desk.tws.move(hand.desk.tws.options[0], 0.0040, 0.0041)
        await hand.desk.tws.start()
        await hand.until(lambda: hand.heard(StopFilled))
        (stopped,) = hand.heard(StopFilled)
        assert (stopped.trigger, stopped.fill.side, stopped.left) == (ExitReason.STOP, -1, 0)
        await hand.until(lambda: any(one.cause == STREAM for one in hand.heard(AccountUp)))
        assert [one.cause for one in hand.heard(AccountDown)] == [STREAM]  # told once each way
        assert sum(one.cause == STREAM for one in hand.heard(AccountUp)) == 1
        reads = len(hand.heard(VenueRead))
        await hand.until(lambda: len(hand.heard(VenueRead)) > reads)
        read = hand.heard(VenueRead)[-1]
        assert read.positions == {} and read.foreign == ()
        assert read.cash == money_units(Decimal(200000) + Decimal(str(round(hand.desk.tws.cash_moved(), 2))))


async def test_an_entry_that_nobody_can_speak_of_is_found_and_entered_once() -> None:
    async with working() as hand:
        hand.desk.tws.lose_after_order = True
        name = hand.enter()
        await hand.until(lambda: hand.heard(OrderFilled) and hand.heard(Protected))
        assert {one.order_id for one in hand.heard(OrderUnknown)} <= {name}
        assert hand.desk.tws.options[0].position == 1 and len(hand.desk.tws.orders) == 3


async def test_a_small_wallet_is_refused_with_its_figures_and_nothing_stands() -> None:
    async with working(cash=1_500.0) as hand:
        name = hand.enter()
        await hand.until(lambda: hand.heard(OrderRejected))
        (no,) = hand.heard(OrderRejected)
        assert no.order_id == name and "the smallest wallet that could buy one has 50,000.00 USD" in no.reason
        assert hand.desk.tws.orders == []


async def test_a_size_between_contracts_goes_down_and_one_below_is_refused_with_its_figure() -> None:
    async with working() as hand:
        name = hand.enter(steps=2_000)
        await hand.until(lambda: hand.heard(Protected) and hand.heard(OrderCancelled))
        (filled,) = hand.heard(OrderFilled)
        assert (filled.fill.steps, filled.left) == (1_250, 750) and hand.heard(OrderCancelled)[0].order_id == name
        assert hand.desk.tws.options[0].position == 1
    async with working() as hand:
        hand.enter(steps=10)
        await hand.until(lambda: hand.heard(OrderRejected))
        assert "a size of 1,000 EUR is less than one contract of 125,000" in hand.heard(OrderRejected)[0].reason

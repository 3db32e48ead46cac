"""What each error of a venue means for each step."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from modules.exchange.reports import OrderKind, OrderStatus
from modules.exchange.steps import Limits
from modules.ports import BAD_GRID, BAD_PRICE, BELOW_MINIMUM, DUPLICATE_ID, NO_FUNDS, NOT_TRADING, NOTHING_TO_REDUCE
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from self_test.modules.exchange.test_protect import bracket
from state.accounts import Domain
from state.intents import OrderType
from state.messages import (
    AccountDown,
    Cancel,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    Protected,
    ProtectionFailed,
    StopFilled,
)

pytestmark = pytest.mark.asyncio


async def opened(floor: LiveFloor) -> None:
    floor.place(floor.approved())
    await floor.until(lambda: bool(floor.told(Protected)))


@pytest.mark.parametrize("code", [NO_FUNDS, BELOW_MINIMUM, NOT_TRADING, BAD_PRICE, BAD_GRID, "12345"])
async def test_an_explicit_no_ends_the_entry(code: str) -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Refuse(code))
    async with floor.running():
        name = floor.place(floor.approved())
        await floor.until(lambda: not floor.executor.busy)
    assert [event.order_id for event in floor.told(OrderRejected)] == [name] and floor.venue.writes("create") == 0
    assert floor.told(AccountDown) == [], "what has changed is looked at by the watch, which also says when it is over"


async def test_pain_08_a_duplicate_id_means_that_the_earlier_send_succeeded() -> None:
    floor = LiveFloor()
    floor.venue.mute = True
    async with floor.running():
        approved = floor.approved()
        floor.place(approved)
        await floor.until(lambda: bool(floor.told(OrderFilled)))
    floor.events.clear()
    floor.boot()
    async with floor.running():
        floor.place(approved)
        await floor.until(lambda: bool(floor.told(OrderFilled)))
    assert floor.venue.writes("create") == 1 and not floor.told(OrderRejected)


async def test_a_duplicate_id_of_which_nothing_is_ever_shown_ends_refused() -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Refuse(DUPLICATE_ID))
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    assert floor.clock.monotonic_ns() > 8e9


async def test_pain_33_an_instrument_that_cannot_be_prepared_is_not_entered() -> None:
    floor = LiveFloor(Domain.PERPS)
    floor.venue.fate("prepare", Refuse("mode"), Mishap.LOST_REPLY)
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        assert "cannot be prepared" in floor.told(OrderRejected)[0].reason
        await opened(floor)  # a lost reply is asked for again: preparing twice changes nothing
        assert floor.venue.prepared == [floor.key, floor.key]


async def test_bad_input_too_little_margin_is_refused_before_anything_is_sent_and_leverage_counts() -> None:
    floor = LiveFloor(Domain.PERPS, limits=Limits(leverage=3))
    approved = floor.approved()
    intent = approved.intent
    value = floor.instruments[floor.key].qty(intent.steps) * floor.instruments[floor.key].price(intent.limit)
    async with floor.running():
        floor.venue.cash = value / 3  # without room for the fee
        floor.place(approved)
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        assert "insufficient balance" in floor.told(OrderRejected)[0].reason and floor.venue.writes("create") == 0
        floor.venue.cash = value / 2
        await opened(floor)


async def test_a_close_finds_what_binds_the_coin() -> None:
    """The venue made an exit order that the stream did not tell of: the sale is refused for funds until it is found and taken back."""
    floor = LiveFloor()
    floor.venue.lose = lambda item: getattr(item, "kind", None) is OrderKind.SPOT_BRACKET
    async with floor.running():
        name = floor.place(floor.approved())
        await floor.until(lambda: any(event.fill.order_id == name for event in floor.told(OrderFilled)))
        floor.close()
        await floor.until(lambda: floor.tracker.held(floor.key).steps == 0)
    assert floor.venue.open(floor.key) == [] and not floor.told(OrderRejected)


async def test_a_close_that_never_finds_the_coin_gives_up_and_protects() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.venue.fate("create", *[Refuse(NO_FUNDS)] * 6)
        floor.close()
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        await floor.until(lambda: not floor.venue.naked(floor.key))


async def test_pain_14_nothing_to_reduce_is_a_question() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        await opened(floor)
        floor.venue.fate("create", Refuse(NOTHING_TO_REDUCE))
        floor.venue.fate("executions", Mishap.HICCUP)
        name = floor.close()
        await floor.until(lambda: bool(floor.told(OrderCancelled)))
    assert floor.told(OrderCancelled)[0].order_id == name and floor.venue.writes("create") == 1


async def test_pain_18_an_amend_that_comes_too_late_fetches_the_final_state() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.venue.mute = True
        floor.venue.move(floor.key, "94")
        floor.protect(960)
        await floor.until(lambda: bool(floor.told(StopFilled)))
        await floor.until(lambda: not floor.executor.busy)
    assert len(floor.told(StopFilled)) == 1 and floor.venue.writes("create") == 1


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
async def test_a_stop_beyond_the_market_is_told_at_once(domain: Domain) -> None:
    floor = LiveFloor(domain)
    async with floor.running():
        await opened(floor)
        floor.venue.price[floor.key] = Decimal(96)
        floor.protect(970)
        await floor.until(lambda: bool(floor.told(ProtectionFailed)), 2.0)
        [failed] = floor.told(ProtectionFailed)
        assert "will not have the stop" in failed.reason and failed.gap_ms == 0
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
    assert abs(floor.venue.held(floor.key)) < Decimal("0.001")


async def test_pain_36_what_the_venue_made_of_a_stop_instead_is_taken_back() -> None:
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: floor.venue.writes("create") == 2)
        [stop] = floor.venue.open(floor.key)
        wrong = msgspec.structs.replace(
            stop, kind=OrderKind.PLAIN, status=OrderStatus.OPEN, price=Decimal(95), trigger=Decimal(0), ts=stop.ts + 1
        )
        floor.venue.orders[stop.venue_id] = wrong
        floor.venue.tell(wrong)
        await floor.until(lambda: ("cancel", stop.venue_id) in floor.venue.calls)
        await floor.until(lambda: floor.venue.writes("create") == 3)
        await floor.until(lambda: not floor.executor.busy)
        assert not floor.venue.naked(floor.key)


@pytest.mark.parametrize("mishap", [Mishap.HICCUP, Mishap.LOST_REPLY, Mishap.LOST_REQUEST])
async def test_a_cancel_is_repeated_until_the_end_is_known(mishap: Mishap) -> None:
    floor = LiveFloor()
    floor.venue.fate("cancel", mishap, mishap)
    async with floor.running():
        name = floor.place(floor.approved(limit=990, order_type=OrderType.MAKER))
        await floor.until(lambda: bool(floor.told(OrderAccepted)))
        floor.executor.submit(Cancel(floor.account, floor.key, name))
        await floor.until(lambda: bool(floor.told(OrderCancelled)))
    assert floor.venue.open(floor.key) == []


@pytest.mark.parametrize("mishap", [Mishap.HICCUP, Mishap.LOST_REPLY, Mishap.LOST_REQUEST, Slow(0.5)])
async def test_pain_01_the_making_of_a_stop_is_repeated_but_it_is_made_once(mishap: Mishap) -> None:
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    floor.venue.fate("create", Slow(0), mishap)
    async with floor.running():
        await opened(floor)
        await floor.until(lambda: not floor.executor.busy)
        assert len(floor.venue.open(floor.key)) == 1 and floor.venue.writes("create") == 2


async def test_a_sweep_that_fails_is_tried_again() -> None:
    floor = LiveFloor()
    async with floor.running():
        await opened(floor)
        floor.venue.fate("cancel", Mishap.HICCUP, Mishap.LOST_REQUEST)
        lane = floor.executor._lanes[floor.key]
        orphan = bracket(name="orphan", ts=floor.clock.now_ms())
        floor.close()
        await floor.until(lambda: not floor.executor.busy)
        floor.venue.orders["orphan"] = msgspec.structs.replace(orphan, qty=Decimal("0.001"))
        floor.venue.tell(floor.venue.orders["orphan"])
        await floor.until(lambda: floor.venue.open(floor.key) == [])
        assert not lane.orders

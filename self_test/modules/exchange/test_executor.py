"""The executor's surface: what it takes, whom it tells, and what it says of itself. Its behaviour is in scenarios/test_live_orders.py."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from modules.exchange.executor import WORKERS
from modules.exchange.holdings import Held
from modules.exchange.reports import Link, WalletReport
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from self_test.modules.exchange.test_protect import bracket
from state.accounts import Account, Domain, Mode
from state.messages import OrderCancelled, OrderFilled, OrderRejected, Protected, Record, TargetTouched
from state.orders import Order, OrderState
from utils.errors import Invariant

pytestmark = pytest.mark.asyncio


async def test_what_is_not_for_a_venue_is_a_bug() -> None:
    with pytest.raises(Invariant):
        LiveFloor().executor.submit(Record("fill", {}))  # type: ignore[arg-type]


async def test_entries_are_refused_while_barred_and_leave_again_after() -> None:
    floor = LiveFloor()
    async with floor.running():
        floor.executor.refuse_entries("the desk is flat by order")
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        assert floor.told(OrderRejected)[0].reason == "the desk is flat by order"
        floor.executor.allow_entries()
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderFilled)))
    assert floor.venue.writes("create") == 1


async def test_it_is_busy_until_everything_is_known_and_says_who_works() -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Slow(1.0))
    async with floor.running():
        assert not floor.executor.busy and floor.executor.working == frozenset()
        floor.place(floor.approved())
        assert floor.executor.busy and floor.executor.working == {floor.key}
        await floor.until(lambda: not floor.executor.busy)
        assert floor.told(Protected) and floor.executor.unprotected == {}


async def test_the_time_without_a_stop_is_shown_while_it_runs() -> None:
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderFilled)))
        await floor.clock.advance(0.3)
        assert 250 <= floor.executor.unprotected[floor.key] <= 400


async def test_what_is_no_business_of_a_lane_is_passed_over() -> None:
    floor = LiveFloor()
    other = msgspec.structs.replace(bracket(), key="CRYPTO:OTHER")
    floor.executor.on_reports([other, Link(up=True, ts=1), WalletReport(cash=Decimal(1), free=Decimal(1))])
    floor.executor.on_quote("CRYPTO:OTHER", 1, 2)
    assert not floor.executor.busy and floor.events == []


async def test_a_target_that_the_venue_holds_is_not_watched_here() -> None:
    floor = LiveFloor()
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(Protected)))
        floor.executor.on_quote(floor.key, 1_200, 1_201)
    assert not floor.told(TargetTouched)


async def test_orders_of_others_and_ended_ones_are_not_restored() -> None:
    floor = LiveFloor()
    terms = {"key": floor.key, "entry": True, "steps": 1}
    paper = Account(Domain.CRYPTO, Mode.PAPER)
    floor.executor.restore(
        [
            Order(order_id="a", account=paper, state=OrderState.IN_FLIGHT, **terms),  # type: ignore[arg-type]
            Order(order_id="b", account=floor.account, state=OrderState.FILLED, **terms),  # type: ignore[arg-type]
        ],
        {floor.key: Held(coins=Decimal("0.0004"))},
    )
    assert not floor.executor.busy and floor.executor.working == frozenset()


async def test_a_working_close_found_at_start_is_asked_about_and_sent_again_under_its_id() -> None:
    floor = LiveFloor(Domain.PERPS)
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(Protected)))
    held = floor.tracker.held(floor.key)
    floor.boot()
    close = Order(order_id="PLabc-BTCUSDT-9-x", account=floor.account, key=floor.key, entry=False, steps=1_000, state=OrderState.IN_FLIGHT)
    floor.executor.restore([close], {floor.key: held})
    async with floor.running():
        await floor.until(lambda: not floor.executor.busy)
    assert floor.venue.calls[-1] == ("create", close.order_id) and floor.venue.held(floor.key) == 0


async def test_fifty_positions_are_verified_with_one_reading() -> None:
    symbols = tuple(f"C{n}USDT" for n in range(50))
    floor = LiveFloor(Domain.PERPS, symbols=symbols)
    floor.venue.cash = Decimal(10_000_000)
    async with floor.running():
        for key in floor.instruments:
            floor.place(floor.approved(key=key))
        await floor.until(lambda: len(floor.told(Protected)) == 50)
    held = {key: floor.tracker.held(key) for key in floor.instruments}
    before = len(floor.venue.calls)
    floor.boot()
    floor.events.clear()
    floor.venue.fate("open_orders", Slow(0.5))
    floor.executor.restore([], held)
    async with floor.running():
        await floor.until(lambda: len(floor.told(Protected)) == 50, 1.0)
    assert len(floor.venue.calls) == before and not floor.venue.fates["open_orders"]


@pytest.mark.parametrize(("state", "filled"), [(OrderState.OPEN, 0), (OrderState.PARTIAL, 400), (OrderState.UNKNOWN, 400)])
async def test_pain_46_an_order_that_the_venue_has_forgotten_comes_to_an_end(state: OrderState, filled: int) -> None:
    """Dead for more than a day: a venue keeps cancelled orders no longer than that."""
    floor = LiveFloor(Domain.PERPS)
    entry = Order(order_id="PLabc-BTCUSDT-9-e", account=floor.account, key=floor.key, entry=True, steps=1_000, filled=filled, state=state)
    floor.executor.restore([entry], {})
    async with floor.running():
        await floor.until(lambda: bool(floor.told(OrderCancelled)), 60.0)
        await floor.until(lambda: not floor.executor.busy)
    assert [event.order_id for event in floor.told(OrderCancelled)] == [entry.order_id]
    assert floor.clock.monotonic_ns() > 8e9, "not before it is sure"


async def test_a_touched_target_whose_close_was_refused_is_told_again() -> None:
    floor = LiveFloor()
    floor.venue.no_exit_orders = True
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(Protected)))
        floor.executor.on_quote(floor.key, 1_100, 1_101)
        floor.venue.fate("create", Refuse("12345"))
        floor.close()
        await floor.until(lambda: bool(floor.told(OrderRejected)))
        await floor.until(lambda: not floor.venue.naked(floor.key) and not floor.executor.busy)
        floor.executor.on_quote(floor.key, 1_100, 1_101)
        assert len(floor.told(TargetTouched)) == 1, "not with every quote"
        await floor.clock.advance(6)
        floor.executor.on_quote(floor.key, 1_100, 1_101)
        assert len(floor.told(TargetTouched)) == 2


async def test_a_portfolio_that_closes_at_once_sells_what_it_lays_bare_before_it_lays_more_bare() -> None:
    """A spot exit holds the coin, so it is taken back before the sale; cancels have a budget of their own, and all workers waited there."""
    floor = LiveFloor(symbols=tuple(f"C{n}USDT" for n in range(25)))
    floor.venue.cash = Decimal(10_000_000)
    async with floor.running():
        for key in floor.instruments:
            floor.place(floor.approved(key=key))
        await floor.until(lambda: len(floor.told(Protected)) == 25)
        floor.venue.fate("cancel", *[Slow(0.2)] * 25)
        for key in floor.instruments:
            floor.close(key=key)
        bare = 0

        def flat() -> bool:
            nonlocal bare
            bare = max(bare, sum(floor.venue.naked(key) for key in floor.instruments))
            return not floor.executor.busy

        await floor.until(flat, 60.0)
    assert not any(floor.venue.held(key) for key in floor.instruments if floor.venue.naked(key))
    assert bare <= WORKERS, "no more than there are workers that lay bare"


async def test_whatever_is_logged_on_an_orders_way_bears_its_id() -> None:
    floor = LiveFloor()
    floor.venue.fate("create", Mishap.LOST_REQUEST)
    with capture_logs([merge_contextvars]) as lines:
        async with floor.running():
            name = floor.place(floor.approved())
            await floor.until(lambda: bool(floor.told(OrderRejected)))
            other = floor.place(floor.approved())
            await floor.until(lambda: bool(floor.told(Protected)))
    trail = [("nobody can say what became of it", name), ("order refused", name), ("order leaves", other)]
    assert [(one["event"], one["account"], one["key"], one["decision"]) for one in lines if one.get("decision")] == [
        (event, str(floor.account), floor.key, order) for event, order in trail
    ]
    assert [one["kind"] for one in lines if "kind" in one] == [floor.told(OrderRejected)[0].kind] == ["lost"]

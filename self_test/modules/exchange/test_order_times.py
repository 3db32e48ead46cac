"""The legs of an order's way on the real executor and a venue that takes its time, on a fake clock."""

from __future__ import annotations

import pytest

from modules.exchange.order_times import OrderTimes
from modules.ports import NO_FUNDS
from self_test.fakes.live_floor import LiveFloor
from self_test.fakes.venue import Mishap, Refuse, Slow
from state.accounts import Account
from state.messages import OrderAccepted, OrderCancelled, OrderFilled, OrderRejected
from utils.clock import FakeClock

pytestmark = pytest.mark.asyncio

ACCOUNT = Account.parse("CRYPTO/LIVE")
Leg = tuple[str, str, float]


class Ways(OrderTimes):
    """Of one order, `1`; `legs` are what was told."""

    def __init__(self, clock: FakeClock, began: int | None = None) -> None:
        self.legs: list[Leg] = []
        super().__init__(str(ACCOUNT), clock, self._note, lambda: began)

    def _note(self, account: str, order: str, leg: str, seconds: float) -> None:
        assert account == "CRYPTO/LIVE"
        self.legs.append((order, leg, round(seconds, 6)))


async def test_an_entry_and_its_exit_on_the_executor() -> None:
    floor = LiveFloor()
    ways = Ways(floor.clock)
    floor.times = ways
    floor.boot()
    floor.venue.fate("create", Slow(0.2))
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderFilled)))
        await floor.until(lambda: not floor.executor.busy)
        legs = {(order, leg): seconds for order, leg, seconds in ways.legs}
        assert set(legs) == {("entry", "sent"), ("entry", "acknowledged"), ("entry", "filled")}
        ways.legs.clear()
        floor.close()
        await floor.until(lambda: len(floor.told(OrderFilled)) > 1)
    assert [leg for order, leg, _ in ways.legs if order == "exit"] == ["sent", "acknowledged", "filled"]


async def test_what_was_refused_here_was_never_sent() -> None:
    floor = LiveFloor()
    ways = Ways(floor.clock)
    floor.times = ways
    floor.boot()
    async with floor.running():
        floor.halted = True
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    assert floor.told(OrderRejected)[0].kind == "barred" and ways.legs == []


async def test_the_venues_no_is_an_answer_and_has_its_class() -> None:
    floor = LiveFloor()
    ways = Ways(floor.clock)
    floor.times = ways
    floor.boot()
    floor.venue.fate("create", Refuse(NO_FUNDS))
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    assert floor.told(OrderRejected)[0].kind == NO_FUNDS


async def test_a_wallet_that_is_too_small_is_unfit_and_what_cannot_be_sent_unsent() -> None:
    floor = LiveFloor()
    async with floor.running():
        floor.venue.cash = floor.venue.cash * 0
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    assert floor.told(OrderRejected)[0].kind == "unfit"
    floor = LiveFloor()
    floor.venue.fate("create", *[Mishap.HICCUP] * 20)
    async with floor.running():
        floor.place(floor.approved())
        await floor.until(lambda: bool(floor.told(OrderRejected)))
    assert floor.told(OrderRejected)[0].kind == "unsent"


async def test_each_leg_begins_where_the_one_before_ended() -> None:
    clock = FakeClock()
    ways = Ways(clock, clock.monotonic_ns())
    await clock.advance(0.5)
    ways.decided("1", entry=True)  # the batch was taken before
    await clock.advance(0.25)
    ways.sent("1")
    await clock.advance(1.0)
    ways.sent("1")  # the first had no effect
    await clock.advance(0.125)
    ways.hear([OrderAccepted(1, ACCOUNT, "1"), OrderAccepted(1, ACCOUNT, "1")])
    assert ways.legs == [("entry", "sent", 0.75), ("entry", "acknowledged", 0.125)]
    ways.hear([OrderCancelled(2, ACCOUNT, "1", "ended")])
    ways.sent("1")
    assert len(ways.legs) == 2 and not ways._ways


async def test_an_answer_that_nobody_gave_has_no_leg() -> None:
    clock = FakeClock()
    ways = Ways(clock)
    for kind, legs in (("lost", 1), ("", 2)):
        ways.legs.clear()
        ways.decided("1", entry=False)
        ways.sent("1")
        ways.hear([OrderRejected(1, ACCOUNT, "1", "no", kind)])
        assert len(ways.legs) == legs and not ways._ways


async def test_orders_of_an_earlier_life_have_no_legs() -> None:
    ways = Ways(FakeClock())
    ways.sent("1")
    ways.hear([OrderAccepted(1, ACCOUNT, "1"), OrderRejected(1, ACCOUNT, "1", "no")])
    assert ways.legs == []

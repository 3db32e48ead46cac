"""What the tracker makes of reports in any order: the same events, the same end, nothing lost and nothing doubled."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.exchange.children import LOOKUPS
from modules.exchange.holdings import Held
from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus
from modules.exchange.tracker import Tracker
from self_test.fakes.live_floor import instrument
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from state.intents import ExitReason
from state.messages import (
    AccountDown,
    AccountEvent,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    StopFilled,
)
from state.orders import Order, OrderState

SPOT, PERP = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)
ENTRY, CLOSE, STOP = "CLabc-BTCUSDT-1-e", "CLabc-BTCUSDT-2-x", "CLabc-BTCUSDT-3-s1"
Item = OrderReport | ExecutionReport


def tracker(domain: Domain = Domain.CRYPTO, seen: tuple[str, ...] = (), expect: bool = True) -> Tracker:
    one = instrument(domain)
    made = Tracker(SPOT if domain is Domain.CRYPTO else PERP, {one.key: one}, f"{domain[0]}Labc-", seen)
    if expect:
        made.expect(ENTRY, one.key, 1_000, entry=True)
    return made


def execution(
    name: str, qty: str, *, link: str = ENTRY, side: int = 1, price: str = "100", kind: ExecutionKind = ExecutionKind.TRADE,
    order_kind: OrderKind = OrderKind.PLAIN, venue_id: str = "v1", domain: Domain = Domain.CRYPTO, fee: str = "0.0001", coin: str = "BTC",
) -> ExecutionReport:  # fmt: skip
    return ExecutionReport(
        key=f"{domain}:BTCUSDT", exec_id=name, kind=kind, order_kind=order_kind, venue_id=venue_id, link_id=link, side=side,
        price=Decimal(price), qty=Decimal(qty), fee=Decimal(fee), fee_coin=coin, ts=5,
    )  # fmt: skip


def order(
    status: OrderStatus, filled: str = "0", *, link: str = ENTRY, side: int = 1, venue_id: str = "v1", reason: str = ""
) -> OrderReport:
    return OrderReport(
        key="CRYPTO:BTCUSDT", venue_id=venue_id, link_id=link, side=side, kind=OrderKind.PLAIN, status=status, qty=Decimal(1),
        filled=Decimal(filled), reason=reason, created_ts=1, ts=6,
    )  # fmt: skip


def child(
    kind: OrderKind = OrderKind.SPOT_BRACKET, *, qty: str = "0.499", stop: str = "95", target: str = "110", trigger: str = "0",
    venue_id: str = "v7", status: OrderStatus = OrderStatus.WAITING,
) -> OrderReport:  # fmt: skip
    """Protection that the venue made under an id of its own."""
    return OrderReport(
        key="CRYPTO:BTCUSDT", venue_id=venue_id, link_id="9", side=-1, kind=kind, status=status, qty=Decimal(qty), filled=Decimal(0),
        stop=Decimal(stop), target=Decimal(target), trigger=Decimal(trigger), created_ts=1, ts=6,
    )  # fmt: skip


STORY: list[Item] = [
    child(),
    order(OrderStatus.OPEN),
    execution("a", "0.3"),
    order(OrderStatus.PARTIAL, "0.3"),
    execution("b", "0.2", price="100.1"),
    order(OrderStatus.CANCELLED, "0.5", reason="the rest was not there"),
    execution("c", "0.499", link="9", venue_id="v7", side=-1, price="95", order_kind=OrderKind.SPOT_BRACKET, fee="0.05", coin="USDT"),
]


def plain(events: list[AccountEvent]) -> Counter[str]:
    """The events without what depends on who was told first."""
    told = [msgspec.structs.replace(event, left=0) if isinstance(event, OrderFilled) else event for event in events]
    return Counter(repr(msgspec.structs.replace(event, ts=0)) for event in told)


@given(story=st.lists(st.sampled_from(STORY), max_size=12).map(lambda extra: [*STORY, *extra]).flatmap(st.permutations))
def test_pain_11_any_order_and_any_repeats_tell_the_same(story: list[Item]) -> None:
    one = tracker()
    one.holdings.want("CRYPTO:BTCUSDT", 950, 1_100)
    events = one.take(story)
    straight = tracker()
    straight.holdings.want("CRYPTO:BTCUSDT", 950, 1_100)
    assert plain(events) == plain(straight.take(STORY))
    assert one.held("CRYPTO:BTCUSDT") == straight.held("CRYPTO:BTCUSDT")
    assert one.incomplete() == [] and one.foreign() == ()
    kinds = [type(event) for event in events]
    assert kinds[0] is OrderAccepted and kinds.index(OrderCancelled) > max(n for n, kind in enumerate(kinds) if kind is OrderFilled)
    assert sum(event.fill.steps for event in events if isinstance(event, OrderFilled)) == 500


def test_an_end_waits_for_its_fills_and_says_so() -> None:
    one = tracker()
    assert [type(event) for event in one.take([order(OrderStatus.CANCELLED, "0.5")])] == [OrderAccepted]
    assert one.incomplete() == [("CRYPTO:BTCUSDT", "v1", 1)]
    assert [type(event) for event in one.take([execution("a", "0.3")])] == [OrderFilled]
    assert [type(event) for event in one.take([execution("b", "0.2")])] == [OrderFilled, OrderCancelled]
    assert one.incomplete() == []


def test_a_late_cancel_after_the_fill_changes_nothing() -> None:
    one = tracker()
    events = one.take([execution("a", "1"), order(OrderStatus.FILLED, "1"), order(OrderStatus.CANCELLED, "1", reason="CancelByUser")])
    assert [type(event) for event in events] == [OrderAccepted, OrderFilled]
    late = tracker()
    late.take([order(OrderStatus.FILLED, "1")])
    assert late.take([order(OrderStatus.CANCELLED, "0", reason="EC_OrigClOrdIDDoesNotExist")]) == []
    assert [type(event) for event in late.take([execution("a", "1")])] == [OrderFilled]


def test_a_repeat_from_before_the_restart_is_known() -> None:
    one = tracker(seen=("a",))
    assert one.take([execution("a", "1")]) == []


def test_left_is_what_still_works() -> None:
    events = [event for event in tracker().take([execution("a", "0.3"), execution("b", "0.7")]) if isinstance(event, OrderFilled)]
    assert [event.left for event in events] == [700, 0]


def test_a_refusal_of_the_venue_or_of_nobody_is_told_once() -> None:
    one = tracker()
    assert one.refused(ENTRY, 1, "no") == [OrderRejected(1, SPOT, ENTRY, "no")]
    assert one.refused(ENTRY, 1, "no") == [] and one.withdrawn(ENTRY, 1, "x") == []
    other = tracker()
    assert [type(event) for event in other.take([order(OrderStatus.REJECTED)])] == [OrderRejected]
    accepted = tracker()
    accepted.accepted(ENTRY, "v1", 1)
    assert [type(event) for event in accepted.take([order(OrderStatus.REJECTED)])] == [OrderCancelled]


def test_an_execution_after_the_end_is_told_of_and_not_booked() -> None:
    one = tracker()
    one.refused(ENTRY, 1, "never reached the venue")
    assert one.take([execution("a", "1")]) == []
    [words] = one.foreign()
    assert "after its end" in words and one.held("CRYPTO:BTCUSDT").steps == 0
    one.forget_foreign()
    assert one.foreign() == ()


@pytest.mark.parametrize(
    ("order_kind", "link", "price", "expected"),
    [
        (OrderKind.STOP_LOSS, "", "99", ExitReason.STOP),
        (OrderKind.TRAILING, "", "99", ExitReason.STOP),
        (OrderKind.TAKE_PROFIT, "", "99", ExitReason.TARGET),
        (OrderKind.SPOT_BRACKET, "9", "94.8", ExitReason.STOP),
        (OrderKind.SPOT_BRACKET, "9", "110.2", ExitReason.TARGET),
        (OrderKind.SPOT_EXIT, STOP, "109", ExitReason.STOP),
        (OrderKind.PLAIN, STOP, "95", ExitReason.STOP),
        (OrderKind.PLAIN, "CLabc-BTCUSDT-1-f", "95", ExitReason.EXTERNAL),
    ],
)
def test_protection_is_told_by_its_trigger(order_kind: OrderKind, link: str, price: str, expected: ExitReason) -> None:
    one = tracker()
    one.restore([], {"CRYPTO:BTCUSDT": Held(side=1, steps=500, stop=950, target=1_100)})
    one.take([child(order_kind, qty="0.5", venue_id="v9")])
    [event] = one.take([execution("a", "0.2", link=link, venue_id="v9", side=-1, price=price, order_kind=order_kind, coin="USDT")])
    assert isinstance(event, StopFilled) and (event.trigger, event.left) == (expected, 300)


@pytest.mark.parametrize(
    ("kind", "side", "qty", "expected"),
    [
        (ExecutionKind.LIQUIDATION, -1, "1", ExitReason.LIQUIDATION),
        (ExecutionKind.ADL, -1, "0.5", ExitReason.ADL),
        (ExecutionKind.TRADE, -1, "0.5", ExitReason.EXTERNAL),
        (ExecutionKind.TRADE, -1, "1.5", None),
        (ExecutionKind.TRADE, 1, "0.5", None),
    ],
)
def test_pain_07_what_shrinks_a_perpetual_is_booked_and_what_does_not_is_foreign(
    kind: ExecutionKind, side: int, qty: str, expected: ExitReason | None
) -> None:
    one = tracker(Domain.PERPS, expect=False)
    one.restore([], {"PERPS:BTCUSDT": Held(side=1, steps=1_000)})
    events = one.take([execution("a", qty, link="", venue_id="?", side=side, kind=kind, domain=Domain.PERPS, coin="USDT")])
    assert [event.trigger for event in events if isinstance(event, StopFilled)] == ([] if expected is None else [expected])
    assert len(one.foreign()) == (expected is None)


SOLD = execution("a", "0.5", link="9", venue_id="v7", side=-1, price="95", order_kind=OrderKind.SPOT_BRACKET, coin="USDT")


def holding() -> Tracker:
    one = tracker(expect=False)
    one.restore([], {"CRYPTO:BTCUSDT": Held(side=1, steps=500, stop=950, target=1_100)})
    return one


def test_an_execution_of_the_user_s_own_exit_order_on_a_coin_we_hold_is_not_our_exit() -> None:
    one = holding()
    assert one.take([child(stop="80", target="120"), SOLD]) == []
    assert one.held("CRYPTO:BTCUSDT").steps == 500 and "sold 0.5 CRYPTO:BTCUSDT" in one.foreign()[0] and one.unknown() == []


def test_an_execution_waits_until_its_order_says_whose_it_is() -> None:
    one = holding()
    assert one.take([SOLD]) == [] and one.unknown() == [("CRYPTO:BTCUSDT", "v7")] and one.untold() == 5
    [event] = one.take([child(qty="0.5", status=OrderStatus.FILLED)])
    assert isinstance(event, StopFilled) and event.left == 0 and one.unknown() == [] and one.foreign() == ()


def test_an_order_that_the_venue_does_not_know_is_nobody_s_after_a_few_looks() -> None:
    one = holding()
    one.take([SOLD])
    for _ in range(LOOKUPS):
        assert one.unknown() == [("CRYPTO:BTCUSDT", "v7")]
        one.not_found("v7")
    assert one.unknown() == [] and one.untold() is None and "not ours" in one.foreign()[0]
    assert one.held("CRYPTO:BTCUSDT").steps == 500


def test_a_foreign_sale_on_spot_is_left_alone() -> None:
    one = tracker()
    one.restore([], {"CRYPTO:BTCUSDT": Held(side=1, steps=1_000)})
    assert one.take([execution("a", "0.5", link="hand", venue_id="?", side=-1)]) == []
    assert one.held("CRYPTO:BTCUSDT").steps == 1_000 and "sold 0.5 CRYPTO:BTCUSDT" in one.foreign()[0]


@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
def test_an_execution_of_a_kind_that_is_not_booked_is_told_in_words_and_changes_nothing(domain: Domain) -> None:
    one, key = tracker(domain, expect=False), f"{domain}:BTCUSDT"
    one.restore([], {key: Held(side=1, steps=1_000)})
    report = execution("d", "1", link="", side=0, kind=ExecutionKind.OTHER, domain=domain, coin="")
    assert one.take([msgspec.structs.replace(report, said="Delivery")]) == [] and one.held(key).steps == 1_000
    assert one.foreign() == (f"an execution of a kind that is not booked here (Delivery): moved 1 {key} at 100, id v1",)
    assert one.untold() is None


def test_funding_is_paid_once() -> None:
    one = tracker(Domain.PERPS, expect=False)
    report = execution("f", "1", kind=ExecutionKind.FUNDING, domain=Domain.PERPS, fee="-0.5", coin="USDT")
    assert one.take([report, report]) == [FundingPaid(5, PERP, "PERPS:BTCUSDT", -5_000_000_000, "f")]


def test_pain_49_an_execution_off_the_grid_keeps_the_cursor_back_until_a_start_that_knows_the_grid() -> None:
    off = execution("a", "1", price="100.05")
    one = tracker()
    [event] = one.take([off])
    assert isinstance(event, AccountDown) and event.cause == "off_grid", "a listing that agrees again does not end it"
    assert one.take([off]) == [] and one.untold() == 5
    again = Tracker(SPOT, {"CRYPTO:BTCUSDT": finer(instrument())}, "CLabc-")
    again.expect(ENTRY, "CRYPTO:BTCUSDT", 1_000, entry=True)
    assert [type(each) for each in again.take([off])] == [OrderAccepted, OrderFilled] and again.untold() is None


def finer(one: Instrument) -> Instrument:
    return msgspec.structs.replace(one, tick=Decimal("0.05"))


@pytest.mark.parametrize(("coin", "held", "down"), [("BTC", 999, 0), ("USDT", 1_000, 0), ("MNT", 1_000, 1)])
def test_pain_19_the_fee_s_coin_decides_what_is_held(coin: str, held: int, down: int) -> None:
    one = tracker()
    events = one.take([execution("a", "1", fee="0.0005", coin=coin)])
    assert one.held("CRYPTO:BTCUSDT").steps == held
    assert sum(isinstance(event, AccountDown) for event in events) == down
    again = one.take([execution("b", "1", fee="0.0005", coin=coin, link="")])
    assert not any(isinstance(event, AccountDown) for event in again)


def test_an_exit_waits_for_the_entry_that_it_closes() -> None:
    one = tracker()
    exit_first = execution("x", "0.4", link=CLOSE, venue_id="v2", side=-1, coin="USDT")
    one.expect(CLOSE, "CRYPTO:BTCUSDT", 400, entry=False)
    assert one.take([exit_first]) == [] and len(one.foreign()) == 1 and one.entering("CRYPTO:BTCUSDT")
    kinds = [type(event) for event in one.take([execution("a", "0.5")])]
    assert kinds == [OrderAccepted, OrderFilled, OrderAccepted, OrderFilled] and one.foreign() == ()


def test_what_the_engine_holds_is_the_start() -> None:
    one = tracker(expect=False)
    working = Order(order_id=ENTRY, account=SPOT, key="CRYPTO:BTCUSDT", entry=True, steps=1_000, filled=400, state=OrderState.PARTIAL)
    one.restore([working], {"CRYPTO:BTCUSDT": Held(side=1, steps=399, coins=Decimal("0.3996"))})
    [_, filled] = one.take([execution("b", "0.6", fee="0.0006")])
    assert isinstance(filled, OrderFilled) and filled.left == 0
    assert one.held("CRYPTO:BTCUSDT").coins == Decimal("0.999") and one.order(ENTRY) is not None


def test_an_unknown_instrument_is_foreign() -> None:
    one = tracker()
    assert one.take([msgspec.structs.replace(execution("a", "1"), key="CRYPTO:OTHER")]) == []
    assert "not traded here" in one.foreign()[0]


def test_an_order_that_was_taken_and_killed_in_one_answer_is_cancelled_when_the_stream_spoke_first() -> None:
    one = tracker()
    assert one.take([order(OrderStatus.OPEN)]) == [OrderAccepted(6, SPOT, ENTRY)]
    assert one.refused(ENTRY, 7, "MARKET_HALTED") == [OrderCancelled(7, SPOT, ENTRY, "MARKET_HALTED")]
    assert one.take([order(OrderStatus.CANCELLED)]) == []


def test_who_closes_a_position_of_a_broker_by_hand_is_told_as_external() -> None:
    one = tracker(Domain.FOREX)
    one.take([execution("a", "1", domain=Domain.FOREX)])
    [event] = one.take([execution("b", "1", side=-1, link="", venue_id="v9", domain=Domain.FOREX)])
    assert isinstance(event, StopFilled) and event.trigger is ExitReason.EXTERNAL


def test_orders_that_ended_are_forgotten_beyond_a_bound_and_open_ones_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.exchange.tracker.ORDERS", 2)
    one = tracker()
    one.accepted(ENTRY, "v1", 1)
    for n in range(3):
        name = f"CLabc-BTCUSDT-{n + 10}-x"
        one.expect(name, "CRYPTO:BTCUSDT", 1, entry=False)
        one.refused(name, 2, "no")
    assert len(one._orders) == 2
    assert one.on_execution(execution("a", "0.3")), "the entry still works, and is known"
    assert not one.on_execution(execution("b", "0.1", link="CLabc-BTCUSDT-10-x", venue_id="v9"))

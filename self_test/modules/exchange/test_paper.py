"""The published paper rules (docs/paper.md, header of modules/exchange/paper.py), one by one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.exchange.paper import PaperVenue
from self_test.fakes.books import SPOT, coin
from state.accounts import Mode
from state.books import OPEN
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side
from state.market import Candle, Quote, Trade
from state.messages import (
    AccountEvent,
    BarsClosed,
    Cancel,
    Close,
    Command,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    Place,
    Protect,
    Record,
    Report,
    StopFilled,
    Tick,
)
from strategy.base import DEMO
from utils.errors import Invariant
from utils.fixed import money

KEY = "CRYPTO:AAAUSDT"
NOW, LATENCY, PATIENCE = 1_735_689_600_000, 150, 300_000


def venue() -> PaperVenue:
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT"),), frozenset(), NOW, quotes=True)
    return PaperVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), LATENCY, PATIENCE)


def order(kind: OrderType = OrderType.MARKET, *, steps: int = 100, limit: int = 10_020, stop: int = 9_800, target: int = 10_500) -> Place:
    exits = ExitPlan(stop=stop, target=target, atr=30.0, trail_atr=0.0, max_hold_ms=1_000_000)
    intent = Intent(
        ts=NOW,
        account=SPOT,
        key=KEY,
        strategy="C1",
        arm="base",
        side=Side.LONG,
        steps=steps,
        order_type=kind,
        reference=10_000,
        limit=limit,
        expires_ts=NOW + 300_000,
        exits=exits,
    )
    return Place(Approved(intent=intent, order_id="e1"))


def quote(after_ms: int, bid: int, ask: int, shown: int = 1_000) -> Quote:
    return Quote(KEY, NOW + after_ms, bid, ask, shown, shown)


def told(events: list[AccountEvent]) -> list[str]:
    """Events in a few words: what, price, steps, left."""
    words = []
    for event in events:
        match event:
            case OrderAccepted():
                words.append("accepted")
            case OrderCancelled(reason=reason):
                words.append(f"cancelled: {reason}")
            case OrderFilled(fill=fill, left=left):
                words.append(f"filled {fill.steps}@{fill.price} left {left}")
            case StopFilled(fill=fill, trigger=trigger, left=left):
                words.append(f"{trigger} {fill.steps}@{fill.price} left {left}")
    return words


def held(at: PaperVenue, steps: int = 100, stop: int = 9_800, target: int = 10_500) -> None:
    at.submit(Protect(SPOT, KEY, 1, steps, stop, target))


def test_a_taking_order_meets_the_quote_that_stands_when_it_arrives() -> None:
    at = venue()
    at.submit(order())
    assert at.on_quote(quote(0, 9_999, 10_001)) == []  # on its way
    events = at.on_quote(quote(20_000, 10_050, 10_060))
    assert told(events) == ["accepted", "filled 100@10001 left 0"]
    assert events[1].ts == NOW + LATENCY


def test_without_a_quote_since_the_decision_the_first_one_counts() -> None:
    at = venue()
    at.submit(order())
    assert told(at.on_quote(quote(400, 10_009, 10_011))) == ["accepted", "filled 100@10011 left 0"]


@pytest.mark.parametrize(
    "place, bid, ask, shown, expected",
    [
        (order(), 10_000, 10_010, 40, ["accepted", "filled 40@10010 left 60", "cancelled: the rest was not there"]),
        (order(limit=10_005), 10_000, 10_010, 1_000, ["accepted", "cancelled: the touch is 0.05% beyond the limit"]),
        (order(stop=10_010), 10_000, 10_010, 1_000, ["accepted", "cancelled: its stop or target has already been passed"]),
        (order(target=10_010), 10_000, 10_010, 1_000, ["accepted", "cancelled: its stop or target has already been passed"]),
        (order(), 10_000, 10_010, 0, ["accepted", "cancelled: nothing stands at the touch"]),
    ],
)
def test_a_taking_order_takes_what_stands_there_or_nothing(place: Place, bid: int, ask: int, shown: int, expected: list[str]) -> None:
    at = venue()
    at.submit(place)
    assert told(at.on_quote(quote(200, bid, ask, shown))) == expected


def test_patience_ends_and_a_crossed_book_is_not_traded_on() -> None:
    at = venue()
    at.submit(order())
    assert at.on_quote(quote(200, 10_010, 10_010)) == []
    assert told(at.on_quote(quote(PATIENCE + LATENCY + 1, 9_999, 10_001))) == ["accepted", "cancelled: no quote came in time"]


def test_a_resting_order_waits_for_a_price_through_its_own() -> None:
    at = venue()
    at.submit(order(OrderType.MAKER, limit=10_000))
    assert told(at.on_quote(quote(200, 9_999, 10_001))) == ["accepted"]
    assert at.on_quote(quote(300, 9_999, 10_000)) == []  # at the price is not through it
    assert at.on_trade(Trade(KEY, NOW + 400, 10_000, 500, buyer_is_taker=False)) == []
    (part,) = at.on_trade(Trade(KEY, NOW + 500, 9_999, 30, buyer_is_taker=False))
    assert told([part]) == ["filled 30@10000 left 70"]
    assert isinstance(part, OrderFilled)
    assert part.fill.maker
    assert told(at.on_quote(quote(600, 9_990, 9_998, shown=500))) == ["filled 70@10000 left 0"]


def test_a_resting_order_is_judged_by_the_quote_that_stood_when_it_came_and_may_fill_on_the_next() -> None:
    at = venue()
    at.submit(order(OrderType.MAKER, limit=10_000))
    assert at.on_quote(quote(10, 9_999, 10_001)) == []
    assert told(at.on_quote(quote(100_000, 9_900, 9_902))) == ["accepted", "filled 100@10000 left 0"]
    at = venue()
    at.submit(order(OrderType.MAKER, limit=10_000))
    at.on_quote(quote(10, 9_999, 10_001))
    assert told(at.on_trade(Trade(KEY, NOW + 99_000, 9_990, 60, buyer_is_taker=False))) == ["accepted", "filled 60@10000 left 40"]


def test_a_resting_order_never_takes_and_ends_with_its_bar() -> None:
    at = venue()
    at.submit(order(OrderType.MAKER, limit=10_000))
    assert told(at.on_quote(quote(200, 9_990, 10_000))) == ["accepted", "cancelled: a resting order would have taken"]
    at.submit(order(OrderType.MAKER, limit=10_000))
    at.on_quote(quote(200, 9_999, 10_001))
    assert told(at.on_quote(quote(300_001, 9_990, 9_998))) == ["cancelled: not reached before its bar closed"]


@pytest.mark.parametrize(
    "bid, expected",
    [(9_801, []), (9_800, ["stop 100@9800 left 0"]), (9_700, ["stop 100@9700 left 0"]), (10_500, ["target 100@10500 left 0"])],
)
def test_stop_and_target_trigger_on_the_touch_a_close_would_get(bid: int, expected: list[str]) -> None:
    at = venue()
    held(at)
    assert told(at.on_quote(quote(0, bid, bid + 2))) == expected


def test_a_triggered_position_is_sold_quote_by_quote_until_it_is_gone() -> None:
    at = venue()
    held(at)
    events = [event for k, shown in enumerate((40, 0, 100)) for event in at.on_quote(quote(k, 9_790 + 40 * k, 9_990, shown))]
    assert told(events) == ["stop 40@9790 left 60", "stop 60@9870 left 0"]
    assert at.on_quote(quote(9, 9_000, 9_001)) == []


def test_a_print_triggers_too_and_the_stop_wins() -> None:
    at = venue()
    held(at)
    assert at.on_trade(Trade(KEY, NOW, 9_800, 1, buyer_is_taker=False)) == []
    assert told(at.on_quote(quote(1, 10_600, 10_601))) == ["stop 100@10600 left 0"]


def test_a_close_is_carried_out_after_its_latency() -> None:
    at = venue()
    held(at)
    close = Close(Reduce(ts=NOW, account=SPOT, key=KEY, order_id="x1", reason=ExitReason.MAX_HOLD))
    assert at.submit(close) == []
    assert at.on_quote(quote(100, 9_990, 9_992)) == []
    (event,) = at.on_quote(quote(150, 9_991, 9_993))
    assert told([event]) == ["filled 100@9991 left 0"]
    assert isinstance(event, OrderFilled)
    assert (event.fill.order_id, event.fill.side) == ("x1", -1)
    assert told(at.submit(close)) == ["cancelled: nothing is held"]


def test_a_cancel_is_answered_once_and_protection_moves_in_place() -> None:
    at = venue()
    at.submit(order(OrderType.MAKER, limit=10_000))
    assert at.submit(Cancel(SPOT, KEY, "e0")) == []  # an older order on the pair
    assert told(at.submit(Cancel(SPOT, KEY, "e1"))) == ["cancelled: taken back"]
    assert at.submit(Cancel(SPOT, KEY, "e1")) == []
    held(at)
    held(at, stop=9_900)
    assert told(at.on_quote(quote(0, 9_900, 9_902))) == ["stop 100@9900 left 0"]
    with pytest.raises(Invariant, match="cannot carry out Record"):
        at.submit(Record("cash", {}))


def test_the_fee_is_the_taker_rate_on_the_value_rounded_up() -> None:
    at = venue()
    at.submit(order(steps=333))
    events = at.on_quote(quote(200, 9_999, 10_001))
    fill = events[1]
    assert isinstance(fill, OrderFilled)
    assert money(fill.fill.fee) == Decimal("100.01") * Decimal("0.0333") * Decimal("0.001")


paths = st.lists(
    st.tuples(st.integers(-60, 60), st.integers(1, 4), st.sampled_from([0, 5, 50, 5_000]), st.booleans()), min_size=20, max_size=120
)


@settings(max_examples=40, deadline=None)
@given(path=paths)
def test_engine_and_venue_agree_over_any_path(path: list[tuple[int, int, int, bool]]) -> None:
    """Wired together over random quotes and prints: no Invariant, nothing sold that is not held, cash = sum of its ledger rows."""
    engine, rows = fresh_engine(CONFIG, (coin("AAAUSDT"),), frozenset({DEMO}), NOW, quotes=True)
    state = engine.state
    at = PaperVenue(state.inst, state.seats_in(Mode.PAPER), LATENCY, PATIENCE)
    cash = sum((Decimal(row.row["amount"]) for row in rows if isinstance(row, Record)), Decimal(0))

    def apply(event: Event) -> None:
        nonlocal cash
        commands: list[Command] = engine.process(event)
        for command in commands:
            if isinstance(command, Record) and command.kind == "cash":
                cash += Decimal(command.row["amount"])
            elif not isinstance(command, Record | Report):
                for answer in at.submit(command):
                    apply(answer)

    price, ts = 10_000, NOW
    for step, spread, shown, printed in path:
        price, ts = max(5_000, price + step), ts + 20_000
        now = Quote(KEY, ts, price, price + spread, shown, shown)
        for answer in at.on_quote(now):
            apply(answer)
        if printed:
            for answer in at.on_trade(Trade(KEY, ts, price, max(shown, 1), buyer_is_taker=True)):
                apply(answer)
        if ts % 60_000 == 0:
            apply(Tick(ts, (now,)))
        if ts % 300_000 == 0:
            apply(BarsClosed(ts, (Candle(KEY, ts - 300_000, price, price + 5, price - 5, price, 10.0),), (now,)))
        row = state.pos[0]
        if row["status"] == OPEN:
            assert 0 < row["stop"] < row["target"]
            assert row["steps"] > 0
        assert money(int(state.acct[0]["cash"])) == cash


def test_by_the_mark_only_the_mark_triggers_and_the_next_quotes_fill() -> None:
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT"),), frozenset(), NOW, quotes=True)
    at = PaperVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), LATENCY, PATIENCE, by_mark=True)
    at.submit(Protect(SPOT, KEY, 1, 100, 9_800, 10_500))
    at.on_mark(KEY, 9_801)
    at.on_trade(Trade(KEY, NOW + 1, 9_700, 5, buyer_is_taker=False))
    assert at.on_quote(quote(2, 9_700, 9_702)) == []
    at.on_mark("CRYPTO:BBBUSDT", 1)
    at.on_mark(KEY, 9_800)
    at.on_mark(KEY, 10_600)  # what triggered first goes on
    (event,) = at.on_quote(quote(3, 9_805, 9_807))
    assert isinstance(event, StopFilled)
    assert (event.trigger, event.fill.price, event.left) == (ExitReason.STOP, 9_805, 0)


def test_by_the_last_price_the_mark_is_nothing() -> None:
    at = venue()
    at.submit(Protect(SPOT, KEY, 1, 100, 9_800, 10_500))
    at.on_mark(KEY, 9_000)
    assert at.on_quote(quote(1, 9_900, 9_902)) == []

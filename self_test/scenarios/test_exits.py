"""Playbooks of the way out: stops, targets, trailing, time, closes that race or fail, and what the ledger learns."""

from __future__ import annotations

import pytest

from self_test.scenarios.desk import LEVEL, START, STOP, TARGET, Desk, kinds, only, reports, rows
from state.books import FLAT, OPEN
from state.intents import ExitReason, Side
from state.messages import Close, Command, FundingPaid, OrderCancelled, OrderRejected, Protect, Tick
from strategy.base import C3, C4
from utils.errors import Invariant

HOUR_MS = 3_600_000
DAYS_20 = 20 * 24 * HOUR_MS


def quiet(desk: Desk, ms: int) -> list[Command]:
    """Time passes; a tick without quotes tells the engine."""
    desk.later(ms)
    return desk.tell(Tick(desk.now))


def test_a_stop_fill_closes_the_trade_with_its_r_and_fees() -> None:
    desk = Desk()
    order = desk.open()
    desk.later(2 * HOUR_MS)
    commands = desk.stopped(STOP)
    (trade,) = rows(commands, "trade")
    assert trade == {
        "account": "CRYPTO/PAPER",
        "symbol": "AAAUSDT",
        "strategy": "C1",
        "style": "swing",
        "arm": 1,
        "regime": 0,
        "side": "long",
        "qty": "0.5",
        "entry_ts": order.intent.ts,
        "entry": "100",
        "exit_ts": desk.now,
        "exit": "97",
        "reason": "stop",
        "fees": "0.0985",  # 0.1 % of 50 and of 48.5
        "funding": "0",
        "pnl": "-1.5985",
        "r": -1.0657,  # of 0.5 x 3.00 at risk
        "stop": "97",
        "target": "112",
        "slippage": "0",
        "risk": "1.5",
        "standing": "paper",
        "procedure": "",
        "decided_ts": order.intent.ts,
    }
    assert reports(commands) == [("closed", "stop")]
    assert [(row["kind"], row["amount"]) for row in rows(commands, "cash")] == [("trade", "48.5"), ("fee", "-0.0485")]
    state = desk.engine.state
    assert (state.closed_trades, state.realised) == ([1], [-15_985_000_000])
    assert desk.pos()["status"] == FLAT and state.orders == {}
    desk.bar()
    desk.enter()


@pytest.mark.parametrize("perps", [False, True])
@pytest.mark.parametrize("side", [Side.LONG, Side.SHORT])
def test_a_target_wins_on_either_side(perps: bool, side: Side) -> None:
    desk = Desk(perps=True) if perps or side is Side.SHORT else Desk()
    order = desk.open(side=side)
    commands = desk.stopped(order.intent.exits.target, trigger=ExitReason.TARGET)
    (trade,) = rows(commands, "trade")
    assert (trade["reason"], trade["side"]) == ("target", side.word)
    assert float(trade["r"]) == pytest.approx(4.0, abs=0.1)


def test_a_stop_that_fills_in_parts_is_one_trade() -> None:
    desk = Desk()
    desk.open()
    assert rows(desk.stopped(9_700, steps=2_000, left=3_000), "trade") == []
    assert desk.pos()["status"] == OPEN
    (trade,) = rows(desk.stopped(9_600), "trade")
    assert (trade["qty"], trade["exit"]) == ("0.5", "96.4")
    assert len(rows(desk.all, "fill")) == 3


def test_a_stop_trails_only_in_favour_and_only_when_it_is_worth_a_request() -> None:
    desk = Desk()
    desk.open()  # trails by 12 ATR = 600 ticks, from 9,700
    assert kinds(desk.bar(10_320, high=10_329), Protect) == [], "29 ticks are less than a tenth of the 300 at risk"
    moved = only(Protect, desk.bar(10_320, high=10_330))
    assert (moved.stop, moved.target, moved.steps, moved.trailed) == (9_730, TARGET, 5_000, True)
    assert kinds(desk.bar(9_800), Protect) == [], "never back"
    assert kinds(desk.bar(10_100, high=11_000), Protect)[0].stop == 10_099, "a stop that the close has passed stands a tick away"
    (trade,) = rows(desk.stopped(10_099), "trade")
    assert (trade["reason"], trade["stop"]) == ("trail", "97")
    assert trade["r"] > 0


def test_a_short_trails_downwards() -> None:
    desk = Desk(perps=True)
    desk.open(side=Side.SHORT)
    assert only(Protect, desk.bar(9_600, low=9_500)).stop == 10_100


def test_late_bars_move_stops_but_bars_from_before_the_entry_do_not() -> None:
    desk = Desk()
    desk.open()
    before = desk.now
    desk.now = before - 300_000
    assert kinds(desk.tell(desk.bars(10_800, late=True)), Protect) == []
    desk.now = before
    assert only(Protect, desk.bar(10_800, late=True)).stop == 10_205


@pytest.mark.parametrize("strategy, hold_ms, atr", [(0, DAYS_20, 50.0), (C3, 24 * HOUR_MS, 80.0), (C4, 12 * HOUR_MS, 80.0)])
def test_what_was_held_long_enough_is_closed_once(strategy: int, hold_ms: int, atr: float) -> None:
    desk = Desk()
    desk.open(strategy=strategy, atr=atr)
    assert quiet(desk, hold_ms - 1) == [] or not kinds(desk.all, Close)
    close = only(Close, quiet(desk, 1))
    assert close.reduce.reason is ExitReason.MAX_HOLD
    assert kinds(quiet(desk, 60_000), Close) == [], "asked once"
    assert kinds(desk.bar(), Close) == []
    (trade,) = rows(desk.closed(close, 10_050), "trade")
    assert trade["reason"] == "max_hold"
    assert desk.engine.state.orders == {}


def test_a_close_that_a_stop_overtakes_is_forgotten() -> None:
    desk = Desk()
    desk.open()
    close = only(Close, quiet(desk, DAYS_20))
    (trade,) = rows(desk.stopped(STOP), "trade")
    assert trade["reason"] == "stop"
    assert desk.engine.state.orders == {}
    late = OrderCancelled(desk.now, desk.account, close.reduce.order_id, "nothing is held")
    assert desk.tell(late) == [] and desk.pos()["status"] == FLAT


def test_a_close_that_a_stop_finishes_is_one_trade() -> None:
    desk = Desk()
    desk.open()
    close = only(Close, quiet(desk, DAYS_20))
    assert rows(desk.closed(close, 9_900, steps=1_000, left=4_000), "trade") == []
    assert len(rows(desk.stopped(STOP), "trade")) == 1
    assert desk.engine.state.orders == {} and desk.pos()["status"] == FLAT


@pytest.mark.parametrize("end", [OrderCancelled, OrderRejected])
def test_a_close_that_the_venue_did_not_take_is_asked_again(end: type[OrderCancelled | OrderRejected]) -> None:
    desk = Desk()
    desk.open()
    close = only(Close, quiet(desk, DAYS_20))
    assert ("order", end.__name__.removeprefix("Order").lower()) in reports(
        desk.tell(end(desk.now, desk.account, close.reduce.order_id, "busy"))
    )
    again = only(Close, quiet(desk, 1))
    assert again.reduce.order_id != close.reduce.order_id
    assert rows(desk.closed(again, LEVEL), "trade")


def test_an_exit_larger_than_what_is_held_stops_everything() -> None:
    desk = Desk()
    desk.open()
    with pytest.raises(Invariant, match="fits nothing"):
        desk.stopped(STOP, steps=5_001)


def test_an_exit_of_nothing_stops_everything() -> None:
    with pytest.raises(Invariant, match="fits nothing"):
        Desk().stopped(STOP, steps=1)


def test_funding_moves_the_wallet_and_belongs_to_the_trade() -> None:
    desk = Desk(perps=True)
    order = desk.open()
    cash = int(desk.acct["cash"])
    commands = desk.tell(FundingPaid(desk.now, desk.account, order.intent.key, 250_000_000, "f1"))
    assert rows(commands, "cash") == [{"ts": desk.now, "account": "PERPS/PAPER", "kind": "funding", "amount": "-0.025", "ref": "f1"}]
    assert desk.acct["cash"] == cash - 250_000_000
    (trade,) = rows(desk.stopped(LEVEL), "trade")
    assert (trade["funding"], trade["pnl"]) == ("0.025", "-0.125"), "two fees of 0.05 and the funding"


def test_a_settlement_of_a_position_that_is_gone_is_not_the_next_ones() -> None:
    desk = Desk(perps=True)
    order = desk.open()
    settled = desk.now
    desk.stopped(LEVEL)
    desk.bar()
    desk.open()
    cash = int(desk.acct["cash"])
    commands = desk.tell(FundingPaid(settled, desk.account, order.intent.key, 250_000_000, "f1"))
    assert rows(commands, "cash")[0]["amount"] == "-0.025" and desk.acct["cash"] == cash - 250_000_000
    (trade,) = rows(desk.stopped(LEVEL), "trade")
    assert trade["funding"] == "0"


def test_funding_that_is_received_raises_the_wallet() -> None:
    desk = Desk(perps=True)
    order = desk.open(side=Side.SHORT)
    commands = desk.tell(FundingPaid(desk.now, desk.account, order.intent.key, -250_000_000, "f1"))
    assert rows(commands, "cash")[0]["amount"] == "0.025"


def test_a_funding_that_is_told_twice_is_booked_once() -> None:
    desk = Desk(perps=True)
    order = desk.open()
    paid = FundingPaid(desk.now, desk.account, order.intent.key, 250_000_000, "f1")
    assert desk.tell(paid)
    cash = int(desk.acct["cash"])
    assert desk.tell(paid) == [] and desk.acct["cash"] == cash


def test_a_settlement_under_two_ids_is_booked_once_and_the_next_one_too() -> None:
    desk = Desk(perps=True)
    order = desk.open()
    hour = 3_600_000
    told = [
        ("exec", 0),
        ("log", 40),
        ("log", hour),
        ("exec", hour + 900),
        ("exec", hour),
        ("exec2", 2 * hour - 30),
        ("log2", 2 * hour + 30),
    ]
    booked = [bool(desk.tell(FundingPaid(START + 8 * hour + ts, desk.account, order.intent.key, 100, f"{ref}{ts}"))) for ref, ts in told]
    assert booked == [True, False, True, False, False, True, False]
    assert desk.pos()["funding"] == 300


def test_an_event_of_an_unknown_instrument_stops_everything() -> None:
    desk = Desk()
    with pytest.raises(Invariant, match="CRYPTO:ZZZUSDT"):
        desk.tell(FundingPaid(desk.now, desk.account, "CRYPTO:ZZZUSDT", 1, "f"))

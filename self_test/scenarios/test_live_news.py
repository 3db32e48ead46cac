"""Playbooks of a live account: what the venue tells of protection, trouble and its own figures, what it takes away; the canary."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from self_test.scenarios.desk import (
    DAY_MS,
    LEVEL,
    LiveDesk,
    books_balance,
    close,
    kinds,
    only,
    refused,
    reports,
    round_trip,
    rows,
    settled,
)
from state.books import FLAT, OPEN
from state.intents import ExitReason
from state.messages import (
    AccountDown,
    AccountUp,
    Close,
    OrderRejected,
    Place,
    Protect,
    Protected,
    ProtectionFailed,
    Report,
    TargetTouched,
    Tick,
)
from state.runtime import account_view
from state.standing import Level
from strategy.base import C4, DEMO
from utils.fixed import MONEY_SCALE, money

# --- protection -----------------------------------------------------------------------------------------------------------------------


def test_time_without_a_stop_is_told_with_the_trade() -> None:
    desk = LiveDesk()
    desk.open()
    key = desk.coin().key
    for gap in (700, 0, 550):
        assert desk.tell(Protected(desk.now, desk.live, key, 9_700, 11_200, gap)) == []
    (trade,) = rows(desk.stopped(9_700), "trade")
    assert trade["unprotected_s"] == 1.25
    desk.tell(Protected(desk.now, desk.live, key, 9_700, 11_200, 900))  # of a position that is gone
    (trade,) = rows(round_trip(desk), "trade")
    assert trade["unprotected_s"] == 0.0
    with desk.on(desk.paper):
        desk.filled(only(Place, desk.signal(strategy=C4)).order)
        assert "unprotected_s" not in rows(desk.stopped(9_700), "trade")[0]


def test_a_position_without_a_confirmed_stop_is_closed_at_market() -> None:
    desk = LiveDesk()
    desk.open()
    failed = ProtectionFailed(desk.now, desk.live, desk.coin().key, "no stop stands", 2_000)
    commands = desk.tell(failed)
    asked = only(Close, commands)
    assert asked.reduce.reason is ExitReason.UNPROTECTED and reports(commands) == [("unprotected", "unprotected")]
    assert kinds(desk.tell(failed), Close) == [], "asked for once"
    desk.tell(OrderRejected(desk.now, desk.live, asked.reduce.order_id, "busy"))
    assert only(Close, desk.tell(failed)).reduce.order_id.endswith("-x2"), "as long as it is told so"
    (trade,) = rows(desk.closed(only(Close, desk.all[-2:]), 9_990), "trade")
    assert (trade["reason"], trade["unprotected_s"]) == ("unprotected", 6.0)
    assert desk.tell(failed) == [], "of a position that is gone"


def test_a_software_target_closes_once() -> None:
    desk = LiveDesk()
    desk.open()
    touched = TargetTouched(desk.now, desk.live, desk.coin().key)
    asked = only(Close, desk.tell(touched))
    assert asked.reduce.reason is ExitReason.TARGET and desk.tell(touched) == []
    assert rows(desk.closed(asked, 11_200), "trade")[0]["reason"] == "target"
    assert desk.tell(touched) == []


# --- holds ----------------------------------------------------------------------------------------------------------------------------


def test_an_account_that_is_down_enters_nothing_until_every_cause_is_gone() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    for cause in ("stream", "key"):
        assert reports(desk.tell(AccountDown(desk.now, desk.live, cause, "lost"))) == [("account", cause)]
        assert refused(desk.signal()) == "account_held"
    assert desk.tell(AccountDown(desk.now, desk.live, "key", "lost")) == [], "said once"
    assert reports(desk.tell(AccountDown(desk.now, desk.live, "key", "revoked"))) == [("account", "key")]
    view = account_view(desk.engine.state, 0)
    assert view.held_by == {"stream": "lost", "key": "revoked"} and account_view(desk.engine.state, 1).held_by == {}
    assert "still held by key" in only(Report, desk.tell(AccountUp(desk.now, desk.live, "stream"))).text
    assert refused(desk.signal()) == "account_held"
    assert desk.tell(AccountUp(desk.now, desk.live, "stream")) == []
    assert "entries on again" in only(Report, desk.tell(AccountUp(desk.now, desk.live, "key"))).text
    desk.enter()


def test_an_account_that_is_down_exits_as_ever() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT")
    for i in range(4):
        desk.open(i)
    desk.tell(AccountDown(desk.now, desk.live, "stream", "lost"))
    trailed = kinds(desk.bar(11_000, high=11_005), Protect)
    assert [one.account for one in trailed] == [desk.live] * 4 and all(one.stop > 9_700 and one.trailed for one in trailed)
    assert rows(desk.stopped(int(desk.pos()["stop"])), "trade")[0]["reason"] == "trail"
    desk.closed(close(desk, 1), 11_000)
    failed = ProtectionFailed(desk.now, desk.live, desk.coin(2).key, "no stop stands", 2_000)
    desk.closed(only(Close, desk.tell(failed)), 11_000)
    desk.later(20 * DAY_MS)
    asked = only(Close, desk.tell(Tick(desk.now)))
    assert asked.reduce.reason is ExitReason.MAX_HOLD
    desk.closed(asked, 11_000)
    assert {int(row["status"]) for row in desk.engine.state.pos} == {FLAT}
    settled(desk)


# --- the venue's figures --------------------------------------------------------------------------------------------------------------


def test_a_position_of_another_size_holds_until_both_agree() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", perps=True)
    key = desk.coin().key
    order = desk.open()
    cash_now = int(desk.acct["cash"])
    desk.read(cash=cash_now, positions={key: order.intent.steps - 1})
    assert desk.causes == {"mismatch"} and refused(desk.signal(1)) == "account_held"
    desk.read(cash=cash_now, positions={key: -order.intent.steps})
    desk.read(cash=cash_now, positions={})
    assert desk.causes == {"mismatch"} and "shows 0 steps" in desk.engine.state.holds[str(desk.live)]["mismatch"]
    assert desk.read(cash=cash_now, positions={}) == [], "told once"
    assert reports(desk.read(cash=cash_now, positions={key: order.intent.steps})) == [("account", "mismatch")]
    assert desk.causes == set() and desk.pos()["status"] == OPEN


def test_what_is_still_on_its_way_is_not_judged() -> None:
    desk = LiveDesk(perps=True)
    order = desk.enter()
    desk.read(positions={desk.coin().key: order.intent.steps})
    assert desk.causes == set(), "its fill is being told"


def test_what_others_do_on_the_account_holds_while_it_stands() -> None:
    desk = LiveDesk()
    desk.read(foreign=("an order of another bot: CLxyz-…",))
    assert desk.causes == {"foreign"} and refused(desk.signal()) == "account_held"
    desk.read()
    assert desk.causes == set()


def test_missing_cash_or_coins_hold_the_account_and_change_no_book() -> None:
    desk = LiveDesk()
    desk.open()
    before = int(desk.acct["cash"]), dict(desk.coins)
    desk.read(cash=before[0] - MONEY_SCALE)
    assert desk.causes == {"deficit"} and "1 of cash is missing" in desk.engine.state.holds[str(desk.live)]["deficit"]
    desk.read(coins={"AAA": Decimal("0.1")})
    assert "0.0998 AAA is missing" in desk.engine.state.holds[str(desk.live)]["deficit"]
    assert (int(desk.acct["cash"]), desk.coins) == before
    desk.read()
    assert desk.causes == set()


@pytest.mark.parametrize("units", [1_000, -1_000, 7])
def test_a_rounding_is_booked_and_told_in_the_ledger(units: int) -> None:
    desk = LiveDesk()
    before = int(desk.acct["cash"])
    (row,) = rows(desk.read(cash=before + units), "cash")
    assert (row["kind"], row["account"], Decimal(row["amount"])) == ("rounding", "CRYPTO/LIVE", money(units))
    assert int(desk.acct["cash"]) == before + units and desk.causes == set() and int(desk.acct["outside"]) == 0
    books_balance(desk)
    assert desk.read(cash=before + units) == []


def test_money_and_coins_that_are_not_ours_are_noted_and_left_alone() -> None:
    desk = LiveDesk()
    desk.open()
    own = int(desk.acct["cash"])
    said = desk.read(cash=own + 500 * MONEY_SCALE, coins={"AAA": Decimal("3.1998"), "ZZZ": Decimal(9)})
    assert ("account", "outside") in reports(said), "a deposit is told"
    state = desk.engine.state
    assert int(desk.acct["cash"]) == own and int(desk.acct["outside"]) == 500 * MONEY_SCALE
    assert state.outside_coins == {"CRYPTO/LIVE": {"AAA": Decimal(3), "ZZZ": Decimal(9)}} and desk.causes == set()
    desk.read()
    assert int(desk.acct["outside"]) == 0 and state.outside_coins == {"CRYPTO/LIVE": {}} and desk.causes == set()
    settled(desk)


def test_a_reading_before_the_wallet_is_open_compares_nothing() -> None:
    desk = LiveDesk()
    for field in ("cash", "equity", "peak", "day_start"):
        desk.acct[field] = 0
    assert desk.read(cash=5 * MONEY_SCALE, free=5 * MONEY_SCALE) == []
    assert int(desk.acct["free"]) == 5 * MONEY_SCALE and int(desk.acct["cash"]) == int(desk.acct["outside"]) == 0


def test_a_close_that_is_refused_is_asked_for_ever_less_often_and_for_ever_and_at_once_without_a_stop() -> None:
    desk = LiveDesk()
    desk.open()
    confirm_ms = desk.engine.state.bar_ms(0)
    asked = [desk.now]
    (ordered,) = kinds(desk.control("flatten", account="CRYPTO/LIVE"), Close)
    for _ in range(3 * confirm_ms // 1_000):
        desk.tell(OrderRejected(desk.now, desk.live, ordered.reduce.order_id, "below the minimum"))
        desk.later(1_000)
        for again in kinds(desk.tell(Tick(desk.now)), Close):
            asked.append(desk.now)
            ordered = again
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses[:4] == [1_000, 1_000, 3_000, 7_000] and pauses == sorted(pauses) and pauses[-1] == confirm_ms
    desk.tell(OrderRejected(desk.now, desk.live, ordered.reduce.order_id, "below the minimum"))
    assert desk.tell(TargetTouched(desk.now, desk.live, desk.coin().key)) == []
    assert kinds(desk.tell(ProtectionFailed(desk.now, desk.live, desk.coin().key, "no stop stands")), Close)


# --- seizure --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [ExitReason.LIQUIDATION, ExitReason.ADL])
@pytest.mark.parametrize("whole", [True, False])
def test_a_position_that_the_venue_took_halts_its_account_and_only_it(reason: ExitReason, whole: bool) -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", perps=True)
    desk.open(0)
    desk.open(1)
    with desk.on(desk.paper):
        desk.filled(only(Place, desk.signal(1, strategy=C4)).order)
    held = int(desk.pos(0)["steps"])
    commands = desk.stopped(6_000, trigger=reason, steps=held if whole else held - 100, left=0 if whole else 100)
    assert desk.engine.state.halted == {"PERPS/LIVE": str(reason)} and ("halted", str(reason)) in reports(commands)
    assert [one.reduce.key for one in kinds(commands, Close)] == [desk.coin(i).key for i in ((1,) if whole else (0, 1))]
    assert [trade["reason"] for trade in rows(commands, "trade")] == ([str(reason)] if whole else [])
    for one in kinds(commands, Close):
        desk.closed(one, LEVEL)
    assert refused(desk.signal()) == "halted"
    with desk.on(desk.paper):
        assert desk.pos(1)["status"] == OPEN and kinds(desk.signal(0, strategy=C4), Place)
    desk.control("resume", account="PERPS/LIVE")
    assert desk.engine.state.standings["PERPS/swing"].level is Level.PAPER, "it fell by more than 12 %: new evidence first"
    books_balance(desk)


def test_a_liquidation_in_many_fills_is_said_once_and_again_after_a_resume() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", perps=True)
    desk.open(0)
    desk.open(1)
    held = int(desk.pos(0)["steps"])
    said, closes = [], []
    for steps, left in ((100, held - 100), (200, held - 300), (held - 300, 0)):
        commands = desk.stopped(6_000, trigger=ExitReason.LIQUIDATION, steps=steps, left=left)
        said += [one for one in reports(commands) if one[0] == "halted"]
        closes += kinds(commands, Close)
    assert said == [("halted", "liquidation")] and len(closes) == 2
    desk.control("resume", account="PERPS/LIVE")
    assert ("halted", "liquidation") in reports(desk.stopped(6_000, i=1, trigger=ExitReason.LIQUIDATION))
    books_balance(desk)


# --- canary ---------------------------------------------------------------------------------------------------------------------------


def test_the_canary_counts_its_trades_and_their_result() -> None:
    desk = LiveDesk()
    began = int(desk.acct["canary_since"][0])
    first = rows(round_trip(desk, price=10_200), "trade")
    second = rows(round_trip(desk, price=9_900), "trade")
    net = sum(Decimal(row["pnl"]) for row in first + second)
    view = account_view(desk.engine.state, 0)
    assert view.standing == "canary" and view.canary is not None
    assert (view.canary.trades, view.canary.since_ts, Decimal(view.canary.realised)) == (2, began, net)
    other = account_view(desk.engine.state, 1)
    assert (other.standing, other.canary) == ("paper", None)
    desk.later(3_600_000)
    desk.control("flatten", account="CRYPTO/LIVE")
    desk.control("resume", account="CRYPTO/LIVE")
    again = account_view(desk.engine.state, 0).canary
    assert again is not None and (again.trades, again.since_ts, again.realised) == (0, desk.now, "0")


def test_the_demo_proves_nothing_and_counts_for_no_canary() -> None:
    desk = LiveDesk(demo=True)
    desk.filled(only(Place, desk.signal(strategy=DEMO)).order)
    assert rows(desk.closed(close(desk), 10_200), "trade") and desk.acct["canary_trades"][0] == desk.acct["canary_realised"][0] == 0

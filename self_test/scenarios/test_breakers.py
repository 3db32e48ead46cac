"""Playbooks of the breakers and of the operator: daily loss, drawdown steps, the halt that latches, resume, reset, flatten."""

from __future__ import annotations

import pytest

from modules.settings import Risk
from self_test.scenarios.desk import DAY_MS, LEVEL, START, Desk, LiveDesk, only, refused, reports, rows
from state.books import FLAT
from state.intents import ExitReason
from state.messages import Cancel, Close, Command, OrderCancelled, Report
from state.standing import Level, Standing
from utils.errors import Invariant

BOLD = Risk(base=1.0, pair=1.0, portfolio=1.0, loss=0.05)
"""The whole wallet in one position, so that a fall of the price is a fall of the wallet (spot, no leverage)."""
SYMBOLS = ("AAAUSDT", "BBBUSDT")


def exposed() -> Desk:
    """A wallet of 1,000 that is all but fully in one coin."""
    desk = Desk(*SYMBOLS, risk=BOLD)
    desk.open()
    assert float(desk.pos()["value"]) / 1e10 > 950
    return desk


def breakers(commands: list[Command]) -> list[str]:
    return [one.text for one in commands if isinstance(one, Report) and one.what == "breaker"]


def test_the_daily_loss_stops_entries_until_the_next_utc_day() -> None:
    desk = exposed()
    assert breakers(desk.bar(9_695)) == ["daily loss stop: no entries until 00:00 UTC, today's loss of 3.1% reached 3%"]
    assert refused(desk.signal(1)) == "daily_loss"
    assert ("breaker", "daily_loss") not in reports(desk.bar(9_690)), "said once"
    desk.stopped(9_690)
    desk.now = START + DAY_MS - 300_000
    commands = desk.bar(9_690)
    assert desk.now == START + DAY_MS
    assert [row["day"] for row in rows(commands, "equity")] == [START // DAY_MS]
    assert breakers(commands) == ["daily loss stop lifted: another UTC day"], "the end is told as the beginning was"
    desk.enter(1, reference=9_690, quote=desk.quote(1, 9_690))


def test_a_late_bar_never_turns_the_day_back() -> None:
    desk = exposed()
    desk.now = START + DAY_MS - 300_000
    desk.bar(LEVEL)
    day = int(desk.acct["day"])
    desk.now -= 300_000
    assert rows(desk.tell(desk.bars(LEVEL, late=True)), "equity") == [] and desk.acct["day"] == day


def test_the_drawdown_takes_its_steps_and_the_last_one_closes_everything_and_latches() -> None:
    desk = exposed()
    half = desk.bar(9_150)
    assert ("breaker", "drawdown") in reports(half) and desk.acct["level"] == 1
    assert reports(desk.bar(9_600)).count(("breaker", "drawdown")) == 1 and desk.acct["level"] == 0, "half size follows the drawdown back"
    assert ("breaker", "drawdown") in reports(desk.bar(8_750)) and desk.acct["level"] == 2
    desk.bar(9_600)
    assert desk.acct["level"] == 2, "from here on a person decides"
    desk.acct["day_stopped"] = 0
    assert refused(desk.signal(1)) == "drawdown"
    commands = desk.bar(8_450)
    close = only(Close, commands)
    assert close.reduce.reason is ExitReason.HALT
    assert desk.engine.state.halted == {"CRYPTO/PAPER": "drawdown"}
    assert refused(desk.signal(1)) == "halted"
    (trade,) = rows(desk.closed(close, 8_440), "trade")
    assert trade["reason"] == "halt"
    for _ in range(3):
        assert reports(desk.bar(12_000)) == []
    desk.later(3 * DAY_MS).bar()
    assert refused(desk.signal(1)) == "halted", "no day and no price lifts it"


def test_a_halt_takes_entries_back_and_asks_again_for_a_close_that_failed() -> None:
    desk = exposed()
    waiting = desk.engine.state
    desk.engine.mandate.limits[0]["portfolio"] = 2.0
    waiting.acct[0]["cash"] += 10**13  # room for a second, waiting order
    order = desk.enter(1)
    commands = desk.control("flatten")
    assert only(Cancel, commands).order_id == order.order_id
    close = only(Close, commands)
    assert close.reduce.reason is ExitReason.OPERATOR
    desk.tell(OrderCancelled(desk.now, desk.account, close.reduce.order_id, "busy"))
    again = only(Close, desk.bar())
    desk.closed(again, LEVEL)
    desk.filled(order, LEVEL)  # the venue was faster than the cancel
    late = only(Close, desk.later(1).tick())
    assert late.reduce.key == desk.coin(1).key and late.reduce.reason is ExitReason.HALT
    desk.closed(late, LEVEL)
    assert desk.pos(1)["status"] == FLAT


def test_flatten_latches_and_resume_starts_from_a_new_peak() -> None:
    desk = exposed()
    desk.bar(9_000)
    commands = desk.control("flatten", account="CRYPTO/PAPER")
    assert ("control", "flatten") in reports(commands)
    desk.closed(only(Close, commands), 9_000)
    assert refused(desk.signal(1)) == "halted"
    assert reports(desk.control("resume")) == [("rollout", "sample"), ("rollout", "sample"), ("control", "resume")]
    assert desk.engine.state.halted == {}
    assert desk.acct["peak"] == desk.acct["equity"] and desk.acct["level"] == 0
    assert refused(desk.signal(1)) == "daily_loss", "a resume forgives nothing of the day"


def test_a_reset_needs_a_flat_wallet_and_starts_a_fresh_sample() -> None:
    desk = exposed()
    no = desk.control("reset", balance_units="10000000000000")
    assert reports(no) == [("control", "reset")] and "flatten first" in str(no[0]) and desk.acct["cash"] < 10**13
    desk.stopped(9_700)
    lost = 10**13 - int(desk.acct["cash"])
    commands = desk.control("reset", balance_units="10000000000000")
    assert [row["kind"] for row in rows(commands, "cash")] == ["reset"]
    assert float(rows(commands, "cash")[0]["amount"]) == pytest.approx(lost / 1e10)
    assert (desk.acct["cash"], desk.acct["equity"], desk.acct["peak"], desk.acct["day_start"]) == (10**13,) * 4
    assert desk.acct["trades"].sum() == 0 and desk.acct["hold_n"].sum() == 0
    assert (desk.engine.state.closed_trades, desk.engine.state.realised) == ([0], [0])
    desk.enter()


def test_a_reset_waits_for_orders_too() -> None:
    desk = Desk()
    desk.enter()
    assert rows(desk.control("reset", balance_units="1"), "cash") == []


def test_a_run_of_losses_pauses_its_style_alone() -> None:
    desk = Desk(risk=Risk(streak_low=2, streak_high=2))
    told = []
    for _ in range(2):
        desk.later(1).open()
        told += reports(desk.stopped(9_900))
    assert told.count(("cooldown", "")) == 1
    assert refused(desk.later(1).signal()) == "cooldown"
    desk.enter(strategy=2, atr=80.0)


def test_a_request_that_no_surface_offers_stops_everything() -> None:
    with pytest.raises(Invariant, match="dance"):
        Desk().control("dance")


def test_a_live_account_that_fell_by_eight_percent_goes_back_to_canary_size_with_new_counters() -> None:
    desk = LiveDesk()
    acct = desk.acct
    acct["canary"] = 0  # it had finished its probation
    desk.engine.state.standings["CRYPTO/swing"] = Standing(level=Level.LIVE)
    acct["canary_trades"], acct["canary_realised"] = 50, 7
    acct["cash"] -= acct["cash"] * 9 // 100
    desk.control("unpause")  # anything that may have moved a wallet
    said = desk.bar()
    assert any(isinstance(one, Report) and one.rule == "demoted" and "live -> canary" in one.text for one in said)
    assert (acct["level"], acct["canary"][0], acct["canary_since"][0], acct["canary_trades"][0], acct["canary_realised"][0]) == (
        1,
        1,
        desk.now,
        0,
        0,
    )
    acct["cash"] = acct["peak"]
    desk.control("unpause")
    desk.bar()
    assert acct["level"] == 0 and acct["canary"][0] == 1, "probation is not lifted by a price"

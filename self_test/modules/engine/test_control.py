from __future__ import annotations

import pytest

from self_test.scenarios.desk import LEVEL, START, Desk, LiveDesk, kinds, only, refused, reports, rows
from state.messages import AccountDown, Cancel, Close, Control, Place, Report
from strategy.base import C4
from utils.errors import Invariant


def test_resume_starts_from_what_the_fills_left_not_from_the_last_mark() -> None:
    desk = Desk()
    desk.open()
    close = only(Close, desk.control("flatten"))
    desk.closed(close, LEVEL - 200)  # no bar has marked the account since
    desk.control("resume")
    assert int(desk.acct["peak"]) == int(desk.acct["cash"]) < 1_000 * 10**10


def test_a_wallet_is_opened_once_and_never_topped_up() -> None:
    desk = Desk(balance=500)
    assert desk.control("open_wallet", account="CRYPTO/PAPER", balance_units=str(10**15)) == []
    assert int(desk.acct["cash"]) == 500 * 10**10


def test_boot_turns_forex_and_options_off_and_counts_the_feeds_as_down() -> None:
    desk = Desk()
    desk.control("pause")
    desk.control("boot", stage="3", feeds="bybit-spot,bybit-linear")
    state = desk.engine.state
    assert (state.stage, state.toggles.forex, state.toggles.options, state.toggles.paused) == (3, False, False, True)
    assert set(state.feeds_down) == {"bybit-spot", "bybit-linear"}
    desk.control("boot", stage="1")
    assert state.feeds_down == {}


def test_pause_and_unpause_say_who() -> None:
    desk = Desk()
    for name in ("pause", "unpause"):
        report = only(Report, desk.control(name))
        assert (report.what, report.rule, "by me" in report.text) == ("control", name, True)


def test_one_account_or_all() -> None:
    desk = Desk()
    with pytest.raises(ValueError, match="not in"):
        desk.control("flatten", account="PERPS/PAPER")
    assert reports(desk.control("flatten", account="all")) == [("control", "flatten")]
    assert rows(desk.control("resume"), "cash") == []


def test_a_request_that_no_surface_offers_is_a_bug() -> None:
    with pytest.raises(Invariant, match="dance"):
        Desk().tell(Control(0, "dance"))


def test_boot_holds_every_live_account_until_its_venue_was_read_and_forgets_older_holds() -> None:
    desk = LiveDesk()
    desk.tell(AccountDown(desk.now, desk.live, "stream", "lost"))
    desk.control("boot", stage="2", live="CRYPTO/LIVE")
    assert set(desk.engine.state.holds) == {"CRYPTO/LIVE"} and desk.causes == {"reconcile"}
    assert refused(desk.signal()) == "account_held"
    desk.control("boot", stage="1", live="", unmanaged="CRYPTO/LIVE")
    assert desk.causes == {"unavailable"}
    desk.control("boot", stage="1")
    assert desk.engine.state.holds == {}


def test_a_live_wallet_opens_as_a_canary_and_a_paper_one_does_not() -> None:
    desk = LiveDesk(balance=700)
    live, paper = desk.engine.state.acct
    assert (live["live"], live["canary"][0], live["canary_since"][0], live["cash"]) == (1, 1, START, 700 * 10**10)
    assert (paper["live"], paper["canary"][0], paper["canary_since"][0], paper["cash"]) == (0, 0, 0, 700 * 10**10)
    deposits = [(row["account"], row["kind"], row["amount"]) for row in rows(desk.all, "cash")]
    assert deposits == [("CRYPTO/PAPER", "deposit", "700"), ("CRYPTO/LIVE", "deposit", "700")]
    assert desk.control("open_wallet", account="CRYPTO/LIVE", balance_units=str(10**15)) == []


def test_a_flatten_of_one_account_leaves_the_other_trading() -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT")
    desk.open()
    with desk.on(desk.paper):
        desk.filled(desk.enter(strategy=C4))
    waiting = desk.enter(1)
    commands = desk.control("flatten", account="CRYPTO/LIVE")
    assert [one.reduce.account for one in kinds(commands, Close)] == [desk.live]
    assert [(one.account, one.order_id) for one in kinds(commands, Cancel)] == [(desk.live, waiting.order_id)]
    with desk.on(desk.paper):
        assert desk.pos()["closing"] == 0 and kinds(desk.signal(1, strategy=C4), Place)


def test_resume_puts_a_live_account_on_probation_again_and_leaves_paper_as_it_is() -> None:
    desk = LiveDesk()
    desk.acct["canary"] = 0
    desk.later(5)
    desk.control("resume", account="all")
    live, paper = desk.engine.state.acct
    assert (live["canary"][0], live["canary_since"][0], paper["canary"][0]) == (1, desk.now, 0)


def test_a_live_wallet_is_the_venues_and_is_never_reset() -> None:
    desk = LiveDesk()
    before = desk.acct.copy()
    (said,) = desk.control("reset", account="CRYPTO/LIVE", balance_units=str(10**13))
    assert isinstance(said, Report) and "refused" in said.text and desk.acct == before

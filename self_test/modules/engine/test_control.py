from __future__ import annotations

import pytest

from self_test.scenarios.desk import LEVEL, Desk, only, reports, rows
from state.messages import Close, Control, Report
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

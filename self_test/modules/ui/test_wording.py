from __future__ import annotations

from decimal import Decimal

import pytest

from modules.ui import wording
from modules.ui.flood import Again
from self_test.telemetry.samples import BTC, SPOT, T0, instrument, place, refused, trade
from state.accounts import Domain
from state.intents import Side
from state.messages import Control, Protect, Report

SEEN = instrument(Domain.CRYPTO, "BTCUSDT")


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (123, "2 min 3 s"),
        (3_600, "1 h"),
        (11_520, "3 h 12 min"),
        (86_400, "1 d"),
        (8 * 86_400 + 7_200 + 59, "8 d 2 h"),
        (86_400 + 59, "1 d"),
    ],
)
def test_a_duration_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


@pytest.mark.parametrize(
    "value, sign, text",
    [
        ("1004.214", False, "1,004.21"),
        ("0.0412", False, "0.0412"),
        ("0", True, "+0.00"),
        ("-0.5", True, "-0.5000"),
        ("-1234.5", True, "-1,234.50"),
    ],
)
def test_money_is_readable_and_a_fee_is_never_zero(value: str, sign: bool, text: str) -> None:
    assert wording.amount(Decimal(value), sign=sign) == text


def test_times() -> None:
    assert wording.short_time(T0) == "03-05 14:25"
    assert wording.date_time(T0) == "2025-03-05 14:25 UTC"
    assert wording.short_time(0) == "--.-- --:--"
    assert wording.date_time(0) == "unknown"


def test_an_average_price_has_no_noise() -> None:
    assert wording.price("56123.333333333333333333") == "56123.333"
    assert wording.price("0.16400000") == "0.164"
    assert wording.price("90000") == "90000"


HEAD = "03-05 14:25  CRYPTO/PAPER "


def test_an_entry_says_why_how_much_and_how_it_ends() -> None:
    line = wording.entered(place().order.intent, SEEN, regime=1)
    assert str(line) == HEAD + "ENTER   C1 long BTCUSDT 0.002 near 50000 in trend, stop 48000 (-4.0%), target 56000 (+12.0%)"
    assert len(str(line)) <= 120


def test_an_entry_without_a_regime_does_not_invent_one() -> None:
    assert " in " not in str(wording.entered(place(side=Side.SHORT).order.intent, SEEN, regime=0))


@pytest.mark.parametrize(
    "pnl, r, reason, text, style",
    [
        ("1.2345", 1.52, "target", "C1 long BTCUSDT by target at 56000 after 3 h 12 min: +1.23 USDT, +1.52 R, fees 0.2120", wording.GOOD),
        ("-2.1", -1.0, "stop", "C1 long BTCUSDT by stop at 56000 after 3 h 12 min: -2.10 USDT, -1.00 R, fees 0.2120", wording.BAD),
        ("0", 0.0, "max_hold", "C1 long BTCUSDT by max_hold at 56000 after 3 h 12 min: +0.00 USDT, +0.00 R, fees 0.2120", wording.BAD),
    ],
)
def test_a_closed_trade_says_why_and_what_it_brought(pnl: str, r: float, reason: str, text: str, style: str) -> None:
    line = wording.closed(trade(pnl, r, reason).row, "USDT")
    assert str(line) == f"{HEAD}CLOSED  {text}"
    assert line.style == style


def test_a_stop_that_moved() -> None:
    line = wording.stop_moved(T0, Protect(SPOT, BTC, 1, 2, 495_005, 560_000, trailed=True), SEEN)
    assert str(line) == f"{HEAD}STOP    BTCUSDT stop now 49500.5"


def report(what: str, text: str, rule: str = "", account: str = str(SPOT)) -> Report:
    return Report(ts=T0, what=what, account=account, key=BTC, rule=rule, text=text)


@pytest.mark.parametrize(
    "said, expected, style",
    [
        (refused(), HEAD + "SKIP    C1 long BTCUSDT: cost_too_high (cost 0.24 R, limit 0.15 R)", wording.QUIET),
        (
            report("refused", "C3 long BTCUSDT skipped: cooldown, pausing after a run of losses", "cooldown"),
            HEAD + "SKIP    C3 long BTCUSDT: cooldown, pausing after a run of losses",
            wording.QUIET,
        ),
        (
            report("opened", "long BTCUSDT opened at 50000.0 x 0.002, stop 48000.0, target 56000.0"),
            HEAD + "OPENED  long BTCUSDT at 50000.0 x 0.002, stop 48000.0, target 56000.0",
            wording.NEUTRAL,
        ),
        (
            report("order", "entry of BTCUSDT cancelled: beyond its limit", "cancelled"),
            HEAD + "ORDER   entry of BTCUSDT cancelled: beyond its limit",
            wording.QUIET,
        ),
        (
            report("order", "entry of BTCUSDT rejected: no funds", "rejected"),
            HEAD + "REJECT  entry of BTCUSDT rejected: no funds",
            wording.BAD,
        ),
        (
            report("cooldown", "a run of losses: scalp entries pause for 5.0 h"),
            HEAD + "PAUSE   a run of losses: scalp entries pause for 5.0 h",
            wording.WARN,
        ),
        (report("breaker", "daily loss stop", "daily_loss"), HEAD + "BREAKER daily loss stop", wording.ALARM),
        (report("control", "entries paused by ann", "pause"), HEAD + "CONTROL entries paused by ann", wording.ASKED),
        (
            report("feed", "feed bybit-spot lost: reset", "down", ""),
            "03-05 14:25               FEED    feed bybit-spot lost: reset",
            wording.WARN,
        ),
        (report("feed", "feed bybit-spot is back", "up", ""), "03-05 14:25               FEED    feed bybit-spot is back", wording.GOOD),
        (report("earthquake", "the ground moves"), HEAD + "EARTHQUAKE the ground moves", ""),
    ],
)
def test_each_kind_of_report(said: Report, expected: str, style: str) -> None:
    line = wording.told(said)
    assert line is not None
    assert (str(line), line.style) == (expected, style)


@pytest.mark.parametrize("said", [report("closed", "long BTCUSDT closed", "stop"), report("order", "C1 long BTCUSDT 0.002 near")])
def test_what_another_line_tells_better_is_left_out(said: Report) -> None:
    assert wording.told(said) is None


@pytest.mark.parametrize(
    "symbols, named",
    [
        (1, "AUSDT"),
        (3, "AUSDT, BUSDT, CUSDT"),
        (8, "AUSDT, BUSDT, CUSDT and 5 others"),
    ],
)
def test_refusals_held_back_for_one_reason_are_one_line(symbols: int, named: str) -> None:
    again = {f"{'ABCDEFGH'[n]}USDT": Again(200, T0 + n) for n in range(symbols)}
    line = wording.skipped_again(T0, str(SPOT), "cooldown", again)
    assert str(line) == f"{HEAD}SKIP    {named}: cooldown, {200 * symbols:,} more since 03-05 14:25"


def test_a_request_without_an_answer() -> None:
    event = Control(T0, "reset", {"account": "CRYPTO/PAPER"}, "cli:ann")
    assert str(wording.asked(event)) == HEAD + "CONTROL reset account=CRYPTO/PAPER by cli:ann"
    assert str(wording.asked(Control(T0, "pause"))).endswith("CONTROL pause by nobody")


@pytest.mark.parametrize("speed, shown", [(5_980.4, "x5,980"), (None, "x...")])
def test_the_live_line_fits_a_small_terminal(speed: float | None, shown: str) -> None:
    text = wording.live_text(T0, speed, [("CRYPTO/PAPER", Decimal("1004.21"))], 2, 14, 0.12)
    assert text == f"03-05 14:25  {shown}  open 2  closed 14  event 0.1 s ago  CRYPTO/PAPER 1,004.21"
    assert len(text) <= 80

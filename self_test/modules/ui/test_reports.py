"""A report arranges what kpi and gates say, restricted to its period, and says in words what is missing."""

from __future__ import annotations

import pytest

from modules.ui.periods import Kind, chosen
from modules.ui.reports import MODEL_PRICED, NO_TRADE, Report, assemble, equity_curve, headline, markdown, oldest, within
from self_test.telemetry.ledgers import START, day, row, started, stream, trade
from telemetry.gate_config import GateConfig
from telemetry.kpi import ALL, kpis
from telemetry.ledger_rows import DAY_MS, Book, read_rows

ACCOUNT = "CRYPTO/PAPER"
DAY_0 = START // DAY_MS


def report(book: Book, kind: Kind = Kind.STAGE, now: int = START + 10 * DAY_MS, date: int | None = None) -> Report:
    period = chosen(kind, now, oldest(book), date)
    return assemble(book, period, env="simulated", stage=1, gate=GateConfig(), now=now)


def test_an_empty_ledger_is_told_in_words() -> None:
    for kind in Kind:
        found = report(read_rows([]), kind, now=0)
        assert found.accounts == () and found.verdicts == ()
        assert any("nothing has been traded" in note for note in found.notes)
        assert "nothing has been traded" in markdown(found)


def test_a_stage_report_has_the_very_figures_of_kpi() -> None:
    book, now = read_rows(stream(40)), START + 40 * DAY_MS
    found = report(book, now=now)
    (account,) = found.accounts
    assert account.kpis[0].figures == kpis(book, now + 1)[0].figures
    assert [kpi.style for kpi in account.kpis] == [ALL, "scalp"]
    (verdict,) = found.verdicts
    assert verdict.trades == len(book.trades)
    text = markdown(found)
    assert headline(found) in text and "What the gates say" in text and "| closed trades |" in text


def test_a_day_has_its_own_trades_only() -> None:
    book = read_rows([*(trade(START + 3_600_000 + k * DAY_MS, 1.0 + k) for k in range(3)), *(day(k, 1.0 + k) for k in range(3))])
    (account,) = report(book, Kind.DAILY, now=START + 3 * DAY_MS, date=DAY_0 + 1).accounts
    figures = account.kpis[0].figures
    assert (figures["trades"].value, figures["net"].value) == (1.0, 2.0)
    assert "exposure" not in figures
    assert (account.equity_start, account.equity_end, account.result) == (1_000.0, 1_002.0, 2.0)
    assert account.notes == ()


def test_a_verdict_on_a_day_past_knows_nothing_of_later_trades() -> None:
    book = read_rows(stream(40))
    (verdict,) = report(book, Kind.DAILY, now=START + 40 * DAY_MS, date=DAY_0 + 9).verdicts
    assert verdict.wrong == () and verdict.ts == START + 10 * DAY_MS
    assert 0 < verdict.trades < len(book.trades)


def test_a_day_without_trades_and_a_missing_day_are_told() -> None:
    rows = [started(), *(day(number, 0.0) for number in range(7) if number != 3)]
    week = report(read_rows(rows), Kind.WEEKLY, now=START + 7 * DAY_MS)
    assert week.accounts[0].notes == (NO_TRADE, "1 of 7 days have no row of equity: 2025-03-06")
    assert "1 of 7 days have no row of equity" in markdown(week)
    assert week.accounts[0].kpis[0].figures["sharpe"].value is None


def test_the_first_hours_are_not_over() -> None:
    book = read_rows([row("cash", ts=START, account=ACCOUNT, kind="deposit", amount="1000"), trade(START + 7_200_000, -1.0)])
    found = report(book, Kind.DAILY, now=START + 10_000_000)
    assert found.notes == ("this day is not over: figures up to 2025-03-03 02:46 UTC",)
    (account,) = found.accounts
    assert account.notes == ("no day is over yet: no equity to compare",)
    assert account.equity_end is None and account.kpis[0].figures["trades"].value == 1.0


def test_days_of_older_ledgers_begin_with_the_evening_before_and_deposits() -> None:
    cash = [row("cash", ts=START + k * DAY_MS + 5, account=ACCOUNT, kind="deposit", amount=text) for k, text in ((0, "1000"), (1, "500"))]
    book = read_rows([*cash, day(0, 0, None, equity="1010"), day(1, 0, None, equity="1530")])
    (account,) = report(book, Kind.DAILY, now=START + 2 * DAY_MS).accounts
    assert (account.equity_start, account.equity_end, account.result, account.flows) == (1_510.0, 1_530.0, 20.0, 500.0)
    assert "+500.00 came in" in markdown(report(book, Kind.DAILY, now=START + 2 * DAY_MS))
    unknown = read_rows([day(0, 0, None, equity="1010")])
    (account,) = report(unknown, Kind.DAILY, now=START + DAY_MS).accounts
    assert (account.equity_start, account.result, account.equity_end) == (None, None, 1_010.0)
    assert "not known" in markdown(report(unknown, Kind.DAILY, now=START + DAY_MS))


def test_regimes_add_up_and_one_that_is_not_recorded_is_named() -> None:
    rows = [trade(START + (k + 1) * 3_600_000, r, regime=regime) for k, (r, regime) in enumerate(((2.0, 1), (-1.0, 2), (-1.0, 2)))]
    (account,) = report(read_rows(rows), now=START + DAY_MS).accounts
    found = {regime.name: regime.kpi.figures["net"].value for regime in account.regimes if regime.kpi.figures["trades"].value}
    assert found == {"trend": 2.0, "chop": -2.0}
    assert "| chop | 2 |" in markdown(report(read_rows(rows), now=START + DAY_MS))
    old = read_rows([(kind, text.replace(b'"regime":0,', b"")) for kind, text in [trade(START + 3_600_000, 1.0)]])
    assert [regime.name for regime in report(old, now=START + DAY_MS).accounts[0].regimes][-1] == "not recorded"


def test_damaged_rows_are_named() -> None:
    book = read_rows([day(0, 1.0), trade(START + 3_600_000, 1.0, pnl="NaN")])
    found = report(book, now=START + DAY_MS)
    assert any(f"{ACCOUNT}: trade row" in note and note.startswith("THE LEDGER IS DAMAGED") for note in found.notes)


def test_what_was_lost_is_told_in_the_reports_it_may_concern_only() -> None:
    lost = row("verdict", what="damage", ts=START + 5 * DAY_MS, text="3 of 9 rows of the ledger were lost")
    book = read_rows([*(day(number, 1.0) for number in range(9)), lost])
    told = [
        bool([note for note in report(book, Kind.DAILY, now=START + number * DAY_MS + 1).notes if "3 of 9 rows" in note])
        for number in (2, 6, 7, 9)
    ]
    assert told == [True, True, False, False]
    assert kpis(within(book, START + 6 * DAY_MS, START + 9 * DAY_MS), START + 9 * DAY_MS)[0].figures["drawdown"].value is not None


def test_after_a_demotion_a_report_asks_for_twice_the_trades_like_the_engine() -> None:
    subject = {"account": ACCOUNT, "style": "scalp", "factor": 2}
    judged = row("verdict", what="verdict", ts=START + DAY_MS, account=ACCOUNT, style="scalp", subject=subject)
    (verdict,) = report(read_rows([*stream(31, per_day=8), judged]), Kind.STAGE, now=START + 31 * DAY_MS).verdicts
    assert verdict.checks[0].target == 400.0


def test_the_curve_falls_as_deep_as_the_figure_says() -> None:
    book, now = read_rows(stream(60, win_rate=0.4)), START + 60 * DAY_MS
    equity, falls, why = equity_curve(book, ACCOUNT, chosen(Kind.STAGE, now, oldest(book)))
    assert why == "" and len(equity) == len(falls) == 61
    assert max(fall for _, fall in falls) == pytest.approx(kpis(book, now)[0].figures["drawdown"].value)
    week, _, _ = equity_curve(book, ACCOUNT, chosen(Kind.DAILY, now, oldest(book)))
    assert len(week) == 31
    assert equity_curve(book, "PERPS/PAPER", chosen(Kind.STAGE, now, oldest(book)))[0] == []


def test_a_curve_with_a_hole_has_no_drawdown_and_says_why() -> None:
    book = read_rows([day(number, 1.0) for number in (0, 1, 5)])
    equity, falls, why = equity_curve(book, ACCOUNT, chosen(Kind.STAGE, START + 6 * DAY_MS, oldest(book)))
    assert len(equity) == 4 and falls == [] and "3 of 6 days missing" in why


def test_a_part_ends_before_its_end() -> None:
    book = read_rows([trade(START + DAY_MS, 1.0), trade(START + 2 * DAY_MS, 1.0)])
    assert len(within(book, START + DAY_MS, START + 2 * DAY_MS).trades) == 1


def test_the_account_of_options_is_in_dollars_says_that_its_prices_are_a_model_s_and_what_was_explored() -> None:
    options = {"account": "OPTIONS/PAPER", "style": "swing"}
    contract = "EURUSD-20250328-C-1.05000"
    rows = [trade(START + k * 3_600_000, 1.0, symbol=contract, explored=k > 1, **options) for k in range(1, 4)]
    found = report(read_rows([*rows, day(0, 3.0, account="OPTIONS/PAPER", style="swing")]), now=START + DAY_MS)
    (account,) = found.accounts
    assert (account.account, account.quote) == ("OPTIONS/PAPER", "USD")
    assert account.notes[0] == MODEL_PRICED
    assert account.notes[1] == "2 trades were explored, +1.00 R each on average: told apart from the policy's in every figure"
    assert "1,003.00 USD, result +3.00" in markdown(found)
    live = report(read_rows([trade(START + 1, 1.0, account="OPTIONS/LIVE", style="swing")]), now=START + DAY_MS)
    assert MODEL_PRICED not in live.accounts[0].notes


def test_one_explored_trade_is_told_in_the_singular() -> None:
    book = read_rows([trade(START + 1, -1.0, explored=True), day(0, -1.0)])
    assert "1 trade was explored, -1.00 R" in " ".join(report(book, now=START + DAY_MS).accounts[0].notes)

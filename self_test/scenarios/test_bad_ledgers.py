"""Bad ledgers of every kind through figures, gates, report, CSV and plots: words where no number can be, never what looks like one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modules.ui.periods import Kind, chosen
from modules.ui.report_files import document, write_report
from modules.ui.report_plots import pictures
from modules.ui.reports import assemble, markdown, oldest
from self_test.telemetry.ledgers import START, Rows, day, row, started, stream, trade
from telemetry.gate_config import GateConfig
from telemetry.gates import State, Verdict, evaluate
from telemetry.kpi import ALL, Kpi, kpis
from telemetry.ledger_rows import DAY_MS, read_rows
from telemetry.sample import sample_of
from telemetry.verdict_words import words

ACCOUNT, DAYS = "CRYPTO/PAPER", 31
NOW = START + DAYS * DAY_MS
EDGE = stream(DAYS, per_day=8, win_rate=0.75)
AT = START + 5 * DAY_MS + 7_200_000


def moved(rows: Rows, amount: float) -> Rows:
    """The same trader, after `amount` came in (or left) on the morning of day 5: from then on his equity is so much higher."""
    found = []
    for kind, text in rows:
        one = msgspec.json.decode(text)
        if kind == "equity" and one["day"] >= AT // DAY_MS:
            one |= {"equity": str(float(one["equity"]) + amount), "start": str(float(one["start"]) + amount)}
        found.append((kind, msgspec.json.encode(one)))
    return [*found, row("cash", ts=AT, account=ACCOUNT, kind="deposit" if amount > 0 else "withdrawal", amount=str(amount), ref="x")]


def ledger(name: str) -> Rows:
    """The bad ledger of that name."""
    number = 12
    match name:
        case "empty":
            return []
        case "one trade":
            return [started(), trade(AT, 1.0), *(day(k, float(k == 5)) for k in range(DAYS))]
        case "all wins":
            return stream(DAYS, per_day=8, win_rate=1.0)
        case "zero variance":
            return [started(), *(day(k, 1.0) for k in range(DAYS))]
        case "NaN":
            return [*EDGE, trade(AT, 1.0, pnl="NaN")]
        case "infinite":
            return [*EDGE, day(0, math.inf, account=ACCOUNT)]
        case "a clock that jumped":
            return [*EDGE, trade(AT, 1.0, entry_ts=AT + 1)]
        case "a day that ended twice":
            return [*EDGE, day(number, 3.0)]
        case "a missing day":
            gone = day(number, 0.0)[1].split(b'"day":')[1].split(b",")[0]
            return [one for one in EDGE if one[0] != "equity" or b'"day":%b,' % gone not in one[1]]
    raise AssertionError(name)


def verdict_of(rows: Rows) -> Verdict:
    return evaluate(sample_of(read_rows(rows), ACCOUNT, "scalp", "live", NOW), GateConfig(), NOW)


def whole(rows: Rows) -> Kpi | None:
    return next((one for one in kpis(read_rows(rows), NOW) if one.style == ALL), None)


def numbers(value: Any) -> Iterator[float]:
    """Every number of a document."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield float(value)


CASES = {
    "empty": ({}, "no sample has begun"),
    "one trade": ({"average_loss": "no losing trade", "profit_factor": "no losing trade"}, "1/200 trades"),
    "all wins": (
        {"average_loss_r": "no losing trade", "profit_factor": "no losing trade", "sortino": "no losing day"},
        "payoff is unknown",
    ),
    "zero variance": ({"win_rate": "no closed trade", "sharpe": "do not vary"}, "0/200 trades"),
    "NaN": ({"sharpe": "pnl is 'NaN'", "drawdown": "pnl is 'NaN'"}, "pnl is 'NaN', no number"),
    "infinite": ({"sharpe": "no number", "drawdown": "no number"}, "no number"),
    "a clock that jumped": ({}, "the clock jumped"),
    "a day that ended twice": ({"sharpe": "the clock jumped", "sortino": "the clock jumped"}, "the clock jumped"),
    "a missing day": ({"sharpe": "1 of 31 days missing", "drawdown": "1 of 31 days missing"}, "1 of 31 days missing"),
}
"""Which figures cannot be, with a word of why; and a word of what the gate says."""


@pytest.mark.parametrize("name", CASES)
def test_a_figure_that_cannot_be_is_none_with_its_reason(name: str) -> None:
    found = whole(ledger(name))
    assert (found is None) is (name == "empty")
    for figure, reason in CASES[name][0].items():
        assert found is not None
        assert found.figures[figure].value is None and reason in found.figures[figure].reason
    for one in found.figures.values() if found else ():
        assert (one.value is None) is bool(one.reason) and (one.value is None or math.isfinite(one.value))


@pytest.mark.parametrize("name", CASES)
def test_the_gate_says_insufficient_and_why(name: str) -> None:
    verdict = verdict_of(ledger(name))
    assert verdict.state is State.INSUFFICIENT
    assert "insufficient evidence" in words(verdict, GateConfig())[0]
    assert CASES[name][1] in "\n".join(words(verdict, GateConfig()))
    assert all(math.isfinite(number) for number in numbers(msgspec.to_builtins(verdict)))


def test_without_what_is_bad_in_them_these_ledgers_pass() -> None:
    """Else the tests above could not fail."""
    assert verdict_of(EDGE).state is State.PASS_1


@pytest.mark.parametrize("name", CASES)
def test_a_report_of_it_is_made_whole_and_holds_no_number_that_is_none(name: str, tmp_path: Path) -> None:
    rows = ledger(name)
    book = read_rows(rows)
    period = chosen(Kind.STAGE, NOW, oldest(book))
    report = assemble(book, period, env="live", stage=1, gate=GateConfig(), now=NOW)
    files = write_report(tmp_path, report, rows, pictures(book, report), GateConfig())
    assert {path.suffix for path in files} == {".csv", ".png", ".json", ".md"} and all(path.stat().st_size for path in files)
    assert all(math.isfinite(number) for number in numbers(msgspec.json.decode(document(report))))
    text = markdown(report, (), GateConfig())
    assert {"empty": "the ledger is empty", "NaN": "THE LEDGER IS DAMAGED"}.get(name, "insufficient evidence") in text
    kpi_lines = next(path for path in files if path.name == "kpis.csv").read_text().splitlines()[1:]
    assert not any(word in line.lower().split(",")[6] for line in kpi_lines for word in ("nan", "inf"))


@pytest.mark.parametrize("amount", [250.0, -250.0])
def test_money_that_comes_or_leaves_in_between_is_no_result(amount: float) -> None:
    plain, changed = whole(EDGE), whole(moved(EDGE, amount))
    assert plain is not None and changed is not None
    for figure in ("trades", "win_rate", "net", "profit_factor", "expectancy_r"):
        assert changed.figures[figure] == plain.figures[figure]
    assert changed.figures["sharpe"].value == pytest.approx(plain.figures["sharpe"].value, rel=0.1), "the same money on another base"
    assert changed.figures["drawdown"].value == pytest.approx(plain.figures["drawdown"].value, rel=0.4)
    assert verdict_of(moved(EDGE, amount)).state is State.PASS_1
    book = read_rows(moved(EDGE, amount))
    (account,) = assemble(book, chosen(Kind.STAGE, NOW, oldest(book)), env="live", stage=1, gate=GateConfig(), now=NOW).accounts
    assert account.flows == amount
    assert account.result is not None and account.result < 1_000.0

"""Key figures: by hand on small ledgers, undefined with the reason, exploration apart, deposits no gain."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.telemetry.ledgers import START, Rows, book, day, row, started, stream, trade
from telemetry.kpi import Kpi, kpis
from telemetry.ledger_rows import DAY_MS

HOUR = 3_600_000


def figures(rows: Rows, days: float, style: str = "scalp", standing: str = "paper", account: str = "CRYPTO/PAPER") -> Kpi:
    return next(
        one for one in kpis(book(rows), START + int(days * DAY_MS)) if (one.account, one.style, one.standing) == (account, style, standing)
    )


def values(found: Kpi) -> dict[str, float | None]:
    return {name: figure.value for name, figure in found.figures.items()}


def four_trades() -> Rows:
    return [
        trade(START + 2 * HOUR, 2.0),
        trade(START + 5 * HOUR, -1.0, fees="0.03"),
        trade(START + 8 * HOUR, 1.0, funding="0.01"),
        trade(START + 11 * HOUR, -1.0),
        trade(START + 14 * HOUR, -3.0, explored=True),
        trade(START + 17 * HOUR, 9.0, strategy="demo"),
        day(0, 1.0),
        day(1, -2.0),
    ]


def test_figures_by_hand():
    found = values(figures(four_trades(), 2))
    assert found["trades"] == 4 and found["win_rate"] == 0.5
    assert found["average_win"] == pytest.approx(0.03) and found["average_loss"] == pytest.approx(-0.02)
    assert (found["average_win_r"], found["average_loss_r"], found["expectancy_r"]) == (1.5, -1.0, 0.25)
    assert (found["expectancy"], found["net"], found["profit_factor"]) == (0.25, 1.0, 1.5)
    assert found["drawdown_r"] == 1.0
    assert found["fees"] == pytest.approx(0.09) and found["slippage"] == pytest.approx(0.04) and found["funding"] == pytest.approx(0.01)
    assert (found["explored_trades"], found["exploration_cost"]) == (1, 3.0)
    returns = [0.001, -0.002]
    mean, deviation = sum(returns) / 2, abs(returns[0] - returns[1]) / math.sqrt(2)
    assert found["sharpe"] == pytest.approx(mean / deviation * math.sqrt(365))
    assert found["sortino"] == pytest.approx(mean / (0.002 / math.sqrt(2)) * math.sqrt(365))
    assert found["drawdown"] == pytest.approx(0.002)
    assert found["data_gaps"] == 0.0 and found["reconcile_errors"] == 0.0 and found["slow_acks"] == 0.0
    assert found["exposure"] == pytest.approx(4 / 48)


def test_overlapping_positions_are_not_held_twice():
    rows = [trade(START + 10 * HOUR, 1.0, entry_ts=START), trade(START + 8 * HOUR, 1.0, entry_ts=START + 4 * HOUR)]
    assert figures(rows, 20 / 24).figures["exposure"].value == pytest.approx(0.5)


def test_the_account_as_a_whole_counts_every_trade_but_explored_ones():
    found = figures(four_trades(), 2, style="all", standing="all")
    assert found.figures["trades"].value == 5 and found.figures["net"].value == 10.0


def test_standings_stand_apart():
    rows = [
        *(trade(START + k * DAY_MS + 2 * HOUR, 1.0, account="CRYPTO/LIVE", standing="canary") for k in range(3)),
        *(trade(START + k * DAY_MS + 2 * HOUR, -1.0, account="CRYPTO/LIVE", standing="live") for k in range(3, 6)),
        *(day(k, 1.0 + k if k < 3 else -1.0 - k, account="CRYPTO/LIVE") for k in range(6)),
    ]
    canary, live = (values(figures(rows, 6, standing=name, account="CRYPTO/LIVE")) for name in ("canary", "live"))
    assert (canary["win_rate"], live["win_rate"]) == (1.0, 0.0)
    assert canary["sharpe"] is not None and live["sharpe"] is not None and live["sharpe"] < 0 < canary["sharpe"]


def test_a_row_that_says_no_standing_has_that_of_its_account():
    found = kpis(book([trade(START + 2 * HOUR, 1.0, account="CRYPTO/LIVE", standing="")]), START + DAY_MS)
    assert [one.standing for one in found] == ["all", "live"]


@pytest.mark.parametrize(
    "rows, days, name, reason",
    [
        ([day(0, 0.0)], 1, "win_rate", "no closed trade"),
        ([day(0, 0.0)], 1, "exposure", "no closed trade"),
        ([trade(START + 2 * HOUR, 1.0)], 1, "sharpe", "no day is over yet"),
        ([trade(START + 2 * HOUR, 1.0)], 1, "data_gaps", "no day is over yet"),
        ([trade(START + 2 * HOUR, 1.0)], 1, "profit_factor", "no losing trade"),
        ([trade(START + 2 * HOUR, -1.0)], 1, "average_win_r", "no winning trade"),
        ([trade(START + 2 * HOUR, 1.0), day(0, 1.0)], 1, "sharpe", "fewer than two days are over"),
        ([day(0, -30.0)], 1, "sortino", "fewer than two days are over"),
        ([day(k, 1.0) for k in range(5)], 5, "sharpe", "do not vary"),
        ([day(k, 1.0 + k) for k in range(5)], 5, "sortino", "no losing day"),
        ([day(0, 1.0), day(1, 2.0), day(3, -1.0)], 4, "drawdown", "1 of 4 days missing, the first 2025-03-05"),
        ([day(0, 1.0), day(0, 2.0)], 1, "sharpe", "ended twice"),
        ([day(0, 1.0, start=0.0)], 1, "sharpe", "no equity at its start"),
        ([day(0, 1.0), trade(START + 2 * HOUR, 1.0, pnl="NaN")], 1, "sharpe", "pnl is 'NaN'"),
        ([day(0, 1.0, health=None)], 1, "slow_feed", "not measured"),
    ],
)
def test_undefined_with_the_reason(rows: Rows, days: float, name: str, reason: str):
    figure = figures(rows, days, "all", "all").figures[name]
    assert figure.value is None and reason in figure.reason


def test_slippage_nobody_measured_is_not_zero():
    rows = [trade(START + 2 * HOUR, 1.0), trade(START + 3 * HOUR, 1.0, slippage=None)]
    figure = figures(rows, 1).figures["slippage"]
    assert figure.value is None and figure.reason == "not measured in 1 of 2 trades"


def test_a_style_without_marks_has_no_sharpe_while_the_account_has():
    rows = [trade(START + 2 * HOUR, 1.0)] + [day(k, float(k % 2), policy=None) for k in range(9)]
    assert "no marked policy profit" in figures(rows, 9).figures["sharpe"].reason
    assert figures(rows, 9, "all", "all").figures["sharpe"].value is not None


def test_deposits_are_no_gain_even_when_days_do_not_tell_their_start():
    def ledger(deposit: int) -> Rows:
        found = [row("cash", ts=START, account="CRYPTO/PAPER", kind="deposit", amount="1000", ref="start")]
        if deposit:
            found.append(row("cash", ts=START + 3 * DAY_MS + HOUR, account="CRYPTO/PAPER", kind="transfer", amount=str(deposit), ref="t"))
        equity = 1_000.0
        for number in range(6):
            equity += deposit if number == 3 else 0
            equity *= 1.001 if number % 2 else 0.999
            found.append(day(number, 0.0, start=None, equity=str(equity), policy=None))
        return found

    plain, moved = (values(figures(ledger(deposit), 6, "all", "all")) for deposit in (0, 5_000))
    for name in ("sharpe", "sortino", "drawdown"):
        assert plain[name] == pytest.approx(moved[name])
    assert plain["drawdown"] == pytest.approx(1 - 0.999 * 1.001 * 0.999 * 1.001 * 0.999, abs=1e-9)


@pytest.mark.parametrize("share", [0.1, 0.5, 3.0])
def test_money_that_comes_or_leaves_in_between_changes_no_figure_of_the_daily_equity(share: float):
    """The engine scales the day's start and what the day has made so far: the row of that day is in the scale of its evening."""

    def ledger(factor: float) -> Rows:
        found, equity, scale = [trade(START + 2 * HOUR, 1.0)], 1_000.0, 1.0
        for number in range(8):
            start, made = equity, equity * (0.02 if number % 3 else -0.03)
            scale = factor if number == 4 else 1.0
            equity = (start + made) * scale
            policy = {"swing": str(made * scale), "scalp": str(made * scale)}
            found.append(day(number, 0.0, start=start * scale, equity=str(equity), policy=policy))
            if scale != 1.0:
                moved = (start + made) * (scale - 1.0)
                found.append(
                    row("cash", ts=START + number * DAY_MS + HOUR, account="CRYPTO/PAPER", kind="transfer", amount=str(moved), ref="t")
                )
        return found

    for style in ("all", "scalp"):
        plain, moved = (values(figures(ledger(factor), 8, *(("all", "all") if style == "all" else ()))) for factor in (1.0, share))
        for name in ("sharpe", "sortino", "drawdown"):
            assert plain[name] is not None and plain[name] == pytest.approx(moved[name]), (style, name)


def test_an_empty_ledger_has_no_rows():
    assert kpis(book([]), START) == [] and kpis(book([started()]), START) == []


def test_one_account_alone_and_forex_has_260_days():
    rows = [*stream(20), *stream(20, account="FOREX/PAPER")]
    now = START + 20 * DAY_MS
    assert {one.account for one in kpis(book(rows), now, "FOREX/PAPER")} == {"FOREX/PAPER"}
    crypto, forex = (values(figures(rows, 20, account=name))["sharpe"] for name in ("CRYPTO/PAPER", "FOREX/PAPER"))
    assert crypto and forex and crypto != forex


@given(seed=st.integers(0, 1_000), days=st.integers(1, 20))
def test_the_order_of_rows_is_of_no_meaning_and_values_are_numbers(seed: int, days: int):
    rows = stream(days, per_day=1.0, seed=seed)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    found, again = kpis(book(rows), START + days * DAY_MS), kpis(book(shuffled), START + days * DAY_MS)
    assert found == again
    for one in found:
        for figure in one.figures.values():
            assert (figure.value is None) == bool(figure.reason)
            assert figure.value is None or math.isfinite(figure.value)

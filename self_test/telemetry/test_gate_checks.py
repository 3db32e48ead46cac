"""Single checks: each against its definition, and what is undefined is neither met nor unmet."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.telemetry.ledgers import START, Rows, day, sample, started, stream, trade
from telemetry import stats
from telemetry.gate_checks import Check, breakeven, judge
from telemetry.gate_config import GateConfig, WinRate, WinRateMode
from telemetry.ledger_rows import DAY_MS
from telemetry.sample import daily_returns

CFG = GateConfig(resamples=200)


def checks(rows: Rows, days: float, cfg: GateConfig = CFG, account: str = "CRYPTO/PAPER", style: str = "scalp") -> dict[str, Check]:
    now = START + int(days * DAY_MS)
    return {check.name: check for check in judge(sample(rows, days, account, style), cfg, now)}


def test_each_figure_is_what_its_definition_says():
    rows = stream(40)
    found, past = checks(rows, 40), sample(rows, 40)
    returns, wins, n = daily_returns(past), int((past.pnl > 0).sum()), len(past.pnl)
    assert found["trades"].value == n == 240 and found["days"].value == 40
    assert found["win_rate"].value == wins / n
    bounds = stats.wilson_interval(wins=wins, n=n, confidence=0.90, sides=1)
    assert bounds and found["win_rate"].lower == found["win_rate_bound"].value == bounds[0]
    assert found["win_rate_bound"].target == breakeven(past) == pytest.approx(1.1 / 2.0)
    assert found["sharpe"].value == stats.sharpe(returns=returns, periods_per_year=365)
    assert found["psr"].value == found["dsr"].value == stats.psr_from_returns(returns=returns)  # one trial: nothing to deflate
    assert found["e_process"].value == stats.mean_r_eprocess(r_multiples=past.r, loss_bound=4.0)
    assert found["drawdown"].value == stats.max_drawdown(returns=returns)
    assert found["drawdown_r"].value == stats.max_drawdown_r(r_multiples=past.r)
    assert found["stressed_expectancy"].value == pytest.approx(float(past.r.mean()) - 0.5 * 0.10)
    assert found["average_win"].value == pytest.approx(5 * 0.9 / 250) and not found["average_win"].gates


def test_a_gap_loss_raises_the_loss_bound():
    rows = [*stream(40), trade(START + 7_200_000, -6.2)]
    assert "6.5 R" in checks(rows, 40)["e_process"].reason


def test_trials_deflate():
    rows = [*stream(60, win_rate=0.60), started(START + 20 * DAY_MS), started(START + 30 * DAY_MS)]
    found = checks(rows, 60)
    assert found["dsr"].value is not None and found["psr"].value is not None
    assert found["dsr"].value < found["psr"].value and "3 samples" in found["dsr"].reason


def test_the_win_rate_gates_as_it_is_told():
    rows = stream(40, win_rate=0.48, payoff=2.0)
    for mode, ok, gates in ((WinRateMode.TARGET, False, True), (WinRateMode.BREAKEVEN_LB, True, True), (WinRateMode.REPORT, False, False)):
        found = checks(rows, 40, CFG.model_copy(update={"win_rate": WinRate(mode=mode)}))["win_rate"]
        assert (found.ok, found.gates) == (ok, gates)


def test_live_samples_are_judged_by_acknowledgements_and_paper_by_feed_and_decision():
    paper, live = checks(stream(31), 31), checks(stream(31, account="CRYPTO/LIVE"), 31, account="CRYPTO/LIVE")
    assert "ack_latency" not in paper and "feed_latency" not in live and live["ack_latency"].ok


def test_latency_nobody_measured_is_not_met():
    rows = [started()] + [day(k, 1.0, health={"bars": 288}) for k in range(31)]
    found = checks(rows, 31)
    assert found["feed_latency"].ok is None and found["feed_latency"].reason == "not measured"


def test_forex_needs_no_row_for_a_weekend():
    rows = [started(account="FOREX/PAPER")] + [day(k, 1.0, account="FOREX/PAPER") for k in range(30) if k % 7 < 5]
    assert checks(rows, 30, account="FOREX/PAPER")["data_gaps"].value == 0.0
    rows = [started()] + [day(k, 1.0) for k in range(30) if k % 7 < 5]
    assert "8 of 30 days missing" in checks(rows, 30)["data_gaps"].reason


def test_break_even_without_wins_is_one_and_without_losses_unknown():
    assert breakeven(sample([started(), trade(START + 7_200_000, -1.0)], 1)) == 1.0
    assert breakeven(sample([started(), trade(START + 7_200_000, 1.0)], 1)) is None
    assert breakeven(sample([started()], 1)) is None


@given(results=st.lists(st.floats(-5, 5).map(lambda r: round(r, 3)), min_size=1, max_size=60))
def test_undefined_is_told_and_never_met(results: list[float]):
    rows = [started(), *(trade(START + 7_200_000 + k, r) for k, r in enumerate(results)), day(0, math.fsum(results))]
    for check in checks(rows, 1).values():
        if check.value is None:
            assert check.ok is None and check.reason
        else:
            assert math.isfinite(check.value)


@given(
    results=st.lists(st.floats(-2, 2).map(lambda r: round(r, 3)), min_size=5, max_size=60),
    loss=st.floats(0.1, 3.9),
    when=st.integers(0, 10_000),
)
def test_one_more_loss_never_raises_what_trades_alone_show(results: list[float], loss: float, when: int):
    rows = [started(), *(trade(START + 7_200_000 + 100 * k, r) for k, r in enumerate(results)), day(0, math.fsum(results))]
    before, after = checks(rows, 1), checks([*rows, trade(START + 7_200_000 + when, -loss)], 1)
    for name in ("win_rate", "e_process"):
        first, second = before[name].value, after[name].value
        assert first is not None and second is not None and second <= first + 1e-12
    one, two = before["drawdown_r"].value, after["drawdown_r"].value
    assert one is not None and two is not None and two >= one - 1e-9
    means = before["stressed_expectancy"].value, after["stressed_expectancy"].value
    if means[0] is not None and means[1] is not None and means[0] > -loss:
        assert means[1] <= means[0] + 1e-12


def test_numpy_numbers_do_not_leak():
    for check in checks(stream(31), 31).values():
        assert type(check.value) in {float, type(None)} and type(check.ok) in {bool, type(None)}

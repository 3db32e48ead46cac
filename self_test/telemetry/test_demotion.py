"""Falling back: each condition at its limit, with its reason; probation and cool-down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.telemetry.ledgers import START, sample, started, trade
from state.standing import Level as Standing
from telemetry.demotion import (
    Canary,
    CanaryConfig,
    Demotion,
    DemotionConfig,
    Until,
    canary_finished,
    canary_words,
    cooldown_until,
    demotion,
    trades_factor,
)
from telemetry.ledger_rows import DAY_MS

CFG, CANARY = DemotionConfig(), CanaryConfig()
NOW = START + 100 * DAY_MS


def judged(results: list[float], standing: Standing = Standing.LIVE, **given_: object) -> Demotion | None:
    rows = [started(account="CRYPTO/LIVE"), *(trade(START + 7_200_000 + k, r, account="CRYPTO/LIVE") for k, r in enumerate(results))]
    found = {"equity_drawdown": 0.0, "canary": None, "past": (), "cfg": CFG, "probation": CANARY} | given_
    return demotion(sample(rows, 100, account="CRYPTO/LIVE"), standing, now=NOW, **found)  # type: ignore[arg-type]


def fell(to: Standing, days_ago: float, account: str = "CRYPTO/LIVE", style: str = "scalp") -> Demotion:
    return Demotion(ts=NOW - int(days_ago * DAY_MS), account=account, style=style, to=to, reason="earlier")


@pytest.mark.parametrize(
    "results, drawdown, to, words",
    [
        ([-1.0] * 20, 0.0, None, ""),
        ([-1.0] * 20 + [-0.5], 0.0, Standing.CANARY, "drawdown 20.5 R, more than 20 R"),
        ([5.0] + [-1.0] * 20 + [-0.5], 0.0, Standing.CANARY, "20.5 R"),
        ([-1.0] * 25, 0.0, Standing.CANARY, "25.0 R"),
        ([-1.0] * 25 + [-0.1], 0.0, Standing.PAPER, "drawdown 25.1 R, more than 25 R"),
        ([], 0.0799, None, ""),
        ([], 0.08, Standing.CANARY, "equity 8.0% below its peak"),
        ([], 0.12, Standing.PAPER, "equity 12.0% below its peak"),
        ([], None, None, ""),
        ([], float("nan"), None, ""),
    ],
)
def test_limits(results: list[float], drawdown: float | None, to: Standing | None, words: str):
    found = judged(results, equity_drawdown=drawdown)
    assert (found and found.to) == to and (found is None or words in found.reason)


def test_a_hundred_trades_that_lose_beyond_doubt():
    results = [0.5, -0.5, -0.4] * 33
    assert judged(results) is None  # 99 trades
    found = judged([*results, -0.4])
    assert found is not None and found.to is Standing.CANARY and "the last 100 trades lose" in found.reason
    assert judged([0.5, -0.45] * 50) is None


def test_the_second_fall_to_canary_in_90_days_is_one_to_paper():
    found = judged([], equity_drawdown=0.08, past=[fell(Standing.CANARY, 89)])
    assert found is not None and found.to is Standing.PAPER and "demotion 2 to canary in 90 days" in found.reason
    for past in ([fell(Standing.CANARY, 91)], [fell(Standing.PAPER, 5)], [fell(Standing.CANARY, 5, style="swing")]):
        found = judged([], equity_drawdown=0.08, past=past)
        assert found is not None and found.to is Standing.CANARY


def test_a_canary_falls_by_its_loss_budget_and_by_what_makes_paper():
    def canary(lost: float) -> Canary:
        return Canary(trades=5, since_ts=START, realised=-lost, equity=1_000.0)

    assert judged([], Standing.CANARY, canary=canary(7.5)) is None
    found = judged([], Standing.CANARY, canary=canary(7.6))
    assert found is not None and found.to is Standing.PAPER and "canary lost 0.76% of its equity, more than 0.75%" in found.reason
    assert judged([-1.0] * 21, Standing.CANARY, canary=canary(0.0)) is None  # it is a canary already
    assert judged([-1.0] * 26, Standing.CANARY, canary=canary(0.0)) is not None
    assert judged([], Standing.LIVE, canary=canary(7.6)) is None  # the budget is the canary's


def test_paper_cannot_fall():
    assert judged([-1.0] * 50, Standing.PAPER, equity_drawdown=0.5) is None


def test_the_demotion_names_whose_it_is_and_when():
    found = judged([-1.0] * 30)
    assert found is not None and (found.account, found.style, found.ts) == ("CRYPTO/LIVE", "scalp", NOW)


@pytest.mark.parametrize(
    "trades, days, both, either",
    [(50, 7.0, True, True), (49, 7.0, False, True), (50, 6.99, False, True), (49, 6.99, False, False)],
)
def test_probation_ends(trades: int, days: float, both: bool, either: bool):
    canary = Canary(trades=trades, since_ts=NOW - int(days * DAY_MS), realised=0.0, equity=1_000.0)
    assert canary_finished(canary, CANARY, NOW) is both
    assert canary_finished(canary, CanaryConfig(until=Until.EITHER), NOW) is either


def test_probation_in_words():
    canary = Canary(trades=12, since_ts=NOW - 3 * DAY_MS, realised=-1.0, equity=1_000.0)
    assert canary_words(canary, CANARY, NOW) == "canary: 12/50 trades and 3.0/7 days, -0.10% with a loss budget of 0.75%"
    empty = Canary(trades=0, since_ts=NOW, realised=0.0, equity=0.0)
    assert canary_words(empty, CanaryConfig(until=Until.EITHER), NOW) == "canary: 0/50 trades or 0.0/7 days"


def test_cool_down_and_twice_the_trades():
    past = [fell(Standing.CANARY, 20), fell(Standing.PAPER, 10), fell(Standing.PAPER, 1, style="swing")]
    assert cooldown_until(past, "CRYPTO/LIVE", "scalp", CFG) == NOW + 4 * DAY_MS
    assert cooldown_until(past, "PERPS/LIVE", "scalp", CFG) is None
    assert trades_factor(past, "CRYPTO/LIVE", "scalp", CFG) == 2 and trades_factor(past, "PERPS/LIVE", "scalp", CFG) == 1


@given(results=st.lists(st.floats(-3, 3).map(lambda r: round(r, 2)), max_size=150), loss=st.floats(0.1, 5), drawdown=st.floats(0, 0.2))
def test_one_more_loss_never_saves_a_standing(results: list[float], loss: float, drawdown: float):
    """Drawdown in R only grows; the mean of a window may forget a larger loss, so it is left out here."""
    cfg = DemotionConfig(window=10_000)
    order = {None: 0, Standing.CANARY: 1, Standing.PAPER: 2}
    before, after = (judged(one, equity_drawdown=drawdown, cfg=cfg) for one in (results, [*results, -loss]))
    assert order[after.to if after else None] >= order[before.to if before else None]
    assert np.isfinite(loss)

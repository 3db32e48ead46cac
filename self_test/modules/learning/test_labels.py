from __future__ import annotations

import numpy as np
import pytest

from config import CONFIG
from modules.engine.grid import Grid
from modules.learning.labels import ASKED, Labeller, Why, usable, utilities, utility
from modules.learning.research import market_of, sweep_trades
from self_test.fakes.markets import market
from state.accounts import Domain
from state.books import ARMS, Rows
from strategy.registry import STRATEGIES, EntryOrder

ALL = frozenset({0, 1, 2, 3})


def asked_of(grid: Grid, signals: Rows) -> Rows:
    """Every candidate of the market pass as a decision."""
    rows = []
    for signal in signals:
        k, i = int(signal["k"]), int(signal["i"])
        for s in range(len(STRATEGIES)):
            bits = (int(signal["code"]) >> (2 * s)) & 3
            if bits:
                close_ts = int(grid.ts[k]) + grid.confirm_ms
                rows.append((close_ts, i, s, 3 - 2 * bits, int(signal["regime"]), int(grid.close[i, k]), float(signal["atr"])))
    return np.array(rows, ASKED)


@pytest.mark.parametrize("domain, seed", [(Domain.PERPS, 2), (Domain.PERPS, 19), (Domain.CRYPTO, 2)])
def test_the_label_of_the_arm_that_the_sweep_took_is_the_sweeps_trade_to_the_last_unit(domain: Domain, seed: int) -> None:
    grid = market(domain, seed=seed, whips=0.002)
    signals = market_of(grid, CONFIG).signals
    trades, _ = sweep_trades(grid, CONFIG, ALL)
    asked = asked_of(grid, signals)
    labeller = Labeller(grid, CONFIG)
    compared = 0
    for trade in trades:
        if trade["reason"] == 6:
            continue  # the account halted: no exit profile's doing
        # A resting entry fills inside the bar after its decision and is booked at that bar's close; the others fill at its open.
        rested = grid.confirm_ms if STRATEGIES[int(trade["strategy"])].entry is EntryOrder.MAKER else 0
        same = (asked["i"] == trade["i"]) & (asked["strategy"] == trade["strategy"]) & (asked["ts"] == trade["entry_ts"] - rested)
        before = np.flatnonzero(same)
        assert len(before) == 1
        arm = int(trade["arm"])
        most = np.zeros((1, ARMS), np.int64)
        most[0, arm] = trade["steps"]
        label = labeller.label(asked[before], most)
        found = label.trades[0, arm]
        for name in ("side", "steps", "entry_ts", "entry_value", "exit_ts", "exit_value", "reason", "fees", "funding", "net", "risk"):
            assert found[name] == trade[name], name
        if label.good[0]:
            at_risk = int(trade["risk"]) * int(trade["steps"]) * grid.instruments[int(trade["i"])].unit
            assert label.r[0, arm] == int(trade["net"]) / at_risk
            # R does not depend on the size: fees are rounded up to a unit, and that is all.
            assert labeller.label(asked[before]).r[0, arm] == pytest.approx(label.r[0, arm], abs=1e-6)
            compared += 1
    assert compared >= 20


def test_labels_do_not_depend_on_what_else_is_asked() -> None:
    grid = market(Domain.PERPS, seed=2)
    asked = asked_of(grid, market_of(grid, CONFIG).signals)
    labeller = Labeller(grid, CONFIG)
    whole = labeller.label(asked)
    some = np.flatnonzero(np.arange(len(asked)) % 7 == 3)[::-1]
    part = labeller.label(asked[some])
    assert np.array_equal(part.r, whole.r[some], equal_nan=True)
    assert np.array_equal(part.outcome_ts, whole.outcome_ts[some])
    assert np.count_nonzero(whole.good) > 100
    assert whole.outcome_ts[whole.good].min() > 0 and np.all(whole.outcome_ts[whole.good] > asked["ts"][whole.good])


def test_no_bar_after_the_outcome_has_a_say_and_one_before_it_has() -> None:
    grid = market(Domain.PERPS, seed=2, holes=False)
    asked = asked_of(grid, market_of(grid, CONFIG).signals)
    whole = Labeller(grid, CONFIG).label(asked)
    one = int(np.flatnonzero(whole.good)[40])
    after = int(np.searchsorted(grid.ts, whole.outcome_ts[one]))
    for field in (grid.open, grid.high, grid.low, grid.close):
        field[:, after + 1 :] *= 3
    assert np.array_equal(Labeller(grid, CONFIG).label(asked[one : one + 1]).r, whole.r[one : one + 1])
    entry = int(np.searchsorted(grid.ts, asked["ts"][one]))
    for field in (grid.open, grid.high, grid.low):
        field[:, entry] += 50
    assert not np.array_equal(Labeller(grid, CONFIG).label(asked[one : one + 1]).r, whole.r[one : one + 1])


def test_what_cannot_be_labelled_says_why() -> None:
    grid = market(Domain.PERPS, seed=2, holes=False)
    asked = asked_of(grid, market_of(grid, CONFIG).signals)
    labeller = Labeller(grid, CONFIG)
    whole = labeller.label(asked)
    one = int(np.flatnonzero(whole.good & (whole.outcome_ts > asked["ts"] + 20 * grid.confirm_ms))[10])
    decision = asked[one : one + 1]

    def why(rows: Rows) -> Why:
        label = labeller.label(rows)
        assert np.isnan(label.r).all() and np.isnan(label.u).all() and label.outcome_ts[0] == 0
        return Why(int(label.why[0]))

    wrong = decision.copy()
    wrong["reference"] += 1
    assert why(wrong) is Why.OTHER_PRICE
    for shift in (-400 * 86_400_000, 400 * 86_400_000, 1):
        wrong = decision.copy()
        wrong["ts"] += shift
        assert why(wrong) is Why.NO_CANDLE
    late = asked[-1:].copy()
    late["ts"], late["reference"] = grid.ts[-1] + grid.confirm_ms, grid.close[late["i"][0], -1]
    assert why(late) is Why.STILL_OPEN
    i, k = int(decision["i"][0]), int(np.searchsorted(grid.ts, decision["ts"][0]))
    kept = grid.open[i].copy()
    grid.open[i, k] = 0
    assert why(decision) is Why.GAP
    grid.open[i] = kept
    grid.open[i, k + 5 : k + 9] = 0
    assert why(decision) is Why.GAP
    grid.open[i, k + 8] = kept[k + 8]
    assert labeller.label(decision).good[0], "three bars may be missing"
    grid.open[i, k - 1] = 0
    assert why(decision) is Why.NO_CANDLE


def test_a_spot_short_is_no_decision() -> None:
    grid = market(Domain.CRYPTO, seed=2, holes=False)
    asked = asked_of(grid, market_of(grid, CONFIG).signals)
    short = asked[asked["side"] < 0]
    assert len(short)
    assert set(Labeller(grid, CONFIG).label(short).why.tolist()) == {Why.NOT_ENTERED}
    assert len(Labeller(grid, CONFIG).label(asked[:0]).r) == 0


def test_utility_is_the_formula() -> None:
    assert utility(1.0, 1.0) == 1.0
    assert utility(-1.0, 1.0) == pytest.approx(-1.1)
    assert utility(-1.0, 0.5) == pytest.approx(-0.525)
    assert utility(9.0, 0.5) == 3.0 and utility(-9.0, 1.0) == -3.0
    found = utilities(np.array([[1.0, -1.0, 0.0], [np.nan, 1.0, 1.0]]))
    assert found[0].tolist() == pytest.approx([0.0, 0.5, 1.0, -0.525, -1.1, 0.0, 0.0])
    assert np.isnan(found[1]).all()


def test_a_decision_is_used_when_even_its_longest_outcome_lies_before_the_cut_off() -> None:
    ts, hold = np.array([0, 10, 20, 0]), np.array([5, 5, 5, 5])
    good = np.array([True, True, True, False])
    assert usable(ts, hold, good, 20).tolist() == [True, True, False, False]
    assert usable(ts, hold, good, 20, embargo_ms=6).tolist() == [True, False, False, False]

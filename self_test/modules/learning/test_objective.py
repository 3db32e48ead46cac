from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from bench.markets import random_grid
from config import CONFIG
from forex.sessions import is_open
from modules.engine.grid import PrimaryBars
from modules.learning.objective import Arena, Score, check, first_trade_ts, fold_score, pack, unpack
from modules.learning.research import sweep_trades
from modules.learning.spaces import today
from modules.learning.walkforward import DAY_MS, windows
from modules.overrides import apply_overrides
from self_test.fakes.fx_markets import fx_market
from strategy.registry import BY_ID

GRID = random_grid(2, 280)
PLAN = apply_overrides(CONFIG, {}, ["optimize.locked_days=30"])
FOLDS = windows(int(GRID.ts[0]) + 31 * DAY_MS, int(GRID.ts[-1]) + GRID.confirm_ms, DAY_MS // 2, PLAN.optimize).folds
OLD = today("C4", CONFIG.parameters)


def arena() -> Arena:
    return Arena(GRID, PLAN, "C4", FOLDS)


def test_a_fold_s_score_is_the_mean_less_its_error_and_the_toll() -> None:
    r = np.array([1.0, -1.0, 2.0, 0.0])
    expected = 0.5 - math.sqrt(5 / 3) / 2 - 0.01 * 4 / 2
    assert fold_score(r, 2.0, 4, 0.01) == pytest.approx(expected)
    assert fold_score(r, 2.0, 5, 0.01) is None


def test_the_objective_is_the_median_over_folds_and_none_with_too_few_trades_in_one() -> None:
    def score(*train: float | None) -> Score:
        return Score(train=list(train), counts=[], tests=[], daily="", trades=0, mean_r=0.0)

    assert score(0.1, 0.3, 0.2, 9.0).objective == 0.25
    assert score(0.1, None, 0.3).objective is None


def test_days_are_packed_to_the_precision_of_float32() -> None:
    daily = np.array([0.0, -1.25, 3.5])
    assert unpack(pack(daily)).tolist() == daily.tolist()


def test_the_trades_are_those_of_the_sweep_while_no_drawdown_step_is_reached() -> None:
    calm = apply_overrides(PLAN, {}, ["risk.half_drawdown=0.4", "risk.stop_drawdown=0.45", "risk.max_drawdown=0.5"])
    found, _ = sweep_trades(GRID, calm, frozenset({BY_ID["C4"].index}))
    r, entry, leave = arena().trades(OLD)
    assert len(r) > 50
    assert entry.tolist() == found["entry_ts"].tolist() and leave.tolist() == found["exit_ts"].tolist()


def test_a_fold_does_not_depend_on_what_the_account_lost_before() -> None:
    """With the drawdown steps in force, this losing strategy halts and the last folds are empty."""
    strict = apply_overrides(PLAN, {}, ["risk.half_drawdown=0.001", "risk.stop_drawdown=0.002", "risk.max_drawdown=0.003"])
    found, _ = sweep_trades(GRID, strict, frozenset({BY_ID["C4"].index}))
    mine = Arena(GRID, strict, "C4", FOLDS).score(OLD)
    assert len(found) < mine.trades / 2
    assert min(mine.counts) > 20


def test_the_same_values_are_answered_alike_from_memory_and_anew_and_other_exits_share_a_market_pass() -> None:
    one = arena()
    first = one.score(OLD)
    assert one.score(dict(reversed(OLD.items()))) is first
    one.forget()
    assert one.score(OLD) == first == arena().score(OLD)
    one.score(OLD | {"stop": 1.25})
    assert len(one._markets) == 1
    one.score(OLD | {"fade_z": 3.0})
    assert len(one._markets) == 2


def test_candles_after_a_fold_s_test_cannot_change_what_it_scored() -> None:
    cut = int(np.searchsorted(GRID.ts, FOLDS[2].test_to))
    columns = {name: getattr(GRID, name).copy() for name in ("open", "high", "low", "close")}
    for column in columns.values():
        column[:, cut + 288 :] = column[:, cut + 288 :] * 3 // 2
    other = Arena(msgspec.structs.replace(GRID, **columns), PLAN, "C4", FOLDS).score(OLD)
    mine = arena().score(OLD)
    assert other.train[:3] == mine.train[:3] and other.tests[:3] == mine.tests[:3]
    assert other.train[-1] != mine.train[-1]


def test_what_cannot_be_searched_on_is_named() -> None:
    assert check(GRID, 0.2) == []
    flat = {name: np.full_like(GRID.open, 100) for name in ("open", "high", "low", "close")}
    assert check(msgspec.structs.replace(GRID, **flat), 0.2)[0] == "X00USDT: the price never moves"
    holes = GRID.open.copy()
    holes[1, : holes.shape[1] // 3] = 0
    assert check(msgspec.structs.replace(GRID, open=holes), 0.2) == ["X01USDT: 33% of its bars are missing, at most 20% may be"]
    holes[1] = 0
    assert check(msgspec.structs.replace(GRID, open=holes), 0.2) == ["X01USDT has no bars"]
    volume = GRID.volume.copy()
    volume[0, 5] = np.nan
    assert "X00USDT has prices or volumes that are not numbers" in check(msgspec.structs.replace(GRID, volume=volume), 0.2)[0]
    low = GRID.low.copy()
    low[0, 5] = np.iinfo(np.int64).min  # what a price that is no number becomes on the grid
    assert "not numbers" in check(msgspec.structs.replace(GRID, low=low), 0.2)[0]


def test_weekends_are_no_missing_bars() -> None:
    grid = fx_market("EURUSD", days=20)
    assert (grid.open[0] == 0).mean() > 0.2 and check(grid, 0.02) == []
    holes = grid.open.copy()
    holes[0, : holes.shape[1] // 3] = 0
    (told,) = check(msgspec.structs.replace(grid, open=holes), 0.2)
    assert told.startswith("EURUSD: 3") and told.endswith("of its bars are missing, at most 20% may be")


def test_f1_is_searched_on_a_market_with_weekends() -> None:
    grid = fx_market("EURUSD", "GBPUSD", seed=3)
    searched = Arena(grid, CONFIG, "F1", ())
    r, entry, _ = searched.trades({"stop": 1.0, "trail": 1.0, "target": 1.0})
    wide, _, _ = searched.trades({"stop": 1.5, "trail": 1.5, "target": 1.0})
    assert len(r) > 3 and not np.array_equal(r, wide)
    assert all(is_open(int(ts)) for ts in entry)


def test_trading_is_possible_after_the_warm_up_less_what_was_there_before() -> None:
    start = int(GRID.ts[0])
    assert first_trade_ts(GRID, 40) == start + 40 * DAY_MS
    ts = start - np.arange(96 * 30, 0, -1) * 900_000
    native = PrimaryBars(ts, ts, ts, ts, ts)
    both = msgspec.structs.replace(GRID, before={one.key: native for one in GRID.instruments})
    assert first_trade_ts(both, 40) == start + 10 * DAY_MS
    warm = msgspec.structs.replace(GRID, start=50 * 288)
    assert first_trade_ts(warm, 40) == start + 50 * DAY_MS

"""The measurement of learning over a made-up market: folds do not overlap, nothing unseen is answered, and what is refused is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import learning
from bench.learning import (
    DAY_MS,
    DQN,
    LCB,
    Fold,
    Market,
    answer,
    as_values,
    decided,
    experience_of,
    fold_at,
    folds_of,
    measure,
    train,
    values_of,
)
from bench.markets import random_grid, write_root
from config import CONFIG
from modules.engine.grid import Grid
from modules.learning.research import market_of
from self_test.fakes.markets import market
from state.accounts import Domain
from state.decisions import DecisionRow
from strategy.actions import ACTIONS, SKIP
from strategy.lcb_table import SHAPE, LcbTable
from strategy.registry import BY_ID
from utils.errors import ExitCode

GRID = market(Domain.PERPS, days=60, seed=2, holes=False)


@pytest.fixture(scope="module")
def lived() -> tuple[Grid, list[DecisionRow]]:
    return GRID, decided(GRID, CONFIG, Domain.PERPS)


def test_folds_follow_each_other_after_the_first_experience() -> None:
    assert folds_of(0, 200 * DAY_MS) == [
        (120 * DAY_MS, 150 * DAY_MS),
        (150 * DAY_MS, 180 * DAY_MS),
        (180 * DAY_MS, 200 * DAY_MS),
    ]
    assert folds_of(0, 134 * DAY_MS) == [], "less than half a fold says nothing"


def test_candidates_of_a_replay_are_learned_from_only_when_they_must_be_over(lived: tuple[Grid, list[DecisionRow]]) -> None:
    grid, rows = lived
    experience = experience_of(grid, CONFIG, rows)
    assert len(rows) > 200 and experience.labels.good.mean() > 0.8
    cut_off = int(grid.ts[0]) + 45 * DAY_MS
    fold = train(experience, CONFIG, Domain.PERPS, 1, (cut_off, cut_off + DAY_MS), network=False)
    seen = experience.ts + experience.hold_ms <= cut_off - DAY_MS
    assert fold.lessons == int((seen & experience.labels.good).sum()) > 0
    assert isinstance(fold.policies[LCB], LcbTable) and fold.policies[DQN] is None
    early = train(experience, CONFIG, Domain.PERPS, 1, (int(grid.ts[0]), cut_off), network=False)
    assert early.policies[LCB] is None and "are needed" in early.notes[LCB]


def test_a_fold_answers_after_its_cut_off_and_not_at_it() -> None:
    folds = [Fold(cut_off=10, until=20, lessons=0, policies={}, notes={}), Fold(cut_off=20, until=30, lessons=0, policies={}, notes={})]
    assert [fold_at(folds, ts) is not None for ts in (10, 11, 20, 21, 30, 31)] == [False, True, True, True, True, False]
    assert fold_at(folds, 20) is folds[0]


def test_answers_are_those_of_the_engines_rule(lived: tuple[Grid, list[DecisionRow]]) -> None:
    row = next(one for one in lived[1] if one.mask == 6)
    assert answer(values_of(None, row), row) == row.greedy
    lower = np.full(SHAPE, -1.0, np.float32)
    lower[..., 0] = 0.0
    assert answer(values_of(LcbTable("x", lower), row), row) == SKIP
    for action in range(ACTIONS):
        assert int(np.nanargmax(as_values(action))) == action


def test_a_wallet_of_static_answers_trades_and_one_of_skips_does_not(lived: tuple[Grid, list[DecisionRow]]) -> None:
    grid, rows = lived
    kept = market_of(grid, CONFIG)
    inside = np.arange(len(kept.signals))
    wanted = {(one.ts, one.key, BY_ID[one.strategy].index): as_values(one.greedy) for one in rows}
    trades, balance = learning.trade(grid, CONFIG, kept, inside, wanted)
    assert len(trades) > 50 and balance == learning.BALANCE * 10**10
    assert len(learning.trade(grid, CONFIG, kept, inside, {})[0]) == 0


def test_the_whole_of_it_over_generated_candles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "FIRST_D", 40)
    write_root(tmp_path, random_grid(1, 75))
    told = measure(Market("spot", Domain.CRYPTO, ("X00USDT",), (0, 2**50)), tmp_path, CONFIG, network=False, quick=True)
    assert [line.name for line in told.lines] == ["static", "lcb_table", "flat", "buy and hold"] and told.folds == 1
    held, flat = told.lines[-1], told.lines[-2]
    assert held.trades == 1 and held.sharpe is not None and (held.drawdown or 0.0) > 0.0 and held.mean_r is None
    assert flat.trades == 0 and flat.skip_rate == 1.0 and told.alone[0].over_static == 0.0
    assert told.candidates >= told.alone[0].candidates > 0


def test_without_market_data_it_says_so_and_a_wrong_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOT_MARKET_DATA", str(tmp_path / "nowhere"))
    assert learning.main([]) == ExitCode.DONE and "learning is not measured" in capsys.readouterr().err
    assert learning.main(["--data", str(tmp_path / "nowhere")]) == ExitCode.USAGE

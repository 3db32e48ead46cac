"""What any learner has to show, here for the table: it abstains, finds, lets go, and is not fooled."""

from __future__ import annotations

import numpy as np
import pytest

from self_test.strategy.worlds import DAY_MS, START, World, brought, permuted, world
from state.books import STRATEGIES
from strategy.actions import ACTIONS, SKIP, action_of, arm_of
from strategy.base import BASE, TIGHT
from strategy.lcb_table import SHAPE, LcbTable, Settings, fit
from strategy.policy import ALL_ARMS, greedy_action
from strategy.regime import CHOP
from utils.errors import Refusal


def trained(w: World, now: int | None = None, **settings: float) -> LcbTable:
    end = int(w.ts[-1]) + 1 if now is None else now
    return LcbTable("t", fit(w.strategy, w.side, w.regime, w.ts, w.u, end, Settings(**settings)))


def acts(policy: LcbTable, w: World) -> np.ndarray:
    values = (policy.values(None, int(s), int(side), int(regime)) for s, side, regime in zip(w.strategy, w.side, w.regime, strict=True))
    return np.array([greedy_action(found, 1, int(regime), ALL_ARMS) for found, regime in zip(values, w.regime, strict=True)])


SEEDS = range(5_001, 5_025)
FRESH = 50_000
"""No setting was chosen on worlds of these seeds, and the bounds below are those of the specification (learning, 1.7 a to d), fixed before.

What came, mean and worst of 24: without an edge 0.98 skipped (0.87) at -0.001 R; with one 0.84 of the best there was (0.42); before its end
0.94 of its places taken (0.50), sixty days after it 0.94 skipped (0.74); with permuted outcomes 0.998 skipped (0.93).
"""


def test_without_an_edge_it_abstains() -> None:
    skipped, value = [], []
    for seed in SEEDS:
        policy, fresh = trained(world(seed=seed)), world(seed=FRESH + seed)
        actions = acts(policy, fresh)
        skipped.append((actions == SKIP).mean())
        value.append(brought(fresh, actions).mean())
    assert np.mean(skipped) >= 0.90 and np.mean(value) >= -0.01, (skipped, value)


def test_a_planted_edge_is_found_where_it_is() -> None:
    shares, elsewhere = [], []
    for seed in SEEDS:
        policy, fresh = trained(world(seed=seed, edge=0.4)), world(seed=FRESH + seed, edge=0.4)
        actions = acts(policy, fresh)
        inside = fresh.regime == CHOP
        shares.append(brought(fresh, actions).sum() / fresh.u[inside, action_of(TIGHT, 1.0)].sum())
        taken = actions[inside & (actions != SKIP)]
        assert np.mean([arm_of(int(action)) == TIGHT for action in taken]) >= 0.9, seed
        elsewhere.append((actions[~inside] == SKIP).mean())
    assert np.mean(shares) >= 0.6 and np.mean(elsewhere) >= 0.9, (shares, elsewhere)


def test_an_edge_that_died_is_let_go_within_sixty_days() -> None:
    skipped, before = [], []
    for seed in SEEDS:
        w = world(3_000, seed, days=270, edge=0.4, dead=180)
        fresh = world(seed=FRESH + seed)
        inside = fresh.cut(fresh.regime == CHOP)
        before.append((acts(trained(w, START + 180 * DAY_MS), inside) != SKIP).mean())
        skipped.append((acts(trained(w, START + 240 * DAY_MS), inside) == SKIP).mean())
    assert np.mean(before) >= 0.7, "it was there"
    assert np.mean(skipped) >= 0.9, skipped


def test_outcomes_of_others_teach_nothing() -> None:
    skipped, value = [], []
    for seed in SEEDS:
        policy = trained(permuted(world(seed=seed, edge=0.4)))
        fresh = world(seed=FRESH + seed)
        actions = acts(policy, fresh)
        skipped.append((actions == SKIP).mean())
        value.append(brought(fresh, actions).mean())
    assert np.mean(skipped) >= 0.90 and np.mean(value) >= -0.01, (skipped, value)


def test_what_lies_ahead_is_not_looked_at() -> None:
    w = world(edge=0.4)
    now = START + 90 * DAY_MS
    past = w.cut(w.ts <= now)
    assert np.array_equal(
        fit(w.strategy, w.side, w.regime, w.ts, w.u, now), fit(past.strategy, past.side, past.regime, past.ts, past.u, now), equal_nan=True
    )


def test_too_little_evidence_is_none() -> None:
    w = world(n=200)
    lower = fit(w.strategy, w.side, w.regime, w.ts, w.u, int(w.ts[-1]))
    assert np.isnan(lower[..., 1:]).all() and (lower[..., SKIP] == 0).all()
    empty = w.cut(slice(0, 0))
    assert np.isnan(fit(empty.strategy, empty.side, empty.regime, empty.ts, empty.u, START)[..., 1:]).all()


def test_decisions_of_one_day_are_no_independent_evidence() -> None:
    """Forty candidates on each of two days that rode the same move are worth less than eighty days."""
    n = 80
    one, u = np.zeros(n, np.int64), np.full((n, ACTIONS), np.nan)
    u[:, 4] = np.repeat([1.0, -0.4], 40)
    alone = np.arange(n) * DAY_MS
    clustered = np.repeat([0, 1], 40) * DAY_MS + np.arange(n)
    apart = fit(one, one + 1, one + 1, alone, np.random.default_rng(1).permutation(u), int(alone[-1]), Settings(half_life_d=1e6))
    together = fit(one, one + 1, one + 1, clustered, u, 2 * DAY_MS, Settings(half_life_d=1e6))
    assert together[0, 0, 1, 4] < 0 < apart[0, 0, 1, 4]


def test_the_weight_of_a_decision_counts() -> None:
    w = world(edge=0.0, costs=False)
    good = np.where(w.u[:, 4] > 0, 3.0, 1.0)
    plain, tilted = (fit(w.strategy, w.side, w.regime, w.ts, w.u, int(w.ts[-1]), weight=one) for one in (None, good))
    assert tilted[0, 0, CHOP, 4] > plain[0, 0, CHOP, 4]


def test_a_table_comes_back_as_it_was_stored() -> None:
    policy = trained(world(edge=0.4))
    again = LcbTable.from_tensors("t", policy.tensors())
    assert again.values(None, 0, 1, CHOP).tobytes() == policy.values(None, 0, 1, CHOP).tobytes()
    assert (again.version, again.level) == ("t", 1)


@pytest.mark.parametrize("where", [(9, CHOP), (-1, CHOP), (0, 4), (0, -1)])
def test_what_it_never_met_is_unknown(where: tuple[int, int]) -> None:
    found = trained(world()).values(None, where[0], 1, where[1])
    assert np.isnan(found[1:]).all() and found[SKIP] == 0


def test_a_foreign_table_is_refused() -> None:
    good = np.zeros(SHAPE, np.float32)
    endless = good.copy()
    endless[0, 0, 0, BASE] = np.inf
    for bad in ({}, {"lower": good[:1]}, {"lower": good.astype(np.float64)}, {"lower": good, "more": good}, {"lower": endless}):
        with pytest.raises(Refusal):
            LcbTable.from_tensors("t", bad)
    assert SHAPE[0] == STRATEGIES

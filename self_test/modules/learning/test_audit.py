from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from bench.bot import REPO
from modules.learning.audit import LEAST, LIMIT, audit, centred_ranks, correlation, ranks, suspicion
from modules.learning.experience import Lessons
from self_test.strategy.worlds import world
from strategy.actions import action_of
from strategy.base import BASE
from strategy.features import FEATURES, INDEX
from utils.errors import Refusal


def lessons(n: int = 2_000, seed: int = 1, edge: float = 0.0) -> Lessons:
    return Lessons(**world(n, seed, edge=edge)._asdict())


def leak(found: Lessons, name: str, share: float, *, moved: bool = False) -> None:
    """Mix the outcome into a feature."""
    future = found.u[:, action_of(BASE, 1.0)] * (found.side if moved else 1)
    noise = np.random.default_rng(3).normal(size=len(future)) * np.std(future)
    found.obs[:, INDEX[name]] = share * future + (1.0 - share) * noise


@pytest.mark.parametrize("seed", range(4))
def test_honest_features_pass_also_where_there_is_an_edge(seed: int) -> None:
    audit(lessons(seed=seed))
    audit(lessons(seed=seed, edge=0.4))
    audit(lessons(n=120, seed=seed))


@pytest.mark.parametrize("name", ["ret_1", "funding", "strength"])
@pytest.mark.parametrize("moved", [False, True])
def test_a_future_return_among_the_features_makes_the_audit_fail(name: str, moved: bool) -> None:
    found = lessons()
    leak(found, name, 1.0, moved=moved)
    with pytest.raises(Refusal, match=f"'{name}' knows the outcome"):
        audit(found)
    leak(found, name, 0.5, moved=moved)
    with pytest.raises(Refusal, match=f"'{name}' knows the outcome"):
        audit(found)


def test_the_limit_is_the_one_that_is_written_down() -> None:
    assert f"rank correlation above {LIMIT:.2f}" in (REPO / "docs" / "learning.md").read_text()
    found = lessons()
    future = found.u[:, action_of(BASE, 1.0)].astype(np.float64)
    noise = np.random.default_rng(3).normal(size=len(future)) * np.std(future)
    shares = np.linspace(0.0, 1.0, 101)
    known = []
    for share in shares:
        found.obs[:, INDEX["strength"]] = share * future + (1.0 - share) * noise
        known.append(suspicion(found)[1])
    over = next(k for k, value in enumerate(known) if value > LIMIT)
    for k in (over - 1, over):
        found.obs[:, INDEX["strength"]] = shares[k] * future + (1.0 - shares[k]) * noise
        with pytest.raises(Refusal, match=f"correlation {known[k]:.2f}") if k == over else nullcontext():
            audit(found)


def test_too_few_decisions_prove_nothing_and_constant_ones_are_a_bug() -> None:
    few = lessons(n=LEAST - 1)
    leak(few, "ret_1", 1.0)
    audit(few)
    assert suspicion(few) == ("", 0.0)
    dead = lessons(n=LEAST)
    dead.obs[:] = 0.5
    with pytest.raises(Refusal, match="constant"):
        audit(dead)
    blind = lessons(n=LEAST)
    blind.obs[:] = np.nan
    audit(blind)


def test_ranks_and_their_correlation() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]
    x = np.arange(10.0)
    assert correlation(centred_ranks(x), centred_ranks(np.exp(x))) == pytest.approx(1.0)
    assert correlation(centred_ranks(x), centred_ranks(-x)) == pytest.approx(-1.0)
    assert correlation(centred_ranks(x), centred_ranks(np.ones(10))) == 0.0
    assert len(FEATURES) == 34

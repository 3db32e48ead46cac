"""The acceptance tests of any learner (learning, 1.7) for the ensemble; the leaked feature (e) is in test_audit and test_worker."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from modules.learning import fit_dqn
from modules.learning.checkpoint import HYPERPARAMETERS, SB3_DQN, version_of
from modules.learning.experience import Lessons
from modules.learning.fit_dqn import LEAST, DqnSettings, disagreement, seeds_of
from modules.learning.scoring import answers, worth
from self_test.strategy.worlds import DAY_MS, START, World, permuted, world
from state.accounts import Domain
from strategy.actions import SKIP, action_of, arm_of
from strategy.base import TIGHT
from strategy.network import Ensemble
from strategy.regime import CHOP
from utils.errors import Refusal

SMALL = DqnSettings(gradient_steps=12, layers=(8,))


def lessons(w: World) -> Lessons:
    return Lessons(**w._asdict())


def trained(w: World, seed: int, now: int | None = None, window_d: int = 180) -> Ensemble:
    """The shipped settings, without the rehearsal."""
    end = int(w.ts[-1]) + 1 if now is None else now
    past = w.cut((w.ts < end) & (w.ts >= end - window_d * DAY_MS))
    arrays = fit_dqn._members(lessons(past), end, seeds_of(seed, Domain.CRYPTO, 1, 4), DqnSettings())
    return Ensemble.from_tensors("t", arrays)


def test_without_an_edge_it_abstains() -> None:
    fresh = lessons(world(seed=131))
    actions = answers(trained(world(seed=31), 1), fresh)
    assert (actions == SKIP).mean() >= 0.90
    assert worth(actions, fresh).mean() >= -0.01


@pytest.mark.parametrize("seed", [32, 33])
def test_a_planted_edge_is_found_where_it_is(seed: int) -> None:
    fresh = lessons(world(seed=100 + seed, edge=0.4))
    actions = answers(trained(world(seed=seed, edge=0.4), seed), fresh)
    inside = fresh.regime == CHOP
    best = fresh.u[inside, action_of(TIGHT, 1.0)].sum()
    assert worth(actions, fresh).sum() >= 0.6 * best
    assert np.mean([arm_of(int(action)) == TIGHT for action in actions[inside & (actions != SKIP)]]) >= 0.9
    assert (actions[~inside] == SKIP).mean() >= 0.9


def test_an_edge_that_died_is_let_go_within_sixty_days() -> None:
    w, fresh = world(3_000, 34, days=270, edge=0.4, dead=180), world(seed=134)
    inside = lessons(fresh.cut(fresh.regime == CHOP))
    assert (answers(trained(w, 1, START + 180 * DAY_MS), inside) != SKIP).mean() >= 0.7, "it was there"
    assert (answers(trained(w, 1, START + 240 * DAY_MS), inside) == SKIP).mean() >= 0.9
    # Told when it died (drift), it learns from what came after.
    assert (answers(trained(w, 1, START + 240 * DAY_MS, window_d=60), inside) == SKIP).mean() >= 0.9


def test_outcomes_of_others_teach_nothing() -> None:
    fresh = lessons(world(seed=135))
    actions = answers(trained(permuted(world(seed=35, edge=0.4)), 1), fresh)
    assert (actions == SKIP).mean() >= 0.90
    assert worth(actions, fresh).mean() >= -0.01


def test_the_same_seeds_give_the_same_weights_and_others_do_not() -> None:
    told = lessons(world(400, seed=5))
    seeds = seeds_of(1, Domain.CRYPTO, 1, 4)
    one = fit_dqn.fit_dqn(told, int(told.ts[-1]) + 1, seeds, SMALL)
    torch.manual_seed(99)
    same = fit_dqn.fit_dqn(told, int(told.ts[-1]) + 1, seeds, SMALL)
    other = fit_dqn.fit_dqn(told, int(told.ts[-1]) + 1, seeds_of(1, Domain.CRYPTO, 2, 4), SMALL)
    assert version_of(one.arrays) == version_of(same.arrays) != version_of(other.arrays)
    assert one.metrics == same.metrics
    assert {"disagreement", "holdout_mean_u", "skip_rate"} <= set(one.metrics)
    assert set(one.hyperparameters) <= HYPERPARAMETERS[SB3_DQN]


def test_the_exported_networks_are_torchs_in_units_of_u() -> None:
    told = lessons(world(300, seed=6))
    arrays = fit_dqn._member(told, 7, SMALL)
    layers = [torch.nn.Linear(34, 8), torch.nn.ReLU(), torch.nn.Linear(8, 7)]
    for layer, module in enumerate(one for one in layers if isinstance(one, torch.nn.Linear)):
        module.load_state_dict({part: torch.from_numpy(arrays[f"{layer}.{part}"]) for part in ("weight", "bias")})
    q = Ensemble.from_tensors("t", {f"0.{name}": values for name, values in arrays.items()}).q(told.obs[0])
    expected = torch.nn.Sequential(*layers)(torch.from_numpy(told.obs[:1])).detach().numpy()
    assert q == pytest.approx(expected, abs=1e-4)


def test_seeds_differ_by_domain_and_training_and_come_again() -> None:
    found = [tuple(seeds_of(seed, domain, n, 4)) for seed in (1, 2) for domain in (Domain.CRYPTO, Domain.PERPS) for n in (1, 2)]
    assert len(set(found)) == len(found)
    assert seeds_of(1, Domain.CRYPTO, 1, 4) == list(found[0])


def test_members_that_answer_alike_agree() -> None:
    told = lessons(world(100, seed=6))
    one = fit_dqn._member(told, 7, SMALL)
    twins = {f"{k}.{name}": values for k in range(2) for name, values in one.items()}
    assert disagreement(twins, 2, told) == 0.0
    opposed = dict(twins)
    opposed["0.1.weight"], opposed["1.1.weight"] = twins["0.1.weight"] * 0, twins["0.1.weight"] * 0
    opposed["0.1.bias"], opposed["1.1.bias"] = np.arange(7, dtype=np.float32), -np.arange(7, dtype=np.float32)
    assert disagreement(opposed, 2, told) == 1.0
    assert disagreement({name: values for name, values in twins.items() if name.startswith("0.")}, 1, told) == 0.0


@pytest.mark.parametrize(
    "n, seeds, settings, words",
    [
        (LEAST - 1, 4, DqnSettings(), "are needed"),
        (300, 3, DqnSettings(), "a seed a member"),
        (300, 4, msgspec.structs.replace(DqnSettings(), gradient_steps=2_001), "at most"),
        (300, 4, msgspec.structs.replace(DqnSettings(), gamma=0.9), "gamma 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(n: int, seeds: int, settings: DqnSettings, words: str) -> None:
    told = lessons(world(n))
    with pytest.raises(Refusal, match=words):
        fit_dqn.fit_dqn(told, int(told.ts[-1]) + 1, list(range(seeds)), settings)


def test_decisions_without_an_observation_are_left_out() -> None:
    told = lessons(world(LEAST + 50))
    told.obs[:51] = np.nan
    with pytest.raises(Refusal, match=f"{LEAST - 1} decisions"):
        fit_dqn.fit_dqn(told, int(told.ts[-1]) + 1, [1, 2, 3, 4])

"""Training the ensemble of networks (L2) with stable-baselines3's DQN, off-policy from stored decisions. For the trainer process alone.

gamma is 0: each decision is its own episode, so Q(action) is the expected u of an action. Every allowed action of every decision goes into
the replay buffer, because its outcome is known. Half of the members see all of the window and half only its recent part: where an edge has
died they disagree, and what they disagree on is taken off. Strong weight decay keeps features of no worth out. One thread and deterministic
algorithms: the same lessons and seeds give the same weights, bit for bit.
"""

from __future__ import annotations

import zlib
from itertools import combinations
from typing import cast

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.logger import Logger

from modules.learning.checkpoint import Arrays, Setting
from modules.learning.decision_env import CLIP, DecisionEnv
from modules.learning.experience import FILL_WEIGHT, Lessons
from modules.learning.fit_lcb import Fitted
from modules.learning.scoring import score
from state.accounts import Domain
from strategy.actions import ACTIONS, SKIP, arm_of, choose_action
from strategy.network import Ensemble
from utils.errors import Refusal

DAY_MS = 86_400_000
LEAST = 200
"""Decisions below which nothing is trained."""
HOLDOUT = 0.2
"""The newest share of the lessons, which the members are compared on."""
MOST_DISAGREEMENT = 0.30
MOST_STEPS = 2_000


class DqnSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How it is trained."""

    members: int = 4
    layers: tuple[int, ...] = (64, 64)
    gamma: float = 0.0
    gradient_steps: int = 300
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 20.0
    """AdamW's, times the learning rate a step."""
    reward_scale: float = 6.0
    """u is divided by it, so that errors (|u| <= 3) stay where the Huber loss is a square and Q is a mean, not near a median; the exported
    networks give u again."""
    recent_d: float = 60.0
    """Days that every other member sees."""


def seeds_of(seed: int, domain: Domain, number: int, members: int) -> list[int]:
    """One seed a member for the `number`-th training of a domain, from the bot's own seed."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(domain.encode()), zlib.crc32(b"sb3_dqn"), number])
    return [int(one) for one in sequence.generate_state(members) % (1 << 31)]


def fit_dqn(lessons: Lessons, now: int, seeds: list[int], settings: DqnSettings | None = None) -> Fitted:
    """The ensemble at `now` (ms UTC); Refusal when there is too little to see. `metrics["disagreement"]` is for the caller to judge."""
    chosen = settings or DqnSettings()
    seen = lessons.take(np.asarray(np.isfinite(lessons.obs).all(axis=1)))
    if len(seen) < LEAST:
        raise Refusal(f"{len(seen)} decisions with an observation and a known outcome; {LEAST} are needed")
    if len(seeds) != chosen.members or not 0 < chosen.gradient_steps <= MOST_STEPS or chosen.gamma != 0.0:
        raise Refusal(f"sb3_dqn needs a seed a member, gamma 0 and at most {MOST_STEPS} gradient steps")
    cut = round(len(seen) * (1.0 - HOLDOUT))
    early, late = seen.take(slice(0, cut)), seen.take(slice(cut, None))
    rehearsal = _members(early, int(early.ts[-1]) + 1, seeds, chosen)
    arrays = _members(seen, now, seeds, chosen)
    metrics = {
        **score(Ensemble.from_tensors("fresh", arrays), seen),
        **{f"holdout_{name}": value for name, value in score(Ensemble.from_tensors("rehearsal", rehearsal), late).items()},
        "disagreement": disagreement(rehearsal, chosen.members, late),
    }
    told = msgspec.structs.asdict(chosen) | {"layers": list(chosen.layers), "fill_weight": FILL_WEIGHT}
    hyperparameters = cast(dict[str, Setting], told)
    return Fitted(arrays=arrays, hyperparameters=hyperparameters, seeds=seeds, metrics=metrics)


def disagreement(arrays: Arrays, members: int, lessons: Lessons) -> float:
    """Share of decisions on which two members answer differently (skip, or which profile), the mean over pairs of members."""
    bits: npt.NDArray[np.int64] = np.isfinite(lessons.u).astype(np.int64) @ (1 << np.arange(ACTIONS)) | 1 << SKIP
    ensemble = Ensemble.from_tensors("", arrays)
    answered = np.zeros((members, len(lessons)), np.int64)
    for n in range(len(lessons)):
        q = ensemble.q(np.clip(lessons.obs[n], -CLIP, CLIP))
        for k in range(members):
            answered[k, n] = arm_of(choose_action(q[k] - q[k, SKIP], int(bits[n])))
    pairs = [float(np.mean(answered[a] != answered[b])) for a, b in combinations(range(members), 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def _members(lessons: Lessons, now: int, seeds: list[int], settings: DqnSettings) -> Arrays:
    """Weights of every member by the names that `strategy.network` reads."""
    recent = lessons.take(lessons.ts >= now - int(settings.recent_d * DAY_MS))
    found: Arrays = {}
    for k, seed in enumerate(seeds):
        part = recent if k % 2 and len(recent) >= LEAST // 2 else lessons
        found |= {f"{k}.{name}": values for name, values in _member(part, seed, settings).items()}
    return found


def _member(lessons: Lessons, seed: int, settings: DqnSettings) -> Arrays:
    """One network: `{layer}.weight` and `{layer}.bias`."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    rows, actions = np.nonzero(np.isfinite(lessons.u))
    model = DQN(
        "MlpPolicy",
        DecisionEnv(lessons),
        gamma=settings.gamma,
        learning_rate=settings.learning_rate,
        buffer_size=len(rows),
        batch_size=settings.batch,
        learning_starts=0,
        policy_kwargs={
            "net_arch": list(settings.layers),
            "optimizer_class": torch.optim.AdamW,
            "optimizer_kwargs": {"weight_decay": settings.weight_decay},
        },
        seed=seed,
        device="cpu",
    )
    model.set_logger(Logger(None, []))
    buffer, obs = cast(ReplayBuffer, model.replay_buffer), np.clip(lessons.obs, -CLIP, CLIP)
    done, told = np.ones(1), [{}]  # type: ignore[var-annotated]
    for row, action in zip(rows.tolist(), actions.tolist(), strict=True):
        seen = obs[row : row + 1]
        buffer.add(seen, seen, np.array([[action]]), lessons.u[row : row + 1, action] / settings.reward_scale, done, told)
    model.train(gradient_steps=settings.gradient_steps, batch_size=settings.batch)
    layers = [module for module in model.policy.q_net.q_net if isinstance(module, torch.nn.Linear)]
    found: Arrays = {}
    for layer, module in enumerate(layers):
        scale = np.float32(settings.reward_scale if layer == len(layers) - 1 else 1.0)
        found[f"{layer}.weight"] = module.weight.detach().numpy() * scale
        found[f"{layer}.bias"] = module.bias.detach().numpy() * scale
    return found

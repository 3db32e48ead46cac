"""L2: an ensemble of small networks, asked without any framework. What they disagree on counts against trading.

K multilayer perceptrons of the same shape, ReLU between layers, trained elsewhere (with torch, in another process). An action is worth
mean - caution * deviation over the members of Q(action) - Q(SKIP): a member that is alone with its hope is not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from strategy.actions import ACTIONS, Values
from strategy.features import SIZE
from strategy.policy import L2, unknown
from utils.errors import Refusal
from utils.kernel import kernel

MOST_MEMBERS = 16
Tensors = Mapping[str, npt.NDArray[Any]]


@kernel
def forward(x: Values, flat: Values, widths: npt.NDArray[np.int64], members: int) -> Values:
    """(members, outputs): every network on `x`. `flat` holds member by member, layer by layer: biases, then a row of weights an input.

    Added up input by input, always in the same order: the same numbers give the same bits.
    """
    depth = len(widths) - 1
    found = np.empty((members, widths[depth]), np.float32)
    here, there = np.empty(widths.max(), np.float32), np.empty(widths.max(), np.float32)
    nothing, at = np.float32(0.0), 0
    for k in range(members):
        here[: len(x)] = x
        for layer in range(depth):
            n, m = widths[layer], widths[layer + 1]
            row = there[:m]
            row[:] = flat[at : at + m]
            at += m
            for j in range(n):
                given = here[j]
                part = flat[at : at + m]
                for o in range(m):
                    row[o] += given * part[o]
                at += m
            if layer < depth - 1:
                for o in range(m):
                    row[o] = max(row[o], nothing)
            here, there = there, here
        found[k] = here[: widths[depth]]
    return found


@kernel
def cautious(
    x: Values, flat: Values, widths: npt.NDArray[np.int64], members: int, caution: float, scale: float
) -> Values:  # one call from Python
    """(7,): scale * (mean - caution * deviation) of what each action has over SKIP; the deviation divides by the members."""
    q = forward(x, flat, widths, members)
    found = np.empty(q.shape[1], np.float32)
    for action in range(q.shape[1]):
        mean = 0.0
        for k in range(members):
            mean += q[k, action] - q[k, 0]
        mean /= members
        squares = 0.0
        for k in range(members):
            squares += (q[k, action] - q[k, 0] - mean) ** 2
        found[action] = scale * (mean - caution * np.sqrt(squares / members))
    return found


class Ensemble:
    """The networks as a policy. Made by `from_tensors`, which checks."""

    level = L2

    def __init__(self, version: str, tensors: Tensors, widths: list[int], members: int, caution: float, scale: float) -> None:
        self.version = version
        self._tensors = dict(tensors)
        self._widths, self._members = np.array(widths, np.int64), members
        self._caution, self._scale = float(caution), float(scale)
        parts = [
            part
            for k in range(members)
            for layer in range(len(widths) - 1)
            for part in (tensors[f"{k}.{layer}.bias"], tensors[f"{k}.{layer}.weight"].T.reshape(-1))
        ]
        self._flat = np.concatenate(parts)

    @classmethod
    def from_tensors(cls, version: str, tensors: Tensors, caution: float = 1.0, scale: float = 1.0) -> Ensemble:
        """Stored networks: `{k}.{layer}.weight` (out, in) and `{k}.{layer}.bias` (out,), members and layers counted from 0, float32.

        `caution` >= 0: deviations taken off; `scale`: R of one unit of Q. Refusal when the tensors do not lead from 34 features to 7 values
        through one and the same shape, or hold a number that is none.
        """
        members = len({name.partition(".")[0] for name in tensors})
        depth = len(tensors) // (2 * members) if members else 0
        names = {f"{k}.{layer}.{part}" for k in range(members) for layer in range(depth) for part in ("weight", "bias")}
        if not 1 <= members <= MOST_MEMBERS or depth < 1 or set(tensors) != names or not (caution >= 0.0 and 0.0 < scale < 1e6):
            raise Refusal(f"policy {version} is no ensemble of networks")
        widths = [SIZE]
        for layer in range(depth):
            weights, biases = ([tensors[f"{k}.{layer}.{part}"] for k in range(members)] for part in ("weight", "bias"))
            out = ACTIONS if layer == depth - 1 else len(biases[0])
            if any(w.shape != (out, widths[-1]) for w in weights) or any(b.shape != (out,) for b in biases):
                raise Refusal(f"layer {layer} of policy {version} does not lead from {widths[-1]} to {out} numbers")
            if any(one.dtype != np.float32 or not np.isfinite(one).all() for one in (*weights, *biases)):
                raise Refusal(f"layer {layer} of policy {version} holds something that is no float32 number")
            widths.append(out)
        return cls(version, tensors, widths, members, caution, scale)

    def q(self, observation: Values) -> Values:
        """(K, 7) float32: what each member makes of each action."""
        found: Values = forward(observation, self._flat, self._widths, self._members)
        return found

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        """What each action is worth to the careful, in R; all unknown without an observation. Below 10 us."""
        if observation is None:
            return unknown()
        found: Values = cautious(observation, self._flat, self._widths, self._members, self._caution, self._scale)
        return found

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """What is stored of it."""
        return dict(self._tensors)

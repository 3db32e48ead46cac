"""Have the features another shape than usual: each one's stability index, 30 days against the 90 before, against that index's own history.

Fixed limits of the textbooks (0.1, 0.25) are of no use where neighbouring values depend on each other: by chance alone the index of a slow
feature reaches 1. So each feature has its own limit, the 99.5 % quantile of what its index has been.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from strategy.drift import psi
from strategy.features import FEATURES

Counts = npt.NDArray[np.int64]

SHAPES: tuple[str, ...] = tuple(one.name for one in FEATURES[:15])
"""Features whose shape is watched: what tells of the market alone, not of cost, candidate or calendar."""
CELLS = 64
"""Fine cells over a feature's range; ten groups of equal weight in the reference are made of them."""
NEW_DAYS, REFERENCE_DAYS = 30, 90
QUANTILE = 0.995
LEAST, ENOUGH = 60, 200
"""Days of an index, the newest 30 left out, before it has a limit at all, and before that is a quantile."""
SHORT_FACTOR = 1.5
"""In between the limit is so many times the greatest seen."""
HISTORY = 1_095
"""Days of an index that are remembered: three years."""
VOTE, ALONE = 2, 4
"""Features beyond their limits on one day that make a vote, and that need no other."""

_CLIPS = np.array([one.clip for one in FEATURES[: len(SHAPES)]])


def cells_of(features: npt.NDArray[Any]) -> list[int]:
    """The cell of each watched feature of an observation."""
    x = np.asarray(features[: len(SHAPES)], np.float64)
    found = ((x + _CLIPS) / (2.0 * _CLIPS) * CELLS).astype(np.int64)
    return [int(cell) for cell in np.clip(found, 0, CELLS - 1)]


def index_of(reference: Counts, newest: Counts) -> float:
    """PSI of two histograms over the same fine cells, merged to tenths of the reference; each group counts half a value more."""
    filled = np.cumsum(reference) / reference.sum()
    cuts = np.unique(np.searchsorted(filled, np.arange(1, 10) / 10.0))
    group = np.searchsorted(cuts, np.arange(CELLS), side="left")
    before = np.bincount(group, reference, minlength=int(group.max()) + 1) + 0.5
    now = np.bincount(group, newest, minlength=int(group.max()) + 1) + 0.5
    return psi(before.tolist(), now.tolist()) or 0.0


def limit_of(history: Sequence[float]) -> float | None:
    """What an index may reach, by what it has been; None while there is too little of that."""
    if len(history) < LEAST:
        return None
    if len(history) < ENOUGH:
        return SHORT_FACTOR * max(history)
    return float(np.quantile(np.asarray(history), QUANTILE))


class ShapeState(msgspec.Struct, frozen=True):
    """A `Shapes` as numbers: whole days (number since 1970, cells of each feature), the day under way, indices day by day."""

    days: list[tuple[int, list[list[int]]]]
    today: tuple[int, list[list[int]]] | None
    history: list[list[float]]


class Beyond(msgspec.Struct, frozen=True):
    """One feature beyond its limit."""

    name: str
    index: float
    limit: float

    def __str__(self) -> str:
        return f"{self.name} {self.index:.2f} (limit {self.limit:.2f})"


class Shapes:
    """The histograms of a domain's features by UTC day, all its symbols together."""

    def __init__(self, state: ShapeState | None = None) -> None:
        self._days: list[tuple[int, Counts]] = []
        self._today: tuple[int, Counts] | None = None
        self._history: list[list[float]] = []
        if state is not None:
            self._days = [(day, np.array(cells, np.int64)) for day, cells in state.days]
            self._today = None if state.today is None else (state.today[0], np.array(state.today[1], np.int64))
            self._history = [list(row) for row in state.history]

    def state(self) -> ShapeState:
        """As numbers, exactly."""
        today = None if self._today is None else (self._today[0], self._today[1].tolist())
        return ShapeState([(day, cells.tolist()) for day, cells in self._days], today, [list(row) for row in self._history])

    def add(self, day: int, cells: Sequence[int]) -> list[Beyond]:
        """Take the cells of one observation of UTC day `day`; when it is the first of a day: what the days before it showed."""
        found: list[Beyond] = []
        if self._today is not None and day > self._today[0]:
            self._days = [*self._days, self._today][-(NEW_DAYS + REFERENCE_DAYS) :]
            self._today = None
            found = self._judge()
        if self._today is None:
            self._today = (day, np.zeros((len(SHAPES), CELLS), np.int64))
        self._today[1][np.arange(len(SHAPES)), list(cells)] += 1
        return found

    def _judge(self) -> list[Beyond]:
        if len(self._days) < NEW_DAYS + REFERENCE_DAYS:
            return []
        reference = np.sum([cells for _, cells in self._days[:REFERENCE_DAYS]], axis=0)
        newest = np.sum([cells for _, cells in self._days[REFERENCE_DAYS:]], axis=0)
        indices = [index_of(reference[k], newest[k]) for k in range(len(SHAPES))]
        # What changes slowly must not raise its own limit: the index of the newest days is none of its history.
        limits = [limit_of([row[k] for row in self._history[:-NEW_DAYS]]) for k in range(len(SHAPES))]
        self._history = [*self._history, indices][-HISTORY:]
        judged = zip(SHAPES, indices, limits, strict=True)
        return [Beyond(name, index, limit) for name, index, limit in judged if limit is not None and index > limit]

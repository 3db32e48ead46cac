"""Is this stream of numbers still what it was: whitened and standardised, then watched by two detectors of different temper.

ADWIN (Bifet and Gavalda 2007) is river's, its compiled core alone: the package around it loads pandas and scipy, 80 MB that a daemon needs
for nothing else. Page-Hinkley (Page 1954) is written out, equal to river's to the last bit. Both assume independent values of one scale, so
a stream is measured over its first values and then given as AR(1) residuals. What a detector knows is a function of the values since it
began; nothing else is ever stored, they are fed again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from river._river_rust.drift import AdaptiveWindowing

ADWIN_DELTA = 0.0002
"""Chance of a false alarm that ADWIN is asked for, where few streams share the budget."""
PH_DELTA, PH_THRESHOLD = 0.1, 50.0
PH_ALPHA = 1.0 - 0.0001
PH_LEAST = 30
CLIP = 6.0
"""Standard deviations beyond which a value counts as that many: one fat tail is no drift."""
SQUARE_CLIP = 9.0
"""The same for squared residuals."""
KEPT = 8_192
"""Values after which a stream begins anew with the newest half: 85 days of 15-minute bars."""


class Family(StrEnum):
    """A way of looking: two that agree are believed, one that says it twice, too."""

    ADWIN = "adwin"
    PAGE_HINKLEY = "page_hinkley"
    PSI = "psi"


class Firing(msgspec.Struct, frozen=True):
    """One detector that went off: when (ms UTC), on which stream, of which family, on the values or their squares, and by how much."""

    ts: int
    stream: str
    family: Family
    part: str = "mean"
    shift: float = 0.0
    """What changed, in the stream's own unit: the newest values' mean less the mean at its beginning."""


class Adwin:
    """River's ADWIN with a memory that begins anew after each detection, as `river.drift.ADWIN` does."""

    def __init__(self, delta: float = ADWIN_DELTA) -> None:
        self.delta = delta
        self._core = self._new()

    def _new(self) -> AdaptiveWindowing:
        return AdaptiveWindowing(delta=self.delta, clock=32, max_buckets=5, min_window_length=5, grace_period=10)

    def update(self, x: float) -> bool:
        """Whether the mean has changed, now that `x` was seen."""
        found = bool(self._core.update(x))
        if found:
            self._core = self._new()
        return found


class PageHinkley:
    """Two-sided Page-Hinkley test of the mean: fast, and more easily fooled by dependence than ADWIN."""

    def __init__(self, delta: float = PH_DELTA, threshold: float = PH_THRESHOLD) -> None:
        self.delta, self.threshold = delta, threshold
        self._reset()

    def _reset(self) -> None:
        self._n, self._mean = 0, 0.0
        self._up, self._down = 0.0, 0.0
        self._lowest, self._highest = math.inf, -1.0

    def update(self, x: float) -> bool:
        """Whether the mean has changed, now that `x` was seen; then it begins anew."""
        self._n += 1
        self._mean += (x - self._mean) / self._n
        off = x - self._mean
        self._up = PH_ALPHA * self._up + off - self.delta
        self._down = PH_ALPHA * self._down + off + self.delta
        self._lowest = min(self._lowest, self._up)
        self._highest = max(self._highest, self._down)
        over = max(self._up - self._lowest, self._highest - self._down)
        if self._n < PH_LEAST or over <= self.threshold:
            return False
        self._reset()
        return True


class Scale(NamedTuple):
    """What the first values of a stream were like: mean, deviation, AR(1) coefficient, mean and deviation of squared residuals."""

    mean: float
    deviation: float
    phi: float
    square: float
    square_deviation: float


def measure(values: Iterable[float], *, whiten: bool) -> Scale | None:
    """The scale of the first values; None when they are all alike: then there is no measure of surprise."""
    x = np.fromiter(values, np.float64)
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    if not deviation > 1e-12 * max(1.0, abs(mean)):
        return None
    z = (x - mean) / deviation
    phi = min(0.99, max(-0.99, float(z[1:] @ z[:-1] / (z @ z)))) if whiten else 0.0
    squares = np.minimum(((z[1:] - phi * z[:-1]) / math.sqrt(1.0 - phi * phi)) ** 2, SQUARE_CLIP)
    return Scale(mean, deviation, phi, float(squares.mean()), max(float(squares.std(ddof=1)), 1e-9))


class Stream:
    """One stream: `add` values in their order. `whiten` for values of successive bars; trades are taken as independent."""

    def __init__(self, name: str, *, warmup: int, whiten: bool, squares: bool, delta: float = ADWIN_DELTA) -> None:
        if not 8 <= warmup <= KEPT // 4:
            raise ValueError(f"a warm-up of {warmup} values is not within 8 to {KEPT // 4}")
        self.name, self.warmup, self.whiten, self.squares, self.delta = name, warmup, whiten, squares, delta
        self.values: list[tuple[int, float]] = []
        """(ts, value) since it began: feeding them to a new stream makes the same one."""
        self._begin()

    def _begin(self) -> None:
        self.scale: Scale | None = None
        self._before = 0.0
        self._adwin, self._second = Adwin(self.delta), PageHinkley()
        self._adwin_squares = Adwin(self.delta)

    def restart(self) -> None:
        """Forget everything: what comes now is the new normal."""
        self.values = []
        self._begin()

    def add(self, ts: int, value: float) -> list[Firing]:
        """Take a value; the detectors that went off. One that is no finite number is not taken."""
        if not math.isfinite(value):
            return []
        if len(self.values) >= KEPT:
            self._renew()
        self.values.append((ts, value))
        if self.scale is not None:
            return self._watch(ts, value)
        if len(self.values) >= self.warmup:
            self._calibrate()
        return []

    def _calibrate(self) -> None:
        self.scale = measure((value for _, value in self.values), whiten=self.whiten)
        if self.scale is None:
            self.values = []  # all alike: wait for values that differ
            return
        for ts, value in self.values:
            self._watch(ts, value)  # in sample: a detector must know what was normal

    def _renew(self) -> None:
        """The newest half of what is kept, as if the stream had begun with it."""
        kept = self.values[-KEPT // 2 :]
        self.restart()
        for ts, value in kept:
            self.add(ts, value)

    def _watch(self, ts: int, value: float) -> list[Firing]:
        scale = self.scale
        assert scale is not None  # noqa: S101  its callers have seen it  # nosec B101
        z = (value - scale.mean) / scale.deviation
        residual = (z - scale.phi * self._before) / math.sqrt(1.0 - scale.phi**2)
        self._before = min(max(z, -CLIP), CLIP)
        residual = min(max(residual, -CLIP), CLIP)
        found = []
        if self._adwin.update(residual):
            found.append(Family.ADWIN)
        if self._second.update(residual):
            found.append(Family.PAGE_HINKLEY)
        told = [Firing(ts, self.name, family, "mean", self._shift()) for family in found]
        if self.squares:
            square = (min(residual * residual, SQUARE_CLIP) - scale.square) / scale.square_deviation
            if self._adwin_squares.update(square):
                told.append(Firing(ts, self.name, Family.ADWIN, "variance", self._shift()))
        return told

    def _shift(self) -> float:
        """Mean of the newest values, as many as the warm-up at most, less the mean of the first ones."""
        assert self.scale is not None  # noqa: S101  as above  # nosec B101
        newest = self.values[-min(self.warmup, 100) :]
        return math.fsum(value for _, value in newest) / len(newest) - self.scale.mean

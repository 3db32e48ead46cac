"""Training the table of lower bounds (L1): the arithmetic is `strategy.lcb_table`'s, here are its metrics and refusals. numpy alone."""

from __future__ import annotations

import msgspec
import numpy as np

from modules.learning.checkpoint import Arrays, Setting
from modules.learning.experience import FILL_WEIGHT, Lessons
from modules.learning.scoring import score
from strategy.lcb_table import LcbTable, Settings, fit
from utils.errors import Refusal

LEAST = 30
"""Decisions below which nothing is trained."""


class Fitted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a learner hands back: weights and what the manifest tells of them."""

    arrays: Arrays
    hyperparameters: dict[str, Setting]
    seeds: list[int]
    metrics: dict[str, float]


def fit_lcb(lessons: Lessons, now: int, settings: Settings | None = None) -> Fitted:
    """The table at `now` (ms UTC); Refusal when there is too little to learn from."""
    if len(lessons) < LEAST:
        raise Refusal(f"{len(lessons)} decisions with a known outcome; {LEAST} are needed")
    chosen = settings or Settings()
    lower = fit(lessons.strategy, lessons.side, lessons.regime, lessons.ts, lessons.u.astype(np.float64), now, chosen)
    # Cells that know nothing are NaN of one and the same bits, so that the same evidence has the same hash.
    lower[np.isnan(lower)] = np.float32(np.nan)
    hyperparameters: dict[str, Setting] = {**msgspec.to_builtins(chosen), "fill_weight": FILL_WEIGHT}
    return Fitted(
        arrays={"lower": lower},
        hyperparameters=hyperparameters,
        seeds=[],
        metrics={**score(LcbTable("fresh", lower), lessons), "cells": float(np.isfinite(lower[..., 1:]).any(axis=-1).sum())},
    )

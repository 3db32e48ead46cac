"""Where a choice is made and where it is judged: rolling training windows, gaps, test windows, and a last period under lock.

    |<- train ->|<- embargo ->|<- test ->|            each fold `test_days` after the one before it
                                    ...  |<- embargo ->|<- locked ->|

Trades count by their entry. Purge: no training trade is entered within the longest holding time of the training window's end, so no label
reaches beyond it (which trades those are does not depend on how long each was held). Embargo: longest label + `embargo_days`.
"""

from __future__ import annotations

import msgspec

from modules.learning.search_settings import Optimize
from utils.errors import Refusal

DAY_MS = 86_400_000


class Fold(msgspec.Struct, frozen=True):
    """One choice and its test, as ranges of entry times [from, to), ms UTC."""

    train_from: int
    train_to: int
    """Last entry before the purge; the window itself ends a longest holding time later."""
    test_from: int
    test_to: int


class Windows(msgspec.Struct, frozen=True):
    """All folds, oldest first, and the last period [locked_from, end)."""

    folds: tuple[Fold, ...]
    locked_from: int
    end: int


def locked_from(end: int, plan: Optimize) -> int:
    """Where the locked period begins."""
    return end - plan.locked_days * DAY_MS


def windows(first: int, end: int, max_hold_ms: int, plan: Optimize) -> Windows:
    """As many folds as fit between `first` (trading is possible) and `end` (of the data); Refusal with the days that are missing."""
    embargo = max_hold_ms + plan.embargo_days * DAY_MS
    train, test = plan.train_days * DAY_MS, plan.test_days * DAY_MS
    lock = locked_from(end, plan)
    last = lock - embargo
    count = max(0, (last - first - train - embargo) // test)
    if count < plan.min_folds:
        needed = train + plan.min_folds * test + 2 * embargo + plan.locked_days * DAY_MS
        raise Refusal(
            f"too little data: {plan.min_folds} folds need {needed / DAY_MS:.0f} days ({plan.train_days} to train, {plan.min_folds} × "
            f"{plan.test_days} to test, 2 gaps of {embargo / DAY_MS:.1f}, {plan.locked_days} locked); there are "
            f"{max(0, end - first) / DAY_MS:.0f} after the warm-up"
        )
    folds = []
    for k in range(count):
        test_from = last - (count - k) * test
        train_end = test_from - embargo
        folds.append(Fold(train_end - train, train_end - max_hold_ms, test_from, test_from + test))
    return Windows(tuple(folds), lock, end)

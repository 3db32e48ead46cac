"""Contestants in one process, taking turns: A B A B ..., so that what else the machine does strikes all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

Work = Callable[[], object]


def in_turns(count: int, works: Mapping[str, Work], rounds: int, clock: Callable[[], float] = time.process_time) -> dict[str, list[float]]:
    """Units a second (`count` of them a run) of each, for every round; one run of each beforehand does not count.

    By the processor's time, where a busy machine does not weigh on the longer one; what waits for a disk wants the wall clock.
    """
    found: dict[str, list[float]] = {who: [] for who in works}
    for who in works:
        works[who]()
    for _ in range(rounds):
        for who, work in works.items():
            gc.collect()
            begin = clock()
            work()
            found[who].append(count / (clock() - begin))
    return found

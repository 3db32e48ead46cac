"""The counters count: as many instructions as were run, as many bytes as were held, whoever watched before watches again."""

from __future__ import annotations

import sys
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from bench.counts import instructions, peak_bytes, processor_s


def turns(count: int) -> int:
    total = 0
    for k in range(count):
        total += k
    return total


def test_the_same_work_is_the_same_count_and_twice_the_work_twice_of_it() -> None:
    few, many, more = (instructions(partial(turns, n)) for n in (1_000, 2_000, 3_000))
    assert few == instructions(partial(turns, 1_000))
    assert many - few == more - many > 1_000


def test_what_is_called_counts_too() -> None:
    assert instructions(lambda: [turns(10) for _ in range(5)]) > 5 * (instructions(lambda: turns(10)) - 5)


def test_who_traced_before_traces_afterwards_also_when_the_work_fails() -> None:
    def tracer(_frame: FrameType, _event: str, _argument: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        seen = instructions(lambda: None), sys.gettrace()
        try:
            instructions(lambda: int("x"))
        except ValueError:
            after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert seen[0] > 0 and seen[1] is tracer and after is tracer


def test_the_peak_is_what_was_held_at_once() -> None:
    def work() -> None:
        for _ in range(3):
            held = np.zeros(1_000_000, np.int8)
            del held

    assert 1_000_000 <= peak_bytes(work) < 2_000_000


def test_processor_time_is_some() -> None:
    assert processor_s(lambda: turns(10_000)) > 0.0

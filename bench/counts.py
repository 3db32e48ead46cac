"""Counting instead of timing: how many bytecode instructions a piece of work runs, and how many bytes it holds at its worst.

The same work gives the same count on every machine, however busy: what a test may judge. What happens inside compiled code (numpy, numba,
msgspec) is one instruction; that is judged by its processor time beside a loop that stays the same (`processor_s`).
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any


def instructions(work: Callable[[], object]) -> int:
    """Bytecode instructions of Python functions that `work` runs in this thread, all that it calls included.

    A tracer that was there before (a debugger, coverage) waits meanwhile and is put back; so does the collector of garbage, which would
    run what others left behind.
    """
    counted = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal counted
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            counted += 1
        return trace

    before, collects = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        if collects:
            gc.enable()
    return counted


def peak_bytes(work: Callable[[], object]) -> int:
    """How many bytes more than before are allocated at the worst moment of `work`, numpy's arrays included, compiled code's own not."""
    began = not tracemalloc.is_tracing()
    if began:
        tracemalloc.start()
    try:
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - held
    finally:
        if began:
            tracemalloc.stop()


def processor_s(work: Callable[[], object]) -> float:
    """Processor time of this thread for `work`: what others do on the machine counts little, waiting not at all."""
    begin = time.thread_time()
    work()
    return time.thread_time() - begin

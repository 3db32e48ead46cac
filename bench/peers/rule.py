"""The common rule through our own kernels: the window of the strategies, the fills of the sweep, fees as they are booked.

Close above the highest high of the `width` bars before: long at the next open; one position, a fixed stop and target, the taker's fee
on both sides. The three switches are the points on which tools differ; with another tool's switches its trades must come out, which is
how a difference is explained rather than guessed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from risk.costs import slipped
from risk.fills import BOTH, NONE, STOP, gap_exit, touched
from state.booking import fee_of
from strategy.windows import LOWEST, advance, push_max
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
LONG = 1
MILLION = 1_000_000
ROW = np.dtype([("entry", "i8"), ("exit", "i8"), ("entry_t", "i8"), ("exit_t", "i8"), ("fees", "i8")])


class Convention(NamedTuple):
    """Where a tool stands on what a rule in words leaves open."""

    from_fill: bool = True
    """Stop and target are counted from the fill; else from the close that gave the signal."""
    entry_bar: bool = True
    """The bar of the entry can already stop out or reach the target."""
    at_close: bool = False
    """Filled at the signal's own close; else at the next open."""


OURS = Convention()


@kernel
def _breakout(
    o: Ints, h: Ints, low: Ints, c: Ints, window: Ints, ppm: tuple[int, int, int], how: tuple[bool, bool, bool], unit: int, out: Any
) -> int:
    stop_ppm, target_ppm, fee_ppm = ppm
    from_fill, entry_bar, at_close = how
    width = len(window)
    position, prefix, highest = 0, LOWEST, 0
    entry, stop, target, n = -1, 0, 0, 0
    wanted = False
    for k in range(len(c)):
        if wanted:
            wanted = False
            entry = k - 1 if at_close else k
            price = slipped(c[k - 1] if at_close else o[k], 0, LONG)
            base = price if from_fill else c[k - 1]
            stop = base - base * stop_ppm // MILLION
            target = base + base * target_ppm // MILLION
            out[n]["entry"], out[n]["entry_t"] = entry, price
        if entry >= 0 and (k > entry or entry_bar):
            level = 0
            if k > entry and gap_exit(LONG, stop, target, o[k]) != NONE:
                level = o[k]
            else:
                hit = touched(LONG, stop, target, h[k], low[k])
                if hit != NONE:
                    level = stop if hit in (STOP, BOTH) else target
            if level:
                out[n]["exit"], out[n]["exit_t"] = k, level
                out[n]["fees"] = fee_of(out[n]["entry_t"] * unit, fee_ppm) + fee_of(level * unit, fee_ppm)
                entry = -1
                n += 1
        if entry < 0 and k >= width and c[k] > highest:
            wanted = True
        highest, prefix = push_max(window, position, prefix, h[k])
        position = advance(position, width)
    return n


def breakout(bars: tuple[Ints, Ints, Ints, Ints], width: int, ppm: tuple[int, int, int], how: Convention = OURS, unit: int = 10**8) -> Any:
    """Closed trades (ROW) over open, high, low, close in ticks; `ppm` = (stop, target, fee); `unit`: money units of a tick of one coin."""
    out = np.zeros(len(bars[3]) // 2 + 1, ROW)
    window = np.full(width, LOWEST, np.int64)
    return out[: _breakout(*bars, window, ppm, (how.from_fill, how.entry_bar, how.at_close), unit, out)]

"""Where stop and target go at entry, and how the stop trails: only in favour, only when it is worth a request."""

from __future__ import annotations

import math

from state.books import Rows
from utils.kernel import kernel


@kernel
def initial(side: int, reference: int, atr: float, stop_k: float, target_k: float) -> tuple[int, int]:
    """Stop and target in ticks around `reference`; both round towards the entry (a smaller loss, a nearer target)."""
    stop = reference - side * math.floor(stop_k * atr)
    target = reference + side * math.floor(target_k * atr)
    return stop, target


@kernel
def trail(side: int, stop: int, extreme: int, atr: float, trail_k: float, risk: int, close: int, min_r: float, min_ticks: int) -> int:
    """The stop after a closed bar (ticks): `extreme` -/+ trail_k x ATR where that is better by enough, else unchanged.

    Enough is at least `min_r` of the initial risk and `min_ticks`. A stop that the close has already passed is placed one tick
    away from the close: a venue refuses a stop on the wrong side of the market.
    """
    if trail_k <= 0.0:
        return stop
    wanted = extreme - side * math.ceil(trail_k * atr)
    if side * (close - wanted) <= 0:
        wanted = close - side
    gain = side * (wanted - stop)
    if gain < min_ticks or gain < min_r * risk:
        return stop
    return wanted


@kernel
def after_bar(pos: Rows, i: int, high: int, low: int, close: int, min_r: float, min_ticks: int) -> int:
    """Take a closed confirm bar into an open position: mark, extreme, trailing stop. Returns 1 when the stop moved."""
    side = pos[i]["side"]
    pos[i]["mark"] = close
    best = high if side > 0 else low
    if side * (best - pos[i]["extreme"]) > 0:
        pos[i]["extreme"] = best
    moved = trail(
        side,
        pos[i]["stop"],
        pos[i]["extreme"],
        pos[i]["atr"],
        pos[i]["trail_k"],
        pos[i]["risk"],
        close,
        min_r,
        min_ticks,
    )
    if moved == pos[i]["stop"]:
        return 0
    pos[i]["stop"] = moved
    return 1

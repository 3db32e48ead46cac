"""What a round trip costs, as a fraction of notional: fees, slippage, spread and adverse funding or swap."""

from __future__ import annotations

import numpy as np

from state.books import HOLDS, Rows
from utils.kernel import kernel

YEAR_MS = 365 * 86_400_000
MAKER = 2
"""OrderType.MAKER, as kernels see it."""


@kernel
def slipped(price: int, ppm: int, direction: int) -> int:
    """`price` moved `ppm` against the taker: up for a buyer (direction +1), down for a seller (-1); whole ticks, never less than ppm."""
    away = (price * ppm + 999_999) // 1_000_000
    return price + direction * away


@kernel
def entry_fee_ppm(inst: Rows, i: int, order_type: int) -> int:
    """Fee rate of an entry: maker for resting orders, else taker."""
    return int(inst[i]["maker_ppm"] if order_type == MAKER else inst[i]["taker_ppm"])


@kernel
def median_hold_ms(acct: Rows, a: int, rules: Rows, s: int, min_trades: int) -> float:
    """Median of the strategy's last holding times on this account; its prior before `min_trades` trades."""
    n = acct[a]["hold_n"][s]
    if n < min_trades:
        return float(rules[s]["prior_hold_ms"])
    return float(np.median(acct[a]["holds_ms"][s][: min(n, HOLDS)]))


@kernel
def round_trip(inst: Rows, i: int, order_type: int, side: int, spread: float, hold_ms: float) -> float:
    """Cost of entering and leaving once, as a fraction of notional.

    Slippage is paid by the legs that take; `spread` (fraction of price) counts once, half on each such leg, as far as the slippage does
    not hold it already. Funding counts only when the last known rate is against the position, for every settlement in the usual holding
    time. On margin what a position of this side pays over a year does, for that time.
    """
    fees = entry_fee_ppm(inst, i, order_type) + inst[i]["taker_ppm"]
    taking_legs = 1.0 if order_type == MAKER else 2.0
    wider = max(0.0, spread - inst[i]["spread_ppm"] / 1e6)
    cost = (fees + taking_legs * inst[i]["slip_ppm"]) / 1e6 + wider * taking_legs / 2.0
    if inst[i]["funding_interval_ms"] > 0:
        adverse = side * inst[i]["funding_e8"] / 1e8
        if adverse > 0.0:
            cost += adverse * hold_ms / inst[i]["funding_interval_ms"]
    if inst[i]["on_margin"]:
        earned = inst[i]["swap_long_e8"] if side > 0 else inst[i]["swap_short_e8"]
        cost += max(0.0, -earned / 1e8) * hold_ms / YEAR_MS
    return float(cost)

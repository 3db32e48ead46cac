"""What the market looked like when an entry was decided, and what its executions lost against that: slippage, measured.

The scene travels with the intent (so it is journalled with the decision) and in the position's row, from where the ledger gets it: the cost
model is fitted on those rows. Without a quote at the decision, as over stored candles, there is no scene and no slippage is claimed.
"""

from __future__ import annotations

import math
from typing import Any

from state.conversion import home_of
from state.intents import ExitReason, Scene, Signal
from state.market import Quote
from state.orders import Fill
from state.runtime import RuntimeState
from utils.fixed import plain

HOUR_MS = 3_600_000


def scene_of(state: RuntimeState, i: int, quote: Quote | None, reference: int, steps: int) -> Scene | None:
    """The scene of an order for `steps` near `reference` ticks on seat `i`; None without a quote that can be traded on.

    Volatility: that of primary bars (`vol`), scaled to an hour by the square root of time. Share: the order's value over an hour of the
    median turnover of confirm bars; 0 while neither is known.
    """
    if quote is None or quote.crossed:
        return None
    row = state.market[state.seats[i][1]]
    turnover = float(row["median_turnover_ticks"]) * HOUR_MS / state.bar_ms(state.seats[i][1])
    size = float(state.instrument(i).qty(steps)) * reference
    return Scene(
        bid=quote.bid,
        ask=quote.ask,
        sigma_bp=sigma_bp(row),
        share=size / turnover if turnover > 0.0 else 0.0,
    )


def option_scene(state: RuntimeState, i: int, quote: Quote | None, signal: Signal) -> Scene | None:
    """The scene of an order for an option: its own quote, its pair's volatility; there is no turnover to take a share of."""
    if quote is None or quote.crossed:
        return None
    return Scene(bid=signal.bid, ask=signal.reference, sigma_bp=sigma_bp(state.market[state.seats[i][1]]), share=0.0)


def sigma_bp(row: Any) -> float:
    """Volatility of an hour in bp, of a market row."""
    return 1e4 * float(row["vol"]) * math.sqrt(HOUR_MS / int(row["primary_ms"]))


def remember(pos: Any, scene: Scene | None) -> None:
    """Put the scene of a new entry into its position row."""
    seen = scene or Scene(bid=0, ask=0, sigma_bp=0.0, share=0.0)
    pos["bid"], pos["ask"], pos["sigma_bp"], pos["share"], pos["slip"] = seen.bid, seen.ask, seen.sigma_bp, seen.share, 0


def entered(state: RuntimeState, i: int, fill: Fill) -> dict[str, Any]:
    """Count what an entry's execution lost to the mid of its decision; the ledger fields that say so, none without a scene."""
    pos, instrument = state.pos[i], state.instrument(i)
    twice_mid = int(pos["bid"]) + int(pos["ask"])
    if not twice_mid:
        return {}
    lost = fill.side * (2 * fill.price - twice_mid)
    pos["slip"] += home_of(state.inst, i, lost * fill.steps * int(state.inst[i]["unit"]) // 2)
    return {
        "decided_ts": int(pos["decided_ts"]),
        "mid": plain(instrument.price(twice_mid) / 2),
        "spread_bp": round(2e4 * (int(pos["ask"]) - int(pos["bid"])) / twice_mid, 4),
        "sigma_bp": round(float(pos["sigma_bp"]), 4),
        "share": float(pos["share"]),
        "slip_bp": round(1e4 * lost / twice_mid, 4),
    }


def left(state: RuntimeState, i: int, fill: Fill, reason: ExitReason) -> None:
    """Count what an exit's execution lost to the level that caused it: the stop, the target, else the last close."""
    pos = state.pos[i]
    if reason in {ExitReason.EXERCISED, ExitReason.EXPIRED}:
        return  # settled by its terms: nothing was executed
    if reason in {ExitReason.STOP, ExitReason.TRAIL}:
        level = int(pos["stop"])
    else:
        level = int(pos["target"] if reason is ExitReason.TARGET else pos["mark"])
    pos["slip"] += home_of(state.inst, i, fill.side * (fill.price - level) * fill.steps * int(state.inst[i]["unit"]))

"""Options in the portfolio pass: their surfaces, offers and timeframes laid out for the compiled loop, and what it does with them.

What a contract is worth, which one is taken and how it settles are the engine's own kernels; here they are only called.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modules.engine.decide import entry_limit, reserve
from modules.engine.grid import Grid
from modules.engine.option_pick import OFFER, first_fitting, offers_of
from modules.engine.option_prices import Terms, bid_bar, lead_of, quoted, rungs_of, sign, terms_of, told
from modules.timeframes import TimeframeMap
from risk.rules import Rule
from state.books import Rows
from strategy.actions import Values
from strategy.base import O1, SHORT, side_of
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Options = tuple[Ints, Floats, Ints, Floats, Floats, Floats, Floats, Floats, Rows, Ints]
"""Of each symbol: kind of delta, tick, tenors (0: no surface), days, vols, domestic and foreign rates; then the rungs of the timeframes,
the offers of all signals end to end, and where each signal's begin."""

OK = int(Rule.OK)
WHOLE = 1.0
"""O1's distances are fractions of all of the premium."""


@kernel
def slot_terms(options: Options, i: int) -> Terms:
    """The surface of slot `i` as the kernels of prices take it."""
    n = options[2][i]
    return options[3][i, :n], options[4][i, :n], options[5][i, :n], options[6][i, :n], options[0][i], options[1][i]


@kernel
def held_bar(options: Options, pos: Rows, i: int, ts: int, closed: int, o: int, h: int, low: int, c: int, bars: Ints) -> None:
    """Write the bid's bar of what slot `i` holds to `bars[i]`."""
    one = pos[i]
    bars[i, 0], bars[i, 1], bars[i, 2], bars[i, 3] = bid_bar(
        slot_terms(options, i), one["right"], one["strike"], one["expiry_ts"], ts, closed, o, h, low, c
    )


@kernel
def asked(options: Options, pos: Rows, i: int, ts: int, spot: int) -> int:
    """What the contract that slot `i` has ordered is offered at."""
    one = pos[i]
    return quoted(slot_terms(options, i), one["right"], one["strike"], one["expiry_ts"], ts, spot, spot)[1]


@kernel
def looked_at(options: Options, pos: Rows, i: int, closed: int, bar_ms: int) -> bool:
    """Whether the timeframe of what slot `i` holds ends with this bar."""
    return told(options[7], pos[i]["expiry_ts"], closed, bar_ms)


@kernel
def offered(options: Options, signal: int) -> Rows:
    """What may be bought on a signal, best first."""
    if len(options[9]) == 0:
        return options[8]
    return options[8][options[9][signal] : options[9][signal + 1]]


@kernel
def buy(
    offers: Rows,
    pos: Rows,
    inst: Rows,
    acct: Rows,
    rules: Rows,
    limits: Rows,
    i: int,
    s: int,
    regime: int,
    ts: int,
    expires_ts: int,
    values: Values,
    learned: int,
) -> None:
    """Order the first of the `offers` that slot `i` may buy at `ts`, if there is one."""
    n, rule, arm, steps, stop, target = first_fitting(
        offers, pos, inst, acct, rules, limits, i, s, 1, regime, ts, WHOLE, values, learned, 1.0
    )
    if rule != OK:
        return
    one, ask = offers[n], offers[n]["ask"]
    limit = entry_limit(rules[s]["order_type"], 1, ask, target, 0, limits[0]["ioc_cap_ppm"], limits[0]["slip_cap_ppm"])
    reserve(pos, rules, i, s, arm, regime, 1, steps, ask, limit, ts, expires_ts, stop, target, WHOLE * ask)
    sign(pos, i, one["right"], one["strike"], one["expiry_ts"], ts, lead_of(limits))


def no_options() -> Options:
    """Where no symbol is a slot of options."""
    ints, floats = np.zeros(0, np.int64), np.zeros((0, 0))
    return ints, np.zeros(0), ints, floats, np.zeros((0, 0, 5)), floats, floats, np.zeros((0, 3)), np.zeros(0, OFFER), ints


def options_of(grid: Grid, inst: Rows, signals: Rows, frames: TimeframeMap) -> Options:
    """What the pass needs of the slots of a grid under its surfaces; a slot without one is offered nothing."""
    if not inst["option"].any():
        return no_options()
    n = len(grid.instruments)
    surfaces = [grid.surfaces.get(one.symbol) for one in grid.instruments]
    most = max((len(one.days) for one in surfaces if one is not None), default=0)
    kinds, ticks, counts = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64)
    days, vols, domestic, foreign = np.zeros((n, most)), np.zeros((n, most, 5)), np.zeros((n, most)), np.zeros((n, most))
    for i, surface in enumerate(surfaces):
        if surface is not None:
            k = counts[i] = len(surface.days)
            days[i, :k], vols[i, :k], domestic[i, :k], foreign[i, :k], kinds[i], ticks[i] = terms_of(surface)
    parts, at = [np.zeros(0, OFFER)], np.zeros(len(signals) + 1, np.int64)
    for n_signal, signal in enumerate(signals):
        i, k, side = int(signal["i"]), int(signal["k"]), side_of(int(signal["code"]), O1)
        at[n_signal + 1] = at[n_signal]
        surface = surfaces[i]
        if side and surface is not None and inst[i]["option"]:
            spot = int(grid.close[i, k])
            found = offers_of(surface, -1 if side == SHORT else 1, int(grid.ts[k]) + grid.confirm_ms, spot, spot)
            parts.append(found)
            at[n_signal + 1] += len(found)
    return kinds, ticks, counts, days, vols, domestic, foreign, rungs_of(frames), np.concatenate(parts), at

"""What an option is worth on the bars of its pair: quotes, the premium candle of what is held, its timeframe, settlement. Kernels.

Engine, bar venue and sweep call these and no others, so that they agree to the tick. A held option is valued and sold at its bid: the
candle's open is the bid at the pair's open and at that time, the rest the bids at the pair's high, low and close when the bar has ended (a
put's high is at the pair's low).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from forex.options_calendar import DAY_MS, DAYS_IN_YEAR
from forex.options_kernels import delta_of
from forex.options_quotes import option_quote
from forex.options_surface import Floats, arrays, delta_kind_at, kind_of, rates_at, smile_vol
from modules.timeframes import TimeframeMap
from state.books import FLAT, Rows
from state.market import Candle
from state.options import OptionContract, Surface, tick_digits
from utils.kernel import kernel

Terms = tuple[Floats, Floats, Floats, Floats, int, float]
"""A surface as kernels take it: days, vols, domestic and foreign rates, the pair's kind of delta, a tick in quote currency."""


@functools.lru_cache(maxsize=32)
def terms_of(surface: Surface) -> Terms:
    """What kernels take of a surface."""
    return (*arrays(surface), kind_of(surface.pair), 10.0 ** -tick_digits(surface.pair))


@kernel
def quoted(terms: Terms, right: int, strike: int, expiry_ts: int, ts: int, spot_bid: int, spot_ask: int) -> tuple[int, int]:
    """Bid and ask of a contract at `ts` in ticks, while the pair is quoted `spot_bid` to `spot_ask` (ticks, equal over bars)."""
    days, vols, rd, rf, kind, tick = terms
    bid, ask, _ = option_quote(days, vols, rd, rf, kind, right, spot_bid, spot_ask, strike, (expiry_ts - ts) / DAY_MS, tick)
    return int(bid), int(ask)


@kernel
def bid_bar(
    terms: Terms, right: int, strike: int, expiry_ts: int, ts: int, closed: int, o: int, h: int, low: int, c: int
) -> tuple[int, int, int, int]:
    """Open, high, low, close of a contract's bid over the pair's bar that opened at `ts` and `closed`; all in ticks."""
    up, down = (h, low) if right > 0 else (low, h)
    first = quoted(terms, right, strike, expiry_ts, ts, o, o)[0]
    last = quoted(terms, right, strike, expiry_ts, closed, c, c)[0]
    top = quoted(terms, right, strike, expiry_ts, closed, up, up)[0]
    bottom = quoted(terms, right, strike, expiry_ts, closed, down, down)[0]
    return first, max(top, first, last), min(bottom, first, last), last


@kernel
def settlement(right: int, strike: int, fixing: int) -> int:
    """What a contract is worth at its cut, ticks: the intrinsic value at the `fixing`, 0 at or out of the money."""
    return max(right * (fixing - strike), 0)


@kernel
def frame_ms(rungs: Floats, left_ms: int) -> int:
    """Length of the confirm bars that govern an option with `left_ms` to its expiry; `rungs` as `rungs_of` lays them out."""
    for n in range(len(rungs)):
        if left_ms > rungs[n, 0] or (left_ms == rungs[n, 0] and rungs[n, 1] == 0.0):
            return int(rungs[n, 2])
    return int(rungs[len(rungs) - 1, 2])


@kernel
def told(rungs: Floats, expiry_ts: int, closed: int, bar_ms: int) -> bool:
    """Whether the contract is looked at when a bar of `bar_ms` has `closed`: at its own timeframe's closes, or at all if that is finer."""
    step = frame_ms(rungs, expiry_ts - closed)
    return step <= bar_ms or closed % step == 0


@kernel
def sign(pos: Rows, i: int, right: int, strike: int, expiry_ts: int, ts: int, lead_ms: int) -> None:
    """Put the contract into the row of an entry decided at `ts`: held no longer than until `lead_ms` before its expiry."""
    pos[i]["right"], pos[i]["strike"], pos[i]["expiry_ts"] = right, strike, expiry_ts
    pos[i]["max_hold_ms"] = longest_hold(pos[i]["max_hold_ms"], expiry_ts, ts, lead_ms)


@kernel
def longest_hold(most_ms: int, expiry_ts: int, ts: int, lead_ms: int) -> int:
    """How long an option entered at `ts` may be held: its strategy's time, and not into the last `lead_ms` before its expiry."""
    return int(max(min(most_ms, expiry_ts - lead_ms - ts), 0))


@kernel
def figures(terms: Terms, right: int, strike: int, expiry_ts: int, ts: int, spot: int) -> tuple[float, float]:
    """Delta (as the pair is quoted, a put's negative) and vol of a contract at `spot` (ticks); a step and the vol from expiry on."""
    days, vols, rd, rf, kind, tick = terms
    day = (expiry_ts - ts) / DAY_MS
    vol = smile_vol(days, vols, rd, rf, kind, spot * tick, strike * tick, day)
    domestic, foreign = rates_at(days, rd, rf, day)
    delta = delta_of(delta_kind_at(kind, day), right, spot * tick, strike * tick, day / DAYS_IN_YEAR, domestic, foreign, vol)
    return float(delta), float(vol)


@kernel
def lead_of(limits: Rows) -> int:
    """How long before its expiry an option is sold, ms."""
    return int(limits[0]["option_exit_days"] * DAY_MS)


@functools.lru_cache(maxsize=8)
def rungs_of(frames: TimeframeMap) -> Floats:
    """Rungs as rows (least time left in ms, 1 where it must be more, confirm bar in ms)."""
    return np.array([(one.days * DAY_MS, float(one.beyond), float(one.frames.confirm_ms)) for one in frames.rungs])


def covers(surface: Surface, contract: OptionContract, ts: int) -> bool:
    """Whether the surface's tenors reach round what is left of the contract at `ts`."""
    return surface.days[0] <= (contract.expiry_ts - ts) / DAY_MS <= surface.days[-1]


def bid_candle(surface: Surface, contract: OptionContract, candle: Candle, bar_ms: int) -> Candle:
    """The contract's bid over a candle of its pair."""
    bar = (candle.open, candle.high, candle.low, candle.close)
    opened, high, low, close = bid_bar(
        terms_of(surface), int(contract.right), contract.strike, contract.expiry_ts, candle.ts, candle.ts + bar_ms, *bar
    )
    return Candle(candle.key, candle.ts, opened, high, low, close, candle.volume)


def surface_of(surfaces: Mapping[str, Surface], inst: Rows, pos: Rows, i: int, pair: str) -> Surface | None:
    """The surface that prices what row `i` holds; None where it holds no option or there is no surface."""
    return surfaces.get(pair) if inst[i]["option"] and pos[i]["status"] != FLAT else None

"""Candles from before the stream, and candles that the stream missed: asked over REST, side by side, within the venue's budget.

What a feed waits for is market data; history comes after everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from marketdata.candles import Gap, ceil_start, find_gaps, floor_start, merge_candles
from modules.data.together import together
from state.accounts import OF_PAIRS
from state.instruments import Instrument
from state.market import Candle
from utils.throttle import Urgency

log = structlog.get_logger("backfill")

Progress = Callable[[int, int], None]
"""Told (candles so far, candles expected)."""


class Klines(Protocol):
    """The part of a venue's REST client that is used here (`marketdata.bybit_rest.BybitRest`)."""

    async def klines(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        """Closed candles of a range, ascending and unique."""

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int | None:
        """Start of the running candle."""


class Fill(msgspec.Struct, frozen=True):
    """What closed between a frontier and now: the candles, and by instrument the start of the first candle that is still to come."""

    candles: list[Candle]
    frontier: dict[str, int]


async def history(
    rest: Klines,
    instruments: Sequence[Instrument],
    timeframe_ms: int,
    start_ms: int,
    end_ms: int | None = None,
    progress: Progress | None = None,
) -> dict[str, list[Candle]]:
    """By instrument key the candles that start at or after `start_ms` and have closed by `end_ms`, ascending and unique.

    `end_ms` is at most the venue's now; None asks each instrument for it. What is missing after a second try is logged and stays
    missing (a young listing, an outage of the venue): `missing` finds it again.
    """
    ends = await together(_end(rest, instrument, timeframe_ms, end_ms) for instrument in instruments)
    start = ceil_start(start_ms, timeframe_ms)
    expected = sum(max(0, (floor_start(end, timeframe_ms) - start) // timeframe_ms) for end in ends)
    done = 0

    def on_page(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, expected), expected)

    series = await together(
        _whole(rest, instrument, timeframe_ms, start, end, Urgency.BACKFILL, on_page)
        for instrument, end in zip(instruments, ends, strict=True)
    )
    return {instrument.key: candles for instrument, candles in zip(instruments, series, strict=True)}


async def fill_gap(rest: Klines, instruments: Sequence[Instrument], timeframe_ms: int, since: Mapping[str, int]) -> Fill:
    """Everything that has closed since each instrument's frontier (`since`: start of the first candle not had yet).

    An instrument without a frontier has missed nothing. Transient, Rejected or FrameError when the venue cannot be asked.
    """

    async def one(instrument: Instrument) -> tuple[str, int, list[Candle]]:
        frontier = since[instrument.key]
        running = await rest.newest_start(instrument, timeframe_ms)
        if running is None or running <= frontier:
            return instrument.key, frontier, []
        return instrument.key, running, await _whole(rest, instrument, timeframe_ms, frontier, running, Urgency.MARKET)

    answers = await together(one(instrument) for instrument in instruments if instrument.key in since)
    candles = [candle for _, _, series in answers for candle in series]
    return Fill(sorted(candles, key=lambda candle: candle.ts), {key: frontier for key, frontier, _ in answers})


def missing(series: Mapping[str, Sequence[Candle]], timeframe_ms: int, start_ms: int, end_ms: int) -> dict[str, list[Gap]]:
    """By instrument key the gaps of its series in the range, edges included; instruments without gaps are left out."""
    found = {key: find_gaps(candles, timeframe_ms, start_ms, end_ms) for key, candles in series.items()}
    return {key: gaps for key, gaps in found.items() if gaps}


async def _end(rest: Klines, instrument: Instrument, timeframe_ms: int, end_ms: int | None) -> int:
    if end_ms is not None:
        return end_ms
    return await rest.newest_start(instrument, timeframe_ms) or 0


async def _whole(
    rest: Klines,
    instrument: Instrument,
    timeframe_ms: int,
    start_ms: int,
    end_ms: int,
    urgency: Urgency,
    on_page: Callable[[int], None] | None = None,
) -> list[Candle]:
    candles = await rest.klines(instrument, timeframe_ms, start_ms, end_ms, on_page, urgency)
    gaps = find_gaps(candles, timeframe_ms, start_ms, end_ms)
    if not gaps or instrument.domain in OF_PAIRS:  # its market rests, and a time without a price has no candle
        return candles
    again = [await rest.klines(instrument, timeframe_ms, gap.first, gap.last + timeframe_ms, None, urgency) for gap in gaps]
    candles = merge_candles([candles, *again])
    for gap in find_gaps(candles, timeframe_ms, start_ms, end_ms):
        log.warning("candles missing", key=instrument.key, first=gap.first, last=gap.last, count=gap.count(timeframe_ms))
    return candles

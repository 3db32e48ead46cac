"""What a market feed says beyond the nouns of `state.market`: running candles, book updates, tickers; already on the grid."""

from __future__ import annotations

import msgspec

from state.market import Candle, Trade


class Kline(msgspec.Struct, frozen=True, gc=False):
    """A candle as the stream tells it, running or (`confirmed`) closed; `ts` is the frame's time."""

    candle: Candle
    timeframe_ms: int
    confirmed: bool
    ts: int


class BookUpdate(msgspec.Struct, frozen=True, gc=False):
    """A snapshot (replaces the book) or a delta; levels are (ticks, steps), 0 steps delete."""

    key: str
    ts: int
    snapshot: bool
    u: int
    seq: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Ticker(msgspec.Struct, frozen=True, gc=False):
    """What a ticker frame says; None = not in this frame. Prices in ticks, sizes in steps."""

    key: str
    ts: int
    last: int | None = None
    mark: int | None = None
    bid: int | None = None
    ask: int | None = None
    bid_steps: int | None = None
    ask_steps: int | None = None
    funding_rate_e8: int | None = None
    next_funding_ts: int | None = None

    def merged(self, newer: Ticker) -> Ticker:
        """This ticker with what `newer` says laid over it."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(newer, name)) is not None}
        return msgspec.structs.replace(self, **said)


Item = Kline | BookUpdate | Trade | Ticker

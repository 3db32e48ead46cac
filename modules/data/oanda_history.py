"""OANDA's past candles in the shape that warm-up asks every venue in. Those of the bid, as everywhere (`modules/data/oanda_feed.py`)."""

from __future__ import annotations

from collections.abc import Callable

from forex import oanda_parse as parse
from forex.oanda_rest import OandaRest
from modules.data.oanda_feed import SIDE
from state.instruments import Instrument
from state.market import Candle
from utils.throttle import Urgency


class OandaHistory:
    """`modules.data.backfill.Klines` over the broker's REST client."""

    def __init__(self, rest: OandaRest) -> None:
        self._rest = rest

    async def klines(
        self,
        instrument: Instrument,
        timeframe_ms: int,
        start_ms: int,
        end_ms: int,
        on_page: Callable[[int], None] | None = None,
        urgency: Urgency = Urgency.MARKET,
    ) -> list[Candle]:
        """Closed candles of a range, ascending and unique; times without a price have none."""
        return await self._rest.candles(instrument, timeframe_ms, start_ms, end_ms, SIDE, on_page, urgency)

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int | None:
        """Start of the running candle; while the market is shut, the end of the last one. None without any."""
        path = f"/v3/instruments/{parse.wire_name(instrument.symbol)}/candles"
        asked = {"granularity": parse.GRANULARITY[timeframe_ms], "price": SIDE, "count": "1"}
        found = parse.candles((await self._rest.get(path, asked)).body, instrument, SIDE)
        return max((candle.ts + timeframe_ms * complete for candle, complete in found), default=None)

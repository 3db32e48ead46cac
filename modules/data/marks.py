"""The newest mark price of each perpetual, as its ticker tells it: for paper's triggers, and with the bars for the engine. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from marketdata.items import Ticker
from state.market import MarkPrice
from state.messages import BarsClosed


class Marks:
    """One per feed of perpetuals whose stops go by the mark; `on_mark` hears of each new one (instrument key, ticks)."""

    def __init__(self, on_mark: Callable[[str, int], None]) -> None:
        self._on_mark = on_mark
        self._newest: dict[str, MarkPrice] = {}

    def on_ticker(self, ticker: Ticker) -> None:
        """A frame of the ticker; most do not speak of the mark."""
        if ticker.mark is None:
            return
        self._newest[ticker.key] = MarkPrice(ticker.key, ticker.ts, ticker.mark)
        self._on_mark(ticker.key, ticker.mark)

    def attach(self, event: BarsClosed) -> BarsClosed:
        """`event` with the marks of the moment for its candles; late bars belong to another moment and get none."""
        found = tuple(self._newest[one.key] for one in event.candles if one.key in self._newest)
        return event if event.late or not found else msgspec.structs.replace(event, marks=found)

    def forget(self) -> None:
        """The feed is down: what was heard is no longer the mark."""
        self._newest.clear()

"""A market small enough to compute by hand: 5-minute bars that saw up and down; and a transport that only remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import msgspec
import numpy as np

from modules.simulator import filters, path
from modules.simulator.bar_rows import Bars
from modules.simulator.clock import VenueClock
from modules.simulator.hub import Client, Hub
from modules.simulator.market import BAR, Funding, Series
from modules.simulator.publisher import Publisher
from modules.simulator.venue import Venue

START = 1_741_046_400_000
"""2025-03-04 00:00 UTC."""
FIVE = 300_000


def saw(count: int, start: int = START, tf_ms: int = FIVE, level: int = 8_000_000) -> Bars:
    """Bars up, down, up, ... of a BTC-like price in ticks of 0.01; each opens where the last closed."""
    rows = np.zeros(count, dtype=BAR)
    rows["ts"] = start + np.arange(count) * tf_ms
    close = level + np.where(np.arange(count) % 2 == 0, 1000, 0) + 10 * np.arange(count)
    rows["close"] = close
    rows["open"] = np.concatenate(([level], close[:-1]))
    rows["high"] = np.maximum(rows["open"], rows["close"]) + 150
    rows["low"] = np.minimum(rows["open"], rows["close"]) - 250
    rows["volume"] = 1.0 + (np.arange(count) % 7) / 10
    path.add_stress(rows, tf_ms, np.zeros(2))
    return rows


def series(bars: Bars | None = None, category: filters.Category = "spot", symbol: str = "BTCUSDT") -> Series:
    listed = filters.listing(symbol, category)
    assert listed is not None
    return Series(listed, FIVE, saw(600) if bars is None else bars)


class ToyMarket:
    """Spot and linear BTC and spot ETH over 50 hours of saw; venue time begins in the middle."""

    name = "toy"
    notices: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.start_ms = START + 300 * FIVE
        self.end_ms: int | None = START + 600 * FIVE
        every = (series(), series(symbol="ETHUSDT"), series(category="linear"))
        self.series = {one.listing.key: one for one in every}

    def extend(self, until_ms: int) -> None:
        """All there."""

    def funding(self, key: str, start_ms: int, end_ms: int) -> list[Funding]:
        if not key.startswith("linear"):
            return []
        eight = 8 * 3_600_000
        return [(ts, 0.0002) for ts in range(-(-max(start_ms, START) // eight) * eight, end_ms + 1, eight)]


class Wire:
    """Stands for a socket: remembers what was written; `stuck` bytes pretend that nobody reads."""

    def __init__(self) -> None:
        self.written = b""
        self.stuck = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.stuck

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def unframe(data: bytes) -> list[bytes]:
    """The payloads of unmasked text frames, by RFC 6455."""
    found = []
    while data:
        assert data[0] == 0x81, "final text frame"
        size, begin = data[1], 2
        if size == 126:
            size, begin = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, begin = int.from_bytes(data[2:10], "big"), 10
        found.append(data[begin : begin + size])
        data = data[begin + size :]
    return found


class Listener:
    """A client on a Wire whose messages can be read as objects; held output leaves when `release` is called."""

    def __init__(self, category: str = "spot") -> None:
        self.wire = Wire()
        self._later: list[Callable[[], None]] = []
        self.client = Client(category, cast(asyncio.WriteTransport, self.wire), lambda _, call: self._later.append(call))

    def release(self) -> None:
        for call in self._later:
            call()
        self._later.clear()

    def take(self) -> list[dict[str, Any]]:
        """What has arrived since the last call."""
        self.release()
        self.client.flush()
        data, self.wire.written = self.wire.written, b""
        return [msgspec.json.decode(one) for one in unframe(data)]


class Desk:
    """A venue over the toy market with its publisher, no sockets."""

    def __init__(self, market: Any | None = None) -> None:
        self.market = ToyMarket() if market is None else market
        self.clock = VenueClock(self.market.start_ms, 100.0, end_ms=self.market.end_ms, wall_ms=0.0)
        self.venue = Venue(self.market, self.clock)
        self.hub = Hub()
        self.publisher = Publisher(self.venue, self.hub)

    def advance(self, until_ms: int) -> None:
        """Publish up to a time, however many steps that takes."""
        while self.clock.now_ms < until_ms:
            self.publisher.advance(until_ms)

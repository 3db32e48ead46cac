"""Market frames: ccxt.pro's own socket client and handlers beside our parser and book, on the very frames that our simulator writes.

Both sides get the text of a frame and end with their own state: ccxt.pro with its order book, its cache of trades, its candles; ours with
typed values on the instrument's grid, and in the second contest with the book applied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import ccxt.pro
from ccxt import __version__ as ccxt_version

from bench.peers.compare import Contest, Entry
from bench.peers.interleave import in_turns
from marketdata.book import OrderBook
from marketdata.bybit_parse import StreamParser, topic_of
from marketdata.items import BookUpdate
from modules.simulator.clock import VenueClock
from modules.simulator.generated import GeneratedMarket
from modules.simulator.hub import Client, Hub
from modules.simulator.publisher import Publisher
from modules.simulator.topics import parse_topic
from modules.simulator.venue import Venue
from state.instruments import Instrument

SYMBOL, CATEGORY, DEPTH = "BTCUSDT", "spot", 50
START_MS = 1_741_046_400_000
STEP_MS, PULSE_S = 1_000, 0.1
KINDS = (f"orderbook.1.{SYMBOL}", f"orderbook.{DEPTH}.{SYMBOL}", f"publicTrade.{SYMBOL}", f"kline.5.{SYMBOL}")
NAMES = ("best bid and ask", f"order book of {DEPTH} levels, snapshot and deltas", "trades", "candles, running and closed")
URL = "wss://stream.bybit.com/v5/public/spot"
"""Where ccxt.pro believes its frames to come from (it reads the category off it); nothing is connected."""


class _Sink:
    """Stands where the socket's transport would: the simulator's client writes to it."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


def payloads(data: bytes) -> list[bytes]:
    """The messages of unmasked text frames (RFC 6455), as a server writes them."""
    found, at = [], 0
    while at < len(data):
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:
            size, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        found.append(bytes(data[begin : begin + size]))
        at = begin + size
    return found


def written(topic: str, count: int) -> tuple[Instrument, list[bytes]]:
    """The first `count` messages that the simulator publishes on a topic, and the instrument they are about."""
    market = GeneratedMarket(7, START_MS, (SYMBOL,))
    venue = Venue(market, VenueClock(START_MS, 1.0, wall_ms=0.0))
    hub = Hub()
    publisher = Publisher(venue, hub)
    sink = _Sink()
    client = Client(CATEGORY, cast(asyncio.WriteTransport, sink), lambda _s, _call: None)
    hub.clients.add(client)
    parsed = parse_topic(topic)
    if parsed is None:
        raise ValueError(f"{topic} is no public topic")
    venue.market.extend(START_MS + 3_600_000)
    publisher.subscribe(client, parsed)
    now, wall_s = START_MS, 0.0
    found: list[bytes] = []
    while len(found) < count:
        until, wall_s = now + STEP_MS, wall_s + PULSE_S
        while now < until:
            now = publisher.advance(until)
        publisher.pulse(wall_s)
        client.flush()
        if sink.written:
            found += payloads(bytes(sink.written))
            sink.written.clear()
    return market.series[f"{CATEGORY}:{SYMBOL}"].listing.instrument, found[:count]


def listed() -> dict[str, Any]:
    """The market as ccxt would have read it from the venue."""
    names = {"id": SYMBOL, "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT", "type": CATEGORY}
    kind = {
        "spot": True,
        "swap": False,
        "future": False,
        "option": False,
        "contract": False,
        "linear": None,
        "inverse": None,
        "active": True,
    }
    return {**names, **kind, "precision": {"amount": 1e-6, "price": 0.01}, "limits": {}, "info": {}}


async def contest(topic: str, name: str, count: int, rounds: int) -> Contest:
    """One kind of frame, handled to the end by both (a coroutine: ccxt's client wants a running loop)."""
    instrument, messages = written(topic, count)
    texts = [message.decode() for message in messages]
    depth = int(topic.split(".")[1]) if topic.startswith("orderbook") else 0
    parser = StreamParser([instrument])
    exchange = ccxt.pro.bybit({"newUpdates": False})
    exchange.set_markets([listed()])
    client = exchange.client(URL)

    def ours() -> None:
        book = OrderBook(instrument.key, depth)
        for raw in messages:
            for item in parser.parse(topic_of(raw), raw):
                if isinstance(item, BookUpdate):
                    book.apply(item)

    def theirs() -> None:
        for text in texts:
            client.handle_text_or_binary_message(text)

    try:
        rates = in_turns(count, {"ours": ours, "ccxt.pro": theirs}, rounds)
        state = _state(exchange)
    finally:
        await exchange.close()
    size = sum(map(len, messages)) / count
    note = f"{size:,.0f} bytes a frame"
    entries = [
        Entry(who="ours", rates=rates["ours"], note=note),
        Entry(who="ccxt.pro", version=ccxt_version, rates=rates["ccxt.pro"], note=state),
    ]
    words = "The simulator's own frames as text in memory; decoded and taken into the state that a user then reads. No socket, no waiting."
    return Contest(name=f"Frames: {name}", unit="frames/s", entries=entries, words=words)


def _state(exchange: Any) -> str:
    """What ccxt.pro holds in the end: proof that it took the frames."""
    book = exchange.orderbooks.get("BTC/USDT")
    if book is not None:
        return f"its book ends with {len(book['bids'])} bids and {len(book['asks'])} asks"
    trades = exchange.trades.get("BTC/USDT")
    if trades is not None:
        return f"its cache holds {len(trades)} trades"
    candles = exchange.ohlcvs.get("BTC/USDT", {})
    return f"its cache holds {sum(map(len, candles.values()))} candles"


def frames(rounds: int, count: int = 20_000, messages: Sequence[str] = KINDS) -> list[Contest]:
    """All kinds of frame."""

    async def inside() -> list[Contest]:
        return [await contest(topic, name, count, rounds) for topic, name in zip(messages, NAMES, strict=True)]

    return asyncio.run(inside())

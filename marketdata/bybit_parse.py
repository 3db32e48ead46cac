"""Bybit v5 public stream frames -> typed values on the instrument's grid. Pure; the hot path of the program.

Two looks at a frame: its topic (a slice where the venue puts it first), then one decode into the smallest struct that holds what we
use, with numbers straight from their strings. Unknown fields are ignored. Real examples:

{"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"end":1672325099999,"interval":"5","open":"16649.5","close":"16677",
 "high":"16677","low":"16608","volume":"2.081","turnover":"34666.4005","confirm":false,"timestamp":1672324988882}],
 "ts":1672324988882,"type":"snapshot"}
{"topic":"orderbook.50.BTCUSDT","ts":1680652808085,"type":"delta","data":{"s":"BTCUSDT","b":[["28161.04","0.177474"],["28145.71","0"]],
 "a":[["28184.33","0"]],"u":59438061,"seq":4281282232}}
{"topic":"publicTrade.BTCUSDC","ts":1680688980000,"type":"snapshot","data":[{"i":"2240000000041223438","T":1680688979998,
 "p":"28528.98","v":"0.00433","S":"Buy","s":"BTCUSDC","BT":false}]}
{"topic":"tickers.BTCUSD","type":"delta","data":{"symbol":"BTCUSD","price24hPcnt":"0.023362","openInterest":"449736674",
 "fundingRate":"0.0001","bid1Price":"28560.00","bid1Size":"340549","ask1Price":"28560.50","ask1Size":"70817"},"cs":20856433603,"ts":1680673822776}
{"success":true,"ret_msg":"","conn_id":"cejreaspqfm9se7usbrg-2xh","req_id":"sub-orderbook-1","op":"subscribe"}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import floor, inf, isfinite
from typing import Any, Literal

import msgspec

from marketdata.grid import Grid, rate_e8
from marketdata.intervals import LENGTH_MS
from marketdata.items import BookUpdate, Item, Kline, Ticker
from state.instruments import Instrument
from state.market import Candle, Trade
from utils.frames import FrameError, field_of


class Ack(msgspec.Struct, frozen=True):
    """The answer to a request on the socket (also to a ping)."""

    op: str
    ok: bool
    reason: str
    req_id: str


class _KlineRow(msgspec.Struct, gc=False):
    start: int
    interval: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    confirm: bool


class _KlineFrame(msgspec.Struct, gc=False):
    ts: int
    data: tuple[_KlineRow, ...]


class BookRows(msgspec.Struct, gc=False):
    """The book as stream and REST write it."""

    b: list[tuple[float, float]]
    a: list[tuple[float, float]]
    u: int
    seq: int = 0


class _BookFrame(msgspec.Struct, gc=False):
    type: Literal["snapshot", "delta"]
    ts: int
    data: BookRows


class _TradeRow(msgspec.Struct, gc=False):
    T: int
    S: Literal["Buy", "Sell"]
    p: float
    v: float


class _TradeFrame(msgspec.Struct, gc=False):
    data: tuple[_TradeRow, ...]


Number = float | Literal[""]


class TickerRow(msgspec.Struct, rename="camel", gc=False):
    """The fields of a ticker that we use; empty text = not there. To be decoded with `strict=False`."""

    symbol: str
    last_price: Number = ""
    mark_price: Number = ""
    bid1_price: Number = ""
    bid1_size: Number = ""
    ask1_price: Number = ""
    ask1_size: Number = ""
    funding_rate: Number = ""
    next_funding_time: int | Literal[""] = ""


class _TickerFrame(msgspec.Struct, gc=False):
    ts: int
    data: TickerRow


class _Head(msgspec.Struct):
    topic: str = ""


class _AckFrame(msgspec.Struct):
    success: bool
    op: str = ""
    ret_msg: str = ""
    req_id: str | int | None = None


# strict=False reads numbers straight from the venue's strings
_kline = msgspec.json.Decoder(_KlineFrame, strict=False).decode
_book = msgspec.json.Decoder(_BookFrame, strict=False).decode
_trades = msgspec.json.Decoder(_TradeFrame, strict=False).decode
_ticker = msgspec.json.Decoder(_TickerFrame, strict=False).decode
_head = msgspec.json.Decoder(_Head)
_ack = msgspec.json.Decoder(_AckFrame)

_TOPIC_FIRST = b'{"topic":"'
_SKIP = len(_TOPIC_FIRST)


def topic_of(raw: bytes) -> bytes:
    """The topic of a frame, empty for answers to requests. FrameError when it is not JSON."""
    if raw.startswith(_TOPIC_FIRST):
        end = raw.find(b'"', _SKIP)
        if end > 0:
            return raw[_SKIP:end]
    try:
        return _head.decode(raw).topic.encode()
    except msgspec.MsgspecError as error:
        raise FrameError("?", field_of(error), str(error)) from error


def parse_ack(raw: bytes) -> Ack:
    """An answer to a request. FrameError when it is none."""
    try:
        frame = _ack.decode(raw)
    except msgspec.MsgspecError as error:
        raise FrameError("answer", field_of(error), str(error)) from error
    return Ack(frame.op, frame.success, frame.ret_msg, "" if frame.req_id is None else str(frame.req_id))


def candle_of(grid: Grid, ts: int, prices: tuple[float, float, float, float], volume: float) -> Candle:
    """A candle from open, high, low, close; ValueError when they cannot belong to one candle."""
    o, h, l, c = prices
    tick = grid.tick
    # four times `Grid.ticks`, without its calls
    open_, high, low, close = floor(o / tick + 0.5), floor(h / tick + 0.5), floor(l / tick + 0.5), floor(c / tick + 0.5)
    if not (0 < low <= open_ <= high and low <= close <= high and 0 <= volume < inf):
        raise ValueError(f"no candle has open {o}, high {h}, low {l}, close {c}, volume {volume}")
    return Candle(grid.key, ts, open_, high, low, close, volume)


def book_of(grid: Grid, ts: int, rows: BookRows, *, snapshot: bool) -> BookUpdate:
    """Book rows on the grid; ValueError or OverflowError for a number that is not finite."""
    return BookUpdate(grid.key, ts, snapshot, rows.u, rows.seq, grid.levels(rows.b), grid.levels(rows.a))


def ticker_of(grid: Grid, ts: int, row: TickerRow) -> Ticker:
    """A ticker row on the grid; ValueError for text that is not a number."""
    ticks, steps = grid.ticks, grid.steps
    last, mark, bid, ask = row.last_price, row.mark_price, row.bid1_price, row.ask1_price
    bid_size, ask_size, rate, settles = row.bid1_size, row.ask1_size, row.funding_rate, row.next_funding_time
    return Ticker(
        grid.key,
        ts,
        ticks(last) if last != "" else None,
        ticks(mark) if mark != "" else None,
        ticks(bid) if bid != "" else None,
        ticks(ask) if ask != "" else None,
        steps(bid_size) if bid_size != "" else None,
        steps(ask_size) if ask_size != "" else None,
        rate_e8(rate) if rate != "" else None,
        settles if settles != "" else None,
    )


def _parse_kline(grid: Grid, raw: bytes) -> Sequence[Item]:
    frame = _kline(raw)
    return [
        Kline(
            candle_of(grid, row.start, (row.open, row.high, row.low, row.close), row.volume), LENGTH_MS[row.interval], row.confirm, frame.ts
        )
        for row in frame.data
    ]


def _parse_book(grid: Grid, raw: bytes) -> Sequence[Item]:
    frame = _book(raw)
    return (book_of(grid, frame.ts, frame.data, snapshot=frame.type == "snapshot"),)


def _parse_trades(grid: Grid, raw: bytes) -> Sequence[Item]:
    key, ticks, steps = grid.key, grid.ticks, grid.steps
    return [Trade(key, row.T, ticks(row.p), steps(row.v), row.S == "Buy") for row in _trades(raw).data]


def _parse_ticker(grid: Grid, raw: bytes) -> Sequence[Item]:
    frame = _ticker(raw)
    return (ticker_of(grid, frame.ts, frame.data),)


_KINDS: dict[str, Callable[[Grid, bytes], Sequence[Item]]] = {
    "kline": _parse_kline,
    "orderbook": _parse_book,
    "publicTrade": _parse_trades,
    "tickers": _parse_ticker,
}


class StreamParser:
    """The frames of one channel for a list of instruments of one domain (symbols are unique there)."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._grids = {instrument.symbol: Grid.of(instrument) for instrument in instruments}
        self._routes: dict[bytes, Callable[[bytes], Sequence[Item]]] = {}

    def parse(self, topic: bytes, raw: bytes) -> Sequence[Item]:
        """The values of a frame. FrameError naming topic and field when it cannot be understood."""
        route = self._routes.get(topic) or self._route(topic)
        try:
            return route(raw)
        except msgspec.MsgspecError as error:
            raise FrameError(topic.decode(), field_of(error), str(error)) from error
        except (ValueError, OverflowError, KeyError) as error:
            raise FrameError(topic.decode(), _blame(raw), str(error)) from error

    def _route(self, topic: bytes) -> Callable[[bytes], Sequence[Item]]:
        text = topic.decode()
        kind, _, rest = text.partition(".")
        symbol = rest.rpartition(".")[2]
        if kind not in _KINDS or symbol not in self._grids:
            raise FrameError(text, "topic", "nobody asked for it")
        route = partial(_KINDS[kind], self._grids[symbol])
        self._routes[topic] = route
        return route


def _blame(raw: bytes) -> str:
    """The first field whose text is no finite number where the rest of its kind are (slow: only when a frame has already failed)."""
    names = ("open", "high", "low", "close", "volume", "p", "v", "lastPrice", "markPrice", "bid1Price", "bid1Size", "ask1Price", "ask1Size")
    data: Any = msgspec.json.decode(raw).get("data")
    rows = data if isinstance(data, list) else [data]
    for index, row in enumerate(rows):
        where = f"data[{index}]" if isinstance(data, list) else "data"
        for name in (*names, "fundingRate", "nextFundingTime"):
            if name in row and not _finite(row[name]):
                return f"{where}.{name}"
        if row.get("interval", "5") not in LENGTH_MS:
            return f"{where}.interval"
        for side in ("b", "a"):
            if any(not _finite(number) for level in row.get(side, ()) for number in level):
                return f"{where}.{side}"
    return "data"


def _finite(text: str) -> bool:
    try:
        return not text or isfinite(float(text))
    except ValueError:
        return False

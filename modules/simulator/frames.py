"""How public stream messages are written: a function per topic kind, in the venue's own key order, and the WebSocket frame around it.

The hot ones are plain string formatting (a third of the time of building and encoding objects); every value in them is a number or a
name of ours, so nothing needs escaping.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from modules.simulator import intervals
from modules.simulator.candles import Candles
from modules.simulator.market import Series


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented WebSocket text frame (RFC 6455 §5.2), as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def amount(value: float, digits: int) -> str:
    """A number without exponent and trailing zeros."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def trade_id(category: str, salt: int, ts: int) -> str:
    """Unique per listing and point: digits on spot, UUID-shaped on linear, as the venue has them."""
    if category == "spot":
        return str(2_000_000_000_000_000_000 + (salt % 100_000) * 10_000_000_000_000 + ts)
    return f"{salt:08x}-0000-4000-8000-{ts:012x}"


def trade(topic: str, series: Series, salt: int, ts: int, price: str, steps: int, buy: int, tick: str) -> bytes:
    """PublicTrade with one print; `tick` is the linear tick direction."""
    listing = series.listing
    side = "Buy" if buy else "Sell"
    direction = f'"L":"{tick}",' if listing.category == "linear" else ""
    return (
        f'{{"topic":"{topic}","type":"snapshot","ts":{ts},"data":[{{"T":{ts},"s":"{listing.symbol}","S":"{side}","v":"{series.size(steps)}",'
        f'"p":"{price}",{direction}"i":"{trade_id(listing.category, salt, ts)}","BT":false,"RPI":false,"seq":{ts}}}]}}'
    ).encode()


def level_one(topic: str, symbol: str, ts: int, bid: tuple[str, str], ask: tuple[str, str], u: int) -> bytes:
    """orderbook.1, always a snapshot."""
    return (
        f'{{"topic":"{topic}","type":"snapshot","ts":{ts},"data":{{"s":"{symbol}","b":[["{bid[0]}","{bid[1]}"]],"a":[["{ask[0]}","{ask[1]}"]],'
        f'"u":{u},"seq":{ts}}},"cts":{ts}}}'
    ).encode()


def book(topic: str, kind: str, series: Series, now_ms: int, ts: int, bids: Mapping[int, int], asks: Mapping[int, int], u: int) -> bytes:
    """A snapshot or delta of a deeper book; `ts` is the path point that it shows."""
    price, size = series.price, series.size
    b = ",".join([f'["{price(p)}","{size(s) if s else 0}"]' for p, s in bids.items()])
    a = ",".join([f'["{price(p)}","{size(s) if s else 0}"]' for p, s in asks.items()])
    return (
        f'{{"topic":"{topic}","type":"{kind}","ts":{now_ms},"data":{{"s":"{series.listing.symbol}","b":[{b}],"a":[{a}],'
        f'"u":{u},"seq":{ts}}},"cts":{ts}}}'
    ).encode()


def kline(topic: str, series: Series, interval: str, candle: Candles, now_ms: int, *, confirm: bool) -> bytes:
    """Kline with the single candle in `candle`."""
    start = int(candle.ts[0])
    end = intervals.shift(start, interval, 1) - 1
    o, h, low, c = (series.price(int(column[0])) for column in (candle.open, candle.high, candle.low, candle.close))
    volume, turnover = amount(float(candle.volume[0]), max(8, series.size_digits)), amount(float(candle.turnover[0]), 8)
    return (
        f'{{"topic":"{topic}","data":[{{"start":{start},"end":{end},"interval":"{interval}","open":"{o}","close":"{c}","high":"{h}","low":"{low}",'
        f'"volume":"{volume}","turnover":"{turnover}","confirm":{"true" if confirm else "false"},"timestamp":{min(now_ms, end + 1) - 1}}}],'
        f'"ts":{now_ms},"type":"snapshot"}}'
    ).encode()


def ticker(topic: str, kind: str, ts: int, data: Mapping[str, str]) -> bytes:
    """tickers: a snapshot, or for linear a delta of changed fields."""
    return b'{"topic":"%s","type":"%s","data":%s,"cs":%d,"ts":%d}' % (topic.encode(), kind.encode(), msgspec.json.encode(data), ts, ts)

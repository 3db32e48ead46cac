"""Instruments and frames that the tests of market data share."""

from __future__ import annotations

from decimal import Decimal

from state.accounts import Domain
from state.instruments import Instrument

M5 = 300_000


def spot(symbol: str = "BTCUSDT", tick: str = "0.01", step: str = "0.000001") -> Instrument:
    """A spot pair against USDT."""
    return Instrument(
        domain=Domain.CRYPTO,
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal(tick),
        step=Decimal(step),
        min_qty=Decimal(step),
        min_notional=Decimal(5),
        max_qty=Decimal(1000),
    )


def perp(symbol: str = "BTCUSDT", tick: str = "0.10", step: str = "0.001") -> Instrument:
    """A linear perpetual."""
    return Instrument(
        domain=Domain.PERPS,
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal(tick),
        step=Decimal(step),
        min_qty=Decimal(step),
        min_notional=Decimal(5),
        max_qty=Decimal(1000),
        funding_interval_min=480,
    )


def kline_frame(symbol: str, start: int, *, confirm: bool = True, close: str = "16677", interval: str = "5") -> bytes:
    """A kline frame as the venue writes it."""
    return (
        f'{{"topic":"kline.{interval}.{symbol}","data":[{{"start":{start},"end":{start + M5 - 1},"interval":"{interval}","open":"16649.5",'
        f'"close":"{close}","high":"16677","low":"16608","volume":"2.081","turnover":"34666.4005","confirm":{str(confirm).lower()},'
        f'"timestamp":{start + M5}}}],"ts":{start + M5},"type":"snapshot"}}'
    ).encode()


def book_frame(
    symbol: str, ts: int, bid: str = "16676.99", ask: str = "16677.01", *, u: int = 1, kind: str = "snapshot", depth: int = 1
) -> bytes:
    """A book frame of one level a side."""
    return (
        f'{{"topic":"orderbook.{depth}.{symbol}","ts":{ts},"type":"{kind}","data":{{"s":"{symbol}","b":[["{bid}","0.5"]],"a":[["{ask}","0.25"]],'
        f'"u":{u},"seq":{u}}},"cts":{ts}}}'
    ).encode()


def trade_frame(symbol: str, ts: int, price: str = "16677") -> bytes:
    """A frame of one print."""
    return (
        f'{{"topic":"publicTrade.{symbol}","ts":{ts},"type":"snapshot","data":[{{"i":"1","T":{ts},"p":"{price}","v":"0.00433","S":"Buy",'
        f'"s":"{symbol}","BT":false}}]}}'
    ).encode()

"""Bybit v5 REST answers -> typed values: the envelope, instruments, candles, tickers, books, funding. Pure.

Examples: {"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[["1709891679000","27450","27460","27440",
"27455","123.45","3390000"]]},"retExtInfo":{},"time":1709891679050} (newest first); funding rows {"symbol":"BTCUSDT","fundingRate":"0.0001",
"fundingRateTimestamp":"1709884800000"}; spot lotSizeFilter {"basePrecision":"0.0001","quotePrecision":"0.01","minOrderQty":"0.001",
"maxOrderQty":"100.0","minOrderAmt":"10","maxOrderAmt":"1000000"}; linear {"maxOrderQty":"100.0","minOrderQty":"0.001","qtyStep":"0.001",
"postOnlyMaxOrderQty":"100.0","maxMktOrderQty":"50.0","minNotionalValue":"5"}.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from marketdata.bybit_parse import BookRows, TickerRow, book_of, candle_of, ticker_of
from marketdata.grid import Grid, rate_e8
from marketdata.items import BookUpdate, Ticker
from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, FundingRate
from utils.frames import FrameError, field_of

CATEGORY: dict[Domain, str] = {Domain.CRYPTO: "spot", Domain.PERPS: "linear"}
"""The venue's name of a domain, in REST and in the path of its public stream."""

T = TypeVar("T")


class Envelope(msgspec.Struct, rename="camel"):
    """What every answer is wrapped in; `time` is the venue's clock in ms."""

    ret_code: int
    ret_msg: str
    result: msgspec.Raw = msgspec.Raw(b"{}")
    time: int = 0


class _Page(msgspec.Struct, rename={"rows": "list", "cursor": "nextPageCursor"}):
    rows: list[msgspec.Raw]
    cursor: str | None = None


class _Klines(msgspec.Struct, rename={"rows": "list"}):
    rows: list[tuple[int, float, float, float, float, float, Any]]


class _MarkKlines(msgspec.Struct, rename={"rows": "list"}):
    rows: list[tuple[int, float, float, float, float]]


class _Funding(msgspec.Struct, rename="camel"):
    funding_rate: str
    funding_rate_timestamp: int


class _FundingList(msgspec.Struct, rename={"rows": "list"}):
    rows: list[_Funding]


class _Tickers(msgspec.Struct, rename={"rows": "list"}):
    rows: list[TickerRow]


class _Book(BookRows, gc=False, kw_only=True):
    ts: int


class _Time(msgspec.Struct, rename="camel"):
    time_nano: int


class _PriceFilter(msgspec.Struct, rename="camel"):
    tick_size: Decimal


class _SpotLot(msgspec.Struct, rename="camel"):
    base_precision: Decimal
    min_order_qty: Decimal
    min_order_amt: Decimal
    max_order_qty: Decimal
    max_limit_order_qty: Decimal | None = None


class _SpotRow(msgspec.Struct, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    status: str
    lot_size_filter: _SpotLot
    price_filter: _PriceFilter


class _LinearLot(msgspec.Struct, rename="camel"):
    qty_step: Decimal
    min_order_qty: Decimal
    max_order_qty: Decimal
    min_notional_value: Decimal = Decimal(0)


class _LinearRow(msgspec.Struct, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    status: str
    contract_type: str
    funding_interval: int
    lot_size_filter: _LinearLot
    price_filter: _PriceFilter


class _Name(msgspec.Struct):
    symbol: str = "?"


class InstrumentsPage(msgspec.Struct, frozen=True):
    """One page of instruments; `refused` holds, by symbol, the rows that could not be understood: one odd row must not hide the rest."""

    instruments: list[Instrument]
    cursor: str
    refused: dict[str, FrameError]


def _decode(raw: bytes | msgspec.Raw, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except msgspec.MsgspecError as error:
        raise FrameError(path, field_of(error), str(error)) from error


def parse_envelope(raw: bytes, path: str) -> Envelope:
    """The wrapping of an answer. FrameError when it is not one."""
    return _decode(raw, Envelope, path)


def parse_time(result: msgspec.Raw) -> int:
    """The venue's clock, ms."""
    return _decode(result, _Time, "/v5/market/time").time_nano // 1_000_000


def parse_klines(result: msgspec.Raw, instrument: Instrument) -> list[Candle]:
    """Candles in the order of the answer (newest first, the first usually still running)."""
    path = f"/v5/market/kline {instrument.symbol}"
    grid = Grid.of(instrument)
    candles = []
    for index, (start, *prices, volume, _) in enumerate(_decode(result, _Klines, path).rows):
        o, h, l, c = prices
        try:
            candles.append(candle_of(grid, start, (o, h, l, c), volume))
        except (ValueError, OverflowError) as error:
            raise FrameError(path, f"list[{index}]", str(error)) from error
    return candles


def parse_mark_open(result: msgspec.Raw, instrument: Instrument, ts: int) -> int | None:
    """Open (ticks) of the mark price's bar that starts at `ts`; None when it is not in the answer."""
    path = f"/v5/market/mark-price-kline {instrument.symbol}"
    grid = Grid.of(instrument)
    for start, o, h, l, c in _decode(result, _MarkKlines, path).rows:
        if start == ts:
            try:
                return candle_of(grid, start, (o, h, l, c), 0.0).open
            except (ValueError, OverflowError) as error:
                raise FrameError(path, "list[0]", str(error)) from error
    return None


def parse_funding(result: msgspec.Raw, instrument: Instrument) -> list[FundingRate]:
    """Settled funding rates in the order of the answer (newest first)."""
    path = f"/v5/market/funding/history {instrument.symbol}"
    try:
        rows = _decode(result, _FundingList, path).rows
        return [FundingRate(instrument.key, row.funding_rate_timestamp, rate_e8(row.funding_rate)) for row in rows]
    except ValueError as error:
        raise FrameError(path, "fundingRate", str(error)) from error


def parse_tickers(result: msgspec.Raw, instruments: dict[str, Instrument], ts: int) -> list[Ticker]:
    """Tickers of those symbols that are in `instruments`; `ts` is the answer's time (the rows have none)."""
    tickers = []
    for row in _decode(result, _Tickers, "/v5/market/tickers").rows:
        if row.symbol in instruments:
            try:
                tickers.append(ticker_of(Grid.of(instruments[row.symbol]), ts, row))
            except (ValueError, OverflowError) as error:
                raise FrameError("/v5/market/tickers", row.symbol, str(error)) from error
    return tickers


def parse_book(result: msgspec.Raw, instrument: Instrument) -> BookUpdate:
    """A book as a snapshot."""
    path = f"/v5/market/orderbook {instrument.symbol}"
    rows = _decode(result, _Book, path)
    try:
        return book_of(Grid.of(instrument), rows.ts, rows, snapshot=True)
    except (ValueError, OverflowError) as error:
        raise FrameError(path, "b/a", str(error)) from error


def parse_instruments(result: msgspec.Raw, domain: Domain) -> InstrumentsPage:
    """Spot pairs or linear perpetuals (dated futures are skipped). FrameError when the page itself is broken."""
    page = _decode(result, _Page, "/v5/market/instruments-info")
    found: list[Instrument] = []
    refused: dict[str, FrameError] = {}
    for raw in page.rows:
        try:
            instrument = _spot(raw) if domain is Domain.CRYPTO else _linear(raw)
        except FrameError as error:
            refused[_decode(raw, _Name, "/v5/market/instruments-info").symbol] = error
            continue
        if instrument is not None:
            found.append(instrument)
    return InstrumentsPage(found, page.cursor or "", refused)


def _spot(raw: msgspec.Raw) -> Instrument:
    row = _decode(raw, _SpotRow, "instrument spot")
    lot = row.lot_size_filter
    return _checked(
        Instrument(
            domain=Domain.CRYPTO,
            symbol=row.symbol,
            base=row.base_coin,
            quote=row.quote_coin,
            tick=row.price_filter.tick_size,
            step=lot.base_precision,
            min_qty=lot.min_order_qty,
            min_notional=lot.min_order_amt,
            max_qty=lot.max_limit_order_qty or lot.max_order_qty,
            trading=row.status == "Trading",
        )
    )


def _linear(raw: msgspec.Raw) -> Instrument | None:
    row = _decode(raw, _LinearRow, "instrument linear")
    if row.contract_type != "LinearPerpetual":
        return None
    lot = row.lot_size_filter
    return _checked(
        Instrument(
            domain=Domain.PERPS,
            symbol=row.symbol,
            base=row.base_coin,
            quote=row.quote_coin,
            tick=row.price_filter.tick_size,
            step=lot.qty_step,
            min_qty=lot.min_order_qty,
            min_notional=lot.min_notional_value,
            max_qty=lot.max_order_qty,
            funding_interval_min=row.funding_interval,
            trading=row.status == "Trading",
        )
    )


def _checked(instrument: Instrument) -> Instrument:
    for name in ("tick", "step", "max_qty"):
        value: Decimal = getattr(instrument, name)
        if not value > 0:
            raise FrameError(f"instrument {instrument.symbol}", name, f"{value} is not positive")
    return instrument

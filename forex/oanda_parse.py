"""OANDA v20's market as it writes it (instruments, candles, prices, errors), into state nouns on the instrument's grid. Pure.

Numbers are strings there and times have nine decimals. Extra keys are allowed; a missing field or text that is no number is a `FrameError`
that names it. An unknown type of line is None: it is kept from nobody who wants it, and stops nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from state.accounts import Domain
from state.instruments import Instrument
from state.market import Candle, Quote
from utils.fixed import nearest_ticks
from utils.frames import FrameError, field_of

MINUTE_MS = 60_000
GRANULARITY = {
    **{minutes * MINUTE_MS: f"M{minutes}" for minutes in (1, 2, 4, 5, 10, 15, 30)},
    **{hours * 60 * MINUTE_MS: f"H{hours}" for hours in (1, 2, 3, 4, 6, 8, 12)},
}
"""Timeframes (ms) by OANDA's names whose bars start on multiples of them; days are New York's there, so they are rolled up here."""
SIDES = {"B": "bid", "A": "ask", "M": "mid"}
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
PAIR = re.compile(r"[A-Z]{3}_[A-Z]{3}")

T = TypeVar("T")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument with the broker's terms for it. Rates are per year of the position's value; negative = paid by the holder."""

    instrument: Instrument
    pip: Decimal
    margin_rate: Decimal
    """Part of the value that a position binds: 0.02 = leverage 50."""
    long_rate: Decimal | None = None
    short_rate: Decimal | None = None
    days: tuple[int, ...] | None = None
    """Days of financing charged at the end of each day of the week, Monday first; None = not said."""


class Priced(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask; `tradeable` False: the market is shut or the pair halted, and the quote only shows where it stood."""

    quote: Quote
    tradeable: bool


class Beat(msgspec.Struct, frozen=True, gc=False):
    """A heartbeat of a stream: the venue's time, ms; `last_id` the account's last transaction (0 on the price stream)."""

    ts: int
    last_id: int = 0


class Fault(msgspec.Struct, frozen=True):
    """What an error's body says: `code` is the reject reason, else the error code, else empty."""

    code: str
    message: str


class _Day(msgspec.Struct, rename="camel"):
    day_of_week: str
    days_charged: int


class _Financing(msgspec.Struct, rename="camel"):
    long_rate: Decimal
    short_rate: Decimal
    financing_days_of_week: list[_Day] = []


class _Instrument(msgspec.Struct, rename="camel"):
    name: str
    type: str
    pip_location: int
    display_precision: int
    trade_units_precision: int
    minimum_trade_size: Decimal
    maximum_order_units: Decimal
    margin_rate: Decimal
    financing: _Financing | None = None


class _Instruments(msgspec.Struct):
    instruments: list[_Instrument]


class _Bar(msgspec.Struct):
    o: str
    h: str
    l: str
    c: str


class _Candle(msgspec.Struct):
    time: str
    volume: int
    complete: bool
    bid: _Bar | None = None
    ask: _Bar | None = None
    mid: _Bar | None = None


class _Candles(msgspec.Struct):
    candles: list[_Candle]


class _Bucket(msgspec.Struct):
    price: str
    liquidity: int = 0


class _Price(msgspec.Struct, rename="camel"):
    instrument: str
    time: str
    bids: list[_Bucket]
    asks: list[_Bucket]
    closeout_bid: str = ""
    closeout_ask: str = ""
    tradeable: bool = True


class _Prices(msgspec.Struct):
    prices: list[_Price]
    time: str = ""


class _Head(msgspec.Struct):
    type: str = ""


class _Beat(msgspec.Struct):
    time: str
    last_id: str = msgspec.field(name="lastTransactionID", default="0")


class _Reject(msgspec.Struct):
    reason: str = msgspec.field(name="rejectReason", default="")


class _Error(msgspec.Struct):
    message: str = msgspec.field(name="errorMessage", default="")
    code: str = msgspec.field(name="errorCode", default="")


def wire_name(symbol: str) -> str:
    """`EURUSD` as OANDA writes it; ValueError when it is no pair of currencies."""
    name = f"{symbol[:3]}_{symbol[3:]}"
    if not PAIR.fullmatch(name):
        raise ValueError(f"{symbol!r} is not a pair of currencies")
    return name


def symbol_of(name: str) -> str:
    """`EUR_USD` as the bot writes it."""
    return name.replace("_", "")


def key_of(name: str) -> str:
    """`EUR_USD` as an instrument key."""
    return f"{Domain.FOREX}:{symbol_of(name)}"


def time_ms(text: str, where: str = "time") -> int:
    """RFC3339 with any number of decimals, or UNIX seconds with decimals, as ms UTC, rounded down. FrameError for anything else."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    try:
        ms = int((fraction + "000")[:3])
        if "T" not in seconds:
            return int(seconds) * 1000 + ms
        return int(datetime.fromisoformat(seconds).replace(tzinfo=UTC).timestamp()) * 1000 + ms
    except ValueError as error:
        raise FrameError(where, "time", f"{text!r} is not a time") from error


def rfc3339(ts: int) -> str:
    """Ms UTC as OANDA reads it."""
    return f"{datetime.fromtimestamp(ts // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ts % 1000:03d}000000Z"


def decode(raw: bytes, shape: type[T], where: str) -> T:
    """JSON as `shape`; FrameError naming the field that does not fit."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FrameError(where, field_of(error), str(error)) from error


def instruments(raw: bytes) -> list[Terms]:
    """Pairs of currencies of an answer of `A/instruments`; metals and CFDs are left out."""
    where = "instruments"
    return [
        _terms(row, where) for row in decode(raw, _Instruments, where).instruments if row.type == "CURRENCY" and PAIR.fullmatch(row.name)
    ]


def _terms(row: _Instrument, where: str) -> Terms:
    for field in ("minimum_trade_size", "maximum_order_units", "margin_rate"):
        if not getattr(row, field).is_finite() or getattr(row, field) <= 0:
            raise FrameError(where, field, f"{getattr(row, field)} of {row.name} is not above 0")
    base, quote = row.name.split("_")
    instrument = Instrument(
        domain=Domain.FOREX,
        symbol=symbol_of(row.name),
        base=base,
        quote=quote,
        tick=Decimal(1).scaleb(-row.display_precision),
        step=Decimal(1).scaleb(-row.trade_units_precision),
        min_qty=row.minimum_trade_size,
        min_notional=Decimal(0),
        max_qty=row.maximum_order_units,
    )
    cost = row.financing
    days = {} if cost is None else {one.day_of_week: one.days_charged for one in cost.financing_days_of_week}
    return Terms(
        instrument=instrument,
        pip=Decimal(1).scaleb(row.pip_location),
        margin_rate=row.margin_rate,
        long_rate=None if cost is None else cost.long_rate,
        short_rate=None if cost is None else cost.short_rate,
        days=None if not days else tuple(days.get(day, 0) for day in DAYS),
    )


def candles(raw: bytes, instrument: Instrument, price: str) -> list[tuple[Candle, bool]]:
    """Candles of the side `price` (B, M or A) and whether each is complete, in the venue's order. `volume` counts ticks."""
    where, side, tick = "candles", SIDES[price], float(instrument.tick)
    found = []
    for row in decode(raw, _Candles, where).candles:
        bar: _Bar | None = getattr(row, side)
        if bar is None:
            raise FrameError(where, side, "is missing")
        try:
            o, h, l, c = (nearest_ticks(float(text), tick) for text in (bar.o, bar.h, bar.l, bar.c))
        except (ValueError, OverflowError) as error:
            raise FrameError(where, side, f"{bar} is not a bar of prices") from error
        if not 0 < l <= min(o, c) <= max(o, c) <= h:
            raise FrameError(where, side, f"{bar} cannot be one bar")
        found.append((Candle(instrument.key, time_ms(row.time, where), o, h, l, c, float(row.volume)), row.complete))
    return found


def prices(raw: bytes, known: Mapping[str, Instrument]) -> list[Priced]:
    """The prices of an answer of `A/pricing`; `known` by OANDA's name."""
    return [_priced(row, known[row.instrument]) for row in decode(raw, _Prices, "pricing").prices if row.instrument in known]


def price_line(raw: bytes, known: Mapping[str, Instrument]) -> Priced | Beat | None:
    """A line of the price stream; None for a type that nobody here knows, or another instrument."""
    kind = decode(raw, _Head, "pricing").type
    if kind == "HEARTBEAT":
        return beat(raw, "pricing")
    if kind != "PRICE":
        return None
    row = decode(raw, _Price, "pricing")
    instrument = known.get(row.instrument)
    return None if instrument is None else _priced(row, instrument)


def beat(raw: bytes, where: str) -> Beat:
    """A heartbeat of either stream."""
    one = decode(raw, _Beat, where)
    return Beat(time_ms(one.time, where), integer(one.last_id, where, "lastTransactionID"))


def kind_of(raw: bytes, where: str) -> str:
    """The type of a line, empty when it says none."""
    return decode(raw, _Head, where).type


def integer(text: str, where: str, field: str) -> int:
    """An id; FrameError when it is none."""
    if not (text.isascii() and text.isdigit()):
        raise FrameError(where, field, f"{text!r} is not a whole number")
    return int(text)


def _priced(row: _Price, instrument: Instrument) -> Priced:
    where, tick = "pricing", float(instrument.tick)
    bid, ask = row.bids[0] if row.bids else _Bucket(row.closeout_bid or "0"), row.asks[0] if row.asks else _Bucket(row.closeout_ask or "0")
    try:
        bid_ticks, ask_ticks = (nearest_ticks(float(one.price), tick) for one in (bid, ask))
    except (ValueError, OverflowError) as error:
        raise FrameError(where, "price", f"{bid.price!r} and {ask.price!r} are not prices") from error
    step = instrument.step
    quote = Quote(instrument.key, time_ms(row.time, where), bid_ticks, ask_ticks, int(bid.liquidity / step), int(ask.liquidity / step))
    return Priced(quote, row.tradeable and bool(row.bids) and bool(row.asks))


def fault(raw: bytes) -> Fault:
    """What the body of a refused request says, whichever of the shapes it has; empty where it cannot be read."""
    try:
        said: dict[str, Any] = msgspec.json.decode(raw, type=dict[str, Any])
        error = msgspec.convert(said, _Error)
        rejects = [msgspec.convert(value, _Reject).reason for name, value in said.items() if name.endswith("RejectTransaction")]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Fault("", "")
    return Fault(_first([*rejects, error.code]), error.message)


def _first(words: Sequence[str]) -> str:
    return next((word for word in words if word), "")


def by_name(found: Iterable[Instrument]) -> dict[str, Instrument]:
    """Instruments by OANDA's name."""
    return {wire_name(one.symbol): one for one in found}

"""What an FX option is and what prices it: the contract with its name, and the volatility surface of a pair at one time."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time
from enum import IntEnum
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from utils.errors import Refusal

CUT_ZONE = ZoneInfo("America/New_York")
CUT_TIME = time(10, 0)
"""European FX options of the listed kind expire at this time of New York on their expiry date."""

_SYMBOL = re.compile(r"([A-Z]{6})-(\d{8})-([CP])-(\d+\.\d+)")


class Right(IntEnum):
    """The right to buy (call) or to sell (put) the base currency; the number is the sign of the payoff."""

    CALL = 1
    PUT = -1


def cut_ts(day: date) -> int:
    """The New York cut of a date in ms UTC: 15:00 UTC in winter, 14:00 in summer."""
    return int(datetime.combine(day, CUT_TIME, CUT_ZONE).timestamp()) * 1000


def tick_digits(pair: str) -> int:
    """Decimals of a pair's tick, a tenth of a pip: 3 where the yen is the quote currency, else 5."""
    return 3 if pair.endswith("JPY") else 5


class OptionContract(msgspec.Struct, frozen=True, kw_only=True):
    """One European vanilla option on a currency pair; premium in quote currency per unit of base currency."""

    pair: str
    """Base and quote currency, six letters: `EURUSD`."""
    right: Right
    strike: int
    """In ticks of the pair."""
    digits: int
    """Decimals of the tick."""
    expiry_ts: int
    """The cut of its expiry date, ms UTC."""

    @property
    def expiry_day(self) -> date:
        """Its expiry date in New York."""
        return datetime.fromtimestamp(self.expiry_ts // 1000, UTC).astimezone(CUT_ZONE).date()

    @property
    def strike_price(self) -> float:
        """The strike in quote currency, for pricing."""
        return self.strike / float(10**self.digits)

    @property
    def symbol(self) -> str:
        """Pair, expiry date, right and strike: `EURUSD-20250321-C-1.05000`."""
        whole, rest = divmod(self.strike, 10**self.digits)
        return f"{self.pair}-{self.expiry_day:%Y%m%d}-{self.right.name[0]}-{whole}.{rest:0{self.digits}d}"

    @classmethod
    def parse(cls, symbol: str) -> OptionContract:
        """The contract of a symbol; Refusal that says what is wrong with it."""
        match = _SYMBOL.fullmatch(symbol)
        if match is None:
            raise Refusal(f"{symbol!r} is not an option: PAIR-YYYYMMDD-C|P-STRIKE, like EURUSD-20250321-C-1.05000")
        pair, day, right, strike = match.groups()
        digits = tick_digits(pair)
        if len(strike.partition(".")[2]) != digits:
            raise Refusal(f"{symbol!r}: a strike of {pair} has {digits} decimals, not {strike}")
        if int(strike.replace(".", "")) == 0:
            raise Refusal(f"{symbol!r}: the strike is zero")
        try:
            expiry = date.fromisoformat(day)
        except ValueError as error:
            raise Refusal(f"{symbol!r}: {day} is no date") from error
        chosen = Right.CALL if right == "C" else Right.PUT
        return cls(pair=pair, right=chosen, strike=int(strike.replace(".", "")), digits=digits, expiry_ts=cut_ts(expiry))


PILLARS = ("10P", "25P", "ATM", "25C", "10C")
"""Order of the five volatilities of a tenor: by delta, from low strikes to high ones."""


class Surface(msgspec.Struct, frozen=True, kw_only=True):
    """Volatilities by delta and tenor with the rates of both currencies; ValueError when it is not one that can be priced with."""

    pair: str
    ts: int
    """When it was quoted (ms UTC)."""
    spot: float
    days: tuple[float, ...]
    """Days from `ts` to expiry of each tenor, ascending."""
    vols: tuple[tuple[float, float, float, float, float], ...]
    """Per tenor, in the order of `PILLARS`, as decimals (0.08 = 8 %)."""
    r_domestic: tuple[float, ...]
    """Of the quote currency, continuously compounded, per tenor."""
    r_foreign: tuple[float, ...]
    """Of the base currency."""
    source: Literal["file", "generated", "frozen"]

    def __post_init__(self) -> None:
        """Every number finite, as many vols and rates as tenors, all that must be positive so."""
        if not self.days or {len(self.vols), len(self.r_domestic), len(self.r_foreign)} != {len(self.days)}:
            raise ValueError(f"surface of {self.pair}: as many vols and rates as tenors, and at least one")
        if not all(math.isfinite(rate) for rate in (*self.r_domestic, *self.r_foreign)):
            raise ValueError(f"surface of {self.pair}: a rate is not a number")
        positive = (self.spot, *self.days, *(vol for smile in self.vols for vol in smile))
        if not all(math.isfinite(value) and value > 0 for value in positive):
            raise ValueError(f"surface of {self.pair}: spot, days and volatilities must be positive numbers")
        if any(later <= sooner for sooner, later in pairwise(self.days)):
            raise ValueError(f"surface of {self.pair}: tenors must be ascending")

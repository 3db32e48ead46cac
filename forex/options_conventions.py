"""How the market quotes currency options: which delta, which at-the-money strike, wing vols of a smile, four ways to say a premium.

A pair FOR/DOM (EURUSD: FOR = EUR, DOM = USD) has its price in DOM per FOR. Sources: Reiswich and Wystup, A Guide to FX Options Quoting
Conventions (2010); I. Clark, Foreign Exchange Option Pricing (2011), chapter 3; U. Wystup, FX Options and Structured Products, 1.5.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Final

from forex.options_kernels import FORWARD, FORWARD_ADJUSTED, SPOT, SPOT_ADJUSTED
from utils.errors import Refusal
from utils.kernel import kernel

DELTA_KINDS: Final = {
    "spot": SPOT,
    "forward": FORWARD,
    "spot_premium_adjusted": SPOT_ADJUSTED,
    "forward_premium_adjusted": FORWARD_ADJUSTED,
}
"""What the kinds of delta are called outside."""

LAST_SPOT_DAYS: Final = 375
"""Up to here deltas are of spot, beyond of the forward: the market's line is the one-year tenor, whose date may be some days late."""

FOR_PIP: Final = 1e-4

_RANKS: Final = ("USD", "EUR", "GBP", "AUD", "NZD", "CAD", "CHF")
"""Who of a pair pays the premium: the first in this list; yen after everybody else."""


class PremiumStyle(StrEnum):
    """The four quotes of one premium (V in DOM per unit of FOR)."""

    DOM_PIPS = "dom_pips"
    """V / pip."""
    FOR_PERCENT = "for_percent"
    """Percent of the FOR notional: 100·V / S."""
    DOM_PERCENT = "dom_percent"
    """Percent of the DOM notional: 100·V / K."""
    FOR_PIPS = "for_pips"
    """FOR per unit of DOM in ten-thousandths: V / (S·K) / 0.0001."""


def premium_quote(style: str, premium: float, spot: float, strike: float, pip: float) -> float:
    """A premium (DOM per unit of FOR) in a style; `pip` is the pair's (0.0001, 0.01 against yen).

    Refusal: a style that is none, or a number that is not above 0.
    """
    for name, value in (("spot", spot), ("strike", strike), ("pip", pip)):
        if not 0.0 < value < math.inf:
            raise Refusal(f"{name} {value} of a premium quote: must be a number above 0")
    match style:
        case PremiumStyle.DOM_PIPS:
            return premium / pip
        case PremiumStyle.FOR_PERCENT:
            return premium * 100.0 / spot
        case PremiumStyle.DOM_PERCENT:
            return premium * 100.0 / strike
        case PremiumStyle.FOR_PIPS:
            return premium / (spot * strike * FOR_PIP)
        case _:
            raise Refusal(f"premium style {style!r}: must be one of {', '.join(PremiumStyle)}")


def premium_currency(pair: str) -> str:
    """The currency a pair's premium is paid in by convention: USD where it is in the pair, else the higher-ranked one."""
    if len(pair) != 6 or not (pair.isascii() and pair.isalpha() and pair.isupper()) or pair[:3] == pair[3:]:
        raise Refusal(f"pair {pair!r}: must be the codes of two different currencies, as in EURUSD")
    return min(pair[:3], pair[3:], key=_rank)


def _rank(currency: str) -> int:
    if currency in _RANKS:
        return _RANKS.index(currency)
    return len(_RANKS) + (currency == "JPY")


def is_adjusted(pair: str) -> bool:
    """Whether a pair's deltas are premium-adjusted: its premium is paid in its base currency (USDJPY, EURJPY; not EURUSD, GBPUSD)."""
    return premium_currency(pair) == pair[:3]


@kernel
def kind_at(adjusted: bool, days: float) -> int:
    """Kind of delta at `days` to expiry: spot up to a year, forward beyond; `adjusted` as `is_adjusted` says of the pair."""
    if days <= LAST_SPOT_DAYS:
        return SPOT_ADJUSTED if adjusted else SPOT
    return FORWARD_ADJUSTED if adjusted else FORWARD


def delta_kind(pair: str, days: float) -> int:
    """Kind of delta by which a pair's vols are quoted at `days` to expiry."""
    return int(kind_at(is_adjusted(pair), float(days)))


@kernel
def atm_strike(adjusted: bool, spot: float, years: float, r_domestic: float, r_foreign: float, vol: float) -> float:
    """The delta-neutral straddle: where call and put have opposite deltas, F·exp(±½·vol²·years), minus where deltas are adjusted.

    Spot and forward deltas share it: they differ by the same factor for both rights.
    """
    half = 0.5 * vol * vol * years
    return spot * math.exp((r_domestic - r_foreign) * years + (-half if adjusted else half))


def smile_vols(atm: float, rr25: float, bf25: float, rr10: float, bf10: float) -> tuple[float, float, float, float, float]:
    """Vols of the pillars 10P, 25P, ATM, 25C, 10C from quotes in decimals, butterflies as smile strangles.

    call = ATM + BF + RR / 2, put = ATM + BF − RR / 2. Refusal where a quote is no number or a vol would not be above 0.
    """
    quotes = {"ATM": atm, "25RR": rr25, "25BF": bf25, "10RR": rr10, "10BF": bf10}
    for name, value in quotes.items():
        if not math.isfinite(value):
            raise Refusal(f"vol quote {name} {value}: must be a finite number")
    found = (atm + bf10 - rr10 / 2, atm + bf25 - rr25 / 2, atm, atm + bf25 + rr25 / 2, atm + bf10 + rr10 / 2)
    for pillar, vol in zip(("10P", "25P", "ATM", "25C", "10C"), found, strict=True):
        if vol <= 0.0:
            told = ", ".join(f"{name} {value:g}" for name, value in quotes.items())
            raise Refusal(f"vol of {pillar} would be {vol:g}: must be above 0 (quotes: {told})")
    return found

"""A held option in figures and words: greeks, vol and time left, from its contract, the newest surface and the pair's last price. Pure."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from forex import options_black76
from forex.options_calendar import DAY_MS, DAYS_IN_YEAR
from forex.options_conventions import PremiumStyle, delta_kind, premium_quote
from forex.options_kernels import GREEKS, delta_of, greeks_of
from forex.options_surface import arrays, kind_of, rates_at, smile_vol, stale
from modules.settings import BotConfig
from modules.timeframes import BY_DAYS, TimeframeMap, map_of
from modules.ui.wording import amount, date_time, span
from state.accounts import Domain, Mode
from state.books import PAR_E9
from state.option_figures import Figures, OptionFigures
from state.options import OptionContract, Surface
from state.runtime import RuntimeState
from utils.fixed import plain

PLACES = Decimal("0.000001")
"""To which a position's money is told."""
GAMMA, VEGA, THETA_DAY = (GREEKS.index(name) for name in ("gamma", "vega", "theta_day"))
FRAMES = map_of(BY_DAYS)
NO_SURFACE = "none: nothing is priced, no option is bought"


class Greeks(msgspec.Struct, frozen=True, kw_only=True):
    """Of one unit of base currency: delta by the pair's convention, gamma per 1.00 of spot, the others in quote currency."""

    delta: float
    gamma: float
    vega: float
    """Per vol point."""
    theta_day: float
    vol: float


def greeks(contract: OptionContract, surface: Surface, spot: float, ts: int, *, on_future: bool = False) -> Greeks | None:
    """At a price of the pair and a time (ms UTC); None where the surface gives no vol. `on_future`: of an exchange's option on the future.

    Its price is the forward's, and its delta and gamma are per 1.00 of that.
    """
    days = (contract.expiry_ts - ts) / DAY_MS
    tenors, vols, domestic, foreign = arrays(surface)
    strike = contract.strike_price
    vol = smile_vol(tenors, vols, domestic, foreign, kind_of(contract.pair), spot, strike, days)
    if not math.isfinite(vol):
        return None
    years, (r_domestic, r_foreign) = days / DAYS_IN_YEAR, rates_at(tenors, domestic, foreign, max(days, 0.0))
    if on_future:
        future = spot * math.exp((r_domestic - r_foreign) * max(years, 0.0))
        one = options_black76.greeks(int(contract.right), future, strike, years, r_domestic, vol)
        return Greeks(delta=one.delta, gamma=one.gamma, vega=one.vega / 100.0, theta_day=one.theta_day, vol=float(vol))
    market = (spot, strike, years, r_domestic, r_foreign, vol)
    found = greeks_of(int(contract.right), *market)
    return Greeks(
        delta=float(delta_of(delta_kind(contract.pair, days), int(contract.right), *market)),
        gamma=float(found[GAMMA]),
        vega=float(found[VEGA]) / 100.0,
        theta_day=float(found[THETA_DAY]),
        vol=float(vol),
    )


def figures(state: RuntimeState, i: int, ts: int = 0, frames: TimeframeMap = FRAMES) -> OptionFigures | None:
    """What seat `i` holds at venue time `ts` (never before the state's), its premium the position's mark; None where it is no option."""
    contract = state.contract_of(i)
    if contract is None:
        return None
    ts = max(ts, state.ts)
    pos, m, instrument = state.pos[i], state.seats[i][1], state.instrument(i)
    close = int(state.market[m]["last_close"])
    surface, days = state.surfaces.get(contract.pair), (contract.expiry_ts - ts) / DAY_MS
    live = state.account_of(i).mode is Mode.LIVE  # bought at an exchange, on the future
    spot = float(instrument.price(close))
    found = greeks(contract, surface, spot, ts, on_future=live) if surface is not None and close > 0 else None
    rate = int(state.inst[i]["rate_e9"]) / PAR_E9 * float(instrument.qty(int(pos["steps"])))
    return OptionFigures(
        expiry=contract.expiry_ts,
        right=contract.right.name.lower(),
        strike=_price(contract.strike, contract.digits),
        days=round(days, 4),
        delta=None if found is None else round(found.delta, 6),
        gamma=None if found is None else round(found.gamma, 6),
        vega=None if found is None else _money(found.vega * rate),
        theta_day=None if found is None else _money(found.theta_day * rate),
        vol=None if found is None else round(found.vol, 6),
        timeframe=str(frames.at(days)),
        premium=_price(int(pos["mark"]), contract.digits),
        intrinsic=_price(max(contract.right * (close - contract.strike), 0), contract.digits) if close > 0 else None,
        spot=_price(close, contract.digits) if close > 0 else None,
    )


def configured(config: BotConfig) -> TimeframeMap:
    """Which timeframes govern an option by its days left, as the configuration has it."""
    options = config.domains.get(Domain.OPTIONS)
    return FRAMES if options is None else map_of(options.by_days)


def priced(frames: TimeframeMap) -> Figures:
    """`figures` at the state's own time, with the timeframes in force."""
    return lambda state, i: figures(state, i, 0, frames)


def _price(ticks: int, digits: int) -> str:
    return f"{Decimal(ticks).scaleb(-digits):f}"


def _money(value: float) -> str:
    return plain(Decimal(value).quantize(PLACES))


# --- words ------------------------------------------------------------------------------------------------------------------------------


def contract_words(one: OptionFigures) -> str:
    """`put at 1.04500, expires 2025-03-21 14:00 UTC, 17.2 days left (1h/15m)`."""
    when = f"{one.days:.1f} days left" if one.days > 0 else "expired"
    return f"{one.right} at {one.strike}, expires {date_time(one.expiry)}, {when} ({one.timeframe})"


def greek_words(one: OptionFigures, currency: str) -> str:
    """`delta -0.43, vega 0.87 USD a vol point, theta -0.31 USD a day, vol 8.1 %`; why there are none."""
    if one.delta is None or one.gamma is None or one.vega is None or one.theta_day is None or one.vol is None or one.spot is None:
        return "greeks are unknown: no volatility surface"
    per_cent = one.gamma * float(one.spot) / 100.0
    return (
        f"delta {one.delta:+.2f} ({per_cent:+.2f} per 1 % of spot), vega {amount(Decimal(one.vega))} {currency} a vol point, "
        f"theta {amount(Decimal(one.theta_day), sign=True)} {currency} a day, vol {100.0 * one.vol:.1f} %"
    )


def style_words(one: OptionFigures, pair: str) -> str:
    """Its mark as the market says premiums: `110 USD pips, 1.066 % EUR, 1.063 % USD, 103 EUR pips`; empty without a price of the pair."""
    if one.spot is None:
        return ""
    base, quote, pip = pair[:3], pair[3:], 0.01 if pair.endswith("JPY") else 0.0001
    said = {
        PremiumStyle.DOM_PIPS: f"{quote} pips",
        PremiumStyle.FOR_PERCENT: f"% {base}",
        PremiumStyle.DOM_PERCENT: f"% {quote}",
        PremiumStyle.FOR_PIPS: f"{base} pips",
    }
    premium, spot, strike = float(one.premium), float(one.spot), float(one.strike)
    found = ((premium_quote(style, premium, spot, strike, pip), unit) for style, unit in said.items())
    return ", ".join(f"{value:.4g} {unit}" for value, unit in found)


def surface_words(surface: Surface | None, ts: int) -> str:
    """Where a pair's vols come from and how old they are; that they are too old for entries."""
    if surface is None:
        return NO_SURFACE
    old = span(max(0, ts - surface.ts) / 1000)
    late = ": too old, no option is bought" if stale(surface.ts, ts) else ""
    return f"{surface.source}, quoted {date_time(surface.ts)}, {old} old{late}"

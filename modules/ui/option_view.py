"""A held option in figures and words: greeks, vol and time left, from its contract, the newest surface and the pair's last price. Pure."""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from forex.options_calendar import DAY_MS, DAYS_IN_YEAR
from forex.options_conventions import delta_kind
from forex.options_kernels import GREEKS, delta_of, greeks_of
from forex.options_surface import arrays, kind_of, rates_at, smile_vol, stale
from modules.settings import BotConfig
from modules.timeframes import BY_DAYS, TimeframeMap, map_of
from modules.ui.wording import amount, date_time, span
from state.accounts import Domain
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


def greeks(contract: OptionContract, surface: Surface, spot: float, ts: int) -> Greeks | None:
    """At a price of the pair and a time (ms UTC); None where the surface gives no vol."""
    days = (contract.expiry_ts - ts) / DAY_MS
    tenors, vols, domestic, foreign = arrays(surface)
    strike = contract.strike_price
    vol = smile_vol(tenors, vols, domestic, foreign, kind_of(contract.pair), spot, strike, days)
    if not math.isfinite(vol):
        return None
    market = (spot, strike, days / DAYS_IN_YEAR, *rates_at(tenors, domestic, foreign, max(days, 0.0)), vol)
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
    found = greeks(contract, surface, float(instrument.price(close)), ts) if surface is not None and close > 0 else None
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


def surface_words(surface: Surface | None, ts: int) -> str:
    """Where a pair's vols come from and how old they are; that they are too old for entries."""
    if surface is None:
        return NO_SURFACE
    old = span(max(0, ts - surface.ts) / 1000)
    late = ": too old, no option is bought" if stale(surface.ts, ts) else ""
    return f"{surface.source}, quoted {date_time(surface.ts)}, {old} old{late}"

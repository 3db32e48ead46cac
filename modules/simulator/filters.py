"""What is listed on the simulated venue and on which grid: the filter table of spot and linear, and filters guessed from prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from modules.simulator import extra_coins
from state.accounts import Domain
from state.instruments import Instrument

Category = Literal["spot", "linear"]
Status = Literal["Trading", "PreLaunch", "Settling", "Delivering", "Closed"]
"""Of an instrument; what each allows: statuses.py."""
STATUSES: tuple[Status, ...] = get_args(Status)
DOMAINS: dict[Category, Domain] = {"spot": Domain.CRYPTO, "linear": Domain.PERPS}
QUOTE = "USDT"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the venue's instrument list, with how its book usually looks."""

    category: Category
    instrument: Instrument
    spread_bp: float
    """Touch spread of a calm hour, in basis points of price (at least a tick)."""
    depth_quote: float
    """Quote currency that rests at the touch in a calm hour."""
    funding_cap: Decimal = Decimal("0.003")
    status: Status = "Trading"

    @property
    def symbol(self) -> str:
        """The venue's symbol, e.g. BTCUSDT."""
        return self.instrument.symbol

    @property
    def key(self) -> str:
        """Its name inside the simulator, `category:SYMBOL`."""
        return f"{self.category}:{self.instrument.symbol}"


# coin: spread bp, depth at the touch; spot tick, step, most per order; linear tick, step, most per order ("" = not listed there)
_TABLE: dict[str, tuple[float, float, tuple[str, str, str] | None, tuple[str, str, str]]] = {
    "BTC": (0.15, 90_000, ("0.01", "0.000001", "83"), ("0.10", "0.001", "1190")),
    "ETH": (0.25, 60_000, ("0.01", "0.00001", "2400"), ("0.01", "0.01", "7240")),
    "SOL": (0.8, 30_000, ("0.01", "0.001", "20000"), ("0.010", "0.1", "79770")),
    "XRP": (0.8, 30_000, ("0.0001", "0.01", "1500000"), ("0.0001", "0.1", "2500000")),
    "ADA": (1.2, 15_000, ("0.0001", "0.01", "2500000"), ("0.0001", "1", "2600000")),
    "DOGE": (0.8, 20_000, ("0.00001", "0.1", "8000000"), ("0.00001", "1", "15550000")),
    "BNB": (1.0, 15_000, ("0.1", "0.0001", "2500"), ("0.10", "0.01", "2000")),
    "LINK": (1.0, 12_000, ("0.001", "0.001", "80000"), ("0.001", "0.1", "72000")),
    "AAVE": (1.2, 10_000, None, ("0.01", "0.01", "9000")),
    "WIF": (2.0, 8_000, None, ("0.0001", "1", "1500000")),
}
COINS = tuple(_TABLE)
SPOT_MIN_AMOUNT = Decimal(5)
LINEAR_MIN_NOTIONAL = Decimal(5)
FUNDING_INTERVAL_MIN = 480
GRID_ERROR = 1e-5
"""How far from a whole number a price in ticks may be through float arithmetic alone."""


def listing(symbol: str, category: Category) -> Listing | None:
    """The table's row, or None when the symbol is not listed in that category."""
    coin = symbol.removesuffix(QUOTE)
    row = (_TABLE.get(coin) or _extra(coin)) if symbol.endswith(QUOTE) else None
    grid = (row[2] if category == "spot" else row[3]) if row else None
    if row is None or grid is None:
        return None
    return _make(symbol, category, grid, spread_bp=row[0], depth_quote=row[1])


def _extra(coin: str) -> tuple[float, float, tuple[str, str, str] | None, tuple[str, str, str]] | None:
    return (1.5, 10_000, *extra_coins.grids(coin)) if coin in extra_coins.NAMES else None


def _make(symbol: str, category: Category, grid: tuple[str, str, str], *, spread_bp: float, depth_quote: float) -> Listing:
    tick, step, most = (Decimal(text) for text in grid)
    spot = category == "spot"
    instrument = Instrument(
        domain=DOMAINS[category],
        symbol=symbol,
        base=symbol.removesuffix(QUOTE),
        quote=QUOTE,
        tick=tick,
        step=step,
        min_qty=step,
        min_notional=SPOT_MIN_AMOUNT if spot else LINEAR_MIN_NOTIONAL,
        max_qty=most,
        funding_interval_min=0 if spot else FUNDING_INTERVAL_MIN,
    )
    return Listing(category=category, instrument=instrument, spread_bp=spread_bp, depth_quote=depth_quote)


def decimals(prices: npt.NDArray[np.float64], most: int = 8) -> int:
    """Fewest decimals (up to `most`) that write every price exactly."""
    for digits in range(most):
        scaled = prices * 10.0**digits
        if np.all(np.abs(scaled - np.round(scaled)) <= GRID_ERROR):
            return digits
    return most


def fits(prices: npt.NDArray[np.float64], tick: Decimal) -> bool:
    """Whether every price lies on the tick."""
    counts = prices / float(tick)
    return bool(np.all(np.abs(counts - np.round(counts)) <= GRID_ERROR))


def listing_for_prices(symbol: str, category: Category, prices: npt.NDArray[np.float64]) -> Listing:
    """The table's row if recorded prices fit its tick; else the same, or a derived row, with the tick that the prices show.

    A derived step is the power of ten that is worth about a cent, so the smallest order of 5 is hundreds of steps.
    """
    known = listing(symbol, category)
    if known is not None and fits(prices, known.instrument.tick):
        return known
    tick = Decimal(1).scaleb(-decimals(prices))
    if known is not None:
        return msgspec.structs.replace(known, instrument=msgspec.structs.replace(known.instrument, tick=tick))
    level = float(np.median(prices))
    finest = -10 - int(tick.as_tuple().exponent)  # tick x step below 1e-10 could not be booked
    power = min(0, max(-6, finest, int(np.floor(np.log10(0.01 / level)))))
    step = Decimal(1).scaleb(power)
    most = Decimal(int(max(1.0, 5_000_000 / level)))
    return _make(symbol, category, (str(tick), format(step, "f"), str(most)), spread_bp=2.0, depth_quote=8_000)

"""CME options on currency futures as Interactive Brokers lists them: sizes, grids, names, and how our pairs map onto them. Pure.

Everything here is in the exchange's own terms: one contract is an option on one future, quoted in US dollars per unit of the currency. For
EURUSD that is our way round. CME quotes the yen as *dollars per yen*: what we call a USDJPY call (the right to buy dollars for yen) is a
*put* on the yen, at the strike 1 / K, and a higher USDJPY is a lower price of the future. `listed` turns one into the other; so here the
pair is called JPYUSD, and nothing priced in yen reaches the adapter. The size of one contract is fixed in yen: in dollars it is
12,500,000 / K.

Sizes and premium grids are from the exchange's pages of its contracts; the gateway's own `minTick` is compared with them before a first
order (`modules/exchange/ibkr.py`).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation

import msgspec

from state.accounts import Domain
from state.instruments import Instrument, split_key
from utils.errors import Refusal

CALL, PUT = "C", "P"
EXCHANGE = "CME"
QUOTE = "USD"
MOST = Decimal(100)
"""Contracts in one order, at most: a bound against slips, far above what this bot's limits allow."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One currency future's options."""

    pair: str
    """As CME quotes it: the currency, then USD."""
    symbol: str
    """Interactive Brokers' name of the underlying."""
    future: str
    units: int
    """Units of the currency in one contract."""
    tick: Decimal
    """Smallest premium difference, US dollars per unit."""
    fine: Decimal
    """The same while the premium is below `fine_below`."""
    fine_below: Decimal
    strike_tick: Decimal
    digits: int
    """Decimals of a strike in a symbol."""
    monthly: str
    """Trading class of the options that expire with a month's fixing (two Fridays before the third Wednesday)."""


PRODUCTS = {
    one.pair: one
    for one in (
        Product(
            pair="EURUSD",
            symbol="EUR",
            future="6E",
            units=125_000,
            tick=Decimal("0.0001"),
            fine=Decimal("0.00005"),
            fine_below=Decimal("0.0005"),
            strike_tick=Decimal("0.0050"),
            digits=5,
            monthly="EUU",
        ),
        Product(
            pair="JPYUSD",
            symbol="JPY",
            future="6J",
            units=12_500_000,
            tick=Decimal("0.000001"),
            fine=Decimal("0.0000005"),
            fine_below=Decimal("0.000005"),
            strike_tick=Decimal("0.00005"),
            digits=7,
            monthly="JPU",
        ),
    )
}
INVERTED = {"USDJPY": "JPYUSD"}
"""Our pairs that CME quotes the other way round."""
BY_SYMBOL = {one.symbol: one for one in PRODUCTS.values()}


class CmeOption(msgspec.Struct, frozen=True, kw_only=True):
    """One listed option."""

    product: Product
    right: str
    """C or P, on the future."""
    strike: Decimal
    expiry: date

    @property
    def symbol(self) -> str:
        """`EURUSD-20261204-C-1.10000`."""
        return f"{self.product.pair}-{self.expiry:%Y%m%d}-{self.right}-{self.strike:.{self.product.digits}f}"

    @property
    def key(self) -> str:
        """Its name across the bot."""
        return f"{Domain.OPTIONS}:{self.symbol}"

    @property
    def trading_class(self) -> str:
        """The month's class where it expires with one, else empty: the gateway names that of a week."""
        return self.product.monthly if self.expiry == monthly_expiry(self.expiry.year, self.expiry.month) else ""

    def instrument(self, *, trading: bool = True) -> Instrument:
        """Its grid as the engine books it. The tick is the fine one, on which every fill lies; what is sent is snapped first."""
        product = self.product
        step = Decimal(product.units)
        return Instrument(
            domain=Domain.OPTIONS,
            symbol=self.symbol,
            base=product.symbol,
            quote=QUOTE,
            tick=product.fine,
            step=step,
            min_qty=step,
            min_notional=Decimal(0),
            max_qty=step * MOST,
            trading=trading,
        )


def option_of(key: str) -> CmeOption:
    """The option that an instrument key names; Refusal that says what is wrong with it."""
    try:
        domain, symbol = split_key(key)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if domain is not Domain.OPTIONS:
        raise Refusal(f"{key} is no option")
    parts = symbol.split("-")
    if len(parts) != 4:
        raise Refusal(f"{symbol!r} is not PAIR-YYYYMMDD-C|P-STRIKE")
    pair, day, right, strike = parts
    if pair not in PRODUCTS:
        raise Refusal(f"{symbol!r}: CME lists no options on {pair} here, only on {', '.join(PRODUCTS)}")
    if right not in {CALL, PUT}:
        raise Refusal(f"{symbol!r}: {right!r} is neither {CALL} nor {PUT}")
    try:
        expiry = date.fromisoformat(day)
        level = Decimal(strike)
    except (ValueError, InvalidOperation):
        raise Refusal(f"{symbol!r}: {day!r} is no day or {strike!r} no strike") from None
    if not level.is_finite() or level <= 0:
        raise Refusal(f"{symbol!r}: a strike of {strike} is not above 0")
    return CmeOption(product=PRODUCTS[pair], right=right, strike=level, expiry=expiry)


def listed(pair: str, right: str, strike: Decimal, expiry: date) -> CmeOption:
    """The listed option that stands for ours: the strike goes to the nearest listed one, and an inverted pair turns (see above)."""
    if strike <= 0:
        raise Refusal(f"a strike of {strike} is not above 0")
    name = INVERTED.get(pair, pair)
    if name not in PRODUCTS:
        raise Refusal(f"CME lists no options on {pair} here, only on {', '.join((*PRODUCTS, *INVERTED))}")
    product = PRODUCTS[name]
    if pair in INVERTED:
        strike, right = 1 / strike, PUT if right == CALL else CALL
    return CmeOption(product=product, right=right, strike=_to(strike, product.strike_tick, ROUND_HALF_EVEN), expiry=expiry)


def monthly_expiry(year: int, month: int) -> date:
    """The second Friday before the third Wednesday of a month, on which its options expire. Holidays: the gateway knows."""
    first = date(year, month, 1)
    third_wednesday = first + timedelta(days=(2 - first.weekday()) % 7 + 14)
    return third_wednesday - timedelta(days=12)


def grid_at(product: Product, premium: Decimal) -> Decimal:
    """The smallest premium difference there."""
    return product.fine if premium < product.fine_below else product.tick


def snapped(product: Product, premium: Decimal, *, up: bool) -> Decimal:
    """A premium on the exchange's grid: the next above or below, itself when it is on it. Never below one fine tick."""
    found = _to(premium, grid_at(product, premium), ROUND_CEILING if up else ROUND_FLOOR)
    return max(found, product.fine)


def contracts_of(option: CmeOption, qty: Decimal) -> int:
    """Whole contracts in a quantity of units; 0 when it is not a whole number of them."""
    whole, rest = divmod(qty, option.product.units)
    return int(whole) if not rest and whole > 0 else 0


def number(value: float) -> Decimal:
    """A figure of the client library as it was written on the wire."""
    return Decimal(repr(float(value)))


def premium_of(product: Product, value: float) -> Decimal:
    """A premium of the wire on the fine grid: what binary fractions add is cut off, what is really beside the grid stays to be seen."""
    exact = number(value)
    near = _to(exact, product.fine, ROUND_HALF_EVEN)
    return near if abs(near - exact) < product.fine / 1000 else exact


def _to(value: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (value / tick).quantize(Decimal(1), rounding=rounding) * tick

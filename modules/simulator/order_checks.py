"""What the venue refuses before it takes an order, with its codes (bybit_v5 §9): grids, minimums, price bands, directions, ids."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from modules.simulator.filters import Listing
from modules.simulator.matching import Point
from modules.simulator.order_types import ZERO, OrderRequest, Refused, Side
from utils.fixed import plain

PARAMETER = 10001
LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
BANDS = {"spot": Decimal("0.10"), "linear": Decimal("0.05")}
"""How far an order may stray from the last price, as price-limit says."""
MAX_SPOT_AMOUNT = Decimal(4_000_000)
QUOTE_PRECISION = Decimal("0.0000001")
OPEN_LIMITS = {"linear": 500, "spot": 500}
CONDITIONAL_LIMITS = {"linear": 10, "spot": 30}
SPOT_FILTERS = frozenset({"Order", "tpslOrder", "StopOrder"})


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the check worked out: the trigger direction, the unit of the quantity, the price to plan with."""

    conditional: bool = False
    direction: int = 0
    by_quote: bool = False
    price: Decimal = ZERO
    """Limit price, or for market orders the protective one."""


def on_grid(value: Decimal, grid: Decimal) -> bool:
    """Whether a value has no decimals beyond its grid."""
    return value % grid == 0


def protective(listing: Listing, point: Point, side: Side, kind: str, tolerance: Decimal | None) -> Decimal:
    """The worst price of a market order: the price band, or the slippage that was asked for, from the touch."""
    tick = listing.instrument.tick
    touch = point.ask if side == "Buy" else point.bid
    sign = 1 if side == "Buy" else -1
    if kind == "TickSize" and tolerance is not None:
        return max(tick, touch + sign * tolerance * tick)
    share = tolerance / 100 if kind == "Percent" and tolerance is not None else BANDS[listing.category]
    raw = touch * (1 + sign * share)
    return max(tick, raw // tick * tick)


def spot(listing: Listing, point: Point, request: OrderRequest) -> Checked | Refused:
    """The spot rules, in the venue's spot codes."""
    one = listing.instrument
    if request.order_filter not in SPOT_FILTERS:
        return Refused(170130, "Data sent for parameter 'orderFilter' is not valid.")
    market = request.order_type == "Market"
    attached = bool(request.take_profit) or bool(request.stop_loss)
    if attached and (market or request.order_filter != "Order"):
        return Refused(170130, "Data sent for parameter 'takeProfit/stopLoss' is not valid.")
    unit = request.market_unit or ("quoteCoin" if request.side == "Buy" else "baseCoin")
    by_quote = market and unit == "quoteCoin"
    conditional = request.order_filter != "Order"
    if conditional and by_quote and request.side == "Sell":
        return Refused(170130, "Data sent for parameter 'marketUnit' is not valid.")
    if conditional and (request.trigger_price is None or request.trigger_price <= 0):
        return Refused(170130, "Data sent for parameter 'triggerPrice' is not valid.")
    if not market and (request.price is None or request.price <= 0):
        return Refused(170130, "Data sent for parameter 'price' is not valid.")
    given = (
        None if market else request.price, request.trigger_price if conditional else None, request.take_profit, request.stop_loss,
        request.tp_limit_price, request.sl_limit_price,
    )  # fmt: skip
    if any(value is not None and not on_grid(value, one.tick) for value in given):
        return Refused(170134, "Order price decimal too long.")
    if request.qty <= 0:
        return Refused(170130, "Data sent for parameter 'qty' is not valid.")
    if by_quote:
        if not on_grid(request.qty, QUOTE_PRECISION):
            return Refused(170148, "Market order amount decimal too long.")
    elif not on_grid(request.qty, one.step):
        return Refused(170137, "Order volume decimal too long.")
    elif request.qty > (one.max_qty / 2 if market else one.max_qty):
        return Refused(170135, "Order volume exceeded upper limit.")
    near = request.trigger_price if conditional and request.trigger_price is not None else point.price
    price = request.price if not market and request.price is not None else protective(
        listing, point, request.side, request.slippage_type, request.slippage
    )  # fmt: skip
    worth = request.qty if by_quote else request.qty * (near if market else price)
    if worth < one.min_notional:
        return Refused(170140, f"Order value exceeded lower limit. (minimum {plain(one.min_notional)})")
    if worth > MAX_SPOT_AMOUNT:
        return Refused(170124, "Order amount too large.")
    if not market and (no := band(listing, near, request.side, price)):
        return no
    if attached and (no := sides(request.side, price, request.take_profit, request.stop_loss, 170130)):
        return no
    direction = 0 if not conditional else (1 if near > point.price else 2)
    return Checked(conditional=conditional, direction=direction, by_quote=by_quote, price=price)


def linear(listing: Listing, point: Point, request: OrderRequest) -> Checked | Refused:
    """The linear rules, in the venue's contract codes."""
    one = listing.instrument
    market = request.order_type == "Market"
    conditional = request.trigger_price is not None and request.trigger_price > 0
    if not market and (request.price is None or request.price <= 0):
        return Refused(PARAMETER, "params error: price invalid")
    given = (None if market else request.price, request.trigger_price, request.take_profit, request.stop_loss,
             request.tp_limit_price, request.sl_limit_price)  # fmt: skip
    if any(value is not None and not on_grid(value, one.tick) for value in given):
        return Refused(PARAMETER, "params error: price is not on the tick")
    whole = request.qty == 0 and request.reduce_only and request.close_on_trigger
    if not whole and (request.qty <= 0 or not on_grid(request.qty, one.step) or request.qty < one.min_qty):
        return Refused(PARAMETER, "params error: qty invalid")
    if request.qty > (one.max_qty / 5 if market else one.max_qty):
        return Refused(PARAMETER, "The number of contracts exceeds maximum limit allowed")
    attached = bool(request.take_profit) or bool(request.stop_loss)
    if request.reduce_only and attached:
        return Refused(PARAMETER, "params error: TP/SL is not supported in reduce-only orders")
    legs = (
        (request.take_profit, request.tp_order_type, request.tp_limit_price),
        (request.stop_loss, request.sl_order_type, request.sl_limit_price),
    )
    for trigger, kind, limit in legs:
        if trigger and kind == "Limit" and (request.tpsl_mode != "Partial" or not limit):
            return Refused(PARAMETER, "params error: a limit TP/SL needs tpslMode Partial and its limit price")
    if conditional and request.trigger_price is not None:
        if request.trigger_direction not in {1, 2}:
            return Refused(PARAMETER, "params error: triggerDirection invalid")
        current = point.source(request.trigger_by)
        if request.trigger_direction == 1 and request.trigger_price <= current:
            return Refused(110092, f"expect Rising, but trigger_price[{plain(request.trigger_price)}] <= current[{plain(current)}]")
        if request.trigger_direction == 2 and request.trigger_price >= current:
            return Refused(110093, f"expect Falling, but trigger_price[{plain(request.trigger_price)}] >= current[{plain(current)}]")
    near = request.trigger_price if conditional and request.trigger_price is not None else point.price
    price = request.price if not market and request.price is not None else protective(
        listing, point, request.side, request.slippage_type, request.slippage
    )  # fmt: skip
    if not request.reduce_only and request.qty * (near if market else price) < one.min_notional:
        return Refused(110094, f"Order does not meet minimum order value {plain(one.min_notional)}{one.quote}")
    if not market and (no := band(listing, near, request.side, price)):
        return no
    if attached:
        base = near if market else price
        if no := sides(request.side, base, request.take_profit, request.stop_loss, PARAMETER):
            return no
    return Checked(conditional=conditional, direction=request.trigger_direction or 0 if conditional else 0, price=price)


def band(listing: Listing, near: Decimal, side: Side, price: Decimal) -> Refused | None:
    """Buys not above, sells not below the price limits around `near`."""
    share = BANDS[listing.category]
    if side == "Buy" and price > near * (1 + share):
        return Refused(170193, "Buy order price cannot be higher than the limit.") if listing.category == "spot" else _BAND
    if side == "Sell" and price < near * (1 - share):
        return Refused(170194, "Sell order price cannot be lower than the limit.") if listing.category == "spot" else _BAND
    return None


_BAND = Refused(110003, "Order price exceeds the allowable range.")


def sides(side: Side, base: Decimal, take_profit: Decimal | None, stop_loss: Decimal | None, code: int) -> Refused | None:
    """A long's target lies above and its stop below the base price, a short's the other way round."""
    for name, value, above in (("TakeProfit", take_profit, side == "Buy"), ("StopLoss", stop_loss, side == "Sell")):
        if value and (value <= base if above else value >= base):
            word = "higher" if above else "lower"
            return Refused(code, f"{name}:{plain(value)} set for {side} position should be {word} than base_price:{plain(base)}")
    return None

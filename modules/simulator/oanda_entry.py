"""Orders as clients write them: what is read from JSON, and the reason for which it is refused (oanda_v20, "Orders" and "Errors")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modules.simulator.fx_listings import MOST_UNITS
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_pairs import MIN_TRAIL_PIPS, PAIRS, Pair
from modules.simulator.oanda_types import Malformed, Order, Rejected, Row, Trade, parse_decimal, parse_time

OPENING = ("MARKET", "LIMIT", "STOP", "MARKET_IF_TOUCHED")
CLOSING = {"TAKE_PROFIT": "takeProfit", "STOP_LOSS": "stopLoss", "TRAILING_STOP_LOSS": "trailingStopLoss"}
"""Types of orders that close a trade, with their name in the body of `trades/{id}/orders`."""
RESTING_TIF = ("GTC", "GTD", "GFD")
TIFS = {
    "MARKET": ("FOK", "IOC"),
    "LIMIT": (*RESTING_TIF, "FOK", "IOC"),
    "STOP": (*RESTING_TIF, "FOK", "IOC"),
} | dict.fromkeys(("MARKET_IF_TOUCHED", *CLOSING), RESTING_TIF)
TRIGGERS = ("DEFAULT", "INVERSE", "BID", "ASK", "MID")
POSITION_FILLS = ("DEFAULT", "OPEN_ONLY", "REDUCE_FIRST", "REDUCE_ONLY")
LONGEST_ID = 128
MOST_PRICE = Decimal(1_000_000)
ECHOED = (
    "instrument", "units", "price", "distance", "priceBound", "timeInForce", "gtdTime", "positionFill", "triggerCondition", "tradeID",
    "clientExtensions", "tradeClientExtensions", "takeProfitOnFill", "stopLossOnFill", "trailingStopLossOnFill",
)  # fmt: skip
"""Fields of a request that its transaction repeats."""


def order_type(body: Any) -> str:
    """The type of an order in a request body `{"order": {…}}`; Malformed when there is none that is known."""
    order = body.get("order") if isinstance(body, dict) else None
    if not isinstance(order, dict):
        raise Malformed("Required field 'order' is missing")
    found = order.get("type", "MARKET")
    if not isinstance(found, str) or found not in TIFS:
        raise Malformed("Invalid value specified for 'order.type'")
    return found


def echoed(given: Row) -> Row:
    """What the transaction repeats of the request, texts as they came."""
    return {name: given[name] if isinstance(given[name], dict) else str(given[name]) for name in ECHOED if given.get(name) is not None}


def opening(desk: Desk, type_: str, given: Row, now: int, *, but: str = "") -> Order:
    """A MARKET, LIMIT, STOP or MARKET_IF_TOUCHED order, not yet numbered; Rejected says why not. `but`: the order that it replaces."""
    pair = _instrument(given)
    units = _units(given, "units")
    price = None if type_ == "MARKET" else price_of(pair, given.get("price"), "PRICE")
    bound = None if given.get("priceBound") is None else price_of(pair, given["priceBound"], "PRICE_BOUND")
    tif, gtd = time_in_force(type_, given, now)
    fill, trigger = given.get("positionFill", "DEFAULT"), given.get("triggerCondition", "DEFAULT")
    if fill not in POSITION_FILLS:
        raise Rejected("ORDER_FILL_POSITION_ACTION_INVALID")
    if trigger not in TRIGGERS:
        raise Rejected("TRIGGER_CONDITION_INVALID")
    ext, trade_ext = extensions(given.get("clientExtensions"), "ORDER"), extensions(given.get("tradeClientExtensions"), "TRADE")
    if "id" in ext and any(one.client_id == ext["id"] and one.id != but for one in desk.pending()):
        raise Rejected("CLIENT_ORDER_ID_ALREADY_EXISTS")
    if "id" in trade_ext and any(one.client_id == trade_ext["id"] for one in desk.open_trades()):
        raise Rejected("CLIENT_TRADE_ID_ALREADY_EXISTS")
    if pair.name not in desk.quotes:
        raise Rejected("INSTRUMENT_PRICE_UNKNOWN")
    order = Order(
        id="", type=type_, ts=now, instrument=pair.name, units=units, price=price, bound=bound, tif=tif, gtd=gtd, position_fill=fill,
        trigger=trigger, ext=ext, trade_ext=trade_ext, tp=on_fill(pair, "TAKE_PROFIT", given.get("takeProfitOnFill"), now),
        sl=on_fill(pair, "STOP_LOSS", given.get("stopLossOnFill"), now),
        tsl=on_fill(pair, "TRAILING_STOP_LOSS", given.get("trailingStopLossOnFill"), now),
    )  # fmt: skip
    if price is not None:
        order.above = price >= desk.quotes[pair.name].mid
    return order


def on_fill(pair: Pair, type_: str, given: Any, now: int) -> Row | None:
    """The details of an order that closes a trade, checked; None when there are none. Rejected says why not."""
    if given is None:
        return None
    label = f"{type_}_ON_FILL"
    if not isinstance(given, dict):
        raise Rejected(f"{label}_PRICE_MISSING")
    return leg(pair, type_, given, now, label)


def leg(pair: Pair, type_: str, given: Row, now: int, label: str) -> Row:
    """The same for the body of an order by itself; `label` begins the reason of a refusal. Prices come out as texts on the grid."""
    found: Row = {}
    price, distance = given.get("price"), given.get("distance")
    if type_ == "TRAILING_STOP_LOSS":
        if distance is None:
            raise Rejected(f"{label}_PRICE_DISTANCE_MISSING")
    elif price is None and (distance is None or type_ == "TAKE_PROFIT"):
        raise Rejected(f"{label}_PRICE_MISSING")
    elif price is not None and distance is not None:
        raise Rejected(f"{label}_PRICE_AND_DISTANCE_BOTH_SPECIFIED")
    if price is not None and type_ != "TRAILING_STOP_LOSS":
        found["price"] = pair.price(price_of(pair, price, f"{label}_PRICE"))
    if distance is not None:
        far = price_of(pair, distance, f"{label}_PRICE_DISTANCE")
        if type_ == "TRAILING_STOP_LOSS" and far < MIN_TRAIL_PIPS * Decimal(1).scaleb(pair.pip_location):
            raise Rejected(f"{label}_PRICE_DISTANCE_MINIMUM_NOT_MET")
        found["distance"] = pair.price(far)
    tif, gtd = time_in_force(type_, given, now, label + "_")
    found["timeInForce"] = tif
    if gtd is not None:
        found |= {"gtd": gtd, "gtdTime": str(given["gtdTime"])}
    if given.get("triggerCondition", "DEFAULT") not in TRIGGERS:
        raise Rejected(f"{label}_TRIGGER_CONDITION_INVALID")
    if "triggerCondition" in given:
        found["triggerCondition"] = given["triggerCondition"]
    if ext := extensions(given.get("clientExtensions"), f"{label}_CLIENT_ORDER" if label != type_ else "ORDER"):
        found["clientExtensions"] = ext
    return found


def trade_of(desk: Desk, given: Row) -> Trade:
    """The open trade that an order is to close; Rejected when there is none."""
    spec = given.get("tradeID") or ("@" + str(given["clientTradeID"]) if given.get("clientTradeID") else None)
    if spec is None:
        raise Rejected("TRADE_ID_UNSPECIFIED")
    trade = find_trade(desk, str(spec))
    if trade is None or trade.close_ts is not None:
        raise Rejected("TRADE_DOESNT_EXIST", status=404)
    return trade


def find_trade(desk: Desk, spec: str) -> Trade | None:
    """By id, or by `@` and the client's id (the newest of that name)."""
    if spec.startswith("@"):
        found = [one for one in desk.state.trades.values() if one.client_id == spec[1:]]
        return next((one for one in reversed(found) if one.close_ts is None), found[-1] if found else None)
    return desk.state.trades.get(spec)


def find_order(desk: Desk, spec: str) -> Order | None:
    """By id, or by `@` and the client's id (a pending one first, then the newest)."""
    if spec.startswith("@"):
        found = [one for one in desk.state.orders.values() if one.client_id == spec[1:]]
        return next((one for one in reversed(found) if one.state == "PENDING"), found[-1] if found else None)
    return desk.state.orders.get(spec)


def price_of(pair: Pair, value: Any, label: str) -> Decimal:
    """A price (or distance) above 0 on the pair's grid."""
    if value is None:
        raise Rejected(f"{label}_MISSING")
    found = parse_decimal(value, f"{label}_INVALID")
    if not 0 < found < MOST_PRICE:
        raise Rejected(f"{label}_INVALID")
    if found != found.quantize(pair.tick):
        raise Rejected(f"{label}_PRECISION_EXCEEDED")
    return found


def part_of(value: Any, whole: Decimal, label: str) -> Decimal:
    """`ALL` or a number of units above 0, at most `whole` (all without sign)."""
    if value in (None, "ALL"):
        return whole
    found = parse_decimal(value, f"{label}_UNITS_INVALID" if label else "UNITS_INVALID")
    if found <= 0 or found != found.to_integral_value():
        raise Rejected("UNITS_INVALID")
    if found > whole:
        raise Rejected(label)
    return found


def time_in_force(type_: str, given: Row, now: int, label: str = "") -> tuple[str, int | None]:
    """(how long an order stands, until when if it says)."""
    found = given.get("timeInForce") or TIFS[type_][0]
    if found not in TIFS[type_]:
        raise Rejected(f"{label}TIME_IN_FORCE_INVALID")
    if found != "GTD":
        return str(found), None
    if given.get("gtdTime") is None:
        raise Rejected(f"{label}TIME_IN_FORCE_GTD_TIMESTAMP_MISSING" if not label else f"{label}GTD_TIMESTAMP_MISSING")
    until = parse_time(str(given["gtdTime"]))
    if until <= now:
        raise Rejected(f"{label}TIME_IN_FORCE_GTD_TIMESTAMP_IN_PAST" if not label else f"{label}GTD_TIMESTAMP_IN_PAST")
    return "GTD", until


def extensions(given: Any, label: str) -> Row:
    """Client extensions, checked."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Rejected(f"CLIENT_{label}_ID_INVALID" if "CLIENT" not in label else f"{label}_ID_INVALID")
    for name in ("id", "tag", "comment"):
        value = given.get(name)
        if value is not None and not (isinstance(value, str) and 0 < len(value) <= LONGEST_ID):
            raise Rejected(f"CLIENT_{label}_{name.upper()}_INVALID" if "CLIENT" not in label else f"{label}_{name.upper()}_INVALID")
    return {name: given[name] for name in ("id", "tag", "comment") if given.get(name)}


def _instrument(given: Row) -> Pair:
    name = given.get("instrument")
    if name is None:
        raise Rejected("INSTRUMENT_MISSING")
    pair = PAIRS.get(str(name))
    if pair is None:
        raise Rejected("INSTRUMENT_UNKNOWN")
    return pair


def _units(given: Row, name: str) -> Decimal:
    if given.get(name) is None:
        raise Rejected("UNITS_MISSING")
    units = parse_decimal(given[name], "UNITS_INVALID")
    if units == 0:
        raise Rejected("UNITS_INVALID")
    if units != units.to_integral_value():
        raise Rejected("UNITS_MINIMUM_NOT_MET" if abs(units) < 1 else "UNITS_PRECISION_EXCEEDED")
    if abs(units) > MOST_UNITS:
        raise Rejected("UNITS_LIMIT_EXCEEDED")
    return units

"""How the simulated OANDA fills: depth, which trades an order closes, what it opens, what hangs on either; writes ORDER_FILL."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from modules.simulator.oanda_desk import LEG_TYPES, Desk
from modules.simulator.oanda_types import ZERO, Order, Quote, Row, Trade, money, stamp

DEPTH: tuple[tuple[int, int], ...] = ((1_000_000, 0), (2_000_000, 4), (5_000_000, 12), (10_000_000, 30))
"""(units, ticks beyond the touch) of each bucket; beyond the last there is nothing."""
ON_FILL = (("TAKE_PROFIT", "tp"), ("STOP_LOSS", "sl"), ("TRAILING_STOP_LOSS", "tsl"))


class Plan(msgspec.Struct, frozen=True):
    """What an order would do: how much of which trades it closes, and what it opens (signed units)."""

    closes: tuple[tuple[str, Decimal], ...]
    opens: Decimal


def plan(desk: Desk, order: Order) -> Plan:
    """Against the trades that are there now; opposite ones go first, oldest first, unless the order only opens."""
    if order.trade_id:
        trade = desk.state.trades[order.trade_id]
        units = trade.units if not order.units else min(abs(order.units), abs(trade.units)) * (1 if trade.units > 0 else -1)
        return Plan(((trade.id, -units),), ZERO)
    left, closes = order.units, list[tuple[str, Decimal]]()
    if order.position_fill != "OPEN_ONLY":
        for trade in desk.open_trades(order.instrument):
            if left and (trade.units > 0) != (left > 0):
                part = min(abs(left), abs(trade.units)) * (1 if left > 0 else -1)
                closes.append((trade.id, part))
                left -= part
    return Plan(tuple(closes), ZERO if order.position_fill == "REDUCE_ONLY" else left)


def swept(desk: Desk, instrument: str, units: Decimal, touch: Decimal) -> Decimal | None:
    """The mean price of so many units from the touch on, rounded against the order; None when there is not so much."""
    tick = desk.pair(instrument).tick
    sign = 1 if units > 0 else -1
    left, value = abs(units), ZERO
    for size, ticks in DEPTH:
        part = min(left, Decimal(size))
        value += part * (touch + sign * ticks * tick)
        left -= part
        if not left:
            mean = value / abs(units)
            return (mean / tick).to_integral_value(ROUND_CEILING if sign > 0 else ROUND_FLOOR) * tick
    return None


def why_not(desk: Desk, order: Order, planned: Plan, price: Decimal | None) -> str:
    """The reason for which an order is cancelled instead of filled, "" when there is none."""
    units = planned.opens + sum((part for _, part in planned.closes), ZERO)
    if not desk.tradeable(order.instrument):
        return "MARKET_HALTED"
    if price is None:
        return "INSUFFICIENT_LIQUIDITY"
    if not units:
        return "TIME_IN_FORCE_EXPIRED"  # nothing to reduce
    if order.bound is not None and (price > order.bound if units > 0 else price < order.bound):
        return "BOUNDS_VIOLATION"
    if order.type == "TAKE_PROFIT":
        trade = desk.state.trades[order.trade_id]
        return "LOSING_TAKE_PROFIT" if (price - trade.price) * trade.units < 0 else ""
    if not planned.opens:
        return ""
    for name, losing in (("tp", "TAKE_PROFIT_ON_FILL_LOSS"), ("sl", "STOP_LOSS_ON_FILL_LOSS")):
        spec: Row | None = getattr(order, name)
        if spec is not None and "price" in spec:
            at, long = Decimal(spec["price"]), planned.opens > 0
            out = desk.quotes[order.instrument].side(-planned.opens)
            wrong = (at <= out if long else at >= out) if name == "tp" else (at >= out if long else at <= out)
            if wrong:
                return losing
    after = desk.net(order.instrument) + units
    figures = desk.figures({order.instrument: after})
    return "INSUFFICIENT_MARGIN" if figures.margin_used > figures.nav else ""


def execute(desk: Desk, order: Order, now: int, reason: str, *, passed: Decimal | None = None) -> Row:
    """Fill an order whole or cancel it, and the row of that. `passed`: a price that the market went through (else the touch)."""
    planned = plan(desk, order)
    units = planned.opens + sum((part for _, part in planned.closes), ZERO)
    quote = desk.quotes.get(order.instrument)
    price = None
    if quote is not None and units:
        price = swept(desk, order.instrument, units, quote.side(units) if passed is None else passed)
    no = why_not(desk, order, planned, price if units else ZERO)
    if no or price is None or quote is None:
        return cancel(desk, order, now, no)
    return _fill(desk, order, planned, units, price, quote, now, reason)


def cancel(desk: Desk, order: Order, now: int, reason: str, **more: object) -> Row:
    """End a pending order."""
    row = desk.book("ORDER_CANCEL", now, orderID=order.id, clientOrderID=order.client_id or None, reason=reason, **more)
    order.state, order.cancelling, order.done_ts = "CANCELLED", str(row["id"]), now
    if (trade := desk.state.trades.get(order.trade_id)) is not None and trade.legs.get(order.type) == order.id:
        del trade.legs[order.type]
    return row


def _fill(desk: Desk, order: Order, planned: Plan, units: Decimal, price: Decimal, quote: Quote, now: int, reason: str) -> Row:
    pair = desk.pair(order.instrument)
    gain, loss = desk.factors(pair.quote)
    half = (quote.ask - quote.bid) / 2
    number = str(desk.state.last_id + 1)
    closed, reduced, done = list[Row](), list[Row](), list[Trade]()
    quote_pl = total = cost = ZERO
    for trade_id, part in planned.closes:
        trade = desk.state.trades[trade_id]
        earned = (price - trade.price) * -part
        got = money(desk.to_home(earned, pair.quote))
        spread = money(half * abs(part) * desk.mid_factor(pair.quote))
        piece = {
            "tradeID": trade.id, "clientTradeID": trade.client_id or None, "units": _units(part), "realizedPL": desk.text(got),
            "financing": "0.0000", "price": pair.price(price), "guaranteedExecutionFee": "0.0000", "halfSpreadCost": desk.text(spread),
        }  # fmt: skip
        piece = {name: value for name, value in piece.items() if value is not None}
        quote_pl, total, cost = quote_pl + earned, total + got, cost + spread
        trade.units += part
        trade.pl += got
        trade.closed_units += abs(part)
        trade.closed_value += abs(part) * price
        trade.closing.append(number)
        brought = desk.state.position_pl.setdefault(order.instrument, [ZERO] * 4)
        brought[0 if trade.initial > 0 else 1] += got
        if trade.units:
            reduced.append(piece)
        else:
            trade.close_ts = now
            closed.append(piece)
            done.append(trade)
    opened: Row | None = None
    if planned.opens:
        margin = desk.margin_of(order.instrument, planned.opens)
        spread = money(half * abs(planned.opens) * desk.mid_factor(pair.quote))
        cost += spread
        opened = {
            "tradeID": number, "units": _units(planned.opens), "price": pair.price(price), "guaranteedExecutionFee": "0.0000",
            "halfSpreadCost": desk.text(spread), "initialMarginRequired": desk.text(margin),
        }  # fmt: skip
        if order.trade_ext:
            opened["clientExtensions"] = order.trade_ext
        desk.put(
            Trade(
                id=number, instrument=order.instrument, price=price, ts=now, initial=planned.opens, units=planned.opens, margin=margin,
                ext=dict(order.trade_ext),
            )
        )  # fmt: skip
    desk.state.balance += total
    desk.state.pl += total
    row = desk.book(
        "ORDER_FILL", now, orderID=order.id, clientOrderID=order.client_id or None, instrument=order.instrument, units=_units(units),
        requestedUnits=_units(order.units or units), price=pair.price(price), fullVWAP=pair.price(price),
        fullPrice=full_price(desk, order.instrument, now), reason=reason, pl=desk.text(total), quotePL=str(quote_pl),
        financing="0.0000", baseFinancing="0", commission="0.0000", guaranteedExecutionFee="0.0000",
        accountBalance=desk.text(desk.state.balance), halfSpreadCost=desk.text(cost), gainQuoteHomeConversionFactor=str(gain),
        lossQuoteHomeConversionFactor=str(loss),
        homeConversionFactors=home_factors(desk, pair.base, pair.quote), tradeOpened=opened, tradesClosed=closed or None,
        tradeReduced=reduced[0] if reduced else None,
    )  # fmt: skip
    order.state, order.filling, order.done_ts = "FILLED", number, now
    order.opened = number if opened else ""
    order.closed, order.reduced = [one.id for one in done], str(reduced[0]["tradeID"]) if reduced else ""
    for trade in done:
        end_legs(desk, trade, now, but=order.id)
    if opened:
        attach(desk, desk.state.trades[number], order, price, now)
    return row


def attach(desk: Desk, trade: Trade, order: Order, price: Decimal, now: int) -> None:
    """The orders that were to come with the fill."""
    long = trade.units > 0
    tick = desk.pair(trade.instrument).tick
    for type_, name in ON_FILL:
        spec: Row | None = getattr(order, name)
        if spec is None:
            continue
        distance = Decimal(spec["distance"]) if "distance" in spec else None
        at = Decimal(spec["price"]) if "price" in spec else None
        if at is None and distance is not None and type_ != "TRAILING_STOP_LOSS":
            side = 1 if (type_ == "TAKE_PROFIT") == long else -1
            at = ((price + side * distance) / tick).to_integral_value() * tick
        make_leg(desk, trade, type_, spec, at, distance, now, "ON_FILL", fill=trade.id)


def make_leg(
    desk: Desk, trade: Trade, type_: str, spec: Row, price: Decimal | None, distance: Decimal | None, now: int, reason: str, *,
    fill: str | None = None, replaces: Order | None = None, cancelling: str | None = None,
) -> Order:  # fmt: skip
    """A pending order that closes a trade, and its transaction."""
    pair = desk.pair(trade.instrument)
    trigger = str(spec.get("triggerCondition", "DEFAULT"))
    row = desk.book(
        f"{type_}_ORDER", now, tradeID=trade.id, clientTradeID=trade.client_id or None,
        price=None if price is None else pair.price(price), distance=None if distance is None else pair.price(distance),
        timeInForce=spec.get("timeInForce", "GTC"), gtdTime=spec.get("gtdTime"), triggerCondition=trigger, reason=reason,
        clientExtensions=spec.get("clientExtensions"), orderFillTransactionID=fill,
        replacesOrderID=None if replaces is None else replaces.id, cancellingTransactionID=cancelling,
    )  # fmt: skip
    order = Order(
        id=str(row["id"]), type=type_, ts=now, instrument=trade.instrument, price=price, distance=distance,
        tif=str(spec.get("timeInForce", "GTC")), gtd=spec.get("gtd"), trigger=trigger, trade_id=trade.id, trade_client_id=trade.client_id,
        ext=dict(spec.get("clientExtensions") or {}), replaces=replaces.id if replaces else "",
    )  # fmt: skip
    if type_ == "TRAILING_STOP_LOSS" and distance is not None:
        out = desk.quotes[trade.instrument].side(-trade.units)
        order.trail = out - distance if trade.units > 0 else out + distance
    desk.put(order)
    trade.legs[type_] = order.id
    return order


def end_legs(desk: Desk, trade: Trade, now: int, *, but: str = "") -> None:
    """A trade that is over takes its pending orders along."""
    for type_ in LEG_TYPES:
        order = desk.state.orders.get(trade.legs.get(type_, ""))
        if order is not None and order.id != but and order.state == "PENDING":
            cancel(desk, order, now, "LINKED_TRADE_CLOSED", closedTradeID=trade.id, tradeCloseTransactionID=trade.closing[-1])
    trade.legs.clear()


def full_price(desk: Desk, instrument: str, now: int) -> Row:
    """The prices that the account sees, with their depth."""
    quote, pair = desk.quotes[instrument], desk.pair(instrument)
    return {
        "closeoutBid": pair.price(quote.bid),
        "closeoutAsk": pair.price(quote.ask),
        "timestamp": stamp(now),
        "bids": [{"price": pair.price(quote.bid - ticks * pair.tick), "liquidity": str(size)} for size, ticks in DEPTH],
        "asks": [{"price": pair.price(quote.ask + ticks * pair.tick), "liquidity": str(size)} for size, ticks in DEPTH],
    }


def home_factors(desk: Desk, base: str, quote: str) -> Row:
    """Factors of gains and losses in both currencies of a pair."""
    found: Row = {}
    for name, currency in (("QuoteHome", quote), ("BaseHome", base)):
        gain, loss = desk.factors(currency)
        found |= {f"gain{name}": {"factor": str(gain)}, f"loss{name}": {"factor": str(loss)}}
    return found


def _units(units: Decimal) -> str:
    return f"{units:f}"

"""The order state machine of the simulated OANDA: what clients may ask, what prices bring about; pure, time is an argument.

Every method books its transactions and returns the reply's parts (`orderCreateTransaction`, …). `Rejected` carries the refusal; its own
transaction is booked by `reject`. Within a bar the market goes through every price, so a stop in between is filled at its own;
what was jumped over (a weekend, a scripted gap) is filled where the market is.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modules.simulator import oanda_entry as entry
from modules.simulator import oanda_fills as fills
from modules.simulator.oanda_desk import LEG_TYPES, Desk
from modules.simulator.oanda_pairs import route
from modules.simulator.oanda_types import Order, Quote, Rejected, Row, Trade

LIMITS = frozenset({"LIMIT", "TAKE_PROFIT"})


class Broker:
    """Acts on one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    # what clients ask -----------------------------------------------------------------------------------------------------------------
    def create(self, body: Any, now: int, *, replaces: Order | None = None) -> Row:
        """`POST orders`: taken, and filled or cancelled at once when it must be; Rejected."""
        type_ = entry.order_type(body)
        given: Row = body["order"]
        if type_ in entry.CLOSING:
            return self._create_leg(type_, given, now, replaces)
        order = entry.opening(self.desk, type_, given, now)
        told = {"timeInForce": order.tif, "positionFill": order.position_fill} | entry.echoed(given)
        if type_ != "MARKET":
            told.setdefault("triggerCondition", "DEFAULT")
        row = self._book(type_, now, "CLIENT_ORDER" if replaces is None else "REPLACEMENT", told, replaces)
        order.id = str(row["id"])
        self.desk.put(order)
        return {"orderCreateTransaction": row} | self._activate(order, now)

    def _book(self, type_: str, now: int, reason: str, told: Row, replaces: Order | None) -> Row:
        more: Row = {} if replaces is None else {"replacesOrderID": replaces.id, "cancellingTransactionID": replaces.cancelling}
        return self.desk.book(f"{type_}_ORDER", now, reason=reason, **told, **more)

    def _activate(self, order: Order, now: int) -> Row:
        quote = self.desk.quotes[order.instrument]
        if order.type == "MARKET":
            return _told(fills.execute(self.desk, order, now, "MARKET_ORDER"))
        if self.desk.tradeable(order.instrument) and due(order, quote, self._units(order)):
            return _told(fills.execute(self.desk, order, now, f"{order.type}_ORDER"))
        if order.tif in {"FOK", "IOC"}:
            return _told(fills.cancel(self.desk, order, now, "TIME_IN_FORCE_EXPIRED"))
        return {}

    def _create_leg(self, type_: str, given: Row, now: int, replaces: Order | None) -> Row:
        trade = entry.trade_of(self.desk, given)
        spec = entry.leg(self.desk.pair(trade.instrument), type_, given, now, type_)
        if type_ in trade.legs:
            raise Rejected(f"{type_}_ORDER_ALREADY_EXISTS")
        order, row = self._leg(trade, type_, spec, now, replaces)
        return {"orderCreateTransaction": row} | self._activate(order, now)

    def _leg(self, trade: Trade, type_: str, spec: Row, now: int, replaces: Order | None) -> tuple[Order, Row]:
        price = Decimal(spec["price"]) if "price" in spec else None
        distance = Decimal(spec["distance"]) if "distance" in spec else None
        if price is None and distance is not None and type_ != "TRAILING_STOP_LOSS":
            price = trade.price - distance * (1 if trade.units > 0 else -1)
        order = fills.make_leg(
            self.desk, trade, type_, spec, price, distance, now, "CLIENT_ORDER" if replaces is None else "REPLACEMENT", replaces=replaces,
            cancelling=replaces.cancelling if replaces else None,
        )  # fmt: skip
        return order, next(one for one in reversed(self.desk.rows) if one["id"] == order.id)

    def reject(self, type_: str, given: Row, now: int, no: Rejected, reason: str = "CLIENT_ORDER") -> Row:
        """The transaction of a refusal."""
        return self.desk.book(f"{type_}_REJECT", now, **entry.echoed(given), reason=reason, rejectReason=no.reason)

    def cancel(self, order: Order, now: int) -> Row:
        """`PUT orders/{spec}/cancel`; Rejected when it is not pending."""
        if order.state != "PENDING":
            raise Rejected("ORDER_DOESNT_EXIST", status=404)
        return {"orderCancelTransaction": fills.cancel(self.desk, order, now, "CLIENT_REQUEST")}

    def replace(self, order: Order, body: Any, now: int) -> Row:
        """`PUT orders/{spec}`: the same type anew; Rejected leaves the old one as it is."""
        type_ = entry.order_type(body)
        if order.state != "PENDING":
            raise Rejected("ORDER_DOESNT_EXIST", status=404)
        given: Row = body["order"]
        if type_ != order.type:
            raise Rejected("REPLACING_ORDER_INVALID")
        if type_ in entry.CLOSING:
            given.setdefault("tradeID", order.trade_id)
            entry.leg(self.desk.pair(order.instrument), type_, given, now, type_)
        else:
            entry.opening(self.desk, type_, given, now, but=order.id)
        row = fills.cancel(self.desk, order, now, "CLIENT_REQUEST_REPLACED", replacedByOrderID=str(self.desk.state.last_id + 2))
        order.replaced_by = str(self.desk.state.last_id + 1)
        made = self.create(body, now, replaces=order)
        if "orderCancelTransaction" in made:
            made["replacingOrderCancelTransaction"] = made.pop("orderCancelTransaction")
        return {"orderCancelTransaction": row} | made

    def close_trade(self, trade: Trade, units: Any, now: int) -> Row:
        """`PUT trades/{spec}/close`; Rejected when there is nothing or not so much to close."""
        if trade.close_ts is not None:
            raise Rejected("TRADE_DOESNT_EXIST", status=404)
        part = entry.part_of(units, abs(trade.units), "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE")
        told = {
            "tradeClose": {"tradeID": trade.id, "units": str(units or "ALL")}
            | ({"clientTradeID": trade.client_id} if trade.client_id else {})
        }
        return self._market_close(trade, part, now, "TRADE_CLOSE", told)

    def _market_close(self, trade: Trade, part: Decimal, now: int, reason: str, told: Row) -> Row:
        units = -part if trade.units > 0 else part
        row = self.desk.book(
            "MARKET_ORDER", now, instrument=trade.instrument, units=str(units), timeInForce="FOK", positionFill="REDUCE_ONLY",
            reason=reason, **told,
        )  # fmt: skip
        order = Order(
            id=str(row["id"]), type="MARKET", ts=now, instrument=trade.instrument, units=units, tif="FOK", position_fill="REDUCE_ONLY",
            trade_id=trade.id,
        )  # fmt: skip
        self.desk.put(order)
        return {"orderCreateTransaction": row} | _told(fills.execute(self.desk, order, now, f"MARKET_ORDER_{reason}"))

    def close_position(self, instrument: str, body: Row, now: int) -> Row:
        """`PUT positions/{i}/close`: each side that is named; Rejected when there is no such position."""
        found: Row = {}
        sides = [("long", 1), ("short", -1)]
        wanted = {name: body.get(f"{name}Units", "ALL" if f"{other}Units" not in body else "NONE") for name, other in _SIDES}
        trades = {name: [one for one in self.desk.open_trades(instrument) if one.units * sign > 0] for name, sign in sides}
        if not any(trades.values()):
            raise Rejected("CLOSEOUT_POSITION_DOESNT_EXIST", status=404)
        for name, sign in sides:
            if wanted[name] == "NONE":
                continue
            held = sum((abs(one.units) for one in trades[name]), Decimal(0))
            if not held:
                if f"{name}Units" in body:
                    raise Rejected("CLOSEOUT_POSITION_DOESNT_EXIST")
                continue
            part = entry.part_of(wanted[name], held, "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE")
            ext = entry.extensions(body.get(f"{name}ClientExtensions"), "ORDER")
            told: Row = {f"{name}PositionCloseout": {"instrument": instrument, "units": str(wanted[name])}}
            told |= {"clientExtensions": ext} if ext else {}
            row = self.desk.book(
                "MARKET_ORDER", now, instrument=instrument, units=str(-sign * part), timeInForce="FOK", positionFill="REDUCE_ONLY",
                reason="POSITION_CLOSEOUT", **told,
            )  # fmt: skip
            order = Order(
                id=str(row["id"]), type="MARKET", ts=now, instrument=instrument, units=-sign * part, tif="FOK",
                position_fill="REDUCE_ONLY", ext=ext,
            )  # fmt: skip
            self.desk.put(order)
            done = _told(fills.execute(self.desk, order, now, "MARKET_ORDER_POSITION_CLOSEOUT"))
            found[f"{name}OrderCreateTransaction"] = row
            found |= {name + key[0].upper() + key[1:]: value for key, value in done.items()}
        return found

    def set_legs(self, trade: Trade, body: Row, now: int) -> Row:
        """`PUT trades/{spec}/orders`: absent = leave, null = cancel, object = create or replace. Rejected before anything is done."""
        if trade.close_ts is not None:
            raise Rejected("TRADE_DOESNT_EXIST", status=404)
        pair = self.desk.pair(trade.instrument)
        wanted = {
            type_: None if body[name] is None else entry.leg(pair, type_, body[name], now, type_)
            for type_, name in entry.CLOSING.items()
            if name in body
        }
        found: Row = {}
        for type_, spec in wanted.items():
            name = entry.CLOSING[type_]
            old = self.desk.state.orders.get(trade.legs.get(type_, ""))
            if old is not None:
                more = {} if spec is None else {"replacedByOrderID": str(self.desk.state.last_id + 2)}
                reason = "CLIENT_REQUEST" if spec is None else "CLIENT_REQUEST_REPLACED"
                found[f"{name}OrderCancelTransaction"] = fills.cancel(self.desk, old, now, reason, **more)
                old.replaced_by = more.get("replacedByOrderID", "")
            if spec is None or trade.close_ts is not None:
                continue
            order, row = self._leg(trade, type_, spec, now, old)
            found[f"{name}OrderTransaction"] = row
            for key, made in self._activate(order, now).items():
                found[f"{name}OrderFillTransaction" if key == "orderFillTransaction" else f"{name}OrderCreatedCancelTransaction"] = made
        return found

    # what prices bring about ----------------------------------------------------------------------------------------------------------
    def on_quote(self, instrument: str, quote: Quote) -> None:
        """A price moved: trailing stops follow, what is due is filled, the margin is looked at; while the pair is shut all that waits."""
        desk = self.desk
        desk.quotes[instrument] = quote
        if not desk.tradeable(instrument):
            desk.missed.add(instrument)
            return
        jumped = quote.jumped or instrument in desk.missed
        desk.missed.discard(instrument)
        waiting = desk.pending(instrument)
        for order in waiting:
            if order.trail is not None:
                _follow(order, quote, desk.state.trades[order.trade_id])
        for order in waiting:
            units = self._units(order)
            if order.state == "PENDING" and due(order, quote, units):
                desk.begin()
                level = order.trail if order.trail is not None else order.price
                passed = None if jumped or order.trigger != "DEFAULT" else level
                fills.execute(desk, order, quote.ts, f"{order.type}_ORDER", passed=passed)
        if any(instrument in self._moved_by(one) for one in desk.open_trades()):
            self.check_margin(quote.ts)

    def _moved_by(self, trade: Trade) -> set[str]:
        """Pairs whose price says what a trade is worth in home currency."""
        pair = self.desk.pair(trade.instrument)
        return {trade.instrument} | {way[0] for one in (pair.base, pair.quote) if (way := route(one)) is not None}

    def check_margin(self, now: int) -> None:
        """Close everything that trades once half the margin in use is more than what the account is worth."""
        desk = self.desk
        if desk.figures().closeout_percent < 1:
            return
        self.take_over(now)

    def take_over(self, now: int, instrument: str | None = None) -> None:
        """The margin closeout itself: every trade (of a pair) that trades now is closed at the market."""
        self.desk.begin()
        for trade in self.desk.open_trades(instrument):
            if self.desk.tradeable(trade.instrument) and trade.close_ts is None:
                told = {"marginCloseout": {"reason": "MARGIN_CHECK_VIOLATION"}}
                self._market_close(trade, abs(trade.units), now, "MARGIN_CLOSEOUT", told)

    def expire(self, now: int, *, day_ends: bool = False) -> None:
        """Orders whose time is over; `day_ends`: 17:00 in New York, where good-for-day ends."""
        for order in self.desk.pending():
            if (order.gtd is not None and order.gtd <= now) or (day_ends and order.tif == "GFD"):
                self.desk.begin()
                fills.cancel(self.desk, order, now, "TIME_IN_FORCE_EXPIRED")

    def _units(self, order: Order) -> Decimal:
        return order.units if order.type not in LEG_TYPES else -self.desk.state.trades[order.trade_id].units


_SIDES = (("long", "short"), ("short", "long"))


def _told(row: Row) -> Row:
    return {"orderFillTransaction" if row["type"] == "ORDER_FILL" else "orderCancelTransaction": row}


def due(order: Order, quote: Quote, units: Decimal) -> bool:
    """Whether an order of these (signed) units is to be filled at this quote."""
    level = order.trail if order.trail is not None else order.price
    if level is None:
        return False
    buys = units > 0
    match order.trigger:
        case "BID":
            price = quote.bid
        case "ASK":
            price = quote.ask
        case "MID":
            price = quote.mid
        case "INVERSE":
            price = quote.bid if buys else quote.ask
        case _:
            price = quote.ask if buys else quote.bid
    if order.type == "MARKET_IF_TOUCHED":
        return price >= level if order.above else price <= level
    wants_low = buys == (order.type in LIMITS)
    return price <= level if wants_low else price >= level


def _follow(order: Order, quote: Quote, trade: Trade) -> None:
    """A trailing stop goes with the market in the winning direction only."""
    if order.distance is None or order.trail is None:
        return
    long = trade.units > 0
    out = quote.side(-trade.units)
    order.trail = max(order.trail, out - order.distance) if long else min(order.trail, out + order.distance)

"""What the bot wants as Bybit v5 request bodies (bybit_v5 §4, §7). Pure; every amount is a plain decimal string."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modules.exchange.bybit_account import CATEGORY
from modules.ports import Ticket, World
from state.accounts import Domain
from state.instruments import split_key
from utils.fixed import plain

Params = dict[str, Any]

FILTERS = {World.PLAIN: "Order", World.PROTECTIVE: "tpslOrder", World.CONDITIONAL: "StopOrder"}
"""Spot's worlds by the venue's name."""
BRACKET = "BidirectionalTpslOrder"
"""A bracket is a world of its own where orders are listed, and perhaps where one is cancelled."""
SPOT_WORLDS = (BRACKET, "OcoOrder", "tpslOrder", "StopOrder", "Order")
"""Every world that spot orders can be listed by; plain ones last, because that is what the others become when they trigger."""
RISES, FALLS = 1, 2
LAST, MARK = "LastPrice", "MarkPrice"


def where(key: str) -> Params:
    """Category and symbol of an instrument."""
    domain, symbol = split_key(key)
    return {"category": CATEGORY[domain], "symbol": symbol}


def create(ticket: Ticket, last: Decimal | None = None, by: str = LAST) -> Params:
    """Body of order/create. `last`: a fresh price, needed for a conditional order on a perpetual (ValueError without it).

    `by`: which price triggers the legs of a perpetual; spot's always go by the last one.

    A market order is always sized in the base coin; the venue's default for spot buys is the quote coin.
    """
    spot = split_key(ticket.key)[0] is Domain.CRYPTO
    body: Params = {
        **where(ticket.key),
        "side": "Buy" if ticket.side > 0 else "Sell",
        "orderType": "Market" if ticket.price is None else "Limit",
        "qty": plain(ticket.qty),
        "orderLinkId": ticket.link_id,
    }
    if ticket.price is not None:
        body["price"] = plain(ticket.price)
        body["timeInForce"] = "IOC" if ticket.immediate else "GTC"
    if spot:
        body |= {"isLeverage": 0, "orderFilter": FILTERS[ticket.world]}
        if ticket.price is None:
            body["marketUnit"] = "baseCoin"
    else:
        body["positionIdx"] = 0
        if ticket.reduce_only:
            body["reduceOnly"] = True
    body |= _legs(ticket, by, spot=spot)
    if ticket.trigger is not None:
        body["triggerPrice"] = plain(ticket.trigger)
        if not spot:
            if last is None:
                raise ValueError(f"{ticket.key}: a conditional order needs a fresh price")
            body |= {"triggerDirection": RISES if ticket.trigger > last else FALLS, "triggerBy": LAST}
    return body


def amend(
    key: str,
    venue_id: str,
    stop: Decimal | None,
    target: Decimal | None,
    trigger: Decimal | None,
    qty: Decimal | None,
) -> Params:
    """Body of order/amend: only what changes."""
    changes = {"stopLoss": stop, "takeProfit": target, "triggerPrice": trigger, "qty": qty}
    return {**where(key), "orderId": venue_id, **{name: plain(value) for name, value in changes.items() if value is not None}}


def cancel(key: str, world: World, venue_id: str, link_id: str) -> Params:
    """Body of order/cancel; spot must name the world."""
    body = where(key) | ({"orderId": venue_id} if venue_id else {"orderLinkId": link_id})
    return body | ({"orderFilter": FILTERS[world]} if body["category"] == "spot" else {})


def set_stops(key: str, stop: Decimal, target: Decimal, by: str = LAST) -> Params:
    """Body of position/trading-stop for the whole position; 0 takes a leg away. `by`: which price triggers them."""
    legs = {"stopLoss": plain(stop), "takeProfit": plain(target), "slTriggerBy": by, "tpTriggerBy": by}
    return {**where(key), "tpslMode": "Full", "positionIdx": 0, **legs}


def _legs(ticket: Ticket, by: str, *, spot: bool) -> Params:
    legs: Params = {}
    for name, kind, price in (("takeProfit", "tpOrderType", ticket.target), ("stopLoss", "slOrderType", ticket.stop)):
        if price is not None:
            legs |= {name: plain(price), kind: "Market"}
            if not spot:
                legs[kind.replace("OrderType", "TriggerBy")] = by
    if legs and not spot:
        legs["tpslMode"] = "Full"
    return legs

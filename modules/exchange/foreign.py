"""Which orders on an account are nobody's here: made by hand, by another program, by another bot of this kind.

Ours bear our prefix and tag. Protection that the venue made of an order of ours bears an id that it invented and is known by what it
does: it closes a position we hold, is no larger, and stands at the levels we want. One that only looks strange may be ours an instant
before or after a change, so it counts when it is seen twice; any other counts at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from modules.exchange.reports import PROTECTIVE, ZERO, OrderKind, OrderReport
from utils.fixed import plain

_BOT_ID = re.compile(r"[A-Z][A-Z][A-Za-z0-9]{3}-")
"""How the ids of this kind of bot begin: letters of domain and mode, three characters of tag."""


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """A position as it should stand on the venue: size in base units, levels in quote."""

    side: int
    """+1 long, -1 short."""
    qty: Decimal
    stop: Decimal
    target: Decimal


class Sighting(msgspec.Struct, frozen=True):
    """An order that is not ours: the venue's id, whether that is beyond doubt, and words for people."""

    venue_id: str
    certain: bool
    words: str


def foreign_orders(
    orders: Iterable[OrderReport], prefix: str, covers: Mapping[str, Cover], remembered: Callable[[str], bool]
) -> list[Sighting]:
    """The open `orders` that are not ours. `prefix`: what our client ids begin with, `CLabc-`; its tag alone makes an order ours.

    `remembered`: whether a client id is known to have been sent; a plain order of ours that nobody remembers counts as strange.
    """
    found = []
    for order in orders:
        if order.status.final:
            continue
        if order.link_id[2:6] == prefix[2:6]:
            if order.kind is OrderKind.PLAIN and order.link_id.startswith(prefix) and not remembered(order.link_id):
                found.append(Sighting(order.venue_id, False, f"an order with this bot's tag that it does not remember: {_describe(order)}"))
        elif _BOT_ID.match(order.link_id):
            found.append(Sighting(order.venue_id, True, f"another bot trades on this account: {_describe(order)}"))
        elif order.kind not in PROTECTIVE:
            found.append(Sighting(order.venue_id, True, f"a foreign order: {_describe(order)}"))
        elif not _covers(order, covers.get(order.key)):
            found.append(Sighting(order.venue_id, False, f"a protective order that nobody here wants: {_describe(order)}"))
    return found


def _covers(order: OrderReport, cover: Cover | None) -> bool:
    """The venue made this of our protection."""
    if cover is None or order.side != -cover.side or order.qty > cover.qty:
        return False
    levels = {level for level in (order.trigger, order.stop, order.target) if level != ZERO}
    return levels <= {cover.stop, cover.target}


def _describe(order: OrderReport) -> str:
    side = "buy" if order.side > 0 else "sell"
    at = next((plain(price) for price in (order.price, order.trigger, order.stop, order.target) if price), "market")
    return f"{side} {plain(order.qty)} {order.key} at {at}, id {order.link_id or order.venue_id}"

"""Whose order is it: ours by tag, the venue's own of our protection, another bot's, or somebody's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.exchange.foreign import Cover, foreign_orders
from modules.exchange.reports import OrderKind, OrderReport, OrderStatus
from self_test.fakes.account_venue import open_order
from self_test.modules.exchange.watching import SPOT_KEY

SENT = {"CLabc-AAAUSDT-1-e"}
COVERS = {SPOT_KEY: Cover(side=1, qty=Decimal(2), stop=Decimal(90), target=Decimal(120))}


def seen(order: OrderReport) -> list[tuple[bool, str]]:
    return [(one.certain, one.words) for one in foreign_orders([order], "CLabc-", COVERS, SENT.__contains__)]


@pytest.mark.parametrize("link_id", ["CLabc-AAAUSDT-1-e", "PLabc-AAAUSDT-1-e"])
def test_orders_with_our_tag_are_ours(link_id: str) -> None:
    assert seen(open_order(SPOT_KEY, link_id)) == []


def test_an_entry_with_our_tag_that_nobody_remembers_is_suspected() -> None:
    ((certain, words),) = seen(open_order(SPOT_KEY, "CLabc-AAAUSDT-2-e", price="90"))
    assert not certain and words.startswith("an order with this bot's tag that it does not remember: buy 1")


def test_protection_with_our_tag_is_the_executors_business() -> None:
    assert seen(open_order(SPOT_KEY, "CLabc-AAAUSDT-2-s1", side=-1, kind=OrderKind.SPOT_EXIT, trigger="90")) == []
    assert seen(open_order(SPOT_KEY, "CLabc-AAAUSDT-2-s1", side=-1, kind=OrderKind.CONDITIONAL, trigger="90")) == []


def test_an_order_that_has_ended_is_no_matter() -> None:
    assert seen(open_order(SPOT_KEY, "web", status=OrderStatus.FILLED)) == []


def test_pain_41_another_tag_is_another_bot() -> None:
    ((certain, words),) = seen(open_order(SPOT_KEY, "CLxyz-AAAUSDT-1-e", price="100"))
    assert certain and words == "another bot trades on this account: buy 1 CRYPTO:AAAUSDT at 100, id CLxyz-AAAUSDT-1-e"


@pytest.mark.parametrize("kind", [OrderKind.PLAIN, OrderKind.CONDITIONAL])
def test_an_order_made_by_hand_is_foreign(kind: OrderKind) -> None:
    ((certain, words),) = seen(open_order(SPOT_KEY, "", kind=kind))
    assert certain and words.startswith("a foreign order: buy 1 CRYPTO:AAAUSDT at market, id v-")


@pytest.mark.parametrize(
    "order",
    [
        open_order(SPOT_KEY, "4711", side=-1, qty="2", kind=OrderKind.SPOT_BRACKET, stop="90", target="120"),
        open_order(SPOT_KEY, "4711", side=-1, qty="1.5", kind=OrderKind.SPOT_EXIT, trigger="90"),
        open_order(SPOT_KEY, "", side=-1, qty="0", kind=OrderKind.STOP_LOSS, trigger="90"),
        open_order(SPOT_KEY, "", side=-1, qty="2", kind=OrderKind.TAKE_PROFIT, trigger="120"),
    ],
)
def test_protection_that_the_venue_made_of_ours_is_ours(order: OrderReport) -> None:
    assert seen(order) == []


@pytest.mark.parametrize(
    "order",
    [
        open_order(SPOT_KEY, "4711", side=1, qty="2", kind=OrderKind.SPOT_BRACKET, stop="90", target="120"),
        open_order(SPOT_KEY, "4711", side=-1, qty="2.1", kind=OrderKind.SPOT_BRACKET, stop="90", target="120"),
        open_order(SPOT_KEY, "4711", side=-1, qty="2", kind=OrderKind.SPOT_EXIT, trigger="91"),
        open_order("CRYPTO:BBBUSDT", "4711", side=-1, qty="2", kind=OrderKind.SPOT_EXIT, trigger="90"),
    ],
)
def test_protection_that_nobody_wants_is_suspected(order: OrderReport) -> None:
    ((certain, words),) = seen(order)
    assert not certain and words.startswith("a protective order that nobody here wants")

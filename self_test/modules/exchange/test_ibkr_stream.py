"""How news become items, without the client library; over the wire: `self_test/contracts/ibkr`."""

from __future__ import annotations

import contextlib
import random
import sys

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import Heard, IbkrGateway
from modules.exchange.ibkr_stream import IbkrAccountStream
from modules.exchange.reports import ExecutionReport, Link, OrderReport, OrderStatus
from self_test.modules.exchange.ibkr_samples import fill, trade
from utils.clock import FakeClock


def stream() -> IbkrAccountStream:
    venue = IbkrVenue(IbkrGateway(IbkrPlace("127.0.0.1", 4002, 1, "DU1234567")), FakeClock(5))
    return IbkrAccountStream(venue, FakeClock(5), random.Random(1))


def test_the_link_is_told_once_each_way() -> None:
    told = stream()
    assert [told._told(Heard(up=up, reason="why")) for up in (True, True)] == [[Link(up=True, ts=5, reason="why")], []]
    assert [told._told(Heard(up=False, reason="gone")) for _ in range(3)] == [[Link(up=False, ts=5, reason="gone")], [], []]


def test_orders_and_fills_are_told_and_another_accounts_are_not() -> None:
    told = stream()
    (order,) = told._told(Heard(trade=trade()))
    (done,) = told._told(Heard(trade=trade(), fill=fill()))
    assert isinstance(order, OrderReport) and isinstance(done, ExecutionReport)
    assert told._told(Heard(trade=trade(), fill=fill(acctNumber="DU9"))) == []


def test_an_end_that_only_the_library_believes_in_is_not_told() -> None:
    told = stream()
    gone = trade(status="Cancelled")
    told._venue.gateway._errors[gone.order.orderId] = (10148, "can not be cancelled, state: Filled")
    assert told._told(Heard(trade=gone)) == []
    told._venue.gateway._errors[gone.order.orderId] = (202, "Order Canceled - reason:margin")
    (item,) = told._told(Heard(trade=gone))
    assert isinstance(item, OrderReport) and item.status is OrderStatus.CANCELLED and "margin" in item.reason


def test_a_row_that_makes_no_sense_breaks_the_link_so_that_the_account_is_read() -> None:
    lost, back = stream()._told(Heard(trade=trade(status="Levitating")))
    assert isinstance(lost, Link) and not lost.up and "Levitating" in lost.reason
    assert isinstance(back, Link) and back.up


@pytest.mark.asyncio
async def test_without_the_library_the_link_is_down_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    told = stream()
    async with contextlib.aclosing(told.items()) as items:
        lost = await anext(items)
    assert isinstance(lost, Link) and not lost.up and "requirements-ibkr.txt" in lost.reason
    assert told._venue.gateway.ears == []

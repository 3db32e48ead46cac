"""What is read of an account, without the client library; over the wire: `self_test/contracts/ibkr`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_reads import FOREIGN_ORDER, IbkrReads, option
from modules.exchange.reports import ZERO, OrderStatus
from modules.ports import BAD_GRID, NO_SUCH_ORDER, NOT_TRADING
from self_test.modules.exchange.ibkr_samples import fill, position, stop, target, trade
from utils.clock import FakeClock
from utils.errors import Rejected

pytestmark = pytest.mark.asyncio
KEY = "OPTIONS:EURUSD-20261204-C-1.10000"


class Told(IbkrGateway):
    """A gateway that was asked already: its answers by what is asked for."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(IbkrPlace("127.0.0.1", 4002, 7, "DU1234567"))
        self.answers = answers

    async def ask(self, what: str, make: Callable[[Any], Awaitable[Any]]) -> Any:
        return self.answers.get(what.replace(" ", "_"), [])

    async def fills(self) -> list[Any]:
        return list(self.answers.get("fills", []))

    async def contract(self, option: Any) -> tuple[Any, float]:
        return object(), self.answers["tick"]

    async def summary(self) -> dict[str, tuple[str, str]]:
        return {"NetLiquidation": ("1000", "USD"), "TotalCashValue": ("900", "USD"), "AvailableFunds": ("800", "USD")}


def reads(**answers: Any) -> IbkrReads:
    for row in (*answers.get("open_orders", ()), *answers.get("ended_orders", ())):
        row.isDone = lambda row=row: row.orderStatus.status in {"Filled", "Cancelled"}
    return IbkrReads(Told(**answers), FakeClock(5), venue_now=lambda: 42)


async def code_of(call: Awaitable[object]) -> object:
    with pytest.raises(Rejected) as caught:
        await call
    return caught.value.code


async def test_an_order_is_looked_for_where_it_may_be() -> None:
    standing = reads(open_orders=[trade(), stop(0.0048), target(0.016)])
    found = await standing.order(KEY, link_id="bot-1")
    assert found is not None and (found.status, found.stop, found.target) == (OrderStatus.OPEN, Decimal("0.0048"), Decimal("0.016"))
    ended = await reads(ended_orders=[trade(status="Cancelled")]).order(KEY, venue_id="900")
    assert ended is not None and (ended.status, ended.filled) == (OrderStatus.CANCELLED, ZERO)
    told = await reads(fills=[fill(shares=1.0), fill(shares=2.0, execId="f.01", commission="f.01")]).order(KEY, link_id="bot-1")
    assert told is not None and (told.status, told.filled, told.venue_id) == (OrderStatus.FILLED, Decimal(375_000), "900")
    assert await reads().order(KEY, link_id="bot-1") is None


async def test_what_is_another_accounts_or_another_clients_is_not_ours_to_change() -> None:
    other = reads(open_orders=[trade(account="DU9"), stop(0.0048, clientId=8), stop(0.0049)])
    assert len(await other.open_orders()) == 2
    assert [one.order.auxPrice for one in await other.protecting(option(KEY))] == [0.0049]
    other.prefix = "zzz"
    assert await other.protecting(option(KEY)) == []
    assert await code_of(other.open_trade("900", "")) == FOREIGN_ORDER
    assert await code_of(other.open_trade("", "unheard")) == NO_SUCH_ORDER


async def test_executions_are_those_of_the_account_since_then_oldest_first() -> None:
    found = reads(fills=[fill(execId="b.01", commission="b.01"), fill(), fill(acctNumber="DU9")])
    assert [one.exec_id for one in await found.executions(0)] == ["b.01", "e.01"]
    (first, _) = await found.executions(0)
    assert len(await found.executions(first.ts + 999)) == 2  # the gateway tells whole seconds
    assert await found.executions(first.ts + 1000) == []
    assert await found.executions_of(KEY, "1") == []


async def test_a_grid_that_we_do_not_know_keeps_an_option_from_being_traded() -> None:
    await reads(tick=0.0001).prepare(KEY)
    assert await code_of(reads(tick=0.01).prepare(KEY)) == BAD_GRID
    assert await code_of(reads().prepare("OPTIONS:EURUSD")) == NOT_TRADING


async def test_money_is_read_as_it_stands() -> None:
    wallet = await reads().wallet()
    assert (wallet.cash, wallet.free, wallet.ts) == (Decimal(900), Decimal(800), 42)
    assert await reads().equity_usd() == 1000
    assert await reads().fee_rates() == {} and await reads().movements(0) == []


async def test_levels_are_told_as_they_were_asked_for_while_the_nearest_stands() -> None:
    one = reads(open_orders=[stop(0.0049), target(0.016)], positions=[position(1)])
    one.wish(KEY, Decimal("0.00481"), None)
    (held,) = await one.positions()
    assert (held.stop, held.target) == (Decimal("0.00481"), Decimal("0.016"))
    assert [report.trigger for report in await one.open_orders()] == [Decimal("0.00481"), Decimal("0.016")]
    one.wish(KEY, Decimal("0.0060"), Decimal(0))  # asked for, and another stands: what stands is told
    assert (await one.positions())[0].stop == Decimal("0.0049")
    assert (await reads(positions=[position(1)]).positions())[0].stop == ZERO

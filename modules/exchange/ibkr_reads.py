"""What can be asked of an account at Interactive Brokers: orders, executions, positions, money, fitness; the reading half of the adapter.

The gateway forgets: ended orders and executions of today are kept (TWS keeps seven days where it is set so). So an order is looked for
among the open ones, the ended ones and the executions, and one that is on none of them may still have been there.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from modules.exchange import ibkr_rows as rows
from modules.exchange.ibkr_contracts import CmeOption, number, option_of, premium_of
from modules.exchange.ibkr_gateway import IbkrGateway, masked
from modules.exchange.ibkr_orders import on_grid
from modules.exchange.reports import (
    ZERO,
    CashReport,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from modules.ports import BAD_GRID, NO_SUCH_ORDER, NOT_TRADING
from utils.clock import Clock
from utils.errors import Refusal, Rejected
from utils.throttle import Urgency

HOME = "USD"
DATE_STEP_MS = 1_000
"""The gateway tells its clock in whole seconds."""
COMMISSION_S = 3.0
"""For so long the commission of an execution is waited for."""
FOREIGN_ORDER = "foreign_order"
"""An order of another client of the gateway, or of a hand."""


class IbkrReads:
    """One account behind `gateway`. `venue_now`: the time that rows bear, ms."""

    def __init__(self, gateway: IbkrGateway, clock: Clock, *, venue_now: Callable[[], int] | None = None) -> None:
        self.gateway, self._clock, self._now = gateway, clock, venue_now or clock.now_ms
        self.account_id = gateway.place.account
        self.prefix = ""
        """How the client ids of this bot begin; empty: every order of this client counts as ours."""
        self._contracts: dict[str, Any] = {}
        self._asked: dict[tuple[str, OrderKind], Decimal] = {}
        """The stop and target that were last asked for, as they were before they went to the exchange's grid."""

    def venue_ms(self) -> int:
        """The venue's wall clock as far as it matters: nothing is signed with it."""
        return self._clock.now_ms()

    def wish(self, key: str, stop: Decimal | None, target: Decimal | None) -> None:
        """Remember what is asked for; what is 0 or None stays."""
        for kind, level in ((OrderKind.STOP_LOSS, stop), (OrderKind.TAKE_PROFIT, target)):
            if level:
                self._asked[key, kind] = level

    def as_asked(self, report: OrderReport) -> OrderReport:
        """An order with its levels as they were asked for, where what stands is the nearest that the exchange has."""
        if report.kind in {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}:
            return msgspec.structs.replace(report, trigger=self._level(report.key, report.kind, report.trigger))
        return msgspec.structs.replace(report, **self._levels(report))

    def _levels(self, report: OrderReport | PositionReport) -> dict[str, Decimal]:
        stop, target = OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT
        return {"stop": self._level(report.key, stop, report.stop), "target": self._level(report.key, target, report.target)}

    def _level(self, key: str, kind: OrderKind, stands: Decimal) -> Decimal:
        asked = self._asked.get((key, kind), stands)
        return asked if stands and on_grid(option(key), kind, asked) == stands else stands

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        """See `Venue.order`: by its reference or number among the open orders, the ended ones, the executions."""

        def fits(trade: Any) -> bool:
            return bool(venue_id and str(trade.order.permId) == venue_id) or bool(link_id and trade.order.orderRef == link_id)

        trades = await self.asked_open()
        found = next((one for one in trades if fits(one)), None)
        if found is None:
            ended = await self.gateway.ask("ended orders", lambda ib: ib.reqCompletedOrdersAsync(False))
            found = next((one for one in ended if fits(one)), None)
        if found is not None:
            report = rows.order(found, self._now(), rows.attached(trades))
            return None if report is None else self.as_asked(report)
        executed = [
            one for one in await self.executions(0) if (venue_id and one.venue_id == venue_id) or (link_id and one.link_id == link_id)
        ]
        if not executed:
            return None
        last, filled = executed[-1], sum((one.qty for one in executed), ZERO)
        return OrderReport(
            key=last.key,
            venue_id=last.venue_id,
            link_id=last.link_id,
            side=last.side,
            kind=last.order_kind,
            status=OrderStatus.FILLED,
            qty=filled,
            filled=filled,
            reduce_only=last.side < 0,
            created_ts=0,
            ts=last.ts,
        )

    async def open_orders(self) -> list[OrderReport]:
        """See `Venue.open_orders`: of every client of the gateway."""
        trades = await self.asked_open()
        legs = rows.attached(trades)
        return [self.as_asked(found) for one in trades if (found := rows.order(one, self._now(), legs)) is not None]

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        """See `Venue.executions`. The gateway keeps those of today (TWS of seven days where it is set so)."""
        fills = await self.gateway.fills()
        mine = [one for one in fills if one.execution.acctNumber == self.account_id and rows.option_in(one.contract) is not None]
        await self.gateway.until(lambda: True if all(one.commissionReport.execId for one in mine) else None, COMMISSION_S)
        found = [report for one in mine if (report := rows.execution(one)) is not None and report.ts >= since_ms // 1000 * 1000]
        return sorted(found, key=lambda one: (one.ts, one.exec_id))

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        """See `Venue.executions_of`."""
        return [one for one in await self.executions(since_ms) if one.venue_id == venue_id]

    async def movements(self, since_ms: int) -> list[CashReport]:
        """See `CashList.movements`: the gateway has no list of them; cash that moved shows as a difference of the wallet."""
        return []

    async def positions(self) -> list[PositionReport]:
        """See `Venue.positions`."""
        trades = await self.asked_open()
        held = await self.gateway.ask("positions", lambda ib: ib.reqPositionsAsync())
        found = rows.positions(held, self.account_id, trades)
        return [msgspec.structs.replace(one, **self._levels(one)) for one in found]

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """See `Venue.wallet`."""
        return rows.wallet(await self.gateway.summary(), self._now())

    async def equity_usd(self) -> Decimal:
        """The account's net liquidation value, US dollars. Transient when it is not told."""
        return rows.equity_usd(await self.gateway.summary())

    async def quote(self, key: str) -> tuple[Decimal, Decimal]:
        """(bid, ask) of an option, US dollars per unit. Transient when there is no two-sided market."""
        wanted = option(key)
        bid, ask = await self.gateway.quote(await self.contract(wanted))
        return premium_of(wanted.product, bid), premium_of(wanted.product, ask)

    async def rights(self) -> KeyRights:
        """See `Venue.rights`. The gateway's login trades; what may be unfit is the account behind it."""
        accounts = (await self.gateway.ready()).managedAccounts()
        unfit = []
        if self.account_id not in accounts:
            unfit.append(f"the gateway does not manage {masked(self.account_id)}; IBKR_ACCOUNT names another login's")
        else:
            currency = (await self.gateway.summary()).get("NetLiquidation", ("", ""))[1]
            if currency != HOME:
                unfit.append(f"its account is kept in {currency or 'no known currency'}, not in {HOME}")
        return KeyRights(account_id=self.account_id, read_only=False, spot=False, derivatives=True, withdraw=False, unfit=tuple(unfit))

    async def fee_rates(self) -> dict[str, tuple[int, int]]:
        """A commission per contract comes with each fill; there is no rate."""
        return {}

    async def prepare(self, key: str) -> None:
        """See `Venue.prepare`: the gateway lists the option, on the grid that we know."""
        await self.contract(option(key))

    async def sync_clock(self) -> int:
        """See `Venue.sync_clock`: only a clock that is plainly wrong counts."""
        before = self._clock.now_ms()
        said = rows.ms_of(await self.gateway.ask("time", lambda ib: ib.reqCurrentTimeAsync()))
        offset = said - (before + self._clock.now_ms()) // 2
        return 0 if abs(offset) <= DATE_STEP_MS else offset

    async def close(self) -> None:
        """See `Venue.close`."""
        self.gateway.close()

    async def contract(self, wanted: CmeOption) -> Any:
        """The contract with the gateway's number. Rejected when it is not listed, or on another grid than we know."""
        if wanted.key not in self._contracts:
            contract, tick = await self.gateway.contract(wanted)
            if number(tick) not in {wanted.product.tick, wanted.product.fine}:
                raise Rejected(
                    f"{wanted.symbol}: the gateway's smallest price difference is {tick}, not {wanted.product.tick}", code=BAD_GRID
                )
            self._contracts[wanted.key] = contract
        return self._contracts[wanted.key]

    async def asked_open(self) -> list[Any]:
        """Open orders of the account, of every client."""
        found = await self.gateway.ask("open orders", lambda ib: ib.reqAllOpenOrdersAsync())
        return [one for one in found if one.order.account in {"", self.account_id} and not one.isDone()]

    async def protecting(self, wanted: CmeOption) -> list[Any]:
        """Protective orders on `wanted` that this client can change."""
        ours = self.gateway.place.client_id
        return [
            one
            for one in await self.asked_open()
            if one.order.clientId == ours
            and one.order.action == "SELL"
            and rows.kind_of(one.order) in {OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}
            and one.order.orderRef.startswith(self.prefix)
            and (found := rows.option_in(one.contract)) is not None
            and found.key == wanted.key
        ]

    async def open_trade(self, venue_id: str, link_id: str) -> Any:
        """An open order of this client. Rejected when there is none, or it is another's."""
        for one in await self.asked_open():
            if (venue_id and str(one.order.permId) == venue_id) or (link_id and one.order.orderRef == link_id):
                if one.order.clientId != self.gateway.place.client_id:
                    raise Rejected(f"order {venue_id or link_id} is another client's", code=FOREIGN_ORDER)
                return one
        raise Rejected(f"no order {venue_id or link_id} stands", code=NO_SUCH_ORDER)


def option(key: str) -> CmeOption:
    """The option of a key; Rejected for one that cannot be."""
    try:
        return option_of(key)
    except Refusal as error:
        raise Rejected(str(error), code=NOT_TRADING) from error

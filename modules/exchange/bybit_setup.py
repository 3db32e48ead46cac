"""How a perpetual must stand before its first order: isolated margin, one-way mode, our leverage; read, set where it differs, read back.

What does not change when it is set is `Rejected`, which keeps the instrument from being entered.
"""

from __future__ import annotations

from decimal import Decimal

from modules.exchange import bybit_account as rows
from modules.exchange import bybit_bodies as bodies
from modules.exchange.bybit_calls import BybitCalls
from modules.exchange.bybit_lists import BybitLists, understood
from modules.exchange.reports import PositionReport
from modules.ports import NOT_TRADING
from utils.errors import Rejected
from utils.fixed import plain
from utils.throttle import Urgency

MOST_LEVERAGE = 3
ISOLATED = "ISOLATED_MARGIN"
ACCOUNT_INFO = "/v5/account/info"


class PerpetualSetup:
    """Settings of one account; its margin mode is looked at once. ValueError for a leverage out of bounds."""

    def __init__(self, calls: BybitCalls, lists: BybitLists, leverage: int) -> None:
        if not 1 <= leverage <= MOST_LEVERAGE:
            raise ValueError(f"leverage must be 1 to {MOST_LEVERAGE}, not {leverage}")
        self._calls = calls
        self._lists = lists
        self._leverage = Decimal(leverage)
        self._isolated = False

    async def prepare(self, key: str) -> None:
        """Make it so for one instrument; Rejected when the venue will not have it."""
        await self._isolate()
        found = await self._rows(key)
        if any(one.hedged for one in found):
            await self._calls.write("/v5/position/switch-mode", {**bodies.where(key), "mode": 0}, Urgency.ENTRY)
            found = await self._rows(key)
            if any(one.hedged for one in found):
                raise Rejected(f"{key} is in hedge mode and stays there", code="position_mode")
        if any(one.leverage != self._leverage for one in found):
            lever = plain(self._leverage)
            body = {**bodies.where(key), "buyLeverage": lever, "sellLeverage": lever}
            await self._calls.write("/v5/position/set-leverage", body, Urgency.ENTRY)
            if any(one.leverage != self._leverage for one in await self._rows(key)):
                raise Rejected(f"{key} does not take leverage {lever}", code="leverage")

    async def _rows(self, key: str) -> list[PositionReport]:
        """The instrument's rows: one in one-way mode, two in hedge mode, also when there is no position."""
        found = await self._lists.every("/v5/position/list", bodies.where(key), rows.position, Urgency.ENTRY)
        if not found:
            raise Rejected(f"the venue shows no position row for {key}", code=NOT_TRADING)
        return found

    async def _isolate(self) -> None:
        if self._isolated:
            return
        if await self._margin_mode() != ISOLATED:
            await self._calls.write("/v5/account/set-margin-mode", {"setMarginMode": ISOLATED}, Urgency.ENTRY)
            if (mode := await self._margin_mode()) != ISOLATED:
                raise Rejected(f"the account stays in {mode}", code="margin_mode")
        self._isolated = True

    async def _margin_mode(self) -> str:
        said = await self._calls.read(ACCOUNT_INFO, {}, Urgency.ENTRY)
        return understood(lambda: rows.margin_mode(said.result))

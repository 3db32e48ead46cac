"""What the adapter refuses before it asks anybody; over the wire: `self_test/contracts/ibkr`."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest

from modules.environment import IbkrPlace
from modules.exchange.ibkr import IbkrVenue
from modules.exchange.ibkr_gateway import IbkrGateway
from modules.exchange.ibkr_orders import SHORT_PREMIUM, UNPROTECTED
from modules.ports import BAD_GRID, BELOW_MINIMUM, NOT_TRADING, Ticket
from utils.clock import WallClock
from utils.errors import Rejected
from utils.throttle import Urgency

pytestmark = pytest.mark.asyncio
KEY = "OPTIONS:EURUSD-20261204-C-1.10000"


class Poor(IbkrGateway):
    """A gateway whose account has so much, and that cannot be asked for more."""

    def __init__(self, usd: str) -> None:
        super().__init__(IbkrPlace("127.0.0.1", 4002, 1, "DU1234567"))
        self._usd = usd

    async def summary(self) -> dict[str, tuple[str, str]]:
        return {"NetLiquidation": (self._usd, "USD"), "TotalCashValue": (self._usd, "USD"), "AvailableFunds": (self._usd, "USD")}


def ticket(**changes: Any) -> Ticket:
    plain: dict[str, Any] = {
        "key": KEY, "link_id": "bot-1", "side": 1, "qty": Decimal(125_000), "price": Decimal("0.0080"), "stop": Decimal("0.0048"),
        "target": Decimal("0.0160"),
    }  # fmt: skip
    return Ticket(**(plain | changes))


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> IbkrVenue:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    return IbkrVenue(Poor("1000"), WallClock(), venue_now=lambda: 42)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": "OPTIONS:EURUSD"}, NOT_TRADING),
        ({"stop": None}, UNPROTECTED),
        ({"qty": Decimal(100)}, BAD_GRID),
        ({"side": -1}, SHORT_PREMIUM),
        ({}, BELOW_MINIMUM),
    ],
)
async def test_what_may_not_be_sent_is_refused_before_anybody_is_asked(venue: IbkrVenue, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        await venue.create(ticket(**changes), Urgency.ENTRY)
    assert caught.value.code == code


async def test_the_refusal_of_a_small_wallet_bears_its_figures(venue: IbkrVenue) -> None:
    with pytest.raises(Rejected, match=r"costs 1,000\.00 USD; 2% of the wallet \(1,000\.00 USD\) is 20\.00 USD; .* 50,000\.00 USD"):
        await venue.create(ticket(), Urgency.ENTRY)


async def test_what_can_be_sent_meets_the_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ib_async", None)
    rich = IbkrVenue(Poor("100000"), WallClock())
    with pytest.raises(Rejected, match="requirements-ibkr"):
        await rich.create(ticket(), Urgency.ENTRY)

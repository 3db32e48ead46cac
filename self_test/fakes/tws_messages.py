"""What the gateway of `tws.py` speaks of: options, orders and fills, and the fields that tell of them at server version 176."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from utils.clock import WallClock

VERSION = 176
UNITS = {"EUR": 125_000, "JPY": 12_500_000}
TICKS = {"EUR": 0.0001, "JPY": 0.000001}
FEE = 2.47
"""Dollars that a fill costs, however many contracts."""
CLASSES = {("EUR", "20261204"): "EUU", ("EUR", "20261211"): "2EU", ("JPY", "20261204"): "JPU"}


def seconds() -> int:
    """Its clock, which is this machine's."""
    return WallClock().now_ms() // 1000


def stamp(at_s: int) -> str:
    """A time as it is written on the wire."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y%m%d %H:%M:%S} UTC"


def frame(*fields: object) -> bytes:
    """One message."""
    body = ("\0".join(map(str, fields)) + "\0").encode()
    return struct.pack(">I", len(body)) + body


@dataclass
class Option:
    number: int
    symbol: str
    expiry: str
    strike: float
    right: str
    bid: float
    ask: float
    position: int = 0
    paid: float = 0.0

    @property
    def units(self) -> int:
        return UNITS[self.symbol]

    @property
    def trading_class(self) -> str:
        return CLASSES.get((self.symbol, self.expiry), "WK")

    def head(self) -> list[object]:
        """What most messages begin with: eleven fields from the number to the trading class."""
        name = f"{self.trading_class}{self.expiry} {self.right}{self.strike}"
        return [self.number, self.symbol, "FOP", self.expiry, self.strike, self.right, self.units, "CME", "USD", name, self.trading_class]


@dataclass
class Order:
    client: int
    number: int
    perm: int
    option: Option
    action: str
    total: int
    kind: str
    limit: str
    aux: str
    tif: str
    oca: str
    account: str
    ref: str
    transmit: bool
    parent: int
    oca_type: int
    status: str = "PendingSubmit"
    filled: int = 0
    average: float = 0.0

    @property
    def left(self) -> int:
        return self.total - self.filled

    @property
    def ended(self) -> bool:
        return self.status in {"Filled", "Cancelled", "Inactive"}


@dataclass
class Fill:
    execution: str
    order: Order
    contracts: int
    price: float
    at_s: int
    fee: float = FEE


def state_of(one: Order) -> bytes:
    """How far an order has come."""
    return frame(3, one.number, one.status, one.filled, one.left, one.average, one.perm, one.parent, one.average, one.client, "", 0)


def executed(one: Fill, account: str, request: str = "-1") -> bytes:
    """A fill, as news or as an answer to a request."""
    order = one.order
    side = "BOT" if order.action == "BUY" else "SLD"
    return frame(
        11, request, order.number, *order.option.head(), one.execution, stamp(one.at_s), account, "CME", side, one.contracts,
        one.price, order.perm, order.client, 0, order.filled, order.average, order.ref, "", "", "", 2,
    )  # fmt: skip


PLACEMENT = "action total kind limit aux tif oca account openClose origin ref"
OPENED = (
    f"number head {PLACEMENT} client perm outsideRth hidden discretionaryAmt goodAfterTime _ faGroup faMethod faPercentage faProfile "
    "modelCode goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode auctionStrategy startingPrice "
    "stockRefPrice delta stockRangeLower stockRangeUpper displaySize blockOrder sweepToFill allOrNone minQty oca_type eTradeOnly "
    "firmQuoteOnly nbboPriceCap parent triggerMethod volatility volatilityType deltaNeutralOrderType deltaNeutralAuxPrice continuousUpdate "
    "referencePriceType trailStopPrice trailingPercent basisPoints basisPointsType comboLegsDescrip numLegs numOrderLegs numParams "
    "scaleInit scaleSubs scaleIncrement hedgeType optOut clearingAccount clearingIntent notHeld numDnc algoStrategy solicited whatIf "
    "status m1 m2 m3 m4 m5 m6 m7 m8 m9 commission minCommission maxCommission commissionCurrency warningText randomizeSize randomizePrice "
    "numConditions adjustedOrderType triggerPrice trailStopPrice2 lmtPriceOffset a1 a2 a3 a4 tier1 tier2 tier3 cashQty dontUse isOms "
    "discretionaryUpTo usePriceMgmt duration postToAts autoCancelParent minTradeQty minCompeteSize competeOffset midWhole midHalf"
).split()
"""The fields of an open order at version 176."""
COMPLETED = (
    f"head {PLACEMENT} perm outsideRth hidden discretionaryAmt goodAfterTime faGroup faMethod faPercentage faProfile modelCode "
    "goodTillDate rule80A percentOffset settlingFirm shortSaleSlot designatedLocation exemptCode startingPrice stockRefPrice delta "
    "stockRangeLower stockRangeUpper displaySize sweepToFill allOrNone minQty oca_type triggerMethod volatility volatilityType "
    "deltaNeutralOrderType deltaNeutralAuxPrice continuousUpdate referencePriceType trailStopPrice trailingPercent comboLegsDescrip "
    "numLegs numOrderLegs numParams scaleInit scaleSubs scaleIncrement hedgeType clearingAccount clearingIntent notHeld numDnc "
    "algoStrategy solicited status randomizeSize randomizePrice numConditions trailStopPrice2 lmtPriceOffset cashQty dontUse isOms "
    "autoCancelDate filled refFuturesConId autoCancelParent shareholder imbalanceOnly routeMarketable parentPermId completedTime "
    "completedStatus minTradeQty minCompeteSize competeOffset midWhole midHalf"
).split()


def _fields(one: Order, names: Iterable[str]) -> Iterator[object]:
    for name in names:
        if name == "head":
            yield from one.option.head()
        else:
            yield getattr(one, name, 0 if name.startswith("num") else "")


def opened(one: Order) -> Iterator[object]:
    """What tells of an order that works."""
    return _fields(one, OPENED)


def completed(one: Order) -> Iterator[object]:
    """What tells of an order that has ended."""
    return _fields(one, COMPLETED)

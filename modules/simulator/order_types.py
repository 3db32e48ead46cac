"""The words of the private side of the venue: requests, orders with their statuses, executions, answers and events.

Decimal money throughout; `ts` is venue time in ms UTC. Field values (statuses, types, reasons) are the venue's own strings, so that
nothing has to be translated on the wire.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import msgspec

from modules.simulator.filters import Category

Side = Literal["Buy", "Sell"]
OrderType = Literal["Market", "Limit"]
TimeInForce = Literal["GTC", "IOC", "FOK", "PostOnly"]
TriggerBy = Literal["LastPrice", "MarkPrice", "IndexPrice"]
OrderFilter = Literal["Order", "tpslOrder", "StopOrder", "OcoOrder", "BidirectionalTpslOrder"]
TpslMode = Literal["", "Full", "Partial"]
Topic = Literal["order", "execution", "position", "wallet"]

OPEN = frozenset({"New", "PartiallyFilled", "Untriggered"})
CLOSED = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"})
TRANSITIONS: dict[str, frozenset[str]] = {
    "": frozenset({"New", "Untriggered", "Rejected"}),
    "Untriggered": frozenset({"Triggered", "Deactivated", "Cancelled"}),
    "Triggered": frozenset({"New", "Cancelled"}),
    "New": frozenset({"PartiallyFilled", "Filled", "Cancelled", "Rejected"}),
    "PartiallyFilled": frozenset({"PartiallyFilled", "Filled", "Cancelled", "PartiallyFilledCanceled"}),
}
"""Which status may follow which (bybit_v5 §5); closed ones have no successor."""
ZERO = Decimal(0)


class Now(msgspec.Struct, frozen=True):
    """An instant on both clocks, ms: venue time for rows, wall time for how long something really lasted."""

    ts: int
    wall: int


class Refused(msgspec.Struct, frozen=True):
    """The venue's explicit no (retCode, retMsg); nothing has changed."""

    code: int
    message: str


class Accepted(msgspec.Struct, frozen=True):
    """The request was taken; what became of it is told by events."""

    order_id: str
    link_id: str


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of order/create (bybit_v5 §4). None = not sent. `qty` is a quote amount where `market_unit` (or its default) says so."""

    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    price: Decimal | None = None
    market_unit: Literal["", "baseCoin", "quoteCoin"] = ""
    time_in_force: TimeInForce = "GTC"
    link_id: str = ""
    position_idx: int | None = None
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger_price: Decimal | None = None
    trigger_direction: int | None = None
    trigger_by: TriggerBy = "LastPrice"
    order_filter: OrderFilter = "Order"
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tp_order_type: OrderType = "Market"
    sl_order_type: OrderType = "Market"
    tp_limit_price: Decimal | None = None
    sl_limit_price: Decimal | None = None
    tpsl_mode: TpslMode = ""
    tp_trigger_by: TriggerBy = "LastPrice"
    sl_trigger_by: TriggerBy = "LastPrice"
    slippage_type: Literal["", "TickSize", "Percent"] = ""
    slippage: Decimal | None = None
    smp_type: Literal["None", "CancelMaker", "CancelTaker", "CancelBoth"] = "None"


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of order/amend: one of the ids and only what changes (None = keep; 0 removes a TP or SL). `qty` is the new total."""

    category: Category
    symbol: str
    order_id: str = ""
    link_id: str = ""
    qty: Decimal | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tp_trigger_by: TriggerBy | None = None
    sl_trigger_by: TriggerBy | None = None
    tp_limit_price: Decimal | None = None
    sl_limit_price: Decimal | None = None


class StopRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of position/trading-stop (linear). None = keep, 0 = remove."""

    symbol: str
    position_idx: int = 0
    tpsl_mode: Literal["Full", "Partial"] = "Full"
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: Decimal | None = None
    active_price: Decimal | None = None
    tp_size: Decimal | None = None
    sl_size: Decimal | None = None
    tp_order_type: OrderType = "Market"
    sl_order_type: OrderType = "Market"
    tp_limit_price: Decimal | None = None
    sl_limit_price: Decimal | None = None
    tp_trigger_by: TriggerBy = "LastPrice"
    sl_trigger_by: TriggerBy = "LastPrice"


class Order(msgspec.Struct, kw_only=True):
    """One order of one account, changed in place by the exchange only."""

    uid: str
    seq: int
    """Its place in the queue of its price: the number of its creation, renewed when it triggers or an amendment loses priority."""
    number: int = 0
    """Number of its creation."""
    order_id: str
    link_id: str
    category: Category
    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    """Base quantity, or a quote amount when `market_unit` is quoteCoin."""
    price: Decimal
    """Limit, or the protective price of a linear market order; 0 for a spot market order."""
    time_in_force: TimeInForce
    created: int
    updated: int
    status: str = ""
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    market_unit: str = ""
    position_idx: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    order_filter: OrderFilter = "Order"
    stop_order_type: str = ""
    create_type: str = "CreateByUser"
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    trigger_by: TriggerBy = "LastPrice"
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tp_order_type: OrderType = "Market"
    sl_order_type: OrderType = "Market"
    tp_limit_price: Decimal | None = None
    sl_limit_price: Decimal | None = None
    tpsl_mode: TpslMode = ""
    tp_trigger_by: TriggerBy = "LastPrice"
    sl_trigger_by: TriggerBy = "LastPrice"
    slippage_type: str = ""
    slippage: Decimal | None = None
    smp_type: str = "None"
    smp_order_id: str = ""
    parent_id: str = ""
    """Of a TP/SL child: the order it was attached to ("" = made by trading-stop)."""
    pair_id: str = ""
    """The other leg of an OCO pair."""
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    closed_pnl: Decimal = ZERO
    """Realised by closing fills of this order, net of fees (linear)."""
    fees: dict[str, Decimal] = msgspec.field(default_factory=dict)
    last_price: Decimal = ZERO
    """Last price at the creation."""
    queue: Decimal = ZERO
    """Displayed size of others that stands before it at its price."""
    trail: Decimal | None = None
    """Trailing stop: distance; `trigger_price` follows once `active` is reached."""
    active: Decimal | None = None

    @property
    def leaves(self) -> Decimal:
        """What is still to be filled, in the unit of `qty`; 0 when closed."""
        if self.status in CLOSED:
            return ZERO
        return self.qty - (self.filled_value if self.by_quote else self.filled)

    @property
    def by_quote(self) -> bool:
        """Whether `qty` is an amount of quote coin."""
        return self.market_unit == "quoteCoin" and self.order_type == "Market"

    @property
    def is_open(self) -> bool:
        """Whether it can still do something."""
        return self.status in OPEN

    @property
    def resting(self) -> bool:
        """Whether it stands in the book."""
        return self.status in {"New", "PartiallyFilled"}


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One fill, funding payment, takeover or ADL. `fee` > 0 = paid, in `fee_coin`."""

    uid: str
    seq: int
    exec_id: str
    exec_type: Literal["Trade", "Funding", "BustTrade", "AdlTrade"]
    category: Category
    symbol: str
    order_id: str
    link_id: str
    side: Side
    order_type: str
    stop_order_type: str
    create_type: str
    order_price: Decimal
    order_qty: Decimal
    leaves: Decimal
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal
    fee_coin: str
    fee_rate: Decimal
    is_maker: bool
    ts: int
    mark: Decimal
    index: Decimal
    position_idx: int = 0
    closed_size: Decimal = ZERO
    pnl: Decimal = ZERO
    """Gross realised profit of the closed part, before fees (linear)."""
    market_unit: str = ""


class PrivateEvent(msgspec.Struct, frozen=True):
    """Something that happened to an account, as the finished row of its private stream."""

    topic: Topic
    category: str
    """spot or linear; "" for wallet."""
    ts: int
    row: dict[str, Any]

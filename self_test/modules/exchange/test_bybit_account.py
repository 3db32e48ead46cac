"""Every row that Bybit documents becomes one report, in both its forms; what is not documented is an error with the field's name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.exchange import bybit_account as rows
from modules.exchange.reports import ZERO, ExecutionKind, OrderKind, OrderStatus
from state.accounts import Domain
from utils.frames import FrameError

ORDER: dict[str, Any] = {
    "orderId": "1746834000000000009",
    "orderLinkId": "cl-1",
    "blockTradeId": "",
    "symbol": "BTCUSDT",
    "price": "0",
    "qty": "0.00999",
    "side": "Sell",
    "isLeverage": "0",
    "positionIdx": 0,
    "orderStatus": "Untriggered",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "avgPrice": "",
    "leavesQty": "0.00999",
    "leavesValue": "0",
    "cumExecQty": "0",
    "cumExecValue": "0",
    "cumExecFee": "0",
    "timeInForce": "GTC",
    "orderType": "Market",
    "stopOrderType": "BidirectionalTpslOrder",
    "orderIv": "",
    "triggerPrice": "0",
    "takeProfit": "102900.5",
    "stopLoss": "93100.4",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "triggerDirection": 0,
    "reduceOnly": False,
    "closeOnTrigger": False,
    "createdTime": "1684738540559",
    "updatedTime": "1684738540561",
}
EXECUTION: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "orderId": "9",
    "orderLinkId": "cl-1",
    "side": "Buy",
    "orderPrice": "98980.5",
    "orderQty": "0.01",
    "leavesQty": "0",
    "orderType": "Limit",
    "stopOrderType": "UNKNOWN",
    "execFee": "0.00001",
    "execId": "e-1",
    "execPrice": "98001.49",
    "execQty": "0.01",
    "execType": "Trade",
    "execValue": "980.0149",
    "execTime": "1672282722429",
    "feeCurrency": "BTC",
    "isMaker": False,
    "feeRate": "0.001",
    "seq": 4688002127,
}
POSITION: dict[str, Any] = {
    "positionIdx": 0,
    "riskId": 1,
    "symbol": "BTCUSDT",
    "side": "Buy",
    "size": "0.01",
    "avgPrice": "97955.9",
    "positionValue": "979.559",
    "leverage": "2",
    "takeProfit": "102000",
    "stopLoss": "",
    "updatedTime": "1676538056444",
}
EMPTY = POSITION | {"side": "", "size": "0", "avgPrice": "0", "positionValue": "", "takeProfit": "", "updatedTime": ""}
COIN: dict[str, Any] = {
    "coin": "USDT",
    "equity": "100",
    "walletBalance": "100.5",
    "locked": "20",
    "availableToWithdraw": "",
    "totalOrderIM": "10",
    "totalPositionIM": "5.5",
    "unrealisedPnl": "-1",
}
WALLET = {"accountType": "UNIFIED", "totalAvailableBalance": "", "coin": [COIN, COIN | {"coin": "BTC", "walletBalance": "0.5"}]}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_a_bracket_on_spot():
    one = rows.order(ORDER, Domain.CRYPTO)
    assert (one.key, one.venue_id, one.link_id, one.side) == ("CRYPTO:BTCUSDT", "1746834000000000009", "cl-1", -1)
    assert (one.kind, one.status, one.qty, one.filled) == (OrderKind.SPOT_BRACKET, OrderStatus.WAITING, Decimal("0.00999"), ZERO)
    assert (one.stop, one.target, one.trigger, one.price) == (Decimal("93100.4"), Decimal("102900.5"), ZERO, ZERO)
    assert (one.reason, one.reduce_only, one.created_ts, one.ts) == ("", False, 1684738540559, 1684738540561)


def test_the_streamed_form_is_the_same_order():
    told = ORDER | {"category": "spot", "feeCurrency": "", "closedPnl": "0"}
    assert rows.order(told, Domain.CRYPTO) == rows.order(ORDER, Domain.CRYPTO)


def test_empty_text_is_none_where_none_is_possible():
    one = rows.order(ORDER | {"price": "", "triggerPrice": "", "takeProfit": "", "stopLoss": ""}, Domain.PERPS)
    assert (one.key, one.price, one.trigger, one.stop, one.target) == ("PERPS:BTCUSDT", ZERO, ZERO, ZERO, ZERO)


@pytest.mark.parametrize(
    "status, expected",
    [
        ("New", OrderStatus.OPEN),
        ("PartiallyFilled", OrderStatus.PARTIAL),
        ("Untriggered", OrderStatus.WAITING),
        ("Triggered", OrderStatus.TRIGGERED),
        ("Filled", OrderStatus.FILLED),
        ("Cancelled", OrderStatus.CANCELLED),
        ("PartiallyFilledCanceled", OrderStatus.CANCELLED),
        ("Deactivated", OrderStatus.CANCELLED),
        ("Rejected", OrderStatus.REJECTED),
    ],
)
def test_every_status(status: str, expected: OrderStatus):
    assert rows.order(ORDER | {"orderStatus": status}, Domain.CRYPTO).status is expected


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("", OrderKind.PLAIN),
        ("UNKNOWN", OrderKind.PLAIN),
        ("Stop", OrderKind.CONDITIONAL),
        ("StopLoss", OrderKind.STOP_LOSS),
        ("PartialStopLoss", OrderKind.STOP_LOSS),
        ("TakeProfit", OrderKind.TAKE_PROFIT),
        ("PartialTakeProfit", OrderKind.TAKE_PROFIT),
        ("TrailingStop", OrderKind.TRAILING),
        ("tpslOrder", OrderKind.SPOT_EXIT),
        ("OcoOrder", OrderKind.SPOT_BRACKET),
        ("BidirectionalTpslOrder", OrderKind.SPOT_BRACKET),
    ],
)
def test_every_kind(kind: str, expected: OrderKind):
    assert rows.order(ORDER | {"stopOrderType": kind}, Domain.CRYPTO).kind is expected
    assert rows.execution(EXECUTION | {"stopOrderType": kind}, Domain.CRYPTO).order_kind is expected


def test_why_it_ended_is_told_in_the_venues_words():
    ended = {"orderStatus": "Cancelled", "cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"}
    assert rows.order(ORDER | ended, Domain.CRYPTO).reason == "CancelByUser EC_PerCancelRequest"


@pytest.mark.parametrize(
    "field, value",
    [
        ("orderStatus", "Sleeping"),
        ("stopOrderType", "Surprise"),
        ("side", "Hold"),
        ("qty", ""),
        ("qty", "NaN"),
        ("cumExecQty", "many"),
        ("cumExecQty", "Infinity"),
        ("triggerPrice", "high"),
        ("createdTime", "yesterday"),
        ("updatedTime", ""),
        ("reduceOnly", "false"),
        ("qty", 1),
        ("price", None),
    ],
)
def test_what_is_unknown_in_an_order_is_an_error_that_names_the_field(field: str, value: Any):
    with pytest.raises(FrameError, match=field) as caught:
        rows.order(ORDER | {field: value}, Domain.CRYPTO)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "row, parse, field",
    [
        *((ORDER, rows.order, name) for name in ("orderStatus", "cumExecQty", "orderLinkId", "stopLoss", "stopOrderType", "updatedTime")),
        *((EXECUTION, rows.execution, name) for name in ("execId", "execType", "execFee", "execQty", "execTime", "isMaker")),
        *((POSITION, rows.position, name) for name in ("size", "side", "positionIdx", "stopLoss", "leverage")),
    ],
)
def test_a_missing_field_is_an_error_that_names_it(row: dict[str, Any], parse: Any, field: str):
    with pytest.raises(FrameError, match=field):
        parse(without(row, field), Domain.PERPS)


def test_a_fill_and_its_fee_in_coin():
    one = rows.execution(EXECUTION, Domain.CRYPTO)
    assert (one.exec_id, one.kind, one.side, one.price, one.qty) == ("e-1", ExecutionKind.TRADE, 1, Decimal("98001.49"), Decimal("0.01"))
    assert (one.fee, one.fee_coin, one.maker, one.ts) == (Decimal("0.00001"), "BTC", False, 1672282722429)
    assert (one.venue_id, one.link_id, one.key) == ("9", "cl-1", "CRYPTO:BTCUSDT")


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("Trade", ExecutionKind.TRADE),
        ("Funding", ExecutionKind.FUNDING),
        ("BustTrade", ExecutionKind.LIQUIDATION),
        ("AdlTrade", ExecutionKind.ADL),
    ],
)
def test_every_execution(kind: str, expected: ExecutionKind):
    assert rows.execution(EXECUTION | {"execType": kind, "execFee": "-0.2"}, Domain.PERPS).kind is expected


@pytest.mark.parametrize("kind", ["Settle", "Delivery", "MovePosition", "BlockTrade", "Surprise"])
@pytest.mark.parametrize("empty", [{}, {"side": "", "execFee": "", "execPrice": "", "feeCurrency": ""}])
def test_an_execution_of_another_kind_is_told_by_its_name_and_hides_no_other(kind: str, empty: dict[str, str]):
    one = rows.execution(EXECUTION | {"execType": kind} | empty, Domain.CRYPTO)
    assert (one.kind, one.said, one.key, one.exec_id) == (ExecutionKind.OTHER, kind, "CRYPTO:BTCUSDT", "e-1")
    assert (one.side, one.price) == ((0, ZERO) if empty else (1, Decimal("98001.49")))


def test_an_execution_without_a_kind_is_an_error():
    with pytest.raises(FrameError, match="execType"):
        rows.execution(EXECUTION | {"execType": ""}, Domain.PERPS)


def test_a_fee_has_a_coin():
    nameless = EXECUTION | {"feeCurrency": ""}
    assert rows.execution(nameless, Domain.PERPS).fee_coin == "USDT", "perpetuals settle in the quote coin"
    assert rows.execution(without(EXECUTION, "feeCurrency"), Domain.PERPS, "USDC").fee_coin == "USDC"
    assert rows.execution(nameless | {"execFee": "0"}, Domain.CRYPTO).fee == 0
    with pytest.raises(FrameError, match="feeCurrency"):
        rows.execution(nameless, Domain.CRYPTO)
    with pytest.raises(FrameError, match="execId"):
        rows.execution(EXECUTION | {"execId": ""}, Domain.CRYPTO)


def test_a_position_in_both_forms():
    one = rows.position(POSITION)
    assert (one.key, one.side, one.size, one.entry) == ("PERPS:BTCUSDT", 1, Decimal("0.01"), Decimal("97955.9"))
    assert (one.stop, one.target, one.leverage, one.hedged, one.ts) == (ZERO, Decimal(102000), Decimal(2), False, 1676538056444)
    told = without(POSITION, "avgPrice") | {"entryPrice": "97955.9", "stopLoss": "0", "category": "linear"}
    assert rows.position(told) == one
    assert rows.position(POSITION | {"side": "Sell", "positionIdx": 2}).hedged
    assert rows.position(POSITION | {"side": "Sell"}).side == -1


@pytest.mark.parametrize("side", ["", "None", "Buy"])
def test_an_empty_position(side: str):
    one = rows.position(EMPTY | {"side": side})
    assert (one.side, one.size, one.entry, one.ts) == (0, ZERO, ZERO, 0)


@pytest.mark.parametrize("changed", [{"avgPrice": ""}, {"side": ""}, {"side": "Both"}, {"size": ""}])
def test_a_position_that_cannot_be_is_an_error(changed: dict[str, str]):
    with pytest.raises(FrameError):
        rows.position(POSITION | changed)
    with pytest.raises(FrameError, match="entryPrice"):
        rows.position(without(POSITION, "avgPrice"))


def test_a_wallet_says_what_is_free_without_the_venues_empty_fields():
    one = rows.wallet(WALLET, 7)
    assert (one.cash, one.free, one.coins, one.ts) == (Decimal("100.5"), Decimal(65), {"BTC": Decimal("0.5")}, 7)
    assert rows.wallet_told(WALLET, 7) == one
    portfolio = {"coin": [COIN | {"totalOrderIM": "", "totalPositionIM": ""}]}
    assert rows.wallet(portfolio, 7).free == Decimal("80.5"), "not applicable is none"
    assert rows.wallet({"coin": [COIN | {"locked": "200"}]}, 7).free == 0


def test_a_wallet_that_does_not_name_the_quote_coin():
    other = {"coin": [COIN | {"coin": "BTC", "walletBalance": "0.5"}]}
    assert rows.wallet(other, 7).cash == 0, "REST lists every coin that there is"
    assert rows.wallet(other, 7).coins == {"BTC": Decimal("0.5")}
    assert rows.wallet_told(other, 7) is None, "the stream may speak of one coin only"


@pytest.mark.parametrize("changed", [{"walletBalance": ""}, {"locked": ""}, {"walletBalance": "lots"}])
def test_a_wallet_that_cannot_be_read_is_not_an_empty_one(changed: dict[str, str]):
    with pytest.raises(FrameError, match=next(iter(changed))):
        rows.wallet({"coin": [COIN | changed]}, 7)


def test_rights():
    key = {"userID": 24617703, "readOnly": 0, "permissions": {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []}}
    info = {"unifiedMarginStatus": 6, "marginMode": "ISOLATED_MARGIN"}
    one = rows.rights(key, info)
    assert (one.account_id, one.read_only, one.spot, one.derivatives, one.withdraw, one.unified) == (
        "24617703", False, True, True, False, True,
    )  # fmt: skip
    poor = {"userID": 1, "readOnly": 1, "permissions": {"ContractTrade": ["Order"], "Wallet": ["AccountTransfer", "Withdraw"]}}
    two = rows.rights(poor, info | {"unifiedMarginStatus": 1})
    assert (two.read_only, two.spot, two.derivatives, two.withdraw, two.unified) == (True, False, False, True, False)
    assert rows.rights(key | {"permissions": {"Derivatives": ["DerivativesTrade"]}}, info).derivatives
    assert rows.margin_mode(info) == "ISOLATED_MARGIN"
    with pytest.raises(FrameError, match="permissions"):
        rows.rights(without(key, "permissions"), info)


def test_streamed_rows_are_sorted_by_category():
    assert rows.is_ours({"category": "spot"}, Domain.CRYPTO, "order") and rows.is_ours({"category": "linear"}, Domain.PERPS, "order")
    assert not any(rows.is_ours({"category": name}, Domain.CRYPTO, "order") for name in ("linear", "inverse", "option"))
    for row in ({}, {"category": "futures"}, "row"):
        with pytest.raises(FrameError, match="category"):
            rows.is_ours(row, Domain.CRYPTO, "order")

"""Order bodies as clients write them: what is read, what is dropped, what is 10001."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.simulator import order_requests
from modules.simulator.envelope import ApiError
from modules.simulator.request_fields import Fields

D = Decimal
BASE: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "80000"}
SPOT = BASE | {"category": "spot"}
STOP: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}


def code(call: Any, raw: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(ApiError) as no:
        call(Fields(raw))
    return no.value.code, no.value.message


def test_a_linear_order_with_everything() -> None:
    made = order_requests.create(
        Fields(
            BASE
            | {
                "timeInForce": "PostOnly", "orderLinkId": "a-1", "positionIdx": 1, "reduceOnly": False, "takeProfit": "90000",
                "stopLoss": 70000, "tpslMode": "Partial", "tpOrderType": "Limit", "tpLimitPrice": "89000", "tpTriggerBy": "MarkPrice",
                "triggerPrice": "81000", "triggerDirection": 1, "triggerBy": "IndexPrice", "smpType": "CancelMaker", "stray": {"x": []},
            }
        )
    )  # fmt: skip
    assert (made.qty, made.price, made.take_profit, made.stop_loss) == (D("0.1"), D(80000), D(90000), D(70000))
    assert (made.position_idx, made.trigger_direction, made.trigger_by, made.tpsl_mode) == (1, 1, "IndexPrice", "Partial")
    assert (made.time_in_force, made.link_id, made.tp_order_type, made.sl_order_type) == ("PostOnly", "a-1", "Limit", "Market")
    assert (made.order_filter, made.smp_type, made.tp_trigger_by) == ("Order", "CancelMaker", "MarkPrice")


def test_spot_drops_what_it_ignores_even_when_it_is_nonsense() -> None:
    made = order_requests.create(
        Fields(
            SPOT
            | {
                "reduceOnly": "maybe", "triggerDirection": 9, "positionIdx": "x", "tpslMode": "Half", "closeOnTrigger": [], "triggerBy": 4,
                "orderFilter": "tpslOrder", "triggerPrice": "79000", "marketUnit": "ignored on a limit order",
            }
        )
    )  # fmt: skip
    assert (made.reduce_only, made.trigger_direction, made.position_idx, made.tpsl_mode) == (False, None, None, "")
    assert (made.order_filter, made.trigger_price, made.market_unit) == ("tpslOrder", D(79000), "")


def test_market_orders() -> None:
    made = order_requests.create(
        Fields(SPOT | {"orderType": "Market", "marketUnit": "baseCoin", "price": "nonsense", "timeInForce": "GTC"})
    )
    assert (made.price, made.market_unit) == (None, "baseCoin")
    slip = order_requests.create(Fields(BASE | {"orderType": "Market", "slippageToleranceType": "Percent", "slippageTolerance": "0.5"}))
    assert (slip.slippage_type, slip.slippage) == ("Percent", D("0.5"))
    none = order_requests.create(Fields(BASE | {"orderType": "Market", "slippageToleranceType": "UNKNOWN"}))
    assert (none.slippage_type, none.slippage) == ("", None)


def test_pybit_booleans_and_json_numbers() -> None:
    made = order_requests.create(Fields(BASE | {"reduceOnly": "True", "qty": 1, "price": D("80000.5"), "positionIdx": "2"}))
    assert (made.reduce_only, made.qty, made.price, made.position_idx) == (True, D(1), D("80000.5"), 2)


@pytest.mark.parametrize(
    "changed",
    [{name: None} for name in ("category", "symbol", "side", "orderType", "qty")]
    + [
        {"category": "inverse"}, {"side": "buy"}, {"orderType": "Stop"}, {"qty": "-1"}, {"qty": "x"}, {"qty": True}, {"qty": [1]},
        {"price": "NaN"}, {"symbol": 5}, {"timeInForce": "GTX"}, {"positionIdx": 3}, {"positionIdx": "0.5"}, {"reduceOnly": "maybe"},
        {"triggerDirection": 3}, {"triggerBy": "Last"}, {"takeProfit": "up"}, {"tpslMode": "Half"}, {"smpType": "x"}, {"orderLinkId": 7},
        {"orderType": "Market", "slippageToleranceType": "Ticks"}, {"orderType": "Market", "slippageToleranceType": "Percent"},
        {"orderType": "Market", "slippageToleranceType": "TickSize", "slippageTolerance": "1.5"},
        {"orderType": "Market", "slippageToleranceType": "Percent", "slippageTolerance": "11"},
    ],
)  # fmt: skip
def test_what_a_create_cannot_be(changed: dict[str, Any]) -> None:
    found, text = code(order_requests.create, BASE | changed)
    assert found == 10001 and text


def test_an_unknown_spot_filter() -> None:
    assert code(order_requests.create, SPOT | {"orderFilter": "Everything"})[0] == 170130


def test_amend_tells_zero_from_nothing() -> None:
    made = order_requests.amend(Fields({"category": "linear", "symbol": "BTCUSDT", "orderId": "1", "takeProfit": "0", "price": ""}))
    assert (made.take_profit, made.stop_loss, made.price, made.trigger_by) == (D(0), None, None, None)
    assert order_requests.amend(Fields(STOP | {"orderLinkId": "x", "triggerBy": "MarkPrice"})).trigger_by == "MarkPrice"
    assert code(order_requests.amend, STOP | {"qty": "1"})[0] == 10001
    assert code(order_requests.amend, STOP | {"orderId": "1", "qty": "-1"})[0] == 10001


def test_cancel() -> None:
    spot = order_requests.cancel(Fields({"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "x", "orderFilter": "tpslOrder"}))
    assert (spot.order_id, spot.link_id, spot.order_filter) == ("", "x", "tpslOrder")
    assert order_requests.cancel(Fields(STOP | {"orderId": "1", "orderFilter": "whatever"})).order_filter == ""
    assert code(order_requests.cancel, STOP)[0] == 10001


def test_trading_stop_defaults_are_those_that_ccxt_relies_on() -> None:
    made = order_requests.trading_stop(Fields(STOP | {"stopLoss": "0", "trailingStop": "500"}))
    assert (made.position_idx, made.tpsl_mode, made.stop_loss, made.take_profit, made.trailing_stop) == (0, "Full", D(0), None, D(500))
    assert order_requests.trading_stop(Fields(STOP | {"tpslMode": "Partial", "tpSize": "1"})).tp_size == 1
    assert code(order_requests.trading_stop, STOP | {"category": "spot"})[0] == 10001
    assert code(order_requests.trading_stop, STOP | {"tpslMode": "Half"})[0] == 10001

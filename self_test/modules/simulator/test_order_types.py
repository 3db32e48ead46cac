from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.order_types import CLOSED, OPEN, TRANSITIONS
from self_test.modules.simulator.stage import D, Stage
from utils.errors import Invariant


def test_closed_statuses_have_no_successor_and_open_ones_have():
    assert not CLOSED & set(TRANSITIONS)
    assert set(TRANSITIONS) > OPEN


PATHS: list[tuple[str, list[str], Any]] = [
    ("filled at once", ["New", "Filled"], lambda s: s.place("linear", "Buy", "0.1")),
    ("filled in parts", ["New", "PartiallyFilled", "Filled"], lambda s: s.place("linear", "Buy", "3")),
    ("fill or kill, too little", ["New", "Cancelled"], lambda s: s.place("linear", "Buy", "9", "80000", time_in_force="FOK")),
    ("immediate, nothing there", ["New", "Cancelled"], lambda s: s.place("spot", "Buy", "0.1", "79000", time_in_force="IOC")),
    (
        "immediate, a part",
        ["New", "PartiallyFilled", "PartiallyFilledCanceled"],
        lambda s: s.place("spot", "Buy", "3", "80000", time_in_force="IOC"),
    ),
    ("the same on linear", ["New", "PartiallyFilled", "Cancelled"], lambda s: s.place("linear", "Buy", "3", "80000", time_in_force="IOC")),
    ("post only that crosses", ["New", "Cancelled"], lambda s: s.place("linear", "Buy", "0.1", "80000", time_in_force="PostOnly")),
    ("post only that rests", ["New"], lambda s: s.place("linear", "Buy", "0.1", "79999.9", time_in_force="PostOnly")),
    ("waits", ["Untriggered"], lambda s: s.place("linear", "Buy", "0.1", trigger_price="81000", trigger_direction=1)),
]


@pytest.mark.parametrize("statuses, act", [path[1:] for path in PATHS], ids=[path[0] for path in PATHS])
def test_status_paths(statuses: list[str], act: Any):
    stage = Stage("1000000")
    order = act(stage)
    assert stage.statuses(order) == statuses
    assert (order.leaves == 0) == (order.status in CLOSED)


@pytest.mark.parametrize(
    "tif, qty, reason",
    [("FOK", "9", "EC_NoEnoughQtyToFill"), ("IOC", "9", "EC_CancelForNoFullFill"), ("PostOnly", "1", "EC_PostOnlyWillTakeLiquidity")],
)
def test_reasons(tif: str, qty: str, reason: str):
    stage = Stage("1000000")
    order = stage.place("linear", "Buy", qty, "80000", time_in_force=tif)
    assert (order.reject_reason, order.cancel_type) == (reason, "UNKNOWN")


def test_an_ioc_that_finds_nothing_says_so():
    assert Stage().place("linear", "Buy", "0.1", "79000", time_in_force="IOC").reject_reason == "EC_NoImmediateQtyToFill"


@pytest.mark.parametrize("category", ["spot", "linear"])
def test_cancelling(category: str):
    stage = Stage()
    order = stage.place(category, "Buy", "0.01", "79000")
    assert stage.cancel(order) == 0
    assert (order.status, order.cancel_type, order.reject_reason) == ("Cancelled", "CancelByUser", "EC_PerCancelRequest")
    assert stage.cancel(order) == {"spot": 170213, "linear": 110001}[category]


@pytest.mark.parametrize("category, status", [("spot", "PartiallyFilledCanceled"), ("linear", "Cancelled")])
def test_cancelling_after_a_part(category: str, status: str):
    stage = Stage("1000000")
    order = stage.place(category, "Buy", "3", "80000")
    assert order.status == "PartiallyFilled"
    stage.cancel(order)
    assert (order.status, order.filled) == (status, D(2))


def test_a_conditional_order_triggers_through_all_its_statuses():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1", trigger_price="81000", trigger_direction=1)
    stage.move("80999")
    assert order.status == "Untriggered"
    stage.move("81000")
    assert stage.statuses(order) == ["Untriggered", "Triggered", "New", "Filled"]


@pytest.mark.parametrize("category, more", [("spot", {"order_filter": "StopOrder"}), ("linear", {"trigger_direction": 1})])
def test_a_conditional_order_that_is_cancelled_is_deactivated(category: str, more: dict[str, Any]):
    stage = Stage()
    order = stage.place(category, "Buy", "0.01", "81000", trigger_price="81000", **more)
    assert stage.cancel(order, "StopOrder") == 0 and order.status == "Deactivated"


def test_a_step_that_is_not_in_the_table_is_our_bug():
    stage = Stage()
    order = stage.place("linear", "Buy", "0.1")
    with pytest.raises(Invariant, match="cannot become"):
        stage.exchange._desk.move(order, "New", stage.now)

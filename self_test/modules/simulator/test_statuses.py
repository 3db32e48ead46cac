"""What each status of an instrument allows: opening, closing, protecting, cancelling, matching."""

from __future__ import annotations

import msgspec
import pytest

from modules.simulator.filters import STATUSES, Status
from modules.simulator.statuses import CLOSING, refusal
from self_test.modules.simulator.stage import Stage, listed


def put(stage: Stage, status: Status) -> None:
    for category in ("spot", "linear"):
        stage.exchange.change_filters(msgspec.structs.replace(listed(category), status=status))


def holding() -> Stage:
    """A perpetual and a coin, each with its stop, and an order that rests."""
    stage = Stage()
    stage.place("linear", "Buy", "0.02", stop_loss="79000")
    stage.place("spot", "Buy", "0.02", "80000", stop_loss="79000", time_in_force="IOC")
    stage.place("linear", "Buy", "0.01", "79500", link_id="rests")
    return stage


@pytest.mark.parametrize("status", STATUSES)
def test_the_table(status: Status) -> None:
    opens, closes = (refusal("linear", status, closes=one) is None for one in (False, True))
    assert (opens, closes) == (status == "Trading", status not in {"PreLaunch", "Closed"})
    assert closes == (status in CLOSING)
    if not opens:
        codes = [no.code for category in ("spot", "linear") if (no := refusal(category, status, closes=False)) is not None]
        assert codes == [170157, 110074]


@pytest.mark.parametrize("status", ["Settling", "Delivering"])
def test_on_its_way_out_everything_that_closes_is_still_possible(status: Status) -> None:
    stage = holding()
    put(stage, status)
    assert (stage.code("spot", "Buy", "100"), stage.code("linear", "Buy", "0.01"), stage.code("linear", "Sell", "0.01")) == (
        170157,
        110074,
        110074,
    )
    (resting,) = [one for one in stage.open() if one.link_id == "rests"]
    assert stage.amend(resting, qty="0.02") == 110074 and stage.cancel(resting) == 0
    assert stage.stop(stop_loss="79200") == 0
    assert stage.code("linear", "Sell", "0.01", reduce_only=True) == 0
    (exit_order,) = stage.open("spot")
    assert stage.amend(exit_order, trigger_price="79100") == 0
    assert stage.cancel(exit_order, "tpslOrder") == 0
    assert stage.code("spot", "Sell", "0.01") == 0
    stage.move("79100", taker="Sell")
    assert stage.account.held() == [], "the stop still works"


@pytest.mark.parametrize("status", ["Closed", "PreLaunch"])
def test_shut_nothing_happens_until_it_trades_again(status: Status) -> None:
    stage = holding()
    put(stage, status)
    assert stage.code("linear", "Sell", "0.01", reduce_only=True) == 110074 and stage.code("spot", "Sell", "0.01") == 170157
    assert stage.stop(stop_loss="79200") == 110074
    stage.move("78000", taker="Sell")
    stage.move("78000", category="spot", taker="Sell")
    assert len(stage.account.held()) == 1 and len(stage.open()) == 2 and len(stage.open("spot")) == 1
    (resting,) = [one for one in stage.open() if one.link_id == "rests"]
    assert stage.cancel(resting) == 0
    put(stage, "Trading")
    stage.move("78000", taker="Sell")
    stage.move("78000", category="spot", taker="Sell")
    assert stage.account.held() == [] and stage.open() == stage.open("spot") == []

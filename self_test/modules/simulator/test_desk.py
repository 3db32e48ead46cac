from __future__ import annotations

import uuid

import pytest

from modules.simulator.desk import Desk, FeeTable, Ids
from modules.simulator.exchange import touch_only
from self_test.modules.simulator.stage import D, listed
from utils.errors import Invariant


def test_ids_come_from_the_seed_and_are_unique():
    one, same, other = Ids(1), Ids(1), Ids(2)
    assert one.uuid("order", 5) == same.uuid("order", 5) != other.uuid("order", 5)
    assert one.uuid("order", 5) != one.uuid("exec", 5)
    assert uuid.UUID(one.uuid("order", 5)).version == 4
    found = {one.digits(one.next()) for _ in range(1000)}
    assert len(found) == 1000 and all(len(text) == 19 and text.isdigit() for text in found)


@pytest.mark.parametrize(
    "category, maker, rate", [("spot", False, "0.001"), ("spot", True, "0.001"), ("linear", False, "0.00055"), ("linear", True, "0.0002")]
)
def test_default_fees(category: str, maker: bool, rate: str):
    assert FeeTable().rate(category, maker=maker) == D(rate)


def test_without_a_point_there_is_no_market():
    desk = Desk({"linear:BTCUSDT": listed("linear")}, 1, FeeTable(), touch_only)
    assert desk.mark("BTCUSDT") == 0
    with pytest.raises(Invariant, match="no market"):
        desk.point("linear", "BTCUSDT")

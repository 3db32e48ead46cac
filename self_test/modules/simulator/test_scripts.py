"""What a fault changes about a listing."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator.scripts import changed
from self_test.modules.simulator.stage import listed


def test_filters_and_status_change_alone_and_together() -> None:
    old = listed("linear")
    shut = changed(old, {"status": "Settling"})
    assert (shut.status, shut.instrument.trading) == ("Settling", False)
    assert shut.instrument.tick == old.instrument.tick
    finer = changed(shut, {"tickSize": "0.5"})
    assert (finer.status, finer.instrument.trading, finer.instrument.tick) == ("Settling", False, Decimal("0.5"))
    back = changed(finer, {"status": "Trading", "tickSize": str(old.instrument.tick)})
    assert back == old

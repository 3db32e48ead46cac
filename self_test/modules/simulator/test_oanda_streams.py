"""Streams: who hears what, heartbeats by both clocks, faults on the way, an end for who does not read."""

from __future__ import annotations

import pytest

from modules.simulator import oanda_streams
from modules.simulator.oanda_streams import HEARTBEAT_S
from modules.simulator.private_hub import CUT
from self_test.modules.simulator.oanda_stage import Stage


def test_a_snapshot_then_every_price_then_a_beat_at_the_close() -> None:
    stage = Stage()
    line = stage.listen("pricing", "EUR_USD")
    first, beat = stage.heard(line)
    assert first["instrument"] == "EUR_USD" and first["bids"][0]["price"] == "1.10000" and beat["type"] == "HEARTBEAT"
    stage.go(5)
    found = stage.heard(line)
    assert [one["type"] for one in found] == ["PRICE"] * 20 + ["HEARTBEAT"], "four points a minute, other pairs are not heard"
    assert found[-1]["time"] == "2025-03-04T08:05:00.000000000Z" and found[-2]["time"].startswith("2025-03-04T08:04:59.999")


def test_transactions_as_they_happen() -> None:
    stage = Stage()
    line = stage.listen("transactions")
    assert stage.heard(line)[0]["lastTransactionID"] == "3"
    stage.buy(stopLossOnFill={"price": "1.0"})
    assert [one["type"] for one in stage.heard(line)] == ["MARKET_ORDER", "ORDER_FILL", "STOP_LOSS_ORDER"]
    stage.side.pulse(HEARTBEAT_S * 10)
    stage.side.pulse(HEARTBEAT_S * 10 + 1)
    assert [one["lastTransactionID"] for one in stage.heard(line)] == ["6"], "one beat in five seconds"


def test_faults_strike_by_topic() -> None:
    stage = Stage()
    line, other = stage.listen("transactions"), stage.listen("pricing", "EUR_USD")
    stage.heard(line)
    stage.fault(kind="drop", match="transactions.ORDER_FILL")
    stage.fault(kind="duplicate", match="transactions.MARKET_ORDER")
    stage.buy()
    assert [one["type"] for one in stage.heard(line)] == ["MARKET_ORDER", "MARKET_ORDER"]
    stage.fault(kind="half_open", match="pricing")
    stage.side.pulse(0.0)
    stage.heard(other)
    stage.go(1)
    assert stage.heard(other) == [] and other.silent


@pytest.mark.asyncio
async def test_a_cut_ends_the_connection_after_what_came_before() -> None:
    stage = Stage()
    line = stage.listen("transactions")
    line.send(((0.0, CUT), (0.0, b"never")))
    assert b"HEARTBEAT" in await line.take()
    assert await line.take() == b"" and line.ended and line.outstanding == 0


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oanda_streams, "PILE_LIMIT", 1000)
    stage = Stage()
    line = stage.listen("pricing", "EUR_USD")
    stage.go(1)
    assert line.ended

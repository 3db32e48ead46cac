"""The fault table: what is refused, what strikes, the same draws for the same seed."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.faults import KINDS, Fault, FaultError, FaultTable, parse
from modules.simulator.order_types import Now

NOW = Now(1000, 5000)
GOOD: dict[str, dict[str, Any]] = {
    "drop": {},
    "delay": {"ms": 5},
    "duplicate": {},
    "reorder": {},
    "cut": {},
    "lose_reply": {},
    "http_status": {"status": 429},
    "clock_skew": {"ms": -5000},
    "lose_fill": {},
    "price_gap": {"symbol": "BTCUSDT", "value": -0.05},
    "liquidate": {"symbol": "BTCUSDT"},
    "adl": {"symbol": "BTCUSDT", "value": "0.5"},
    "half_open": {},
    "filters": {"symbol": "BTCUSDT", "value": {"minOrderQty": "1"}},
    "maintenance": {},
}


def test_every_kind_can_be_said() -> None:
    assert set(GOOD) == set(KINDS)
    for kind, fields in GOOD.items():
        assert parse({"kind": kind, **fields}).kind == kind


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ([], "object"),
        ({"kind": "earthquake"}, "maintenance"),
        ({}, "None is none of drop"),
        ({"kind": "drop", "topic": "x"}, "unknown field topic; there are kind, match"),
        ({"kind": "drop", "count": "many"}, "count"),
        ({"kind": "drop", "count": -1}, "no limit"),
        ({"kind": "drop", "probability": 1.5}, "from 0 to 1"),
        ({"kind": "delay"}, "above 0"),
        ({"kind": "delay", "ms": 5, "value": "x"}, "visibility"),
        ({"kind": "delay", "ms": -5}, "0 or more"),
        ({"kind": "http_status", "status": 200}, "400 to 599"),
        ({"kind": "http_status", "status": 500, "value": 1}, "after"),
        ({"kind": "clock_skew"}, "how far"),
        ({"kind": "price_gap", "value": 0.1}, "symbol is needed"),
        ({"kind": "price_gap", "symbol": "X", "value": -1}, "between -1"),
        ({"kind": "price_gap", "symbol": "X", "value": True}, "between -1"),
        ({"kind": "adl", "symbol": "X", "value": "much"}, "quantity"),
        ({"kind": "filters", "symbol": "X", "value": {"tick": "1"}}, "tickSize"),
        ({"kind": "filters", "symbol": "X", "value": {"tickSize": "-1"}}, "above 0"),
        ({"kind": "filters", "symbol": "X", "value": {"status": "Sleeping"}}, "one of Trading, PreLaunch, Settling"),
        ({"kind": "filters", "symbol": "X", "value": {"status": "Closed"}, "account": "1"}, "happens to all"),
        ({"kind": "clock_skew", "ms": 5, "account": "1"}, "happens to all"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_allowed(raw: Any, says: str) -> None:
    with pytest.raises(FaultError, match=says):
        parse(raw)


def strikes(table: FaultTable, where: str, times: int, kind: str = "drop") -> list[bool]:
    return [table.strike({kind}, where, where, NOW) is not None for _ in range(times)]


def test_a_fault_strikes_as_often_as_it_says_where_it_says() -> None:
    table = FaultTable(1)
    assert not table.frames and strikes(table, "kline", 1) == [False]
    assert table.add(Fault(kind="drop", match="kline.", count=2)) == "f1"
    assert table.frames and table.replies
    assert strikes(table, "tickers.BTCUSDT", 2) == [False, False]
    assert strikes(table, "kline.5.BTCUSDT", 1, "delay") == [False]
    assert strikes(table, "kline.5.BTCUSDT", 3) == [True, True, False]
    assert not table.frames, "a spent fault costs nothing"
    assert [(row["id"], row["seen"], row["hits"], row["spent"]) for row in table.rows()] == [("f1", 2, 2, True)]
    assert table.remove("f1") and not table.remove("f1") and table.rows() == []


def test_symbol_time_and_names_narrow_it() -> None:
    table = FaultTable(1)
    table.add(Fault(kind="drop", symbol="ETHUSDT", at_ts=1001, count=0))
    assert strikes(table, "tickers.ETHUSDT", 1) == [False], "its time has not come"
    later = Now(1001, 0)
    assert table.strike({"drop"}, "tickers.BTCUSDT", "tickers.BTCUSDT", later) is None
    assert table.strike({"drop"}, "tickers.ETHUSDT", "tickers.ETHUSDT", later, named=True) is None, "it does not say where"
    assert all(table.strike({"drop"}, "tickers.ETHUSDT", "tickers.ETHUSDT", later) for _ in range(5)), "count 0 has no limit"


def test_chance_depends_on_seed_id_and_number_only() -> None:
    def pattern(seed: int, *, disturbed: bool) -> list[bool]:
        table = FaultTable(seed)
        table.add(Fault(kind="drop", count=0, probability=0.3), "a")
        if disturbed:
            table.add(Fault(kind="drop", match="nowhere", count=0, probability=0.5), "b")
        return strikes(table, "tickers", 400)

    assert pattern(7, disturbed=False) == pattern(7, disturbed=True)
    assert pattern(7, disturbed=False) != pattern(8, disturbed=False)
    assert 80 < sum(pattern(7, disturbed=False)) < 160


def test_scripted_faults_are_due_once_at_their_instant() -> None:
    table = FaultTable(1)
    table.add(Fault(kind="liquidate", symbol="BTCUSDT", at_ts=2000))
    table.add(Fault(kind="adl", symbol="BTCUSDT", at_ts=1500, probability=0.0))
    assert table.next_ts(1000) == 1500 and table.due(1000) == []
    assert table.due(1500) == [], "it had its chance"
    assert table.next_ts(1500) == 2000
    assert [one.fault.kind for one in table.due(2500)] == ["liquidate"]
    assert table.due(3000) == [] and table.next_ts(0) is None


def test_standing_faults_last_until_they_are_over() -> None:
    table = FaultTable(1)
    skew = table.add(Fault(kind="clock_skew", ms=-7000))
    table.add(Fault(kind="maintenance", match="/v5/order", ms=1000, at_ts=900))
    assert table.skew_ms(NOW) == -7000
    assert table.standing("maintenance", "/v5/market/time", NOW) is None
    assert table.standing("maintenance", "/v5/order/create", NOW) is not None
    assert table.standing("maintenance", "/v5/order/create", Now(1000, 5999)) is not None
    assert table.standing("maintenance", "/v5/order/create", Now(1000, 6000)) is None
    table.remove(skew)
    assert table.skew_ms(NOW) == 0


def test_the_table_survives_a_restart() -> None:
    table, told = FaultTable(3), list[tuple[str, int, int]]()
    table.add(Fault(kind="drop", count=0, probability=0.5))
    table.on_hit = lambda one: told.append((one.id, one.seen, one.hits))
    before = strikes(table, "x", 50)
    stored = table.state()
    goes_on = strikes(table, "x", 50)
    again = FaultTable(3)
    again.load(stored)
    assert strikes(again, "x", 50) == goes_on and len(told) == sum(before + goes_on)
    fresh = FaultTable(3)
    fresh.add(Fault(kind="drop", count=1))
    fresh.restore("f1", 1, 1)
    fresh.restore("f9", 1, 1)
    assert strikes(fresh, "x", 1) == [False] and fresh.add(Fault(kind="cut")) == "f2"


def test_a_fault_of_one_account_strikes_no_other() -> None:
    table = FaultTable(1)
    table.add(Fault(kind="http_status", status=503, account="1", count=0))
    table.add(Fault(kind="maintenance", match="/v5/order", account="2"))
    for _ in range(3):
        assert table.strike({"http_status"}, "/v5/order/create", "", NOW, account="1") is not None
        assert table.strike({"http_status"}, "/v5/order/create", "", NOW, account="2") is None
        assert table.strike({"http_status"}, "/v5/market/time", "", NOW) is None, "what is public is nobody's"
    assert table.standing("maintenance", "/v5/order/create", NOW, account="2") is not None
    assert table.standing("maintenance", "/v5/order/create", NOW, account="1") is None


def test_a_method_names_the_paths_that_write() -> None:
    table = FaultTable(1)
    table.add(Fault(kind="http_status", status=503, match="POST /v5/order", count=0))
    assert table.strike({"http_status"}, "/v5/order/realtime", "", NOW, method="GET") is None
    assert table.strike({"http_status"}, "/v5/order/create", "", NOW, method="POST") is not None
    assert table.strike({"http_status"}, "/v5/order/create", "", NOW) is None, "a frame has no method"


@pytest.mark.parametrize("kind", ["http_status", "maintenance"])
def test_a_standing_fault_with_a_probability_strikes_its_share_for_ever(kind: Any) -> None:
    def run(table: FaultTable, times: int) -> list[bool]:
        if kind == "maintenance":
            return [table.standing(kind, "/v5/order/create", NOW) is not None for _ in range(times)]
        return [table.strike({kind}, "/v5/order/create", "", NOW) is not None for _ in range(times)]

    fault = Fault(kind=kind, status=503, match="/v5/order", probability=0.2, count=0)
    one, two = FaultTable(7), FaultTable(7)
    for table in (one, two):
        table.add(fault)
    hits = run(one, 1000)
    assert 150 < sum(hits) < 250 and hits[500:] != [False] * 500
    first = run(two, 300)
    again = FaultTable(7)
    again.load(two.state())
    assert first + run(again, 700) == hits, "the draws go on after a restart where they stood"

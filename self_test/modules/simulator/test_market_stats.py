"""Open interest, long-short ratio, risk limits and premium candles of a perpetual, through the public REST."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.bybit_rest import PublicRest
from self_test.modules.simulator import toy

LINEAR = {"category": "linear", "symbol": "BTCUSDT"}


class Asker:
    def __init__(self) -> None:
        self.desk = toy.Desk()
        self.rest = PublicRest(self.desk.venue, lambda: 1)

    def answer(self, path: str, **query: str) -> dict[str, Any]:
        assert self.rest.serves("GET", f"/v5/market/{path}")
        return self.rest.answer(f"/v5/market/{path}", query)

    def __call__(self, path: str, **query: str) -> dict[str, Any]:
        found = self.answer(path, **query)
        assert found["retCode"] == 0, found
        result: dict[str, Any] = found["result"]
        return result


@pytest.fixture
def ask() -> Asker:
    return Asker()


def test_open_interest_newest_first_in_pages(ask: Asker) -> None:
    whole = ask("open-interest", **LINEAR, intervalTime="1h", limit="200")
    stamps = [int(row["timestamp"]) for row in whole["list"]]
    assert len(stamps) == 26 and stamps == sorted(stamps, reverse=True) and all(stamp % 3_600_000 == 0 for stamp in stamps)
    assert stamps[0] == ask.desk.venue.now_ms and stamps[-1] == toy.START and whole["nextPageCursor"] == ""
    first = ask("open-interest", **LINEAR, intervalTime="1h", limit="20")
    second = ask("open-interest", **LINEAR, intervalTime="1h", limit="20", cursor=first["nextPageCursor"])
    assert first["list"] + second["list"] == whole["list"] and second["nextPageCursor"] == ""
    some = ask("open-interest", **LINEAR, intervalTime="5min", startTime=str(stamps[3]), endTime=str(stamps[2] - 1))
    assert len(some["list"]) == 12


def test_open_interest_agrees_with_the_ticker(ask: Asker) -> None:
    [now] = ask("open-interest", **LINEAR, intervalTime="5min", limit="1")["list"]
    [ticker] = ask("tickers", **LINEAR)["list"]
    assert now["openInterest"] == ticker["openInterest"] and now["openInterest"] == now["singleOpenInterest"]


def test_the_ratio_is_two_shares_of_one(ask: Asker) -> None:
    rows = ask("account-ratio", **LINEAR, period="4h")["list"]
    assert rows and all(float(row["buyRatio"]) + float(row["sellRatio"]) == pytest.approx(1.0) for row in rows)
    assert float(rows[0]["buyRatio"]) > 0.5, "the saw climbs"


def test_risk_limits(ask: Asker) -> None:
    rows = ask("risk-limit", **LINEAR)["list"]
    assert rows == ask("risk-limit", category="linear")["list"] and rows[0]["isLowestRisk"] == 1
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1)) and isinstance(rows[0]["riskLimitValue"], str)
    assert ask("risk-limit", category="inverse")["list"] == []


def test_there_is_no_premium(ask: Asker) -> None:
    rows = ask("premium-index-price-kline", symbol="BTCUSDT", interval="60", limit="3")["list"]
    assert [row[1:] for row in rows] == [["0"] * 4] * 3
    assert [row[0] for row in rows] == [row[0] for row in ask("kline", symbol="BTCUSDT", interval="60", limit="3")["list"]]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("open-interest", LINEAR),
        ("open-interest", LINEAR | {"intervalTime": "1m"}),
        ("open-interest", LINEAR | {"category": "spot", "intervalTime": "1h"}),
        ("account-ratio", LINEAR | {"period": "1h", "symbol": "NOPE"}),
        ("account-ratio", LINEAR | {"period": "1h", "cursor": "x"}),
        ("risk-limit", {}),
        ("risk-limit", LINEAR | {"symbol": "NOPE"}),
    ],
)
def test_wrong_parameters_are_10001(ask: Asker, path: str, query: dict[str, str]) -> None:
    found = ask.answer(path, **query)
    assert (found["retCode"], found["result"]) == (10001, {})

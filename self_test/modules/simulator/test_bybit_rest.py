"""Public REST: envelope, typing, range rule, error codes; and the same figures as the stream."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.bybit_rest import PublicRest
from modules.simulator.envelope import ApiError
from self_test.modules.simulator import toy
from self_test.modules.simulator.test_topics import BEGIN, listen, rebuild

WALL = 1_800_000_000_000


class Asker:
    """Asks the toy venue and gives back the result of a good answer."""

    def __init__(self) -> None:
        self.desk = toy.Desk()
        self.rest = PublicRest(self.desk.venue, lambda: WALL)

    def whole(self, path: str, **query: str) -> dict[str, Any]:
        assert self.rest.serves("GET", f"/v5/market/{path}")
        return self.rest.answer(f"/v5/market/{path}", query)

    def __call__(self, path: str, **query: str) -> dict[str, Any]:
        found = self.whole(path, **query)
        assert (found["retCode"], found["retMsg"], found["time"]) == (0, "OK", WALL)
        result: dict[str, Any] = found["result"]
        return result

    def code(self, path: str, **query: str) -> tuple[int, str]:
        found = self.whole(path, **query)
        assert found["result"] == {}
        return found["retCode"], found["retMsg"]


@pytest.fixture
def ask() -> Asker:
    return Asker()


def test_time_is_the_wall_clock(ask: Asker) -> None:
    assert ask("time") == {"timeSecond": "1800000000", "timeNano": "1800000000000000000"}


def test_only_these_routes(ask: Asker) -> None:
    assert not ask.rest.serves("POST", "/v5/market/time")
    assert not ask.rest.serves("GET", "/v5/order/create")
    assert not ask.rest.serves("GET", "/v5/market/kline/")


def test_instruments(ask: Asker) -> None:
    spot = ask("instruments-info", category="spot")
    assert [one["symbol"] for one in spot["list"]] == ["BTCUSDT", "ETHUSDT"] and spot["nextPageCursor"] == ""
    assert [one["symbol"] for one in ask("instruments-info", category="spot", baseCoin="ETH")["list"]] == ["ETHUSDT"]
    assert ask("instruments-info", category="linear", status="PreLaunch")["list"] == []
    assert ask("instruments-info", category="option", baseCoin="BTC")["list"] == []
    assert ask("instruments-info", category="inverse", limit="1000", stray="ignored")["list"] == []
    assert ask("instruments-info", category="spot", symbol="NOPE")["list"] == []


def test_pages_end(ask: Asker) -> None:
    ask.desk.market.series["linear:ETHUSDT"] = toy.series(category="linear", symbol="ETHUSDT")
    first = ask("instruments-info", category="linear", limit="1")
    second = ask("instruments-info", category="linear", limit="1", cursor=first["nextPageCursor"])
    assert [first["list"][0]["symbol"], second["list"][0]["symbol"]] == ["BTCUSDT", "ETHUSDT"]
    assert first["nextPageCursor"] and second["nextPageCursor"] == ""


def test_klines_are_newest_first_strings(ask: Asker) -> None:
    found = ask("kline", category="spot", symbol="BTCUSDT", interval="5", limit="3", end=str(BEGIN - 1))
    assert (found["symbol"], found["category"]) == ("BTCUSDT", "spot")
    assert [int(row[0]) for row in found["list"]] == [BEGIN - step * toy.FIVE for step in (1, 2, 3)]
    assert all(len(row) == 7 and all(isinstance(cell, str) for cell in row) for row in found["list"])
    assert len(ask("kline", symbol="BTCUSDT", interval="15", end=str(BEGIN - 1))["list"]) == 100, "linear by default"
    assert len(ask("kline", category="spot", symbol="BTCUSDT", interval="5", limit="5000", end=str(BEGIN - 1))["list"]) == 300
    old = ask("kline", category="spot", symbol="BTCUSDT", interval="5", start=str(toy.START), end=str(toy.START + toy.FIVE))
    assert [int(row[0]) for row in old["list"]] == [toy.START + toy.FIVE, toy.START]


def test_the_running_candle_is_the_newest_row(ask: Asker) -> None:
    ask.desk.advance(BEGIN + 150_000)
    newest = ask("kline", category="spot", symbol="BTCUSDT", interval="5", limit="1")["list"][0]
    series = ask.desk.market.series["spot:BTCUSDT"]
    assert int(newest[0]) == BEGIN
    assert newest[4] == series.price(int(ask.desk.venue.last(series)["price"]))


def test_rest_has_what_the_stream_confirmed(ask: Asker) -> None:
    one = listen(ask.desk, "kline.5.BTCUSDT")
    ask.desk.advance(BEGIN + 10 * toy.FIVE)
    streamed = [each["data"][0] for each in one.take()]
    rows = ask("kline", category="spot", symbol="BTCUSDT", interval="5", start=str(BEGIN), limit="10")["list"][::-1]
    names = ("start", "open", "high", "low", "close", "volume", "turnover")
    assert [[str(row[name]) for name in names] for row in streamed] == rows


def test_mark_price_klines_have_five_columns(ask: Asker) -> None:
    rows = ask("mark-price-kline", symbol="BTCUSDT", interval="60", limit="2")["list"]
    assert [len(row) for row in rows] == [5, 5]
    assert ask.code("index-price-kline", category="spot", symbol="BTCUSDT", interval="60")[0] == 10001


def test_the_order_book_is_that_of_the_stream(ask: Asker) -> None:
    one = listen(ask.desk, "orderbook.50.BTCUSDT")
    ask.desk.advance(BEGIN + 77_000)
    ask.desk.publisher.pulse(9.0)
    messages = one.take()
    bids, asks, _ = rebuild(messages)
    found = ask("orderbook", category="spot", symbol="BTCUSDT", limit="50")
    assert dict(found["b"]) == bids and dict(found["a"]) == asks
    assert found["seq"] == messages[-1]["data"]["seq"]
    assert isinstance(found["ts"], int) and isinstance(found["u"], int) and isinstance(found["cts"], int)
    assert len(ask("orderbook", category="spot", symbol="BTCUSDT")["b"]) == 1
    assert len(ask("orderbook", category="linear", symbol="BTCUSDT")["b"]) == 25


def test_tickers(ask: Asker) -> None:
    assert [one["symbol"] for one in ask("tickers", category="spot")["list"]] == ["BTCUSDT", "ETHUSDT"]
    [one] = ask("tickers", category="linear", symbol="BTCUSDT")["list"]
    assert one["fundingRate"] == "0.0002"
    assert ask.code("tickers", category="spot", symbol="NOPE") == (10001, "Not supported symbols")


def test_recent_trades_newest_first(ask: Asker) -> None:
    one = listen(ask.desk, "publicTrade.BTCUSDT")
    ask.desk.advance(BEGIN + 2 * toy.FIVE + 1)
    streamed = [each["data"][0] for each in one.take()]
    rows = ask("recent-trade", category="spot", symbol="BTCUSDT", limit="9")["list"]
    assert [(row["execId"], row["price"], row["size"], row["side"], row["time"]) for row in rows] == [
        (each["i"], each["p"], each["v"], each["S"], str(each["T"])) for each in reversed(streamed)
    ]
    assert len(ask("recent-trade", category="spot", symbol="BTCUSDT", limit="1000")["list"]) == 60


def test_funding_history(ask: Asker) -> None:
    rows = ask("funding/history", category="linear", symbol="BTCUSDT")["list"]
    assert [int(row["fundingRateTimestamp"]) for row in rows] == sorted((int(row["fundingRateTimestamp"]) for row in rows), reverse=True)
    assert len(rows) == 4 and all(int(row["fundingRateTimestamp"]) <= BEGIN for row in rows)
    assert ask.code("funding/history", category="linear", symbol="BTCUSDT", startTime="1")[0] == 10001
    both = ask("funding/history", category="linear", symbol="BTCUSDT", startTime=str(toy.START), endTime=str(toy.START + 1))["list"]
    assert len(both) == 1
    assert ask.code("funding/history", category="spot", symbol="BTCUSDT")[0] == 10001


def test_price_limit(ask: Asker) -> None:
    found = ask("price-limit", category="spot", symbol="BTCUSDT")
    assert float(found["sellLmt"]) < 80_000 < float(found["buyLmt"])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("kline", {"symbol": "BTCUSDT", "interval": "7"}),
        ("kline", {"symbol": "BTCUSDT"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "5", "limit": "0"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "5", "limit": "x"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "5", "start": "-5"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "5", "start": "99999999999999"}),
        ("kline", {"symbol": "BTCUSDT", "interval": "5", "start": "20", "end": "10"}),
        ("kline", {"category": "spots", "symbol": "BTCUSDT", "interval": "5"}),
        ("kline", {"category": "spot", "interval": "5"}),
        ("orderbook", {"symbol": "BTCUSDT"}),
        ("recent-trade", {"category": "option", "symbol": "BTCUSDT"}),
        ("instruments-info", {}),
    ],
)
def test_wrong_parameters_are_10001(ask: Asker, path: str, query: dict[str, str]) -> None:
    code, message = ask.code(path, **query)
    assert code == 10001 and message
    assert ApiError(code, message).code == 10001

"""Topic names, and the life of each kind."""

from __future__ import annotations

from typing import Any

import pytest

from modules.simulator.topics import FIRST_U, SILENCE_S, Topic, parse_topic
from self_test.modules.simulator import toy

BEGIN = toy.START + 300 * toy.FIVE


def topic(name: str) -> Topic:
    found = parse_topic(name)
    assert found is not None
    return found


def listen(desk: toy.Desk, *names: str, category: str = "spot") -> toy.Listener:
    one = toy.Listener(category)
    desk.hub.clients.add(one.client)
    for name in names:
        desk.publisher.subscribe(one.client, topic(name))
    return one


@pytest.mark.parametrize(
    "name", ["", "tickers", "tickers.", "kline.5", "kline.7.BTCUSDT", "orderbook.25.BTCUSDT", "publicTrade.A.B", "wallet", "orderbook..X"]
)
def test_names_that_are_no_topic(name: str) -> None:
    assert parse_topic(name) is None


def test_names_that_are() -> None:
    assert parse_topic("kline.M.BTCUSDT") == Topic("kline.M.BTCUSDT", "kline", "M", "BTCUSDT")
    assert parse_topic("orderbook.200.X") == Topic("orderbook.200.X", "orderbook", "200", "X")
    assert parse_topic("tickers.X") == Topic("tickers.X", "tickers", "", "X")


def test_spot_tickers_are_snapshots_linear_ones_snapshot_then_deltas() -> None:
    desk = toy.Desk()
    spot, perp = listen(desk, "tickers.BTCUSDT"), listen(desk, "tickers.BTCUSDT", category="linear")
    desk.advance(BEGIN + 2 * toy.FIVE)
    assert {one["type"] for one in spot.take()} == {"snapshot"}
    messages = perp.take()
    assert [one["type"] for one in messages[:2]] == ["snapshot", "delta"]
    state: dict[str, str] = {}
    for one in messages:
        assert one["data"]["symbol"] == "BTCUSDT"
        state |= one["data"]
    series = desk.market.series["linear:BTCUSDT"]
    assert state["lastPrice"] == series.price(int(desk.venue.last(series)["price"]))
    assert len(messages[1]["data"]) < len(messages[0]["data"])
    again = listen(desk, "tickers.BTCUSDT", category="linear").take()
    assert again[0]["type"] == "snapshot" and again[0]["data"]["lastPrice"] == state["lastPrice"]


def test_level_one_is_repeated_in_silence_with_the_same_u() -> None:
    desk = toy.Desk()
    one = listen(desk, "orderbook.1.BTCUSDT")
    desk.advance(BEGIN + 1)
    first, moved = one.take()
    assert first["data"]["u"] >= FIRST_U and moved["data"]["u"] == first["data"]["u"] + 1
    desk.publisher.pulse(100.0)
    desk.publisher.pulse(100.0 + SILENCE_S - 0.1)
    assert one.take() == []
    desk.publisher.pulse(100.0 + SILENCE_S)
    assert one.take() == [moved]


def rebuild(messages: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, str], int]:
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    u = 0
    for one in messages:
        data = one["data"]
        if one["type"] == "snapshot":
            sides = {"b": {}, "a": {}}
        else:
            assert data["u"] == u + 1
        u = data["u"]
        for side, levels in sides.items():
            for price, size in data[side]:
                if size == "0":
                    del levels[price]  # a KeyError here is a delta for a level that was never given
                else:
                    levels[price] = size
        assert max(map(float, sides["b"])) < min(map(float, sides["a"])), "crossed"
        assert len(sides["b"]) == len(sides["a"]) == 50
    return sides["b"], sides["a"], u


def test_a_deep_book_is_kept_by_deltas_and_late_comers_get_the_same() -> None:
    desk = toy.Desk()
    early = listen(desk, "orderbook.50.BTCUSDT")
    wall = 10.0
    seen: list[dict[str, Any]] = []
    for step in range(1, 40):
        desk.advance(BEGIN + step * 60_000)
        wall += 0.021
        desk.publisher.pulse(wall)
        seen += early.take()
    late = listen(desk, "orderbook.50.BTCUSDT")
    for step in range(40, 60):
        desk.advance(BEGIN + step * 60_000)
        wall += 0.021
        desk.publisher.pulse(wall)
    seen += early.take()
    others = late.take()
    assert [one["type"] for one in others[:2]] == ["snapshot", "delta"]
    assert rebuild(seen) == rebuild(others)
    assert len(seen) > 40


def test_books_and_running_candles_are_paced_by_the_wall() -> None:
    desk = toy.Desk()
    one = listen(desk, "orderbook.50.BTCUSDT", "kline.5.BTCUSDT")
    one.take()
    desk.advance(BEGIN + 1)
    desk.publisher.pulse(50.0)
    assert [each["topic"].split(".")[0] for each in one.take()] == ["kline", "orderbook"]
    desk.advance(BEGIN + 110_000)
    desk.publisher.pulse(50.01)
    assert one.take() == []
    desk.publisher.pulse(50.02)
    assert [each["topic"] for each in one.take()] == ["orderbook.50.BTCUSDT"]
    desk.publisher.pulse(51.0)
    assert [each["data"][0]["confirm"] for each in one.take()] == [False]
    desk.publisher.pulse(52.0)
    assert one.take() == [], "nothing moved"

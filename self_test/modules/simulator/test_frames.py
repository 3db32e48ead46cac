"""Frames are valid JSON in the venue's shapes, inside valid WebSocket frames of every size."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.simulator import frames
from modules.simulator.candles import one
from self_test.modules.simulator import toy


def read(payload: bytes) -> dict[str, Any]:
    found = msgspec.json.decode(payload)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
def test_websocket_framing(size: int) -> None:
    payload = b"x" * size
    assert toy.unframe(frames.text_frame(payload) * 2) == [payload, payload]


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (1.5, "1.5"), (1e-7, "0.0000001"), (123456789.0, "123456789"), (2.10, "2.1")])
def test_amounts_have_no_exponent_and_no_trailing_zeros(value: float, text: str) -> None:
    assert frames.amount(value, 8) == text
    assert frames.amount(100.0, 0) == "100"


def test_a_trade() -> None:
    row = read(frames.trade("publicTrade.BTCUSDT", toy.series(), 7, 1000, "1.00", 5, 1, "PlusTick"))["data"][0]
    assert row == {
        "T": 1000, "s": "BTCUSDT", "S": "Buy", "v": "0.000005", "p": "1.00", "i": row["i"], "BT": False, "RPI": False, "seq": 1000
    }  # fmt: skip
    assert row["i"].isdigit()
    perp = read(frames.trade("publicTrade.BTCUSDT", toy.series(category="linear"), 7, 1000, "1.0", 5, 0, "MinusTick"))["data"][0]
    assert (perp["S"], perp["L"], len(perp["i"])) == ("Sell", "MinusTick", 36)


def test_a_book_deletes_with_a_bare_zero() -> None:
    found = read(frames.book("orderbook.50.BTCUSDT", "delta", toy.series(), 2000, 1000, {100: 0, 99: 3}, {}, 12))
    assert found["data"] == {"s": "BTCUSDT", "b": [["1.00", "0"], ["0.99", "0.000003"]], "a": [], "u": 12, "seq": 1000}
    assert (found["type"], found["ts"], found["cts"]) == ("delta", 2000, 1000)


def test_a_kline() -> None:
    series = toy.series()
    candle = one(series, "5", toy.START, toy.START + toy.FIVE)
    assert candle is not None
    found = read(frames.kline("kline.5.BTCUSDT", series, "5", candle, toy.START + toy.FIVE, confirm=True))
    assert found["data"][0] == {
        "start": toy.START, "end": toy.START + toy.FIVE - 1, "interval": "5", "open": "80000.00", "close": "80010.00", "high": "80011.50",
        "low": "79997.50", "volume": "1", "turnover": found["data"][0]["turnover"], "confirm": True, "timestamp": toy.START + toy.FIVE - 1
    }  # fmt: skip


def test_a_touch_and_a_ticker() -> None:
    touch = read(frames.level_one("orderbook.1.X", "X", 5, ("1", "2"), ("3", "4"), 9))
    assert touch["data"] == {"s": "X", "b": [["1", "2"]], "a": [["3", "4"]], "u": 9, "seq": 5}
    ticker = read(frames.ticker("tickers.X", "snapshot", 5, {"symbol": "X"}))
    assert ticker == {"topic": "tickers.X", "type": "snapshot", "data": {"symbol": "X"}, "cs": 5, "ts": 5}

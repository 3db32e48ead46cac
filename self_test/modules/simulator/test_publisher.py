"""What goes out as time advances: every point once, every close once and last, all in order of time."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator import candles, path, point_reader
from modules.simulator.publisher import STEP_MS
from self_test.modules.simulator import toy
from self_test.modules.simulator.test_topics import BEGIN, listen


def test_each_point_is_published_once_as_trade_ticker_and_touch() -> None:
    desk = toy.Desk()
    one = listen(desk, "publicTrade.BTCUSDT", "tickers.BTCUSDT", "orderbook.1.BTCUSDT")
    one.take()
    for until in (BEGIN + 1, BEGIN + 99_999, BEGIN + 100_001, BEGIN + 7 * toy.FIVE + 3, BEGIN + 20 * toy.FIVE):
        desk.advance(until)
    messages = one.take()
    points = path.points(desk.market.series["spot:BTCUSDT"], 300, 320)
    trades = [each["data"][0] for each in messages if each["topic"].startswith("publicTrade")]
    assert [each["T"] for each in trades] == points["ts"].tolist()
    assert [round(float(each["p"]) * 100) for each in trades] == points["price"].tolist()
    assert sum(float(each["v"]) for each in trades) == pytest.approx(points["size"].sum() * 1e-6)
    assert len({each["i"] for each in trades}) == len(trades)
    touches = [each["data"] for each in messages if each["topic"].startswith("orderbook")]
    assert [round(float(each["b"][0][0]) * 100) for each in touches] == points["bid"].tolist()
    assert np.all(np.diff([each["u"] for each in touches]) == 1)
    assert len([each for each in messages if each["topic"].startswith("tickers")]) == len(points)
    assert [each["ts"] for each in messages] == sorted(each["ts"] for each in messages)


def test_symbols_are_merged_by_time() -> None:
    desk = toy.Desk()
    one = listen(desk, "publicTrade.BTCUSDT", "publicTrade.ETHUSDT")
    desk.advance(BEGIN + 2 * toy.FIVE)
    stamps = [each["ts"] for each in one.take()]
    assert stamps == sorted(stamps) and len(stamps) == 16


def test_a_close_is_confirmed_once_last_and_as_rest_has_it() -> None:
    desk = toy.Desk()
    one = listen(desk, "kline.5.BTCUSDT", "kline.15.BTCUSDT", "publicTrade.BTCUSDT")
    wall, now = 10.0, BEGIN
    messages = []
    while now < BEGIN + 12 * toy.FIVE:
        now += 40_000
        desk.advance(now)
        wall += 1.1
        desk.publisher.pulse(wall)
        messages += one.take()
    for interval, count in (("5", 12), ("15", 4)):
        rows = [each["data"][0] | {"ts": each["ts"]} for each in messages if each["topic"] == f"kline.{interval}.BTCUSDT"]
        confirmed = [row for row in rows if row["confirm"]]
        assert len(confirmed) == count == len({row["start"] for row in confirmed})
        series = desk.market.series["spot:BTCUSDT"]
        for row in confirmed:
            assert row["ts"] == row["end"] + 1
            after = rows[rows.index(row) + 1 :]
            assert all(each["start"] > row["start"] for each in after)
            candle = candles.one(series, interval, row["start"], desk.clock.now_ms)
            assert candle is not None
            assert [row[name] for name in ("open", "high", "low", "close")] == [
                series.price(int(getattr(candle, name)[0])) for name in ("open", "high", "low", "close")
            ]
            assert float(row["volume"]) == pytest.approx(float(candle.volume[0]))
        assert any(not row["confirm"] for row in rows)
    kinds = [
        (each["ts"], each["topic"].startswith("kline"))
        for each in messages
        if not each["topic"].startswith("kline") or each["data"][0]["confirm"]
    ]
    assert kinds == sorted(kinds, key=lambda each: (each[0], not each[1])), "a close goes out before the first trade of the next candle"


def test_it_stops_at_every_confirm_close() -> None:
    desk = toy.Desk()
    stops = [desk.publisher.advance(BEGIN + 10 * STEP_MS) for _ in range(10)]
    assert stops == [BEGIN + step * STEP_MS for step in range(1, 11)]
    assert desk.publisher.advance(BEGIN + 10 * STEP_MS + 5) == BEGIN + 10 * STEP_MS + 5


def test_a_break_in_listening_loses_what_passed_and_repeats_nothing() -> None:
    desk = toy.Desk()
    one = listen(desk, "publicTrade.BTCUSDT", "kline.5.BTCUSDT")
    desk.advance(BEGIN + toy.FIVE)
    assert len(one.take()) == 5
    for name in ("publicTrade.BTCUSDT", "kline.5.BTCUSDT", "never.there"):
        desk.publisher.unsubscribe(one.client, name)
    desk.advance(BEGIN + 5 * toy.FIVE)
    assert one.take() == []
    again = listen(desk, "publicTrade.BTCUSDT", "kline.5.BTCUSDT")
    desk.advance(BEGIN + 6 * toy.FIVE)
    messages = again.take()
    assert [each["ts"] for each in messages] == [BEGIN + 5 * toy.FIVE + offset for offset in path.offsets(toy.FIVE)] + [
        BEGIN + 6 * toy.FIVE
    ]


def test_the_tape_reads_on_across_its_chunks_and_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(point_reader, "CHUNK_BARS", 3)
    desk = toy.Desk()
    series = desk.market.series["spot:BTCUSDT"]
    series._rows = np.delete(series.bars, slice(305, 309))
    series._length = len(series._rows)
    one = listen(desk, "publicTrade.BTCUSDT", "kline.5.BTCUSDT")
    desk.advance(BEGIN + 20 * toy.FIVE)
    messages = one.take()
    trades = [each["ts"] for each in messages if each["topic"].startswith("publicTrade")]
    assert trades == path.points(series, 300, 316)["ts"].tolist()
    assert len(messages) - len(trades) == 16, "no candle where nothing traded"


def test_nothing_comes_after_the_end() -> None:
    desk = toy.Desk()
    one = listen(desk, "publicTrade.BTCUSDT")
    end = desk.market.end_ms
    assert end is not None
    desk.advance(end)
    assert len(one.take()) == 1200
    desk.clock.end_ms = None
    desk.advance(end + 3 * toy.FIVE)
    assert one.take() == []

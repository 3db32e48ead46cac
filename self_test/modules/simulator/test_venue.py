"""The figures of the last day, the last price, the settlement ahead."""

from __future__ import annotations

import pytest

from modules.simulator import path
from self_test.modules.simulator import toy


def test_day_stats_are_those_of_the_published_day() -> None:
    desk = toy.Desk()
    series = desk.market.series["spot:BTCUSDT"]
    stats = desk.venue.day_stats(series)
    day = series.bars[300 - 288 : 300]
    assert (stats.before, stats.high, stats.low) == (day["open"][0], day["high"].max(), day["low"].min())
    assert stats.volume == pytest.approx(day["volume"].sum())
    assert stats.hour_before == day["open"][288 - 12]
    assert stats.turnover == pytest.approx(float((day["volume"] * day["close"]).sum()) * 0.01, rel=0.001)
    assert desk.venue.day_stats(series) is stats
    desk.advance(desk.market.start_ms + 2 * toy.FIVE)
    assert desk.venue.day_stats(series) != stats


def test_before_the_first_bar_everything_is_the_first_price() -> None:
    desk = toy.Desk()
    desk.clock.now_ms = toy.START
    series = desk.market.series["spot:BTCUSDT"]
    assert int(desk.venue.last(series)["price"]) == series.bars["open"][0]
    stats = desk.venue.day_stats(series)
    assert (stats.before, stats.volume) == (series.bars["open"][0], 0.0)


def test_last_is_the_newest_published_point() -> None:
    desk = toy.Desk()
    series = desk.market.series["spot:BTCUSDT"]
    assert int(desk.venue.last(series)["ts"]) == path.points(series, 299, 300)["ts"][-1]
    assert desk.venue.series("spot", "NOPEUSDT") is None


def test_the_next_settlement_is_ahead_and_moves_on() -> None:
    desk = toy.Desk()
    series = desk.market.series["linear:BTCUSDT"]
    first = desk.venue.next_funding(series)
    assert first.ts > desk.clock.now_ms and first.ts % (8 * 3_600_000) == 0 and first.rate == 0.0002
    assert desk.venue.next_funding(series) is first
    desk.clock.now_ms = first.ts
    assert desk.venue.next_funding(series).ts == first.ts + 8 * 3_600_000


def test_without_a_record_the_settlement_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = toy.Desk()
    monkeypatch.setattr(desk.market, "funding", lambda *_: [])
    assert desk.venue.next_funding(desk.market.series["linear:BTCUSDT"]).rate == 0.0001

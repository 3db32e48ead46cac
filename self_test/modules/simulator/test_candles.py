"""Candles: aggregation, the running one, the venue's range rule, coarse history, holes."""

from __future__ import annotations

import numpy as np
import pytest

from modules.simulator import intervals, path
from modules.simulator.candles import candles, one, window
from modules.simulator.market import Series
from self_test.modules.simulator import toy

END = toy.START + 600 * toy.FIVE
NOW = END
"""All is out; the next candle has just begun."""
QUARTER = 3 * toy.FIVE


def test_a_candle_is_its_parts() -> None:
    series = toy.series()
    found = candles(series, "15", toy.START, END - QUARTER, NOW)
    parts = series.bars.reshape(200, 3)
    assert np.array_equal(found.open, parts["open"][:, 0])
    assert np.array_equal(found.high, parts["high"].max(axis=1))
    assert np.array_equal(found.low, parts["low"].min(axis=1))
    assert np.array_equal(found.close, parts["close"][:, 2])
    assert np.allclose(found.volume, parts["volume"].sum(axis=1))
    assert np.all((found.turnover > found.volume * found.low * 0.01) & (found.turnover < found.volume * found.high * 0.01))


def test_the_running_candle_holds_only_what_was_published() -> None:
    series = toy.series()
    now = toy.START + 4 * toy.FIVE + 150_000  # two of the four points of the fifth bar
    running = one(series, "15", toy.START + QUARTER, now)
    seen = path.points(series, 3, 5)
    seen = seen[seen["ts"] < now]
    assert running is not None
    assert int(running.high[0]) == seen["price"].max()
    assert int(running.low[0]) == seen["price"].min()
    assert int(running.close[0]) == seen["price"][-1]
    assert running.volume[0] == pytest.approx(seen["size"].sum() * series.step)
    assert one(series, "15", toy.START + 2 * QUARTER, now) is None


def test_a_candle_begins_flat_at_the_last_close() -> None:
    series = toy.series()
    now = toy.START + 6 * toy.FIVE
    begun = window(series, "15", None, None, 2, now)
    close = series.bars["close"][5]
    assert begun.ts.tolist() == [now - QUARTER, now]
    assert [int(column[-1]) for column in (begun.open, begun.high, begun.low, begun.close)] == [close] * 4
    assert begun.volume[-1] == 0.0
    assert one(series, "15", now - QUARTER, now) is not None and len(candles(series, "5", now - toy.FIVE, now - toy.FIVE, now)) == 1


def test_the_range_rule() -> None:
    series = toy.series()
    tail = window(series, "5", None, None, 10, NOW)
    assert len(tail) == 10 and tail.ts[-1] == END
    forward = window(series, "5", toy.START + 70_000, None, 10, NOW)
    assert forward.ts[0] == toy.START and len(forward) == 10
    early = window(series, "5", 0, None, 10, NOW)
    assert early.ts[0] == toy.START
    upto = window(series, "5", None, toy.START + 20 * toy.FIVE, 10, NOW)
    assert upto.ts[-1] == toy.START + 20 * toy.FIVE and len(upto) == 10
    both = window(series, "5", toy.START + 10 * toy.FIVE, toy.START + 20 * toy.FIVE, 1000, NOW)
    assert (both.ts[0], both.ts[-1], len(both)) == (toy.START + 10 * toy.FIVE, toy.START + 20 * toy.FIVE, 11)
    over = window(series, "5", toy.START, NOW, 5, NOW)
    assert over.ts[-1] == END and len(over) == 5
    assert len(window(series, "5", NOW + toy.FIVE, NOW + 2 * toy.FIVE, 5, NOW)) == 0
    assert len(window(series, "5", NOW + toy.FIVE, None, 5, NOW)) == 0


def test_holes_do_not_shorten_the_answer() -> None:
    bars = np.delete(toy.saw(600), slice(100, 500))
    series = toy.series(bars)
    assert len(window(series, "5", None, None, 150, NOW)) == 150
    assert len(window(series, "5", toy.START + 50 * toy.FIVE, None, 100, NOW)) == 100
    assert one(series, "5", toy.START + 200 * toy.FIVE, NOW) is None


def test_coarse_bars_serve_the_time_before_the_fine_ones() -> None:
    early = toy.saw(96, start=toy.START - intervals.DAY, tf_ms=900_000)
    series = Series(toy.series().listing, toy.FIVE, toy.saw(600), ((900_000, early),))
    hours = window(series, "60", None, None, 1000, NOW)
    assert hours.ts[0] == toy.START - intervals.DAY
    assert np.all(np.diff(hours.ts) == 3_600_000)
    assert hours.volume[0] == pytest.approx(early["volume"][:4].sum())
    fives = window(series, "5", None, None, 1000, NOW)
    assert fives.ts[0] == toy.START and len(fives) == 601


def test_an_interval_finer_than_the_bars_has_no_candles() -> None:
    assert len(window(toy.series(), "1", None, None, 10, NOW)) == 0


def test_weeks_and_months() -> None:
    series = toy.series(toy.saw(12 * 24 * 40))
    now = toy.START + intervals.DAY * 40
    months = window(series, "M", None, None, 10, now)
    assert len(months) == 2 and months.ts[1] == intervals.floor_start(now, "M")
    weeks = window(series, "W", None, None, 10, now)
    assert np.all((weeks.ts - intervals.MONDAY) % (7 * intervals.DAY) == 0)
    assert weeks.volume.sum() == pytest.approx(series.bars["volume"].sum())

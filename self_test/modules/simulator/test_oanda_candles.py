"""Candles: alignment in New York across summer time, bid, ask and mid, what is complete, ranges, holes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from modules.simulator.intervals import MINUTE
from modules.simulator.oanda_candles import Alignment, roll, rows, starts, window
from modules.simulator.oanda_market import FX_BAR, FxSeries
from modules.simulator.oanda_pairs import PAIRS
from self_test.modules.simulator.oanda_toy import NOW

NY = Alignment()


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def series(count: int = 60, *, first: int = NOW, tf_ms: int = MINUTE) -> FxSeries:
    made = np.zeros(count, dtype=FX_BAR)
    made["ts"] = first + np.arange(count) * tf_ms
    made["open"] = 100_000 + np.arange(count) * 10
    made["close"] = made["open"] + 10
    made["high"], made["low"], made["volume"], made["spread"] = made["close"] + 5, made["open"] - 5, 40, 12
    return FxSeries(PAIRS["EUR_USD"], tf_ms, made)


@pytest.mark.parametrize(
    ("ts", "granularity", "start"),
    [
        ("2025-03-04 08:07:33", "M15", "2025-03-04 08:00"),
        ("2025-03-04 08:07:33", "H1", "2025-03-04 08:00"),
        ("2025-03-04 08:07", "H4", "2025-03-04 06:00"),  # 01:00 New York
        ("2025-03-10 08:07", "H4", "2025-03-10 05:00"),  # the same in summer time
        ("2025-03-07 21:59", "D", "2025-03-06 22:00"),
        ("2025-03-09 21:00", "D", "2025-03-09 21:00"),  # Sunday's opening on the day of the change
        ("2025-03-10 20:59", "D", "2025-03-09 21:00"),
        ("2025-03-06 12:00", "W", "2025-02-28 22:00"),  # Friday, 17:00
        ("2025-03-20 12:00", "M", "2025-03-01 22:00"),
    ],
)
def test_where_candles_begin(ts: str, granularity: str, start: str) -> None:
    assert starts(np.array([at(ts)], dtype=np.int64), granularity, NY).tolist() == [at(start)]


def test_many_at_once_are_as_one_by_one() -> None:
    times = at("2025-03-07 00:00") + np.arange(0, 5 * 24) * 3_600_000
    for granularity in ("H4", "D"):
        assert starts(times, granularity, NY).tolist() == [int(starts(times[i : i + 1], granularity, NY)[0]) for i in range(len(times))]


def test_bid_ask_and_mid() -> None:
    made = series()
    found = roll(made, "M15", NOW, NOW + 30 * MINUTE, NOW + 60 * MINUTE, NY)
    [first, second] = rows(made.pair, found, "MBA")
    assert first["bid"] == {"o": "1.00000", "h": "1.00155", "l": "0.99995", "c": "1.00150"} and first["complete"]
    assert first["ask"] == {"o": "1.00012", "h": "1.00167", "l": "1.00007", "c": "1.00162"}
    assert first["mid"]["o"] == "1.00006" and first["volume"] == 600 and second["time"] == "2025-03-04T08:15:00.000000000Z"
    assert set(rows(made.pair, found, "B")[0]) == {"complete", "volume", "time", "bid"}


def test_complete_at_the_close_and_not_a_moment_before() -> None:
    made = series()
    for now, complete in ((NOW + 15 * MINUTE - 1, False), (NOW + 15 * MINUTE, True)):
        assert roll(made, "M15", NOW, NOW + MINUTE * 15, now, NY).complete.tolist() == [complete]


def test_the_running_bar_shows_only_what_has_happened() -> None:
    made = series()
    found = roll(made, "M15", NOW, NOW + 15 * MINUTE, NOW + 20_001, NY)
    assert found.bid.tolist() == [[100_000, 100_000, 99_995, 99_995]], "open and low of the first minute"
    assert len(roll(made, "M15", NOW, NOW + 15 * MINUTE, NOW, NY).ts) == 0, "no candle before the first price"


def test_finer_than_the_bars_by_their_points() -> None:
    made = series(4, tf_ms=15 * MINUTE)
    found = roll(made, "M5", NOW, NOW + 15 * MINUTE, NOW + 15 * MINUTE, NY)
    assert found.ts.tolist() == [NOW, NOW + 5 * MINUTE, NOW + 10 * MINUTE] and found.volume.tolist() == [1, 1, 2]


def test_ranges() -> None:
    made = series(60)
    now = NOW + 60 * MINUTE

    def asked(**more: int | bool | None) -> list[int]:
        chosen: Any = {"start": None, "end": None, "count": 3, "first": True} | more
        return [int(one - NOW) // MINUTE for one in window(made, "M15", now, NY, **chosen).ts]

    assert asked() == [15, 30, 45]
    assert asked(end=NOW + 31 * MINUTE, count=2) == [15, 30]
    assert asked(start=NOW + 16 * MINUTE, count=2) == [15, 30], "the one that holds it comes first"
    assert asked(start=NOW + 16 * MINUTE, first=False) == [30, 45]
    assert asked(start=NOW + 15 * MINUTE, first=False, count=1) == [15]
    assert asked(start=NOW, end=NOW + 30 * MINUTE, count=5000) == [0, 15]
    assert asked(count=5000) == [0, 15, 30, 45], "there is no more"


def test_over_a_weekend_there_is_nothing_and_counts_are_full() -> None:
    friday = series(60, first=at("2025-03-07 21:00"))
    sunday = series(60, first=at("2025-03-09 21:00"))
    both = FxSeries(friday.pair, MINUTE, np.concatenate((friday.bars, sunday.bars)))
    found = window(both, "M15", at("2025-03-09 22:00"), NY, start=None, end=None, count=6, first=True)
    assert [datetime.fromtimestamp(int(one) / 1000, UTC).hour for one in found.ts] == [21] * 6 and len(found.ts) == 6

"""A recorded mark beside the path: where it opened, how far it went, and where it is shown and used."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from dataio.archive import open_archive
from dataio.bars import make_bars
from modules.simulator import path, tickers
from modules.simulator.bybit_rest import PublicRest
from modules.simulator.clock import VenueClock
from modules.simulator.exchange_feed import to_point
from modules.simulator.mark_record import MarkRecord, record_of
from modules.simulator.recorded import RecordedMarket
from modules.simulator.venue import Venue
from self_test.modules.simulator import toy

HOUR = 3_600_000
SEP_24 = 1_758_672_000_000
RECORD = MarkRecord(tf_ms=HOUR, ts=[toy.START], ratio=[0.99], low=[9_800], high=[9_950])


@pytest.mark.parametrize(
    "ts, price, mark", [(0, 10_000, 9_900), (HOUR - 1, 10_100, 9_950), (1, 9_000, 9_800), (HOUR, 10_000, 10_000), (-1, 7, 7)]
)
def test_the_mark_keeps_its_distance_within_the_range_of_its_bar(ts: int, price: int, mark: int) -> None:
    assert RECORD.at(toy.START + ts, price) == mark


def test_a_record_is_read_against_the_path_s_opens() -> None:
    own = toy.saw(24)
    opens = np.append(own["open"][[0, 12]] * 0.01, 1.0)
    bars = make_bars(HOUR, toy.START + np.arange(3) * HOUR, opens * 1.001, opens * 1.002, opens * 0.998, opens, np.zeros(3))
    record = record_of(own, 0.01, bars)
    assert record.ts == [toy.START, toy.START + HOUR], "of the third hour the path knows nothing"
    assert record.at(toy.START, int(own["open"][0])) == round(opens[0] * 1.001 * 100)


def test_points_tickers_and_rest_show_the_recorded_mark_and_a_price_gap_ends_it(market_data: Path) -> None:
    market = RecordedMarket(market_data, SEP_24, SEP_24 + 86_400_000, ("SOLUSDT",))
    series = market.series["linear:SOLUSDT"]
    real = open_archive(market_data).mark("SOLUSDT").between(SEP_24, SEP_24 + 86_400_000)
    assert len(real) == 24
    for ts, opened in zip(real.ts.tolist(), real.open.tolist(), strict=True):
        row = path.points(series, path.index_at(series, ts + 1), path.index_at(series, ts + 1) + 1)[0].tolist()
        assert row[0] == ts
        assert abs(to_point(series, row).mark - Decimal(str(opened))) <= 2 * series.tick_exact, "around the middle of the touch"
        venue = Venue(market, VenueClock(ts + 1, 1.0, wall_ms=0.0))
        shown = tickers.row(venue, series, ts, *row[1:2], *row[3:7])
        assert Decimal(shown["markPrice"]) == to_point(series, row).mark and Decimal(shown["indexPrice"]) == to_point(series, row).index
    clock = VenueClock(SEP_24 + 86_400_000, 1.0, wall_ms=0.0)
    asked = {
        "category": "linear",
        "symbol": "SOLUSDT",
        "interval": "5",
        "start": str(SEP_24),
        "end": str(SEP_24 + 86_400_000 - 1),
        "limit": "500",
    }
    rows = PublicRest(Venue(market, clock), lambda: 0).answer("/v5/market/mark-price-kline", asked)["result"]["list"]
    opens = {int(row[0]): Decimal(row[1]) for row in rows}
    assert all(
        abs(opens[ts] - Decimal(str(opened))) <= series.tick_exact / 2
        for ts, opened in zip(real.ts.tolist(), real.open.tolist(), strict=True)
    ), "what funding is paid at"
    series.shift(SEP_24, 0.9)
    row = path.points(series, path.index_at(series, SEP_24 + 1), path.index_at(series, SEP_24 + 1) + 1)[0].tolist()
    assert to_point(series, row).mark == to_point(series, row).index

"""The recorded market: real bars come out as they went in; what cannot be served is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataio.archive import open_archive
from modules.simulator import path
from modules.simulator.candles import window
from modules.simulator.intervals import DAY
from modules.simulator.recorded import RecordedMarket
from self_test.modules.simulator import toy
from utils.errors import Refusal

FEB_15 = 1_739_577_600_000


def write(root: Path, name: str, tf_ms: int, count: int, start: int = toy.START) -> None:
    bars = toy.saw(count, start=start, tf_ms=tf_ms)
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {"ts": bars["ts"]} | {field: bars[field] * 0.01 for field in ("open", "high", "low", "close")} | {"volume": bars["volume"]}
    pq.write_table(pa.table(columns), file)


def test_real_bars_come_out_exactly(market_data: Path) -> None:
    market = RecordedMarket(market_data, FEB_15, FEB_15 + 10 * DAY, ("BTCUSDT", "XRPUSDT"))
    for symbol in ("BTCUSDT", "XRPUSDT"):
        series = market.series[f"spot:{symbol}"]
        real = open_archive(market_data).bars("spot", symbol, 300_000, FEB_15, FEB_15 + 10 * DAY)
        first = int(np.searchsorted(series.bars["ts"], FEB_15))
        points = path.points(series, first, len(series.bars)).reshape(-1, 4)
        digits = series.price_digits
        assert np.array_equal(np.round(points["price"][:, 0] * series.tick, digits), real.open)
        assert np.array_equal(np.round(points["price"].max(axis=1) * series.tick, digits), real.high)
        assert np.array_equal(np.round(points["price"].min(axis=1) * series.tick, digits), real.low)
        assert np.array_equal(np.round(points["price"][:, 3] * series.tick, digits), real.close)
        assert np.array_equal(series.bars["volume"][first:], real.volume)
        assert np.array_equal(window(series, "5", FEB_15, FEB_15 + 10 * DAY - 1, 10**6, FEB_15 + 10 * DAY).ts, real.ts)
    assert not [one for one in market.notices if "warm-up" in one and "XRP" in one]
    assert market.end_ms == FEB_15 + 10 * DAY


def test_real_funding_and_its_interval(market_data: Path) -> None:
    market = RecordedMarket(market_data, FEB_15, None, ("WIFUSDT", "BTCUSDT"))
    assert market.series["linear:WIFUSDT"].listing.instrument.funding_interval_min == 240
    assert market.series["linear:BTCUSDT"].listing.instrument.funding_interval_min == 480
    found = market.funding("linear:BTCUSDT", FEB_15, FEB_15 + DAY)
    assert [ts - FEB_15 for ts, _ in found] == [0, DAY // 3, 2 * DAY // 3, DAY]


def test_without_symbols_the_unfit_are_skipped_with_a_notice(tmp_path: Path) -> None:
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_5m.parquet", 300_000, 288 * 45)
    write(tmp_path, "crypto_spot/bybit/ETHUSDT_15m.parquet", 900_000, 96 * 45)
    market = RecordedMarket(tmp_path, None, None)
    assert list(market.series) == ["spot:BTCUSDT"]
    assert market.start_ms == toy.START + 40 * DAY
    assert market.notices[0].startswith("skipped: ETHUSDT")
    with pytest.raises(Refusal, match="ETHUSDT"):
        RecordedMarket(tmp_path, None, None, ("ETHUSDT",))
    with pytest.raises(Refusal, match="NOPEUSDT is not in"):
        RecordedMarket(tmp_path, None, None, ("NOPEUSDT",))
    with pytest.raises(Refusal, match="--from"):
        RecordedMarket(tmp_path, toy.START + 400 * DAY, None)


def test_short_warm_up_is_said_with_the_days_that_lack(tmp_path: Path) -> None:
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_5m.parquet", 300_000, 288 * 45)
    market = RecordedMarket(tmp_path, toy.START + 31 * DAY, None, ("BTCUSDT",))
    assert market.notices == ("BTCUSDT (spot) has 31.0 of 40 days of warm-up, 9.0 too few",)


def test_coarser_files_are_the_history_before(tmp_path: Path) -> None:
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_5m.parquet", 300_000, 288 * 45)
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_1h_old.parquet", 3_600_000, 24 * 30, start=toy.START - 30 * DAY)
    series = RecordedMarket(tmp_path, toy.START + 41 * DAY, None, ("BTCUSDT",)).series["spot:BTCUSDT"]
    found = window(series, "60", 0, None, 10**6, toy.START + 41 * DAY)
    assert int(found.ts[0]) == toy.START - 30 * DAY
    assert np.all(np.diff(found.ts) == 3_600_000)

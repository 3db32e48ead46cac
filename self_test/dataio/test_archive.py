"""The data root: which source wins, what is history, what is refused, and that the real files read as their notes say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dataio.archive import DamagedFile, open_archive, roll_up
from dataio.bars import FIELDS
from self_test.dataio.samples import DAY, H1, M5, M15, MONDAY, save, save_columns, truncate, walk
from utils.errors import Refusal


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Binance: two 5m files that touch (days 0-1), a 15m file (days 0-3), then 5m on day 3. Bybit: 5m on day 1 only."""
    spot = tmp_path / "crypto_spot"
    save(spot / "binance" / "AUSDT_5m_a.parquet", walk(MONDAY, 288, seed=1))
    save(spot / "binance" / "AUSDT_5m_b.parquet", walk(MONDAY + DAY, 288, seed=2))
    save(spot / "binance" / "AUSDT_5m_c.parquet", walk(MONDAY + 3 * DAY, 288, seed=3))
    save(spot / "binance" / "AUSDT_15m.parquet", walk(MONDAY, 384, M15, seed=4))
    save(spot / "bybit" / "AUSDT_5m.parquet", walk(MONDAY + DAY, 288, seed=5))
    save(spot / "binance" / "COARSE_15m.parquet", walk(MONDAY, 10, M15))
    perp = tmp_path / "crypto_perp" / "bybit"
    save(perp / "PUSDT_1m.parquet", walk(MONDAY, 600, 60_000))
    save(perp / "PUSDT_1h_mark.parquet", walk(MONDAY, 10, H1))
    save_columns(perp / "PUSDT_8h_funding.parquet", {"ts": [MONDAY, MONDAY + 8 * H1], "rate": [0.0001, -0.0002]})
    save_columns(tmp_path / "fx" / "bidask" / "EURUSD_1m_2012.parquet", {"ts": [1], "open_bid": [1.0]})
    return tmp_path


def test_symbols_are_of_bar_files_only(root: Path) -> None:
    archive = open_archive(root)
    assert archive.symbols("spot") == ("AUSDT", "COARSE")
    assert archive.symbols("perp") == ("PUSDT",)
    assert archive.symbols("fx") == ()
    assert archive.timeframes("spot", "AUSDT") == (M5, M15)


def test_files_that_touch_are_one_stretch(root: Path) -> None:
    stretches = open_archive(root).stretches("spot", "AUSDT", M5, "binance")
    assert [(one.first_ms, one.end_ms) for one in stretches] == [(MONDAY, MONDAY + 2 * DAY), (MONDAY + 3 * DAY, MONDAY + 4 * DAY)]


@pytest.mark.parametrize(
    "start, end, source",
    [
        (DAY, 2 * DAY, "bybit"),
        (DAY, 2 * DAY + M5, None),
        (DAY - M5, 2 * DAY, "binance"),
        (DAY, None, "bybit"),
        (0, None, "binance"),
        (None, 2 * DAY, "bybit"),
        (None, DAY, "binance"),
        (None, None, "binance"),
        (DAY, 4 * DAY, None),
        (2 * DAY, 2 * DAY + M5, None),
    ],
)
def test_the_first_source_with_one_stretch_over_the_range_wins(root: Path, start: int | None, end: int | None, source: str | None) -> None:
    archive = open_archive(root)
    first, last = None if start is None else MONDAY + start, None if end is None else MONDAY + end
    if source is None:
        with pytest.raises(
            Refusal, match=r"no source covers AUSDT \(spot\) from .* there is: bybit 5m 2025-03-11 00:00 to 2025-03-12 00:00"
        ):
            archive.finest("spot", "AUSDT", first, last)
    else:
        found = archive.finest("spot", "AUSDT", first, last)
        assert (found.source, found.timeframe_ms) == (source, M5)
        want = archive.bars("spot", "AUSDT", M5, first, last, source=source)
        if start is not None and end is not None:
            assert found.bars.same(want)
            assert found.bars.ts[0] == first


def test_history_comes_from_the_next_source_and_every_instant_from_one(root: Path) -> None:
    archive = open_archive(root)
    got = archive.bars("spot", "AUSDT", M5, MONDAY, MONDAY + 4 * DAY)  # nobody covers all of it: the order decides
    assert got.between(MONDAY, MONDAY + DAY).same(walk(MONDAY, 288, seed=1))
    assert got.between(MONDAY + DAY, MONDAY + 2 * DAY).same(walk(MONDAY + DAY, 288, seed=5))
    assert len(got.between(MONDAY + 2 * DAY, MONDAY + 3 * DAY)) == 0
    assert got.between(MONDAY + 3 * DAY, None).same(walk(MONDAY + 3 * DAY, 288, seed=3))
    ours = archive.bars("spot", "AUSDT", M5, MONDAY, MONDAY + 2 * DAY)  # binance covers, so it wins all of its time
    assert ours.between(MONDAY + DAY, None).same(walk(MONDAY + DAY, 288, seed=2))


def test_history_of_a_path_prefers_its_source_and_takes_the_rest_from_others(root: Path) -> None:
    archive = open_archive(root)
    end = MONDAY + 2 * DAY
    for read in (archive.bars, archive.confirm_bars):
        assert read("spot", "AUSDT", M5, None, end).between(MONDAY + DAY, None).same(walk(MONDAY + DAY, 288, seed=5))
        assert read("spot", "AUSDT", M5, None, end, prefer="binance").between(MONDAY + DAY, None).same(walk(MONDAY + DAY, 288, seed=2))
        both = read("spot", "AUSDT", M5, None, end, prefer="bybit")
        assert (both.ts[0], len(both)) == (MONDAY, 576)


def test_confirm_bars_fill_from_finer_files(root: Path) -> None:
    archive = open_archive(root)
    assert archive.confirm_bars("perp", "PUSDT", M5).same(roll_up(walk(MONDAY, 600, 60_000), M5))
    native = archive.confirm_bars("spot", "AUSDT", M15, source="binance")
    assert native.same(walk(MONDAY, 384, M15, seed=4))
    hourly = archive.confirm_bars("spot", "AUSDT", H1, source="bybit")
    assert hourly.same(roll_up(walk(MONDAY + DAY, 288, seed=5), H1))
    with pytest.raises(Refusal, match=r"COARSE \(spot\) has no bars of 5m or finer .* binance 15m 2025-03-10 00:00 to 2025-03-10 02:30"):
        archive.confirm_bars("spot", "COARSE", M5)


def test_what_is_not_there_is_refused_by_name(root: Path) -> None:
    archive = open_archive(root)
    with pytest.raises(Refusal, match=r"unknown spot symbol 'NOPE'.*AUSDT, COARSE"):
        archive.bars("spot", "NOPE", M5)
    with pytest.raises(Refusal, match=r"COARSE \(spot\) has no bars of 5m or finer"):
        archive.finest("spot", "COARSE", MONDAY, None)
    assert archive.finest("spot", "COARSE", MONDAY, None, coarsest_ms=M15).timeframe_ms == M15
    with pytest.raises(Refusal, match=r"AUSDT .* has no 1h bars"):
        archive.bars("spot", "AUSDT", H1)
    with pytest.raises(Refusal, match=r"source 'kraken'.*bybit, binance"):
        archive.bars("spot", "AUSDT", M5, source="kraken")
    with pytest.raises(Refusal, match=r"no funding file of 'AUSDT'.*PUSDT"):
        archive.funding("AUSDT")
    with pytest.raises(Refusal, match=r"no mark file of 'PUSDT' from source 'binance'"):
        archive.mark("PUSDT", source="binance")


def test_a_folder_that_is_no_data_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"not a folder"):
        open_archive(tmp_path / "none")
    with pytest.raises(Refusal, match=r"is not a data root"):
        open_archive(tmp_path)


def test_funding_and_mark(root: Path) -> None:
    archive = open_archive(root)
    ts, rate = archive.funding("PUSDT")
    assert (ts.tolist(), rate.tolist()) == ([MONDAY, MONDAY + 8 * H1], [0.0001, -0.0002])
    mark = archive.mark("PUSDT")
    assert (mark.timeframe_ms, len(mark), mark.volume.max()) == (H1, 10, 0.0)
    save_columns(root / "crypto_perp" / "bybit" / "PUSDT_8h_funding.parquet", {"ts": [MONDAY], "rate": [float("nan")]})
    with pytest.raises(DamagedFile, match=r"not a finite number"):
        archive.funding("PUSDT")


def test_a_damaged_file_is_named_and_the_others_still_read(root: Path) -> None:
    bad = root / "crypto_spot" / "binance" / "AUSDT_5m_b.parquet"
    truncate(bad)
    strict = open_archive(root)
    with pytest.raises(DamagedFile, match=r"AUSDT_5m_b\.parquet: not readable"):
        strict.bars("spot", "AUSDT", M5)
    assert len(strict.bars("spot", "COARSE", M15)) == 10
    lenient = open_archive(root, skip_damaged=True)
    got = lenient.bars("spot", "AUSDT", M5, source="binance")
    assert len(got) == 2 * 288
    assert list(lenient.damaged) == [bad]


def test_a_bad_row_is_skipped_with_its_file(root: Path) -> None:
    bars = walk(MONDAY, 288, seed=1)
    bars.high[7] = 1.0
    bad = save(root / "crypto_spot" / "binance" / "AUSDT_5m_a.parquet", bars)
    lenient = open_archive(root, skip_damaged=True)
    assert len(lenient.bars("spot", "AUSDT", M5, source="binance")) == 2 * 288
    assert "in row 7" in lenient.damaged[bad]


@pytest.mark.data
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"])
def test_real_spot_half_year_reads_and_rolls_up_to_the_15m_file(market_data: Path, symbol: str) -> None:
    archive = open_archive(market_data)
    start, end = ms("2025-01-01"), ms("2025-06-18")
    found = archive.finest("spot", symbol, start, end)
    assert (found.source, found.timeframe_ms, len(found.bars)) == ("binance", M5, (end - start) // M5)
    assert archive.confirm_bars("spot", symbol, M5, start, end).same(found.bars)
    rolled = roll_up(found.bars, M15)
    native = archive.bars("spot", symbol, M15, start, end, source="binance")
    assert np.array_equal(rolled.ts, native.ts)
    for name in FIELDS[:4]:
        assert np.array_equal(getattr(rolled, name), getattr(native, name)), name
    assert np.allclose(rolled.volume, native.volume, rtol=1e-14, atol=0)
    history = archive.confirm_bars("spot", symbol, M5, None, start)
    assert len(history) > 71_000
    assert history.end_ms <= start


@pytest.mark.data
def test_real_source_choice_for_bitcoin(market_data: Path) -> None:
    archive = open_archive(market_data)
    assert archive.finest("spot", "BTCUSDT", ms("2025-07-01"), ms("2025-07-20")).source == "bybit"
    minute = archive.finest("spot", "BTCUSDT", ms("2025-07-01"), ms("2025-07-28"))
    assert (minute.source, minute.timeframe_ms) == ("binance", 60_000)
    assert archive.finest("spot", "BTCUSDT", ms("2025-10-01"), None).source == "bybit"


@pytest.mark.data
def test_real_perp_funding_marks_and_every_bar_file(market_data: Path) -> None:
    archive = open_archive(market_data)
    ts, rate = archive.funding("BTCUSDT")
    assert (len(ts), ts[0], ts[-1]) == (1094, ms("2025-01-01T08:00"), ms("2025-12-31T16:00"))
    assert np.all(np.diff(ts) == 8 * H1)
    assert 0 < float(np.mean(rate)) < 0.0005
    assert len(archive.mark("BTCUSDT")) == 8760
    assert len(archive.funding("BTCUSDT", source="binance")[0]) == 2193
    assert archive.symbols("fx") == ("AUDUSD", "EURGBP", "EURJPY", "EURUSD", "GBPUSD", "USDCAD", "USDJPY")
    for kind in ("spot", "perp", "fx"):
        for symbol in archive.symbols(kind):
            for timeframe_ms in archive.timeframes(kind, symbol):
                assert len(archive.bars(kind, symbol, timeframe_ms)) > 1000

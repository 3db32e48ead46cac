"""Recorded currencies: which bars are the path, what is history, real data of the shared folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modules.simulator.intervals import DAY, MINUTE
from modules.simulator.oanda_recorded import RecordedFx, recorded_pairs_only
from self_test.modules.simulator.oanda_toy import NOW
from self_test.modules.simulator.test_recorded import write
from utils.errors import Refusal

JUNE_2025 = 1_748_822_400_000
FLASH_2019 = 1_546_430_400_000
"""2019-01-02 12:00 UTC."""


@pytest.mark.data
def test_seven_pairs_of_real_bars(market_data: Path) -> None:
    market = RecordedFx(market_data, JUNE_2025, None)
    assert len(market.series) == 7
    series = market.series["EUR_USD"]
    assert series.tf_ms == 15 * MINUTE
    rows = series.bars
    assert rows["ts"][0] < JUNE_2025 - 65 * DAY and rows["ts"][-1] > JUNE_2025 and (np.diff(rows["ts"]) > 0).all()
    assert 1.0 < rows["close"][-1] * 1e-5 < 1.3 and 5 < np.median(rows["spread"]) < 30


@pytest.mark.data
def test_years_with_nothing_finer_are_served_by_the_hour(market_data: Path) -> None:
    market = RecordedFx(market_data, FLASH_2019, FLASH_2019 + 3 * DAY, ("USD_JPY",))
    series = market.series["USD_JPY"]
    assert list(market.series) == ["USD_JPY"] and series.tf_ms == 60 * MINUTE
    day = series.bars[(series.bars["ts"] >= FLASH_2019) & (series.bars["ts"] < FLASH_2019 + DAY)]
    assert day["low"].min() < 106_000 < day["high"].max(), "the flash crash of 2019-01-03"


def test_a_root_without_currencies_lists_none(tmp_path: Path) -> None:
    write(tmp_path, "crypto_spot/bybit/BTCUSDT_5m.parquet", 5 * MINUTE, 20)
    market = RecordedFx(tmp_path, NOW, None)
    market.extend(NOW)
    assert market.series == {} and market.notices == ()


@pytest.mark.data
def test_pairs_alone(market_data: Path) -> None:
    frame = recorded_pairs_only(market_data, FLASH_2019, FLASH_2019 + 3 * DAY, ("USD_JPY",))
    assert frame.start_ms == FLASH_2019 and frame.end_ms == 1_546_639_200_000, "Friday evening"
    assert frame.funding("", 0, 1) == []
    begun = recorded_pairs_only(market_data, None, None, ("EUR_USD",))
    assert begun.end_ms is not None and begun.start_ms < begun.end_ms
    with pytest.raises(Refusal, match="USD_CAD cannot be served"):
        recorded_pairs_only(market_data, FLASH_2019, None, ("USD_CAD",))

from __future__ import annotations

from pathlib import Path

import pytest

from modules.engine.frozen_surface import NAME, frozen_surfaces, without_surface
from utils.errors import Refusal

DEPOSITS = {"USD": 0.043, "JPY": 0.005}


def test_without_a_folder_the_refusal_says_so(tmp_path: Path) -> None:
    assert "vol_quotes.csv is not there" in str(without_surface(tmp_path))


def test_a_folder_without_the_day_has_no_pair(tmp_path: Path) -> None:
    (tmp_path / "fx_options").mkdir()
    (tmp_path / "fx_options/vol_quotes.csv").write_text("date,pair,tenor,quote,vol\n2024-02-10,EURUSD,1W,ATM,0.08\n")
    assert "has that day for no pair" in str(without_surface(tmp_path))
    with pytest.raises(Refusal, match="forward_points"):
        frozen_surfaces(tmp_path, ("EURUSD",), DEPOSITS)
    with pytest.raises(Refusal, match="no options are listed on GBPUSD"):
        frozen_surfaces(tmp_path, ("GBPUSD",), DEPOSITS)


@pytest.mark.data
def test_the_real_day_has_eurusd_and_no_usdjpy(market_data: Path) -> None:
    assert NAME == "frozen 2025-02-10"
    assert "for EURUSD)" in str(without_surface(market_data))
    (found,) = frozen_surfaces(market_data, ("EURUSD",), DEPOSITS).values()
    assert found.spot == pytest.approx(1.0318, abs=1e-4) and found.days[0] < 14 and found.days[-1] > 42
    with pytest.raises(Refusal, match="USDJPY is there on no date"):
        frozen_surfaces(market_data, ("EURUSD", "USDJPY"), DEPOSITS)

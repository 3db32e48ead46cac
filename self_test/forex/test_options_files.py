"""The real surface is read as the market quotes it; what is missing is named by date, pair, tenor and quote."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from forex.options_calendar import forward_date, spot_date
from forex.options_files import TENORS, read_surface
from forex.options_kernels import premium
from forex.options_surface import arrays, smile_vol
from utils.errors import Refusal

DAY = date(2025, 2, 10)
DEPOSITS = {"USD": 0.043, "JPY": 0.005}

VOLS = [("1M", "ATM", 0.08), ("1M", "25RR", -0.01), ("1M", "25BF", 0.002), ("1M", "10RR", -0.02), ("1M", "10BF", 0.006)]


def write(folder: Path, vols: Sequence[tuple[str, str, object]], points: object = 13.3, spot: object = 1.03) -> Path:
    (folder / "vol_quotes.csv").write_text(
        "date,pair,tenor,quote,vol\n" + "".join(f"2025-02-10,EURUSD,{tenor},{quote},{vol}\n" for tenor, quote, vol in vols)
    )
    (folder / "forward_points.csv").write_text(f"date,pair,tenor,points\n2025-02-10,EURUSD,1M,{points}\n")
    (folder / "spot_rates.csv").write_text(f"date,pair,rate\n2025-02-10,EURUSD,{spot}\n")
    return folder


def test_quotes_become_pillars_and_points_the_foreign_rate(tmp_path: Path) -> None:
    surface = read_surface(write(tmp_path, VOLS), "EURUSD", DAY, DEPOSITS, ("1M",))
    assert surface.vols[0] == pytest.approx((0.096, 0.087, 0.08, 0.077, 0.076))
    assert surface.days == pytest.approx((27.958,), abs=1e-3)  # the cut of 10 March is an hour early: summer time
    assert surface.r_domestic == (0.043,)
    span = (forward_date("EURUSD", DAY, "1M") - spot_date("EURUSD", DAY)).days / 365
    assert 1.03 * math.exp((0.043 - surface.r_foreign[0]) * span) == pytest.approx(1.03 + 13.3e-4, abs=1e-12)


@pytest.mark.parametrize("left_out", range(5))
def test_a_missing_point_is_named(tmp_path: Path, left_out: int) -> None:
    folder = write(tmp_path, [quote for n, quote in enumerate(VOLS) if n != left_out])
    with pytest.raises(Refusal, match=f"no 2025-02-10 EURUSD 1M {VOLS[left_out][1]} "):
        read_surface(folder, "EURUSD", DAY, DEPOSITS, ("1M",))


def test_what_else_can_be_missing_is_named_too(tmp_path: Path) -> None:
    folder = write(tmp_path, VOLS)
    with pytest.raises(Refusal, match=r"2025-02-11 EURUSD 1M ATM \(EURUSD is there on 2025-02-10\)"):
        read_surface(folder, "EURUSD", date(2025, 2, 11), DEPOSITS, ("1M",))
    with pytest.raises(Refusal, match=r"USDJPY 1M ATM \(USDJPY is there on no date\)"):
        read_surface(folder, "USDJPY", DAY, DEPOSITS, ("1M",))
    with pytest.raises(Refusal, match="no deposit rate of USD"):
        read_surface(folder, "EURUSD", DAY, {"JPY": 0.005}, ("1M",))
    (folder / "forward_points.csv").write_text("date,pair,tenor,points\n")
    with pytest.raises(Refusal, match=r"forward_points\.csv has no 2025-02-10 EURUSD 1M"):
        read_surface(folder, "EURUSD", DAY, DEPOSITS, ("1M",))
    (folder / "forward_points.csv").write_text("date,pair,tenor\n")
    with pytest.raises(Refusal, match="no column points"):
        read_surface(folder, "EURUSD", DAY, DEPOSITS, ("1M",))
    (folder / "forward_points.csv").unlink()
    with pytest.raises(Refusal, match="cannot be read"):
        read_surface(folder, "EURUSD", DAY, DEPOSITS, ("1M",))


def test_figures_that_make_no_surface_are_refused(tmp_path: Path) -> None:
    def read() -> None:
        read_surface(tmp_path, "EURUSD", DAY, DEPOSITS, ("1M",))

    write(tmp_path, [("1M", "ATM", "n/a"), *VOLS[1:]])
    with pytest.raises(Refusal, match="2025-02-10 EURUSD 1M ATM: 'n/a' is no number"):
        read()
    write(tmp_path, [("1M", "ATM", "nan"), *VOLS[1:]])
    with pytest.raises(Refusal, match="'nan' is no finite number"):
        read()
    write(tmp_path, VOLS, spot=0)
    with pytest.raises(Refusal, match="must be above 0"):
        read()
    write(tmp_path, [("1M", "ATM", -0.08), *VOLS[1:]])
    with pytest.raises(Refusal, match="2025-02-10 EURUSD 1M: vol of 10P would be"):
        read()
    write(tmp_path, [*VOLS[:3], ("1M", "10RR", 0.0), ("1M", "10BF", -0.065)])
    with pytest.raises(Refusal, match="EURUSD 1M: the strikes of its quotes are not in order"):
        read()


def test_the_real_surface_of_10_february_2025(market_data: Path) -> None:
    surface = read_surface(market_data / "fx_options", "EURUSD", DAY, DEPOSITS)
    assert surface.spot == 1.03181717
    assert surface.vols[3] == pytest.approx((0.0961799, 0.0885384, 0.0831966, 0.0807910, 0.0810773), abs=1e-7)
    assert len(surface.days) == len(TENORS)
    assert 27.9 < surface.days[3] < 28.0
    assert all(0.02 < rate < 0.03 for rate in surface.r_foreign)  # euro money was at 2.6 % and falling
    assert vol_between(surface.vols[2][2], surface.vols[3][2], smile_vol(*arrays(surface), 0, surface.spot, 1.034, 25.0))


def vol_between(one: float, other: float, vol: float) -> bool:
    return min(one, other) - 0.002 < vol < max(one, other) + 0.002


def test_its_prices_allow_no_arbitrage_to_two_months(market_data: Path) -> None:
    surface = read_surface(market_data / "fx_options", "EURUSD", DAY, DEPOSITS)
    data = arrays(surface)
    for day in (5.0, 9.0, 14.0, 28.0, 42.0, 60.0):
        strikes = [0.94 + 0.0005 * n for n in range(360)]
        calls = [premium(1, surface.spot, k, day / 365, 0.043, 0.0262, smile_vol(*data, 0, surface.spot, k, day)) for k in strikes]
        assert all(low > high for low, high in pairwise(calls) if low > 1e-12)
        assert all(a - 2 * b + c > -1e-12 for a, b, c in zip(calls, calls[1:], calls[2:], strict=False))


def test_every_full_date_of_the_data_is_one_that_reads_and_every_other_is_refused(market_data: Path) -> None:
    """EURUSD of 2025-02-10 is the only whole surface of a pair that we trade: USDJPY has no quotes at all."""
    folder = market_data / "fx_options"
    with (folder / "vol_quotes.csv").open() as lines:
        quoted = sorted({(row["pair"], row["date"]) for row in csv.DictReader(lines)})
    readable = []
    for pair, day in quoted:
        try:
            read_surface(folder, pair, date.fromisoformat(day), DEPOSITS)
        except Refusal:
            continue
        readable.append((pair, day))
    assert readable == [("EURUSD", "2025-02-10")]
    assert "USDJPY" not in {pair for pair, _ in quoted}

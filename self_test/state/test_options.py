"""Option contracts keep their names, and a surface that cannot be priced with is none."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.options import OptionContract, Right, Surface, cut_ts, tick_digits
from utils.errors import Refusal

SURFACE = Surface(
    pair="EURUSD",
    ts=1_739_199_600_000,
    spot=1.03,
    days=(7.0, 30.0),
    vols=((0.10, 0.092, 0.09, 0.088, 0.09), (0.098, 0.088, 0.083, 0.08, 0.081)),
    r_domestic=(0.043, 0.043),
    r_foreign=(0.027, 0.027),
    source="file",
)


def test_a_symbol_names_pair_date_right_and_strike() -> None:
    contract = OptionContract.parse("EURUSD-20250321-C-1.05000")
    assert contract == OptionContract(pair="EURUSD", right=Right.CALL, strike=105_000, digits=5, expiry_ts=cut_ts(date(2025, 3, 21)))
    assert contract.strike_price == 1.05
    assert OptionContract.parse("USDJPY-20250321-P-152.500").strike == 152_500


@given(
    pair=st.sampled_from(["EURUSD", "USDJPY", "EURJPY", "AUDUSD"]),
    right=st.sampled_from(list(Right)),
    strike=st.integers(1, 99_999_999),
    day=st.dates(date(2007, 1, 1), date(2090, 1, 1)),
)
def test_symbol_and_parse_are_inverse(pair: str, right: Right, strike: int, day: date) -> None:
    contract = OptionContract(pair=pair, right=right, strike=strike, digits=tick_digits(pair), expiry_ts=cut_ts(day))
    assert contract.expiry_day == day
    assert OptionContract.parse(contract.symbol) == contract


@pytest.mark.parametrize(
    ("symbol", "says"),
    [
        ("EURUSD", "not an option"),
        ("EURUSD-20250321-X-1.05000", "not an option"),
        ("EURUSD-20250321-C-1.05", "5 decimals"),
        ("USDJPY-20250321-C-152.50000", "3 decimals"),
        ("EURUSD-20250231-C-1.05000", "20250231 is no date"),
        ("EURUSD-20250321-C-0.00000", "strike is zero"),
    ],
)
def test_what_is_wrong_with_a_symbol_is_named(symbol: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        OptionContract.parse(symbol)


@pytest.mark.parametrize(
    ("day", "hour"),
    [(date(2025, 3, 7), 15), (date(2025, 3, 10), 14), (date(2025, 10, 31), 14), (date(2025, 11, 3), 15)],
)
def test_the_cut_moves_with_new_yorks_summer_time(day: date, hour: int) -> None:
    assert cut_ts(day) == datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp() * 1000


def test_a_surface_survives_the_journal() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(SURFACE), type=Surface) == SURFACE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"days": (7.0,)}, "as many"),
        ({"days": (), "vols": (), "r_domestic": (), "r_foreign": ()}, "at least one"),
        ({"days": (30.0, 7.0)}, "ascending"),
        ({"days": (0.0, 7.0)}, "positive"),
        ({"spot": -1.0}, "positive"),
        ({"r_foreign": (0.02, float("nan"))}, "rate is not a number"),
        ({"vols": ((0.1, 0.1, 0.0, 0.1, 0.1), SURFACE.vols[1])}, "positive"),
    ],
)
def test_a_surface_that_cannot_be_priced_with_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        msgspec.structs.replace(SURFACE, **change)

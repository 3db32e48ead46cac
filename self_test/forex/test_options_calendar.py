"""QuantLib agrees on trading days, spot dates and expiries of eleven years; cuts and listings hold where clocks and holidays bite."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import QuantLib

from forex.options_calendar import (
    expiry_date,
    is_trading_day,
    spot_date,
    spot_days,
    step,
    trade_date,
    weekly_expiries,
    years_left,
)
from forex.sessions import is_open
from state.options import cut_ts
from utils.errors import Refusal

FED = QuantLib.UnitedStates.FederalReserve
BANKS = {"USD": lambda: QuantLib.UnitedStates(FED), "EUR": QuantLib.TARGET, "JPY": QuantLib.Japan, "CAD": QuantLib.Canada}
YEARS = [date(2020, 1, 1) + timedelta(days=n) for n in range((date(2031, 1, 1) - date(2020, 1, 1)).days)]


def joint(pair: str) -> Any:
    return QuantLib.JointCalendar(*(BANKS[currency]() for currency in sorted({pair[:3], pair[3:], "USD"})))


def quant(day: date) -> Any:
    return QuantLib.Date(day.day, day.month, day.year)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize("pair", ["EURUSD", "USDJPY", "EURJPY", "USDCAD"])
def test_quantlib_agrees_on_every_day_of_2020_to_2030(pair: str) -> None:
    oracle = joint(pair)
    for day in YEARS:
        assert is_trading_day(pair, day) == oracle.isBusinessDay(quant(day)), day
        assert spot_date(pair, day) == oracle.advance(quant(day), spot_days(pair), QuantLib.Days).to_date(), day


@pytest.mark.parametrize("pair", ["EURUSD", "USDJPY"])
def test_quantlib_agrees_on_tenors_of_every_trading_day(pair: str) -> None:
    oracle = joint(pair)
    for day in (day for day in YEARS if is_trading_day(pair, day)):
        assert expiry_date(pair, day, "2W") == oracle.adjust(quant(day) + 14).to_date(), day
        spot = oracle.advance(quant(day), spot_days(pair), QuantLib.Days)
        for months in (1, 3, 12):
            delivery = oracle.advance(spot, months, QuantLib.Months, QuantLib.ModifiedFollowing, True)
            expected = oracle.advance(delivery, -spot_days(pair), QuantLib.Days).to_date()
            assert expiry_date(pair, day, f"{months}M") == expected, (day, months)


def test_where_quantlibs_settlement_calendar_differs_it_is_a_friday_before_a_saturday_holiday() -> None:
    """Banks do not move those holidays, the settlement calendar does: that is the whole difference, day by day."""
    oracle = QuantLib.JointCalendar(QuantLib.TARGET(), QuantLib.UnitedStates(QuantLib.UnitedStates.Settlement))
    differ = [day for day in YEARS if is_trading_day("EURUSD", day) != oracle.isBusinessDay(quant(day))]
    saturdays = [(2020, 7, 3), (2021, 12, 24), (2021, 12, 31), (2023, 11, 10), (2026, 7, 3), (2027, 6, 18), (2027, 12, 24), (2027, 12, 31)]
    saturdays += [(2028, 11, 10)]
    assert differ == [date(*day) for day in saturdays]


def test_the_spot_date_that_the_design_names() -> None:
    assert spot_date("EURUSD", date(2025, 7, 2)) == date(2025, 7, 7)  # over Independence Day and a weekend
    assert spot_date("USDCAD", date(2025, 7, 2)) == date(2025, 7, 3)


def test_a_dollar_holiday_on_the_first_day_puts_spot_off() -> None:
    assert spot_date("EURUSD", date(2025, 1, 17)) == date(2025, 1, 22)  # banks among themselves would say the 21st


def test_an_expiry_on_good_friday_moves_to_its_eve_for_the_euro_only() -> None:
    begin = ms("2025-04-07T12:00")
    assert list(weekly_expiries("EURUSD", begin, 5, 12)) == [cut_ts(date(2025, 4, 17))]
    assert list(weekly_expiries("USDJPY", begin, 5, 12)) == [cut_ts(date(2025, 4, 18))]
    assert spot_date("EURUSD", date(2025, 4, 17)) == date(2025, 4, 23)  # over the four days of Easter


def test_listings_keep_to_the_days_left() -> None:
    ts = ms("2025-02-10T12:00")
    found = list(weekly_expiries("EURUSD", ts, 5, 60))
    assert [datetime.fromtimestamp(cut / 1000, UTC).date() for cut in found] == [
        date(2025, 2, 21) + timedelta(days=7 * n) for n in range(7)
    ]
    assert all(5 <= (cut - ts) / 86_400_000 <= 60 for cut in found)
    assert list(weekly_expiries("EURUSD", cut_ts(date(2025, 2, 14)), 0, 0)) == [cut_ts(date(2025, 2, 14))]
    assert list(weekly_expiries("EURUSD", cut_ts(date(2025, 2, 14)) + 1, 0, 1)) == []


@pytest.mark.parametrize("pair", ["EURUSD", "USDJPY"])
def test_at_every_cut_of_eleven_years_the_market_is_open_and_settles_the_option(pair: str) -> None:
    """Also on the eves of Christmas and New Year, on which it ends early: a spot price is there to settle by."""
    cuts = list(weekly_expiries(pair, ms("2020-01-01T00:00"), 0, (YEARS[-1] - YEARS[0]).days))
    assert len(cuts) in (573, 574)
    assert all(is_open(cut) for cut in cuts)
    days = [datetime.fromtimestamp(cut / 1000, UTC).date() for cut in cuts]
    moved = [day for day in days if day.weekday() != 4]
    assert date(2020, 12, 24) in moved  # the eve of Christmas
    assert date(2026, 12, 24) in moved
    assert all(is_trading_day(pair, day) and not is_trading_day(pair, day + timedelta(days=4 - day.weekday())) for day in moved)


def test_a_week_over_the_change_of_clocks_is_an_hour_shorter_or_longer() -> None:
    """New York moves on 9 March 2025 and 2 November 2025, Europe three and one weeks apart: only New York counts."""
    assert cut_ts(date(2025, 3, 14)) - cut_ts(date(2025, 3, 7)) == (7 * 24 - 1) * 3_600_000
    assert cut_ts(date(2025, 4, 4)) - cut_ts(date(2025, 3, 28)) == 7 * 24 * 3_600_000
    assert cut_ts(date(2025, 11, 7)) - cut_ts(date(2025, 10, 31)) == (7 * 24 + 1) * 3_600_000


def test_the_trade_date_turns_at_five_in_new_york() -> None:
    assert trade_date(ms("2025-02-10T21:59:59")) == date(2025, 2, 10)
    assert trade_date(ms("2025-02-10T22:00")) == date(2025, 2, 11)
    assert trade_date(ms("2025-07-10T21:00")) == date(2025, 7, 11)


def test_month_ends_meet() -> None:
    assert spot_date("EURUSD", date(2025, 2, 26)) == date(2025, 2, 28)
    assert expiry_date("EURUSD", date(2025, 2, 26), "1M") == step("EURUSD", date(2025, 3, 31), -2)
    assert expiry_date("EURUSD", date(2025, 2, 10), "ON") == date(2025, 2, 11)
    assert expiry_date("EURUSD", date(2025, 2, 14), "1D") == date(2025, 2, 18)  # over the weekend and Presidents' Day


@pytest.mark.parametrize("tenor", ["", "1X", "0W", "M1", "TN"])
def test_what_is_no_tenor_is_refused(tenor: str) -> None:
    with pytest.raises(Refusal, match="no tenor"):
        expiry_date("EURUSD", date(2025, 2, 10), tenor)


def test_years_left_count_days_over_365() -> None:
    assert years_left(0, 365 * 86_400_000) == 1.0
    assert years_left(86_400_000, 0) < 0

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import CONFIG
from forex.financing import ONE_DAY, TWO_DAYS, days_of, next_turn, turns
from modules.settings import Swap, instrument_rows
from self_test.fakes.pairs import ALL, fx_books, pair, ticks
from state.accounts import Domain
from state.booking import fill_entry, funding_of, pay_funding
from state.instruments import Financing
from utils.fixed import MONEY_SCALE, money

DAY_MS = 86_400_000
CENT = Decimal("0.01")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def told(text: str, until: str, days: tuple[int, ...] = TWO_DAYS) -> list[tuple[str, int]]:
    times, counts = turns(ms(text), ms(until), days)
    return [
        (datetime.fromtimestamp(at / 1000, UTC).strftime("%m-%d %H:%M"), count)
        for at, count in zip(times.tolist(), counts.tolist(), strict=True)
    ]


def test_a_week_charges_seven_days_wednesday_three_of_them() -> None:
    week = [("02-10 22:00", 1), ("02-11 22:00", 1), ("02-12 22:00", 3), ("02-13 22:00", 1), ("02-14 22:00", 1)]
    assert told("2025-02-10T00:00", "2025-02-16T23:00") == week


def test_a_pair_that_settles_in_one_day_carries_the_weekend_on_thursday() -> None:
    assert days_of(pair("USDCAD")) == ONE_DAY and days_of(pair("EURUSD")) == TWO_DAYS
    assert [count for _, count in told("2025-02-10T00:00", "2025-02-16T23:00", ONE_DAY)] == [1, 1, 1, 3, 1]
    own = Financing(Decimal(0), Decimal(0), (1, 1, 1, 1, 1, 0, 2))
    assert days_of(pair("EURUSD", financing=own)) == own.days, "a venue that says its own is believed"


def test_the_turn_keeps_new_yorks_time_through_both_changes() -> None:
    assert told("2025-03-06T00:00", "2025-03-12T00:00") == [("03-06 22:00", 1), ("03-07 22:00", 1), ("03-10 21:00", 1), ("03-11 21:00", 1)]
    assert told("2025-10-30T00:00", "2025-11-04T23:00") == [("10-30 21:00", 1), ("10-31 21:00", 1), ("11-03 22:00", 1), ("11-04 22:00", 1)]


def test_a_turn_belongs_to_what_comes_after_its_begin_and_up_to_its_end() -> None:
    at, count = next_turn(ms("2025-02-12T21:59"), TWO_DAYS)
    assert (at, count) == (ms("2025-02-12T22:00"), 3)
    assert len(turns(at, at + DAY_MS - 1, TWO_DAYS)[0]) == 0 and len(turns(at - 1, at, TWO_DAYS)[0]) == 1
    assert len(turns(at, at + 30 * DAY_MS, (0,) * 7)[0]) == 0, "a venue that charges nothing"


@given(st.integers(ms("2010-01-01T00:00"), ms("2040-01-01T00:00")), st.integers(1, 60))
def test_so_many_days_are_charged_as_there_are(after: int, weeks: int) -> None:
    """Any stretch of whole weeks charges seven days each, however the clocks change; no turn is told twice or left out."""
    first, _ = next_turn(after, TWO_DAYS)
    times, counts = turns(after, first + weeks * 7 * DAY_MS + DAY_MS // 2, TWO_DAYS)
    inside = counts[times < first + weeks * 7 * DAY_MS - DAY_MS // 2]
    assert int(inside.sum()) == 7 * weeks
    assert next_turn(first - 1, TWO_DAYS)[0] == first and next_turn(first, TWO_DAYS)[0] > first


@pytest.mark.parametrize(
    "symbol, side, units, price, yearly, days, paid",
    [
        ("EURUSD", 1, 100_000, "1.10000", "-0.025", 1, "7.53"),  # 110,000 x 0.025 / 365
        ("EURUSD", 1, 100_000, "1.10000", "-0.025", 3, "22.60"),
        ("EURUSD", -1, 100_000, "1.10000", "0.008", 3, "-7.23"),  # received
        ("USDJPY", -1, 1_000_000, "150.000", "-0.0412", 1, "112.88"),  # 150 million yen, at 150
        ("EURGBP", 1, 50_000, "0.88000", "0.0031", 3, "-1.40"),  # 44,000 GBP at 1.25
        ("USDCAD", 1, 10_000, "1.35000", "-0.0175", 3, "1.44"),
        ("EURJPY", 1, 3_333, "165.000", "-0.0009", 1, "0.01"),
        ("AUDUSD", -1, 10_000_000, "0.65000", "-0.01", 1, "178.08"),
    ],
)
def test_worked_cases_to_the_cent(symbol: str, side: int, units: int, price: str, yearly: str, days: int, paid: str) -> None:
    rate = float(yearly)
    table = fx_books(swap={symbol: Swap(long=rate if side > 0 else 0.19, short=rate if side < 0 else 0.19)})
    i, home = ALL.index(symbol), Decimal(int(table.inst[ALL.index(symbol)]["rate_e9"])) / 10**9
    amount = funding_of(table.inst, i, side, units, ticks(symbol, price), days)
    assert money(amount).quantize(CENT) == Decimal(paid)
    exact = -units * Decimal(price) * Decimal(yearly) / 365 * days * home
    assert abs(money(amount) - exact) < Decimal("1e-8"), "and to the last unit but for rounding"


def test_it_is_booked_on_the_position_and_in_cash() -> None:
    table = fx_books("EURUSD", swap={"EURUSD": Swap(long=-0.0365, short=0.0)})
    table.pos[0]["side"] = 1
    fill_entry(table.pos, table.inst, table.acct, 0, ticks("EURUSD"), 1_000, 0, 0)
    for days, total in ((1, "0.11"), (1, "0.22"), (3, "0.55")):
        pay_funding(table.pos, table.inst, table.acct, 0, ticks("EURUSD"), days)
        assert money(int(table.pos[0]["funding"])) == Decimal(total)
    assert int(table.acct[0]["cash"]) == 1_000 * MONEY_SCALE - int(table.pos[0]["funding"])


def test_a_venues_own_rates_win_over_the_configured_ones() -> None:
    own = pair("EURUSD", financing=Financing(Decimal("-0.0213"), Decimal("0.0041")))
    (row,) = instrument_rows((own,), [(0, 0)], {Domain.FOREX: CONFIG.domains[Domain.FOREX]})
    assert (int(row["swap_long_e8"]), int(row["swap_short_e8"]), int(row["leverage"])) == (-2_130_000, 410_000, 50)
    (row,) = instrument_rows((pair("EURUSD", margin_rate=Decimal(1)),), [(0, 0)], {Domain.FOREX: CONFIG.domains[Domain.FOREX]})
    assert int(row["leverage"]) == CONFIG.domains[Domain.FOREX].costs.leverage, "where the venue has not said"

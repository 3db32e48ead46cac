"""On which days an FX option expires and settles: trading days of a pair, spot dates, tenors, weekly listings. Pure.

A day counts when the banks of both currencies and of the dollar are open. Spot is two such days after the trade (USDCAD one). A tenor of
days or weeks is counted from the trade date to the expiry; one of months or years from spot to delivery (modified following, month end to
month end), and the expiry is the day whose spot date that delivery is. Between banks a dollar holiday on the first of the two days does not
put spot off; here it does, as in QuantLib's JointCalendar. Options expire at 10:00 New York.
"""

from __future__ import annotations

import calendar
import functools
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from forex.options_holidays import DAY, SATURDAY, holidays
from forex.sessions import NEW_YORK, TURN
from state.options import cut_ts
from utils.errors import Refusal

DAY_MS = 86_400_000
DAYS_IN_YEAR = 365.0
"""Day count of options: actual days over 365."""

FRIDAY = 4
_TENOR = re.compile(r"(\d{1,3})([DWMY])")


@functools.lru_cache(maxsize=8192)
def is_trading_day(pair: str, day: date) -> bool:
    """Whether both currencies of the pair and the dollar can be paid on `day`; Refusal for a currency without a table."""
    if day.weekday() >= SATURDAY:
        return False
    return not any(day in holidays(currency, day.year) for currency in {pair[:3], pair[3:], "USD"})


def spot_days(pair: str) -> int:
    """Trading days from trade to spot."""
    return 1 if pair == "USDCAD" else 2


def step(pair: str, day: date, days: int) -> date:
    """The trading day `days` trading days after `day` (before it when negative); 0: `day` or the next one that trades."""
    if days == 0:
        while not is_trading_day(pair, day):
            day += DAY
        return day
    direction = DAY if days > 0 else -DAY
    for _ in range(abs(days)):
        day += direction
        while not is_trading_day(pair, day):
            day += direction
    return day


def spot_date(pair: str, day: date) -> date:
    """Value date of a spot trade on `day`; of an option that expires on `day` the delivery date."""
    return step(pair, day, spot_days(pair))


def trade_date(ts: int) -> date:
    """The day a trade at `ts` (ms UTC) belongs to: it turns at 17:00 in New York."""
    local = datetime.fromtimestamp(ts / 1000, UTC).astimezone(NEW_YORK)
    return local.date() + DAY if local.time() >= TURN else local.date()


def _months_later(pair: str, day: date, months: int) -> date:
    """Modified following, and from the last trading day of a month to the last of another."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    end = date(year, month + 1, calendar.monthrange(year, month + 1)[1])
    last = end if is_trading_day(pair, end) else step(pair, end, -1)
    if step(pair, day, 1).month != day.month:
        return last
    following = step(pair, end.replace(day=min(day.day, end.day)), 0)
    return min(following, last)


def _parts(tenor: str) -> tuple[int, str]:
    match = _TENOR.fullmatch("1D" if tenor == "ON" else tenor)
    if match is None or int(match[1]) == 0:
        raise Refusal(f"{tenor!r} is no tenor: ON, or a number with D, W, M or Y")
    return int(match[1]), match[2]


def forward_date(pair: str, traded: date, tenor: str) -> date:
    """Value date of a forward of a tenor (`1W`, `3M`, `1Y`) dealt on `traded`, counted from spot; Refusal for what is no tenor."""
    count, kind = _parts(tenor)
    spot = spot_date(pair, traded)
    if kind in "DW":
        return step(pair, spot + timedelta(days=count * (7 if kind == "W" else 1)), 0)
    return _months_later(pair, spot, count * (12 if kind == "Y" else 1))


def expiry_date(pair: str, traded: date, tenor: str) -> date:
    """The expiry of an option of a tenor (`ON`, `1W`, `3M`, `1Y`) dealt on `traded`; Refusal for what is no tenor."""
    count, kind = _parts(tenor)
    if kind in "DW":
        return step(pair, traded + timedelta(days=count * (7 if kind == "W" else 1)), 0)
    return step(pair, forward_date(pair, traded, tenor), -spot_days(pair))


def weekly_expiries(pair: str, ts: int, min_days: float, max_days: float) -> Iterator[int]:
    """The cuts (ms UTC) of weekly options with `min_days` to `max_days` left at `ts`: each Friday, else the trading day before it."""
    day = datetime.fromtimestamp(ts / 1000, UTC).date()
    friday = day + timedelta(days=(FRIDAY - day.weekday()) % 7)
    while (friday - day).days <= max_days + 7:
        expiry = cut_ts(friday if is_trading_day(pair, friday) else step(pair, friday, -1))
        if min_days <= (expiry - ts) / DAY_MS <= max_days:
            yield expiry
        friday += timedelta(days=7)


def years_left(ts: int, expiry_ts: int) -> float:
    """Time from `ts` to an expiry in years of 365 days; negative once it has passed."""
    return (expiry_ts - ts) / DAY_MS / DAYS_IN_YEAR

"""A volatility surface from three tables of quotes: vols by delta and tenor, forward points, spot rates. Refuses what is missing by name.

`vol_quotes.csv` (date, pair, tenor, quote, vol): ATM, 25RR, 25BF, 10RR, 10BF as decimals, butterflies as smile strangles.
`forward_points.csv` (date, pair, tenor, points): in pips. `spot_rates.csv` (date, pair, rate). The domestic rate is what the caller says
the quote currency earns; the foreign one follows from the forward points by covered interest parity from spot to the forward's value
date, so that forwards are the market's whatever the domestic rate. A date's surface counts as quoted at its 10:00 New York cut.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from forex.options_calendar import DAY_MS, DAYS_IN_YEAR, expiry_date, forward_date, spot_date
from forex.options_conventions import smile_vols
from forex.options_surface import crossed
from state.options import Surface, cut_ts, tick_digits
from utils.errors import Refusal

TENORS = ("1W", "2W", "3W", "1M", "2M", "3M", "6M", "9M", "1Y")
"""What a surface is read at: listed options have up to 60 days left, the rest is there for reports."""
QUOTES = ("ATM", "25RR", "25BF", "10RR", "10BF")

VOLS, POINTS, SPOTS = "vol_quotes.csv", "forward_points.csv", "spot_rates.csv"

_Table = dict[tuple[str, ...], float]
"""(date, pair, ...) -> number."""


def _table(file: Path, keys: tuple[str, ...], value: str) -> _Table:
    """Every row of a file; Refusal when it cannot be read, lacks a column or holds what is no number."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            rows = csv.DictReader(lines)
            lacking = {*keys, value} - set(rows.fieldnames or ())
            if lacking:
                raise Refusal(f"{file}: no column {', '.join(sorted(lacking))}")
            found: _Table = {}
            for row in rows:
                place = tuple(row[key] for key in keys)
                try:
                    number = float(row[value])
                except (TypeError, ValueError) as error:
                    raise Refusal(f"{file}: {' '.join(place)}: {row[value]!r} is no number") from error
                if not math.isfinite(number):
                    raise Refusal(f"{file}: {' '.join(place)}: {row[value]!r} is no finite number")
                found[place] = number
            return found
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from error


def _point(table: _Table, file: str, pair: str, place: tuple[str, ...]) -> float:
    """One number; Refusal that names date, pair, tenor and quote, and the dates that the pair has."""
    if place not in table:
        dates = sorted({key[0] for key in table if key[1] == pair})
        raise Refusal(f"{file} has no {' '.join(place)} ({pair} is there on {', '.join(dates) or 'no date'})")
    return table[place]


def quoted_days(folder: Path) -> dict[str, tuple[date, ...]]:
    """Pair -> the days with volatilities in a folder, ascending. Refusal when the file cannot be read or a date is none."""
    found: dict[str, set[date]] = {}
    for day, pair, *_ in _table(folder / VOLS, ("date", "pair", "tenor", "quote"), "vol"):
        try:
            found.setdefault(pair, set()).add(date.fromisoformat(day))
        except ValueError as error:
            raise Refusal(f"{folder / VOLS}: {day!r} is no date") from error
    return {pair: tuple(sorted(days)) for pair, days in found.items()}


def read_surface(folder: Path, pair: str, day: date, deposits: Mapping[str, float], tenors: tuple[str, ...] = TENORS) -> Surface:
    """The surface of a pair as quoted on `day`; `deposits`: currency -> rate per year, continuously compounded.

    Refusal where a quote, a forward, the spot, the domestic rate is missing or the quotes make no smile.
    """
    if pair[3:] not in deposits:
        raise Refusal(f"no deposit rate of {pair[3:]} to price {pair} options with (known: {', '.join(sorted(deposits)) or 'none'})")
    domestic = deposits[pair[3:]]
    vols = _table(folder / VOLS, ("date", "pair", "tenor", "quote"), "vol")
    points = _table(folder / POINTS, ("date", "pair", "tenor"), "points")
    name, pip, ts, spot_day = day.isoformat(), 10.0 ** (1 - tick_digits(pair)), cut_ts(day), spot_date(pair, day)
    found = []
    for tenor in tenors:
        quotes = [_point(vols, VOLS, pair, (name, pair, tenor, quote)) for quote in QUOTES]
        try:
            smile = smile_vols(*quotes)
        except Refusal as error:
            raise Refusal(f"{VOLS}: {name} {pair} {tenor}: {error}") from error
        found.append(((cut_ts(expiry_date(pair, day, tenor)) - ts) / DAY_MS, smile, (forward_date(pair, day, tenor) - spot_day).days))
    spot = _point(_table(folder / SPOTS, ("date", "pair"), "rate"), SPOTS, pair, (name, pair))
    forwards = [spot + pip * _point(points, POINTS, pair, (name, pair, tenor)) for tenor in tenors]
    if not min(spot, *forwards) > 0:
        raise Refusal(f"{folder}: {name} {pair}: spot and forwards must be above 0")
    try:
        surface = Surface(
            pair=pair,
            ts=ts,
            spot=spot,
            days=tuple(days for days, _, _ in found),
            vols=tuple(smile_of for _, smile_of, _ in found),
            r_domestic=(domestic,) * len(found),
            r_foreign=tuple(
                domestic - math.log(forward / spot) * DAYS_IN_YEAR / span for forward, (_, _, span) in zip(forwards, found, strict=True)
            ),
            source="file",
        )
    except ValueError as error:
        raise Refusal(f"{folder}: {name} {pair}: {error}") from error
    bad = crossed(surface)
    if bad is not None:
        raise Refusal(
            f"{folder}: {name} {pair} {tenors[surface.days.index(bad)]}: the strikes of its quotes are not in order, it is no smile"
        )
    return surface

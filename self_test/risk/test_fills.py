from __future__ import annotations

import numpy as np
import pytest

from risk.fills import (
    BOTH,
    IOC_LIMIT,
    MARKET,
    NONE,
    RESTING,
    STOP,
    TARGET,
    entry_at_open,
    gap_exit,
    resolve_fine,
    resting_fills,
    touched,
    traded_at,
)

SLIP = 200


@pytest.mark.parametrize(
    "kind, side, limit, stop, target, opened, expected, why",
    [
        (MARKET, 1, 11_999, 9_000, 12_000, 10_000, 10_002, "a buyer pays 2 bp more"),
        (MARKET, -1, 8_001, 11_000, 8_000, 10_000, 9_998, "a seller gets 2 bp less"),
        (MARKET, 1, 11_999, 9_000, 12_000, 10_001, 10_004, "slippage is whole ticks, rounded against us"),
        (MARKET, 1, 11_999, 9_000, 12_000, 11_998, 0, "at the target already: 11,998 and slippage pass it"),
        (MARKET, 1, 11_999, 9_000, 12_000, 8_998, 0, "opens at its own stop"),
        (MARKET, 1, 11_999, 9_000, 12_000, 9_000, 9_002, "opens at the stop, fills above it"),
        (MARKET, -1, 8_001, 11_000, 8_000, 11_003, 0, "a short that opens beyond its stop"),
        (IOC_LIMIT, 1, 10_003, 9_000, 12_000, 10_001, 0, "10,004 is beyond the limit"),
        (IOC_LIMIT, 1, 10_003, 9_000, 12_000, 10_000, 10_002, "within 3 bp of the close"),
        (IOC_LIMIT, -1, 9_997, 11_000, 8_000, 9_999, 9_997, "a short at its limit fills"),
        (IOC_LIMIT, -1, 9_997, 11_000, 8_000, 9_998, 0, "a tick beyond does not"),
        (RESTING, 1, 10_000, 9_000, 12_000, 9_900, 0, "a resting order is not filled at the open"),
    ],
)
def test_entry_at_the_open(kind: int, side: int, limit: int, stop: int, target: int, opened: int, expected: int, why: str) -> None:
    assert entry_at_open(kind, side, limit, stop, target, opened, SLIP) == expected, why


@pytest.mark.parametrize(
    "side, high, low, fills",
    [(1, 10_100, 10_000, False), (1, 10_100, 9_999, True), (-1, 10_000, 9_900, False), (-1, 10_001, 9_900, True)],
)
def test_a_resting_order_needs_a_tick_through_its_price(side: int, high: int, low: int, fills: bool) -> None:
    assert resting_fills(side, 10_000, high, low) == fills


@pytest.mark.parametrize(
    "side, stop, target, opened, expected",
    [
        (1, 9_500, 11_000, 9_400, STOP),
        (1, 9_500, 11_000, 9_500, STOP),
        (1, 9_500, 11_000, 9_501, NONE),
        (1, 9_500, 11_000, 10_999, NONE),
        (1, 9_500, 11_000, 11_000, TARGET),
        (-1, 10_500, 9_000, 10_500, STOP),
        (-1, 10_500, 9_000, 10_499, NONE),
        (-1, 10_500, 9_000, 9_000, TARGET),
    ],
)
def test_a_gap_through_stop_or_target(side: int, stop: int, target: int, opened: int, expected: int) -> None:
    assert gap_exit(side, stop, target, opened) == expected


@pytest.mark.parametrize(
    "side, stop, target, high, low, expected",
    [
        (1, 9_500, 11_000, 10_999, 9_501, NONE),
        (1, 9_500, 11_000, 10_999, 9_500, STOP),
        (1, 9_500, 11_000, 11_000, 9_501, TARGET),
        (1, 9_500, 11_000, 11_000, 9_500, BOTH),
        (-1, 10_500, 9_000, 10_499, 9_001, NONE),
        (-1, 10_500, 9_000, 10_500, 9_001, STOP),
        (-1, 10_500, 9_000, 10_499, 9_000, TARGET),
        (-1, 10_500, 9_000, 10_500, 9_000, BOTH),
    ],
)
def test_what_lies_inside_a_bar(side: int, stop: int, target: int, high: int, low: int, expected: int) -> None:
    assert touched(side, stop, target, high, low) == expected


@pytest.mark.parametrize(
    "fine, first, last, expected, why",
    [
        ([(10_900, 9_600), (11_000, 9_600), (10_000, 9_500)], 0, 3, TARGET, "the target came first"),
        ([(10_900, 9_600), (10_000, 9_500), (11_000, 9_600)], 0, 3, STOP, "the stop came first"),
        ([(11_000, 9_500)], 0, 1, STOP, "one finer bar holds both"),
        ([(11_000, 9_600), (10_000, 9_500)], 1, 2, STOP, "only the bars asked for"),
        ([(10_100, 9_900)], 0, 1, STOP, "finer bars that hold neither do not save it"),
        ([], 0, 0, STOP, "no finer bars"),
    ],
)
def test_finer_bars_decide_and_the_stop_wins_a_tie(fine: list[tuple[int, int]], first: int, last: int, expected: int, why: str) -> None:
    highs = np.array([high for high, _ in fine], np.int64)
    lows = np.array([low for _, low in fine], np.int64)
    assert resolve_fine(1, 9_500, 11_000, highs, lows, first, last) == expected, why


@pytest.mark.parametrize(
    "level, mark_open, expected, why",
    [
        (9_800, 10_000, 9_800, "both opened alike: the level itself"),
        (9_800, 10_020, 9_780, "the last price stood 20 below the mark"),
        (9_800, 9_990, 9_810, "or 10 above"),
        (9_800, 10_100, 9_750, "but no lower than was traded"),
        (9_800, 9_000, 10_100, "and no higher"),
    ],
)
def test_where_the_last_price_was_when_the_mark_got_there(level: int, mark_open: int, expected: int, why: str) -> None:
    assert traded_at(level, mark_open, 10_000, 10_100, 9_750) == expected, why

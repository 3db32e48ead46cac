"""Every plot draws its data, at phone size; with nothing to draw it says so and shows no frame."""

from __future__ import annotations

import random

import pytest

from self_test.telemetry.pictures import count, pixels
from telemetry.canvas import BLUE, GREY, INK, ORANGE, RED, SKY
from telemetry.plots import (
    HEIGHT,
    NO_TRADES,
    WIDTH,
    Bar,
    Candles,
    Mark,
    Target,
    against_targets,
    bars,
    equity_and_drawdown,
    in_words,
    r_distribution,
    trades_on_candles,
)

DAY, START = 86_400_000, 1_741_046_400_000


def marks(n: int) -> list[Mark]:
    return [
        Mark(entry_ts=START + k * DAY, entry=100.0 + k, exit_ts=START + (k + 1) * DAY, exit=101.0, long=k % 2 == 0, won=k % 3 == 0)
        for k in range(n)
    ]


def candles(n: int) -> Candles:
    opens = [100.0 + k % 5 for k in range(n)]
    closes = [price + (1 if k % 2 else -1) for k, price in enumerate(opens)]
    return Candles(
        width_ms=DAY,
        ts=[START + k * DAY for k in range(n)],
        open=opens,
        high=[max(a, b) + 1 for a, b in zip(opens, closes, strict=True)],
        low=[min(a, b) - 1 for a, b in zip(opens, closes, strict=True)],
        close=closes,
    )


@pytest.mark.parametrize(
    "picture",
    [
        equity_and_drawdown("T", "s", [(START, 1_000.0)], [], unit="USDT"),
        trades_on_candles("T", "s", [], None, unit="USDT"),
        r_distribution("T", "s", [], None),
        against_targets("T", "s", []),
        bars("T", "s", [Bar("trend", None)], "USDT"),
    ],
)
def test_nothing_to_draw_is_said_in_words(picture: bytes) -> None:
    found = pixels(picture)
    assert found.shape == (HEIGHT, WIDTH, 3)
    middle = (found[600:750] == GREY).all(axis=2)
    assert middle.sum() > 200, "words in the middle"
    assert not (found[200:] == INK).all(axis=2).any(), "no frame"


def test_the_same_nothing_is_the_same_picture() -> None:
    assert trades_on_candles("T", "s", [], None, unit="USDT") == in_words("T", "s", NO_TRADES)


def test_equity_and_its_falls() -> None:
    equity = [(START + k * DAY, 1_000.0 - k) for k in range(60)]
    falls = [(ts, k / 1_000) for k, (ts, _) in enumerate(equity)]
    whole = equity_and_drawdown("Equity", "s", equity, falls, unit="USDT")
    assert count(whole, BLUE) > 1_000 and count(whole, RED) > 1_000
    without = equity_and_drawdown("Equity", "s", equity, [], unit="USDT", missing="2 of 60 days missing")
    assert count(without, BLUE) > 1_000 and count(without, RED) == 0


def test_flat_equity_has_a_scale() -> None:
    assert count(equity_and_drawdown("E", "s", [(START, 1_000.0), (START + DAY, 1_000.0)], [(START, 0.0)], unit="USDT"), BLUE) > 1_000


def test_trades_with_and_without_candles() -> None:
    alone, over = trades_on_candles("T", "s", marks(7), None, unit="USDT"), trades_on_candles("T", "s", marks(7), candles(9), unit="USDT")
    assert count(alone, SKY) == 0 and count(over, SKY) > 5_000
    assert min(count(alone, BLUE), count(alone, RED)) > 500
    assert count(trades_on_candles("T", "s", marks(1), None, unit="USDT"), BLUE) > 300  # one trade
    assert count(trades_on_candles("T", "s", marks(60), None, unit="USDT"), RED) > 500


def test_losses_and_wins_stand_apart() -> None:
    r = random.Random(1)
    both = r_distribution("R", "s", [r.gauss(0, 2) for _ in range(300)], 0.1)
    assert min(count(both, ORANGE), count(both, BLUE)) > 10_000
    legend = count(r_distribution("R", "s", [1.0], 1.0), ORANGE)
    assert count(r_distribution("R", "s", [0.0, 0.0], 0.0), ORANGE) > legend, "0 is no win"
    assert count(r_distribution("R", "s", [-1e4, 1e4], None), BLUE) > 0


def test_targets_met_and_not() -> None:
    rows = [
        Target("win rate", 0.4, 0.3, 0.7, "40 %", "not met"),
        Target("Sharpe", 2.4, None, 2.0, "2.40", "met"),
        Target("mean R", -0.5, -1.0, 0.0, "−0.50", "not met: a reason that is much too long for a single line " * 3),
        Target("none", None, None, None, "–", "cannot be said: no closed trade"),
    ]
    none = against_targets("K", "s", rows[3:])
    found = against_targets("K", "s", rows)
    assert count(found, BLUE) > count(none, BLUE) and count(found, RED) > count(none, RED)


def test_bars_go_both_ways() -> None:
    found = bars("C", "s", [Bar("trend", 3.0), Bar("chop", -2.0), Bar("volatile", None, "no trade")], "net result, USDT")
    assert count(found, BLUE) > count(found, ORANGE) > 10_000

"""Every plot draws its data, at phone size, and can be read; with nothing to draw it says so and shows no frame."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from matplotlib.figure import Figure

from self_test.telemetry.pictures import count, faults, pixels, ticks, words
from telemetry.plots import (
    NO_TRADES,
    Bar,
    Candles,
    Mark,
    Target,
    against_targets,
    bars,
    draw_against_targets,
    draw_bars,
    draw_equity_and_drawdown,
    draw_in_words,
    draw_r_distribution,
    draw_trades_on_candles,
    equity_and_drawdown,
    in_words,
    r_distribution,
    trades_on_candles,
)
from telemetry.sheet import BLUE, HEIGHT, ORANGE, RED, SKY, WIDTH

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


def equity(n: int, step_ms: int = DAY) -> list[tuple[int, float]]:
    return [(START + k * step_ms, 1_000.0 - k) for k in range(n)]


def falls(n: int, step_ms: int = DAY) -> list[tuple[int, float]]:
    return [(START + k * step_ms, k / 1_000) for k in range(n)]


LONG = "CRYPTO/LIVE, simulated, 2025-03-04 to 2025-05-16; the newest 60 of 450 trades; no candles stored for this: the trades alone, $1 $"
TARGETS = [
    Target("win rate", 0.4, 0.3, 0.7, "40 %", "not met"),
    Target("Sharpe", 2.4, None, 2.0, "2.40", "met"),
    Target("mean R", -0.5, -1.0, 0.0, "−0.50 R", "not met: a reason that is much too long for a single line " * 3),
    Target("none", None, None, None, "–", "cannot be said: no closed trade"),
    Target("lower bound of the win rate against break-even", 0.588, None, 0.55, "58.8% vs > 55.0%", "met"),
    Target("drawdown of reshuffled records, 95 % quantile", 0.05, None, 0.15, "5.6% vs ≤ 15.0%", "met"),
    Target("slow feed", 0.0, None, 0.01, "0.0% vs ≤ 1.0%", "met: 0 of 75000 took longer than their limit"),
    Target("zero", 0.0, 0.0, 0.0, "0", "met"),
]
COSTS = [
    Bar("fees", 112.5, "112.5000 USDT"),
    Bar("funding", -3.0, "−3.0000 USDT"),
    Bar("cost of exploring", None, "not known: a row is missing"),
]


def samples() -> Iterator[Figure]:
    yield draw_in_words("T", LONG, "2 of 60 days are missing, so a drawdown over them would be a guess")
    yield draw_equity_and_drawdown("E", LONG, equity(2), [], unit="USDT", missing="2 of 60 days are missing: " * 4)
    yield draw_equity_and_drawdown("E", "s", [(START, 0.00001), (START + DAY, 0.00002)], falls(2), unit="BTC")
    yield draw_equity_and_drawdown("E", "s", [(ts, 1e9) for ts, _ in equity(5)], falls(5), unit="USDT")
    yield from (draw_equity_and_drawdown("E", "s", equity(n), falls(n), unit="USDT") for n in (7, 31, 75, 400, 1_200))
    yield from (
        draw_equity_and_drawdown("E", "s", equity(9, step), falls(9, step), unit="USDT") for step in (60_000, 3_600_000, 21_600_000)
    )
    yield from (draw_trades_on_candles("T", LONG, marks(n), None, unit="USDT") for n in (1, 7, 60))
    yield draw_trades_on_candles("T", LONG, marks(7), candles(9), unit="USDT")
    yield draw_r_distribution("R", LONG, [random.Random(1).gauss(0, 2) for _ in range(300)], -0.1)
    yield draw_r_distribution("R", "s", [1.0], None)
    yield draw_r_distribution("R", "s", [-1e4, 1e4], 0.0)
    yield draw_against_targets("K", LONG, TARGETS)
    yield draw_against_targets("K", "s", TARGETS[:1])
    yield draw_bars("C", LONG, COSTS, "cost, USDT (below 0: received)", costs=True)
    yield draw_bars("C", "s", [Bar("trend", 0.0, "1 trade")], "net result, USDT")


@pytest.mark.parametrize("long", ["one day is missing, " * 60, "/var/lib/bot/" + "x" * 500])
def test_however_long_a_reason_is_the_page_stays_readable(long: str) -> None:
    points = [(START, 1_000.0), (START + DAY, 1_010.0)]
    for figure in (
        draw_equity_and_drawdown("Equity and drawdown", long, points, [], unit="USDT", missing=long),
        draw_equity_and_drawdown("Equity and drawdown", "s", [], [], unit="USDT", missing=long),
        draw_against_targets("Figures against targets", long, [Target("win rate", 0.5, 0.4, 0.6, "50% vs 60%", long)]),
    ):
        assert faults(figure) == []


def test_everything_on_a_plot_can_be_read() -> None:
    assert [fault for figure in samples() for fault in faults(figure)] == []


def test_an_unreadable_plot_is_noticed() -> None:
    figure = draw_bars("C", "s", COSTS, "USDT")
    figure.text(0.1, 0.5, "small", size=21)
    figure.text(0.9, 0.5, "leaves the page", size=30)
    figure.text(0.038, 0.96, "on the title", size=30)
    assert [fault.partition(":")[0] for fault in faults(figure)] == ["small", "off the page", "on each other"]


def test_labels_name_quantities_and_units_and_times_are_dates() -> None:
    figure = draw_equity_and_drawdown("Equity", "s", equity(75), falls(75), unit="USDT")
    assert {"Equity", "s", "equity, USDT", "drawdown, % of peak", "time, UTC", "15 Mar", "Apr", "2025", "1,000", "−5"} <= set(words(figure))
    figure.draw_without_rendering()
    assert [text.get_text() for text in ticks(figure.axes[1].xaxis)] == ["Mar", "15 Mar", "Apr", "15 Apr", "May", "15 May"]
    hours = words(draw_equity_and_drawdown("E", "s", equity(9, 3_600_000), falls(9, 3_600_000), unit="USDT"))
    assert {"02:00", "04 Mar 2025"} <= set(hours)
    seconds = draw_equity_and_drawdown("E", "s", equity(9, 15_000), falls(9, 15_000), unit="USDT")
    assert {"00:00:30", "04 Mar 2025"} <= set(words(seconds))
    trades = words(draw_trades_on_candles("T", "s", marks(7), candles(9), unit="USDT"))
    assert {"price, USDT", "time, UTC", "long entry", "short entry", "exit with a win", "exit with a loss", "candle, up"} <= set(trades)
    results = words(draw_r_distribution("R", "s", [1.0, -1.0], -0.25))
    assert {"result of a trade, R (bars are 0.25 R wide)", "trades", "losses", "wins", "mean −0.25 R"} <= set(results)
    assert {"fees", "112.5000 USDT", "cost, USDT"} <= set(words(draw_bars("C", "s", COSTS, "cost, USDT")))
    kpis = words(draw_against_targets("K", "s", TARGETS))
    assert {"win rate", "40 %", "target", "confidence bound", "0", "cannot be said: no closed trade"} <= set(kpis)
    assert any(text.startswith("not met: a reason") and text.endswith(" …") for text in kpis)


def test_nothing_to_draw_is_said_in_words() -> None:
    for figure in (
        draw_equity_and_drawdown("T", "s", [(START, 1_000.0)], [], unit="USDT"),
        draw_trades_on_candles("T", "s", [], None, unit="USDT"),
        draw_r_distribution("T", "s", [], None),
        draw_against_targets("T", "s", []),
        draw_bars("T", "s", [Bar("trend", None)], "USDT"),
    ):
        assert figure.axes == [] and len(words(figure)) == 3 and faults(figure) == []


def test_a_picture_has_the_size_of_a_phone_and_the_same_bytes_each_time() -> None:
    picture = r_distribution("R", "s", [1.0, -1.0], 0.0)
    assert pixels(picture).shape == (HEIGHT, WIDTH, 3) == (1350, 1080, 3)
    assert picture == r_distribution("R", "s", [1.0, -1.0], 0.0)


def test_the_same_nothing_is_the_same_picture() -> None:
    assert trades_on_candles("T", "s", [], None, unit="USDT") == in_words("T", "s", NO_TRADES)


def test_equity_and_its_falls() -> None:
    whole = equity_and_drawdown("Equity", "s", equity(60), falls(60), unit="USDT")
    assert count(whole, BLUE) > 1_000 and count(whole, RED) > 1_000
    without = equity_and_drawdown("Equity", "s", equity(60), [], unit="USDT", missing="2 of 60 days missing")
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
    none = against_targets("K", "s", TARGETS[3:4])
    found = against_targets("K", "s", TARGETS)
    assert count(found, BLUE) > count(none, BLUE) and count(found, RED) > count(none, RED)


def test_bars_go_both_ways() -> None:
    found = bars("C", "s", [Bar("trend", 3.0), Bar("chop", -2.0), Bar("volatile", None, "no trade")], "net result, USDT")
    assert count(found, BLUE) > count(found, ORANGE) > 10_000

"""The pictures an operator asks for: sizes, what is drawn from what, what is said where there is nothing, texts that can be read."""

from __future__ import annotations

from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from modules.ui import chart_drawing as drawing
from modules.ui.charts import Curve, EquityChart, Held, Past, PriceChart
from self_test.telemetry.pictures import count, pixels, texts, words
from telemetry.sheet import png

T0, M5 = 1_741_184_700_000, 300_000
STEPS = ((0.08, "half size at"), (0.12, "no entries at"), (0.15, "halt at"))


def walk(n: int = 120, seed: int = 3) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    close = 900_000 + np.cumsum(rng.integers(-600, 601, n))
    opened = np.append(900_000, close[:-1])
    high, low = np.maximum(opened, close) + 200, np.minimum(opened, close) - 200
    return np.column_stack([T0 + M5 * np.arange(n), opened, high, low, close, np.arange(n) * 4 // n])


def chart(rows: npt.NDArray[np.int64], **changes: object) -> PriceChart:
    plain = PriceChart(title="BTCUSDT", subtitle="simulated", unit="USDT", tick=0.1, width_ms=M5, bars=rows.tobytes())
    return msgspec.structs.replace(plain, **changes)


def price_at(rows: npt.NDArray[np.int64], k: int) -> float:
    return float(rows[k, 4]) * 0.1


def clashes(figure: Figure) -> list[str]:
    """Texts that leave the page or lie on each other."""
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts(figure)]
    off = [name for name, box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > drawing.WIDTH or box.y1 > drawing.HEIGHT]
    return off + [f"{a} / {b}" for (a, one), (b, other) in combinations(boxes, 2) if one.padded(-1).overlaps(other)]


def curve(amounts: list[float], account: str = "CRYPTO/PAPER", peak: float = 0.0) -> Curve:
    return Curve(account=account, unit="USDT", points=tuple((T0 + k * M5, one) for k, one in enumerate(amounts)), peak=peak)


def test_candles_regimes_trades_and_lines_are_all_there_and_can_be_read() -> None:
    rows = walk()
    trades = (
        Past(entry_ts=T0 + 10 * M5, entry=price_at(rows, 10), exit_ts=T0 + 30 * M5, exit=price_at(rows, 30), long=True, r=1.0),
        Past(entry_ts=T0 + 40 * M5, entry=price_at(rows, 40), exit_ts=T0 + 50 * M5, exit=price_at(rows, 50), long=False, r=-1.0),
    )
    entry = price_at(rows, 90)
    held = Held(account="CRYPTO/PAPER", opened_ts=T0 + 90 * M5, entry=entry, stop=entry * 0.9998, target=entry * 1.2, long=True)
    figure = drawing.draw_price(chart(rows, trades=trades, held=(held,)))
    found = words(figure)
    assert "candles: blue rose, grey fell" in found
    for name in ("trend", "chop", "volatile", "long entry", "short entry", "exit, won", "exit, lost", "price, USDT"):
        assert name in found, name
    assert any(one.startswith("↑ target") and "+20.0 %" in one for one in found)
    assert any(one.startswith("stop ") for one in found)
    assert not clashes(figure)
    made = drawing.price_chart(msgspec.msgpack.encode(chart(rows, trades=trades, held=(held,))))
    assert pixels(made).shape == (720, 1280, 3)
    assert len(made) < 300_000
    assert count(made, drawing.UP) > 500
    assert count(made, drawing.LOST) > 50


def test_without_candles_it_says_so() -> None:
    empty = np.zeros((0, 6), np.int64)
    assert any("no candles yet" in one for one in words(drawing.draw_price(chart(empty))))
    assert any("no candles yet" in one for one in words(drawing.draw_price(chart(walk(), from_ts=T0 + 10_000 * M5))))


def test_lines_at_one_price_keep_their_labels_apart() -> None:
    rows = walk(seed=5)
    last = price_at(rows, -1)
    held = tuple(
        Held(account=name, opened_ts=T0, entry=last, stop=last - 0.1, target=last + 0.1, long=True)
        for name in ("CRYPTO/PAPER", "CRYPTO/LIVE")
    )
    assert not clashes(drawing.draw_price(chart(rows, held=held)))


def test_markup_in_a_name_is_text() -> None:
    figure = drawing.draw_price(chart(walk(), title="$x^2$ <b>&amp;", unit="$y$"))
    assert "$x^2$ <b>&amp;" in words(figure)
    assert len(png(figure)) > 1_000


def test_many_bars_are_joined_on_round_times_and_lose_nothing() -> None:
    rows = walk(1_000)
    found, width = drawing.grouped(rows, M5)
    assert width == 12 * M5
    assert (found[:, 0] % width == 0).all()
    assert len(found) <= drawing.MOST_CANDLES
    assert found[:, 2].max() == rows[:, 2].max()
    assert found[:, 3].min() == rows[:, 3].min()
    assert (found[0, 1], found[-1, 4]) == (rows[0, 1], rows[-1, 4])
    same, kept = drawing.grouped(walk(100), M5)
    assert kept == M5
    assert np.array_equal(same, walk(100))


def test_equity_of_one_account_is_money_of_several_per_cent() -> None:
    one = drawing.draw_equity(EquityChart(title="Equity", subtitle="", curves=(curve([1_000, 1_010, 1_005]),), steps=STEPS))
    assert "equity, USDT" in words(one)
    assert not clashes(one)
    both = EquityChart(title="Equity", subtitle="", curves=(curve([1_000, 1_010]), curve([10_000, 9_000], "PERPS/PAPER")), steps=STEPS)
    found = words(drawing.draw_equity(both))
    assert "equity, % change" in found
    assert "PERPS/PAPER 9,000 USDT" in found
    assert pixels(drawing.equity_chart(msgspec.msgpack.encode(both))).shape == (720, 1280, 3)


def test_a_limit_is_drawn_when_it_is_near_and_a_fall_counts_from_the_known_peak() -> None:
    def said(peak: float) -> list[str]:
        return words(drawing.draw_equity(EquityChart(title="", subtitle="", curves=(curve([1_000, 999, 1_000], peak=peak),), steps=STEPS)))

    assert not any("half size" in one for one in said(1_000))
    assert "half size at 8%" in said(1_100)


def test_equity_without_a_second_mark_says_so() -> None:
    assert any("no equity yet" in one for one in words(drawing.draw_equity(EquityChart(title="", subtitle="", curves=(curve([1_000]),)))))

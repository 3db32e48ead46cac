from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import talib

from self_test.strategy import reference
from self_test.strategy.series import M5, M15, MIDNIGHT, Bars, feed, generate, load, rolled, sides
from state.rows import MARKET, PRICE_LIMIT, Rows
from strategy.market import new_market, new_params, on_bar, on_primary_bar
from strategy.regime import UNKNOWN

FEATURES = ("atr", "adx", "efficiency", "choppiness", "zscore", "vol_ratio", "score", "ema_fast", "ema_slow", "regime", "daily_sign")
TICKS = {"BTCUSDT": 0.01, "ETHUSDT": 0.01, "SOLUSDT": 0.01, "XRPUSDT": 0.0001}
JANUARY, JULY = 1_735_689_600_000, 1_751_328_000_000


def talib_adx(bars: Bars) -> np.ndarray:
    return np.nan_to_num(talib.ADX(bars.h.astype(float), bars.l.astype(float), bars.c.astype(float), 28))


def agree(bars: Bars) -> np.ndarray:
    """Kernels and the plain reading of the rules: same measures, same regimes, same signals."""
    primary = rolled(bars, 3)
    expected, measures, regimes = reference.signals(bars, talib_adx(primary))
    codes, seen = feed(bars, watch=("regime", *measures))
    closes = slice(2, None, 3)
    for name, values in measures.items():
        ours = seen[name][closes][: len(values)]
        assert np.allclose(ours[200:], values[200:], rtol=1e-7, atol=1e-7), name
    assert np.array_equal(seen["regime"][closes][: len(regimes)], regimes)
    assert np.array_equal(codes, expected)
    return codes


@pytest.mark.parametrize("seed", [1, 2])
def test_signals_equal_the_plain_reading_of_the_rules(seed: int) -> None:
    codes = agree(generate(24_000, seed))
    assert all((sides(codes, s) > 0).sum() > 3 for s in range(4)), "a comparison of nothing proves nothing"


@pytest.mark.data
def test_signals_equal_the_plain_reading_on_real_bars(market_data: Path) -> None:
    bars = load(market_data / "crypto_spot/binance/SOLUSDT_5m_2025.parquet", 0.01, JANUARY, JANUARY + 75 * 86_400_000)
    assert agree(bars).any()


@pytest.mark.data
@pytest.mark.parametrize("symbol", sorted(TICKS))
def test_real_half_year_gives_a_sane_number_of_signals(market_data: Path, symbol: str) -> None:
    bars = load(market_data / f"crypto_spot/binance/{symbol}_5m_2025.parquet", TICKS[symbol], JANUARY, JULY)
    rows = new_market(1, M5, M15)
    codes, _ = feed(bars, rows)
    counts = {f"C{s + 1}": (int((sides(codes, s) == 1).sum()), int((sides(codes, s) == 2).sum())) for s in range(4)}
    print(symbol, len(bars.ts), "bars, long/short:", counts, "gaps", rows["gaps"][0])  # noqa: T201  a figure to read, not to assert
    assert rows["rejected"][0] == 0
    assert all(5 < sum(pair) < len(bars.ts) // 50 for pair in counts.values())


def row_after(bars: Bars) -> bytes:
    rows = new_market(1, M5, M15)
    feed(bars, rows)
    return rows.tobytes()


def test_what_follows_changes_nothing_before_it() -> None:
    bars = generate(15_000, 3)
    cut = 14_000
    whole, seen = feed(bars, watch=FEATURES)
    part, before = feed(bars.cut(0, cut), watch=FEATURES)
    assert np.array_equal(whole[:cut], part)
    for name in FEATURES:
        assert np.array_equal(seen[name][:cut], before[name]), name
    other = generate(15_000, 4)
    mixed = Bars(bars.ts, *(np.concatenate([a[:cut], b[cut:]]) for a, b in zip(bars[1:], other[1:], strict=True)))
    changed, after = feed(mixed, watch=FEATURES)
    assert np.array_equal(changed[:cut], part)
    for name in FEATURES:
        assert np.array_equal(after[name][:cut], before[name]), name
    assert not np.array_equal(after["atr"][cut:], seen["atr"][cut:]), "the perturbation must reach what comes later"


def test_signals_do_not_depend_on_the_tick() -> None:
    bars = generate(15_000, 5)
    codes, seen = feed(bars, watch=("regime", "atr"))
    doubled, again = feed(bars.scaled(2), watch=("regime", "atr"))
    assert codes.any()
    assert np.array_equal(codes, doubled)
    assert np.array_equal(seen["regime"], again["regime"])
    assert np.allclose(again["atr"], 2 * seen["atr"])


def test_rows_do_not_touch_each_other() -> None:
    bars = generate(3_000, 6)
    rows = new_market(3, M5, M15)
    alone = new_market(1, M5, M15)
    untouched = rows[0].tobytes()
    feed(bars, rows, i=1)
    feed(bars, alone)
    assert rows[1].tobytes() == alone[0].tobytes()
    assert rows[0].tobytes() == rows[2].tobytes() == untouched


def test_a_restored_row_goes_on_as_if_nothing_had_happened() -> None:
    bars = generate(12_000, 7)
    codes, _ = feed(bars)
    rows = new_market(1, M5, M15)
    feed(bars.cut(0, 9_000), rows)
    copy: Rows = np.frombuffer(rows.tobytes(), dtype=MARKET).copy()
    again, _ = feed(bars.cut(9_000, 12_000), copy)
    assert np.array_equal(again, codes[9_000:])
    assert copy.tobytes() == row_after(bars)


def test_first_thirty_days_have_no_regime() -> None:
    bars = generate(3 * 2_880 + 30, 8)
    _, seen = feed(bars, watch=("regime", "primary_bars"))
    assert (seen["regime"][seen["primary_bars"] <= 2_880] == UNKNOWN).all()
    assert (seen["regime"][seen["primary_bars"] > 2_880] != UNKNOWN).all()


def test_a_gap_holds_the_regime_unknown_for_four_closes_and_drops_the_partial_bar() -> None:
    bars = generate(3 * 3_000, 9)
    gap = 3 * 2_900 + 1  # the second part of a primary bar is missing
    rows = new_market(1, M5, M15)
    _, seen = feed(bars.without(gap, gap + 1), rows, watch=("regime", "primary_bars", "primary_ts"))
    assert rows["gaps"][0] == 1
    assert rows["primary_bars"][0] == 2_999, "the touched bar never closes"
    closed = seen["regime"][seen["primary_ts"] > bars.ts[gap]][::3]
    assert (closed[:4] == UNKNOWN).all()
    assert (closed[4:] != UNKNOWN).all()
    assert bars.ts[gap - 1] not in seen["primary_ts"]


def test_a_gap_disarms_everything() -> None:
    bars = generate(24_000, 10)
    codes, _ = feed(bars)
    second = [int(k) for k in np.flatnonzero(codes) if k % 3 == 1]  # confirmed on the second candidate: the first one goes missing
    assert len(second) > 20
    rows, fed = new_market(1, M5, M15), 0
    for k in second:
        feed(bars.cut(fed, k - 1), rows)
        fed = k - 1
        assert rows["armed"][0]
        holed = rows.copy()
        after, _ = feed(bars.cut(k, k + 1), holed)
        assert after[0] == 0
        assert holed["gaps"][0] == 1
        assert holed["armed"][0] == 0


def test_a_weekend_is_a_pause_not_a_gap() -> None:
    bars = generate(24 * 4 * 5 + 200, 11, start=MIDNIGHT, step=M15)
    ts = bars.ts.copy()
    ts[24 * 4 * 5 - 12 :] += 49 * 3_600_000  # Friday 21:00 to Sunday 22:00
    pause = Bars(ts, *bars[1:])
    for weekends, gaps in ((True, 0), (False, 1)):
        rows = new_market(1, M15, 4 * M15, weekends=weekends)
        feed(pause, rows)
        assert rows["gaps"][0] == gaps
    longer = Bars(np.where(ts > ts[24 * 4 * 5 - 13], ts + 3 * 86_400_000, ts), *bars[1:])
    rows = new_market(1, M15, 4 * M15, weekends=True)
    feed(longer, rows)
    assert rows["gaps"][0] == 1, "four days and more are no weekend"


@pytest.mark.parametrize(
    "what, bar",
    [
        ("no price", (0, 0, 0, 0, 1.0)),
        ("high below close", (100, 100, 90, 101, 1.0)),
        ("low above open", (100, 120, 105, 110, 1.0)),
        ("beyond the limit", (100, PRICE_LIMIT, 90, 100, 1.0)),
        ("negative volume", (100, 110, 90, 100, -1.0)),
        ("no number", (100, 110, 90, 100, float("nan"))),
        ("endless volume", (100, 110, 90, 100, float("inf"))),
    ],
)
def test_a_broken_bar_is_not_seen(what: str, bar: tuple[int, int, int, int, float]) -> None:
    rows, params = new_market(1, M5, M15), new_params()
    feed(generate(10, 12), rows)
    before = rows.copy()
    assert on_bar(rows, params, 0, int(before["last_ts"][0]) + M5, *bar) == 0
    assert rows["rejected"][0] == 1, what
    rows["rejected"] = 0
    assert rows.tobytes() == before.tobytes()


@pytest.mark.parametrize("shift", [0, -M5, 1, M5 + 60_000])
def test_a_repeated_late_or_off_grid_bar_is_not_seen(shift: int) -> None:
    rows, params = new_market(1, M5, M15), new_params()
    feed(generate(10, 13), rows)
    before = rows.copy()
    assert on_bar(rows, params, 0, int(before["last_ts"][0]) + shift, 100, 110, 90, 100, 1.0) == 0
    assert rows["rejected"][0] == 1
    assert rows["last_ts"][0] == before["last_ts"][0]
    assert rows["confirm_bars"][0] == before["confirm_bars"][0]


def test_a_first_bar_off_the_grid_is_not_seen() -> None:
    rows, params = new_market(1, M5, M15), new_params()
    assert on_bar(rows, params, 0, MIDNIGHT + 1, 100, 110, 90, 100, 1.0) == 0
    assert rows["confirm_bars"][0] == 0


def test_native_primary_bars_lengthen_the_windows() -> None:
    bars = generate(15_000, 14)
    split = 9_000
    early = rolled(bars.cut(0, split), 3)
    rows, params = new_market(1, M5, M15), new_params()
    for ts, o, h, low, c, _ in zip(*(column.tolist() for column in early), strict=True):
        assert on_primary_bar(rows, params, 0, ts, o, h, low, c)
    _, seen = feed(bars.cut(split, 15_000), rows, watch=("score", "regime", "daily_sign", "ema_slow"))
    _, whole = feed(bars, watch=("score", "regime", "daily_sign", "ema_slow"))
    for name, values in seen.items():
        assert np.array_equal(values[3:], whole[name][split + 3 :]), name
    assert rows["gaps"][0] == 0
    assert not on_primary_bar(rows, params, 0, int(bars.ts[-1]) + M5, 100, 110, 90, 100), "too late once confirm bars came"


@pytest.mark.parametrize(
    "ts, bar",
    [(MIDNIGHT + M5, (100, 110, 90, 100)), (MIDNIGHT - M15, (100, 110, 90, 100)), (MIDNIGHT + M15, (100, 99, 90, 100))],
)
def test_a_native_bar_that_does_not_fit_is_refused(ts: int, bar: tuple[int, int, int, int]) -> None:
    rows, params = new_market(1, M5, M15), new_params()
    assert on_primary_bar(rows, params, 0, MIDNIGHT, 100, 110, 90, 105)
    assert not on_primary_bar(rows, params, 0, ts, *bar)
    assert rows["primary_bars"][0] == 1


def test_a_hole_in_native_bars_or_before_the_first_confirm_bar_is_a_gap() -> None:
    rows, params = new_market(1, M5, M15), new_params()
    assert on_primary_bar(rows, params, 0, MIDNIGHT, 100, 110, 90, 105)
    assert on_primary_bar(rows, params, 0, MIDNIGHT + 2 * M15, 100, 110, 90, 105)
    assert rows["gaps"][0] == 1
    assert on_bar(rows, params, 0, MIDNIGHT + 2 * M15, 100, 110, 90, 105, 1.0) == 0, "already inside a native bar"
    assert rows["rejected"][0] == 1
    on_bar(rows, params, 0, MIDNIGHT + 4 * M15, 100, 110, 90, 105, 1.0)
    assert rows["gaps"][0] == 2


@pytest.mark.parametrize("confirm, primary", [(0, M15), (M5, M5), (M5, 2 * M5 + 1), (M5, 7 * M5), (60_000, M5), (60_000, M15)])
def test_timeframes_that_do_not_fit_are_refused(confirm: int, primary: int) -> None:
    with pytest.raises(ValueError, match="timeframes"):
        new_market(1, confirm, primary)


def test_slower_timeframes_keep_thirty_days() -> None:
    rows = new_market(1, M15, 4 * M15)
    assert (rows["month_primary"][0], rows["month_confirm"][0]) == (720, 2_880)
    _, seen = feed(generate(4 * 760, 15, step=M15), rows, watch=("regime", "primary_bars"))
    assert (seen["regime"][seen["primary_bars"] <= 720] == UNKNOWN).all()
    assert (seen["regime"][seen["primary_bars"] > 720] != UNKNOWN).all()


def test_median_turnover_is_the_median_bar_within_half_a_percent() -> None:
    bars = generate(12_000, 16)
    rows = new_market(1, M5, M15)
    feed(bars, rows)
    exact = float(np.median((bars.v * bars.c)[-8_640:]))
    assert rows["median_turnover_ticks"][0] == pytest.approx(exact, rel=0.006)


def steady(closes: list[int]) -> Bars:
    """5m bars of a market whose 15m closes are these; each primary bar stands at its close."""
    c = np.repeat(np.array(closes, dtype=np.int64), 3)
    return Bars(MIDNIGHT + M5 * np.arange(len(c), dtype=np.int64), c, c, c, c, np.ones(len(c)))


def armed_at(closes: list[int], strategy: int) -> list[int]:
    """Which primary closes (0 = first) put a strategy on watch."""
    _, seen = feed(steady(closes), watch=("armed",))
    return [k for k in range(len(closes)) if (int(seen["armed"][3 * k + 2]) >> strategy) & 1]


def test_the_trend_rule_starts_when_twenty_days_are_full() -> None:
    assert armed_at([10_000 + k for k in range(1_923)], 0) == [1_920, 1_921, 1_922]
    assert armed_at([20_000 - k for k in range(1_923)], 0) == [1_920, 1_921, 1_922]


@pytest.mark.parametrize("back, armed", [(214, []), (215, [215]), (216, [216])])
def test_the_pullback_rule_starts_when_the_slope_of_the_slow_average_is_known(back: int, armed: list[int]) -> None:
    closes = [10_000 + 10 * k for k in range(218)]
    closes[back - 1] -= 2_000
    assert armed_at(closes, 1) == armed


@pytest.mark.parametrize("at, armed", [(47, []), (48, [48])])
def test_the_breakout_rule_needs_its_48_bars_and_a_squeeze(at: int, armed: list[int]) -> None:
    closes = [10_000] * 60
    closes[at] = 10_100
    rows = new_market(1, M5, M15)
    rows["squeeze_age"] = -60  # as if a squeeze had just been: it takes 30 days to see one
    _, seen = feed(steady(closes), rows, watch=("armed",))
    assert [k for k in range(60) if (int(seen["armed"][3 * k + 2]) >> 2) & 1] == armed

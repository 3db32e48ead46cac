from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from self_test.strategy.series import M5, M15, MIDNIGHT, Bars, feed, generate, load, rolled
from state.rows import Rows
from strategy.market import new_market, new_params, on_primary_bar
from strategy.regime import CHOP, TREND, UNKNOWN, VOLATILE, label, next_regime, regime_indicators_last, regime_score

THRESHOLDS = (1.5, 1.2, 1.0, 0.75)


def test_oracle_cases(market_data: Path) -> None:
    """The design's numeric cases lie beside the market data; they are not ours to copy."""
    oracles = json.loads((market_data.parent / "design" / "stats_oracles.json").read_text())
    cases = [case for case in oracles["cases"] if case["fn"] == "regime_indicators_last"]
    assert cases
    for case in cases:
        result = regime_indicators_last(**case["inputs"])
        assert result.keys() == case["expected"].keys()
        for name, expected in case["expected"].items():
            assert result[name] == pytest.approx(expected, abs=case["tol"]), (case["id"], name)


def test_a_series_that_is_too_short_has_no_indicators() -> None:
    line = [1.0, 2.0, 3.0]
    assert regime_indicators_last(line, line, line) == {"adx": None, "atr": None, "er": None, "chop": None}
    short = regime_indicators_last(line, line, line, adx_n=3, atr_n=2, er_n=2, chop_n=2)
    assert short["adx"] is None
    assert (short["atr"], short["er"]) == (1.0, 1.0)


def test_the_row_and_the_oracle_function_agree() -> None:
    bars = generate(3 * 400, 1)
    rows = new_market(1, M5, M15)
    feed(bars, rows)
    p = rolled(bars, 3)
    last = regime_indicators_last(p.h.tolist(), p.l.tolist(), p.c.tolist())
    for ours, name in (("adx", "adx"), ("atr", "atr"), ("efficiency", "er"), ("choppiness", "chop")):
        assert rows[ours][0] == pytest.approx(last[name], rel=1e-9)
    assert rows["score"][0] == regime_score(rows["adx"][0], rows["efficiency"][0], rows["choppiness"][0])


@pytest.mark.parametrize(
    "current, score, vol_ratio, expected",
    [
        (CHOP, 1.0, 1.0, CHOP),
        (CHOP, 1.01, 1.0, TREND),
        (TREND, 0.76, 1.0, TREND),
        (TREND, 0.75, 1.0, CHOP),
        (CHOP, 0.5, 1.5, CHOP),
        (CHOP, 0.5, 1.51, VOLATILE),
        (TREND, 2.0, 1.51, VOLATILE),
        (VOLATILE, 2.0, 1.21, VOLATILE),
        (VOLATILE, 2.0, 1.2, TREND),
        (VOLATILE, 0.8, 1.2, CHOP),
        (UNKNOWN, 0.8, 1.4, CHOP),
    ],
)
def test_a_regime_is_left_later_than_entered(current: int, score: float, vol_ratio: float, expected: int) -> None:
    assert label(current, score, vol_ratio, *THRESHOLDS) == expected


T, C, V = TREND, CHOP, VOLATILE


@pytest.mark.parametrize(
    "seen, regimes",
    [
        ([C, C], [C, C]),  # from unknown at once
        ([C, C, C, C, T, T], [C, C, C, C, C, T]),  # two in a row
        ([C, C, C, C, T, C, T, C], [C] * 8),  # never two in a row
        ([C, C, C, C, T, V, T, V], [C] * 8),  # two in a row of the same
        ([C, T, T, T, T], [C, C, C, C, T]),  # four bars at least
        ([C, C, T, T, T], [C, C, C, C, T]),
        ([C, C, C, C, T, T, C, C, C, C, C], [C, C, C, C, C, T, T, T, T, C, C]),  # and four again
        ([C, C, C, C, V, V, V, V, T, T], [C, C, C, C, C, V, V, V, V, T]),
    ],
)
def test_state_machine(seen: list[int], regimes: list[int]) -> None:
    state = (UNKNOWN, UNKNOWN, 0, 0)
    out = []
    for one in seen:
        state = next_regime(*state, one)
        out.append(state[0])
    assert out == regimes


def semi_markov(n: int, seed: int, k: float) -> tuple[Bars, np.ndarray]:
    """Primary bars of a market that changes between trend (drift k sigma a bar), chop (mean reverting) and volatile (t4, 2.5 sigma).

    Spells last 100 to 400 bars, and chop is their half. Returns the bars and the true regime of each.
    """
    rng = np.random.default_rng(seed)
    sigma, steps, truth = 0.002, np.zeros(n), np.zeros(n, dtype=np.int64)
    at, kind = 0, CHOP
    while at < n:
        length = min(int(rng.integers(100, 400)), n - at)
        truth[at : at + length] = kind
        if kind == TREND:
            steps[at : at + length] = sigma * (rng.choice([-1.0, 1.0]) * k + rng.normal(size=length))
        elif kind == CHOP:
            x = 0.0
            for j in range(at, at + length):
                steps[j] = -0.08 * x + sigma * rng.normal()
                x += steps[j]
        else:
            steps[at : at + length] = 2.5 * sigma * rng.standard_t(4, length) / np.sqrt(2)
        at += length
        kind = int(rng.choice([s for s in (TREND, CHOP, CHOP, VOLATILE) if s != kind]))
    log = np.cumsum(steps)
    c = np.maximum(np.floor(2_000_000 * np.exp(log - log.mean())), 1_000).astype(np.int64)
    o = np.concatenate([c[:1], c[:-1]])
    wick = np.abs(rng.normal(0, 0.5, (2, n))) * np.abs(steps).mean() * c
    return (
        Bars(
            MIDNIGHT + M15 * np.arange(n, dtype=np.int64),
            o,
            np.maximum(o, c) + wick[0].astype(np.int64),
            np.maximum(np.minimum(o, c) - wick[1].astype(np.int64), 1),
            c,
            np.ones(n),
        ),
        truth,
    )


def labels_of(bars: Bars) -> tuple[np.ndarray, Rows]:
    rows, params = new_market(1, M5, M15), new_params()
    out = np.zeros(len(bars.ts), dtype=np.int64)
    for j, (ts, o, h, low, c, _) in enumerate(zip(*(column.tolist() for column in bars), strict=True)):
        assert on_primary_bar(rows, params, 0, ts, o, h, low, c)
        out[j] = rows["regime"][0]
    return out, rows


def test_labels_find_the_regimes_of_a_semi_markov_market() -> None:
    recalls, switches, lags, bars_seen = [], 0, [], 0
    for seed in range(3):
        bars, truth = semi_markov(20_000, seed, k=0.25)
        found, _ = labels_of(bars)
        truth, found = truth[2_880:], found[2_880:]
        recalls.append([(found[truth == kind] == kind).mean() for kind in (TREND, CHOP, VOLATILE)])
        switches += int((np.diff(found) != 0).sum())
        bars_seen += len(found)
        for start in np.flatnonzero(np.diff(truth)) + 1:
            hits = np.flatnonzero(found[start : start + 100] == truth[start])
            lags.append(hits[0] if len(hits) else 100)
    accuracy, rate, lag = np.mean(recalls), 1_000 * switches / bars_seen, np.median(lags)
    print(f"balanced accuracy {accuracy:.3f}, switches per 1000 bars {rate:.1f}, median lag {lag:.0f}", np.mean(recalls, axis=0))  # noqa: T201
    assert accuracy >= 0.80
    assert rate <= 12
    assert lag <= 30


@pytest.mark.data
def test_volatility_persists_on_real_bars(market_data: Path) -> None:
    ratios = []
    for name, tick in (("BTCUSDT", 0.01), ("ETHUSDT", 0.01), ("SOLUSDT", 0.01)):
        bars = load(market_data / f"crypto_spot/binance/{name}_15m.parquet", tick, first=1_714_521_600_000)
        found, rows = labels_of(bars)
        assert rows["gaps"][0] == 0
        close = bars.c.astype(float)
        move = np.abs(close[16:] / close[:-16] - 1)
        path = np.cumsum(np.abs(np.diff(close, prepend=close[0])))
        forward = np.abs(close[96:] - close[:-96]) / (path[96:] - path[:-96])
        after = {kind: move[found[:-16] == kind].mean() for kind in (TREND, CHOP, VOLATILE)}
        straight = {kind: forward[found[:-96] == kind].mean() for kind in (TREND, CHOP, VOLATILE)}
        share = {kind: (found[found > 0] == kind).mean() for kind in (TREND, CHOP, VOLATILE)}
        switches = (np.diff(found) != 0).sum() / (len(found) / 96)
        ratios.append(after[VOLATILE] / after[CHOP])
        print(  # noqa: T201  figures to read
            f"{name}: share trend {share[TREND]:.2f} chop {share[CHOP]:.2f} volatile {share[VOLATILE]:.2f}, {switches:.1f} switches a day, "
            f"next 4 h |move| volatile/chop {ratios[-1]:.2f}, next 24 h efficiency {straight[TREND]:.3f} / {straight[CHOP]:.3f}"
        )
    assert min(ratios) >= 1.2

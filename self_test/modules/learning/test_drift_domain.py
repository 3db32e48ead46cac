"""One domain: which streams make an alarm of which level, and that it goes on after a restart as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest

from modules.learning.drift_domain import BAR_STREAMS, BAR_WARMUP, DELTA, DOMAIN_DELTA, TRADE_WARMUP, DomainDrift, DomainState
from state.drift import DEMOTE, FREEZE, NOTE
from strategy.drift_levels import DAY_MS, Alarm, Source
from strategy.drift_shape import CELLS, SHAPES
from strategy.drift_streams import ADWIN_DELTA
from telemetry.demotion import DemotionConfig

BAR = 15 * 60_000
T = 1_700_000_000_000 // BAR * BAR
DEMOTION = DemotionConfig()
CELLS_OF_NOTHING = [[CELLS // 2] * len(SHAPES)]


def watch() -> DomainDrift:
    return DomainDrift(DEMOTION)


def bars(drift: DomainDrift, values: np.ndarray, start: int = 0) -> list[Alarm]:
    """Rows of (ret_1, ema50, efficiency) as successive bars."""
    return [one for k, row in enumerate(values.tolist()) for one in drift.bar(T + (start + k) * BAR, row, CELLS_OF_NOTHING)]


def trades(drift: DomainDrift, source: Source, values: np.ndarray, start: int = 0) -> list[Alarm]:
    """Four trades a day."""
    return [one for k, value in enumerate(values.tolist()) for one in drift.value(source, T + (start + k) * DAY_MS // 4, value)]


def changed(n: int, shift: float, seed: int = 1) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((BAR_WARMUP + n, len(BAR_STREAMS)))
    x[BAR_WARMUP + 200 :, 0] += shift
    return x


def test_the_chance_of_a_false_alarm_is_shared() -> None:
    assert DELTA * (2 * len(BAR_STREAMS) + 3) <= DOMAIN_DELTA and DELTA <= ADWIN_DELTA


def test_a_feature_that_changes_is_noted_once_and_is_then_normal() -> None:
    drift = watch()
    found = bars(drift, changed(1_500, 1.0))
    assert [(one.level, one.stream) for one in found] == [(NOTE, "ret_1")]
    assert "adwin" in found[0].reason and 0 < (found[0].ts - T) // BAR - BAR_WARMUP - 200 < 300


def regimes(n: int, seed: int) -> np.ndarray:
    """Bars of a market that goes through chop, trend and storm, days each, for ever in the same way: what a policy was trained on."""
    rng = np.random.default_rng(seed)
    rows, level = np.zeros((n, 3)), 0.0
    k = 0
    while k < n:
        length, kind = int(rng.integers(48, 480)), int(rng.integers(0, 3))
        for at in range(k, min(n, k + length)):
            mean, scale, target = ((0.0, 0.9, 0.0), (0.08, 1.0, 1.0), (-0.03, 1.25, -0.5))[kind]
            level = 0.96 * level + 0.04 * target + 0.12 * float(rng.standard_normal())
            rows[at] = (
                mean + scale * float(rng.standard_t(5)) * 0.775,
                level,
                0.3 * level + 0.5 * rows[at - 1, 2] + 0.1 * float(rng.standard_normal()),
            )
        k += length
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_regimes_that_come_and_go_raise_at_most_one_in_10_000(seed: int) -> None:
    assert len(bars(watch(), regimes(10_000, seed))) <= 1


def scaled(raw: Callable[[Any], Any], by: float, shape: Any) -> np.ndarray:
    return np.asarray(raw(shape)) / by


@pytest.mark.parametrize("kind", ["gauss", "t3"])
def test_what_does_not_change_keeps_the_budget_of_a_quarter(kind: str) -> None:
    """8,640 bars and 360 trades on every stream: not more than one alarm in all."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        raw = rng.standard_normal if kind == "gauss" else partial(rng.standard_t, 3)
        draw = partial(scaled, raw, 1.0 if kind == "gauss" else 1.732)
        drift = watch()
        found = bars(drift, draw((BAR_WARMUP + 8_640, 3)))
        for source in (Source.CALIBRATION, Source.GAP, Source.SLIPPAGE):
            found += trades(drift, source, draw(TRADE_WARMUP + 360))
        assert len(found) <= 1, found


@pytest.mark.parametrize(
    "source, shift, level",
    [(Source.CALIBRATION, -1.0, FREEZE), (Source.GAP, -0.5, FREEZE), (Source.SLIPPAGE, 0.06, NOTE), (Source.SLIPPAGE, 0.3, FREEZE)],
)
def test_trades_that_come_out_otherwise(source: Source, shift: float, level: int) -> None:
    x = np.random.default_rng(3).standard_normal(400) * abs(shift) * 0.5
    x[200:] += shift
    found = trades(watch(), source, x)
    assert [one.level for one in found] == [level] and found[0].stream == source and " R off" in found[0].reason


def test_a_policy_that_loses_is_level_three_and_its_record_begins_anew() -> None:
    drift = watch()
    rng = np.random.default_rng(5)
    found = [one for k in range(30) for one in drift.trade(T + k, -0.75 + float(rng.normal()) * 0.05)]
    assert [one.level for one in found] == [DEMOTE] and "drawdown of 20" in found[0].reason
    slow = watch()
    found = [one for k in range(110) for one in slow.trade(T + k, float(rng.normal()) * 0.3 - 0.1)]
    assert found and found[0].level == DEMOTE and "the last 100 trades lose" in found[0].reason
    assert not [one for k in range(300) for one in watch().trade(T + k, float(rng.normal()) * 0.3 + 0.05)]


@pytest.mark.parametrize("at", [100, BAR_WARMUP + 210, BAR_WARMUP + 290])
def test_a_restart_in_mid_stream_raises_the_same_alarms(at: int) -> None:
    x, costs = changed(1_200, 0.8, seed=4), np.random.default_rng(9).standard_normal(300)
    costs[150:] += 1.0
    one = watch()
    before = bars(one, x[:at])
    trades(one, Source.GAP, costs[:170])
    for k in range(15):
        one.trade(T + k, -1.0)
    again = DomainDrift(DEMOTION, msgspec.json.decode(msgspec.json.encode(one.state()), type=DomainState))
    told = []
    for each in (one, again):
        found = bars(each, x[at:], at) + trades(each, Source.GAP, costs[170:], 170)
        told.append(found + [alarm for k in range(15, 30) for alarm in each.trade(T + k, -1.0)])
    assert told[0] == told[1] and one.state() == again.state()
    assert {alarm.level for alarm in before + told[0]} == {NOTE, FREEZE, DEMOTE} and {alarm.level for alarm in told[0]} >= {FREEZE, DEMOTE}


def test_a_bar_that_was_taken_is_not_taken_again() -> None:
    drift = watch()
    drift.bar(T, [0.1, 0.2, 0.3], CELLS_OF_NOTHING)
    before = drift.state()
    assert drift.bar(T, [9.0, 9.0, 9.0], CELLS_OF_NOTHING) == [] and drift.state() == before


def test_many_shapes_at_once_are_an_alarm_of_their_own_and_told_once_a_month() -> None:
    """Two symbols a bar, 24 bars a day; then every cell moves."""
    drift, told = watch(), []
    for day in range(260):
        rng = np.random.default_rng(day)
        for k in range(24):
            cells = np.clip(rng.normal(32 + 6 * (day >= 230), 8, (2, len(SHAPES))), 0, CELLS - 1).astype(int).tolist()
            told += drift.bar(T + day * DAY_MS + k * 3_600_000, [0.0, 0.0, 0.0], cells)
    assert [(one.level, one.stream) for one in told] == [(NOTE, "features")] and "features have another shape" in told[0].reason

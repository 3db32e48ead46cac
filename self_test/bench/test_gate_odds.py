"""The odds of the gate: streams are what they claim, the shortcut loses no pass, luck does not get through, an edge does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.gate_odds import EQUITY, RISK, START_TS, STREAMS, Stream, candidate_days, could_pass, main, naive, odds_of, sample_path
from telemetry import stats
from telemetry.gate_config import GateConfig, Profile
from telemetry.gates import State, evaluate
from telemetry.ledger_rows import DAY_MS

BY_NAME = {stream.name: stream for stream in STREAMS}
EVIDENCE = GateConfig(profile=Profile.EVIDENCE)
NO_EDGE = [stream for stream in STREAMS if stream.mean_r < 1e-9]


def test_the_streams_are_those_of_the_table() -> None:
    true = [(round(stream.mean_r, 2), round(stream.annual_sharpe, 1)) for stream in STREAMS]
    assert true == [(-0.1, -6.6), (0, 0), (0, 0), (0.05, 3.7), (0.14, 6.7), (0.1, 3.2), (0, 0), (0, 0), (0.41, 6.6), (0.3, 2.8)]
    assert sum(stream.gap_prob > 0 for stream in NO_EDGE) == 2


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_long_record_shows_the_truth(stream: Stream) -> None:
    sample = sample_path(stream, 20_000, np.random.default_rng(1))
    returns = sample.day_pnl / sample.day_base
    assert sample.r.mean() == pytest.approx(stream.mean_r, abs=4 * sample.r.std() / np.sqrt(len(sample.r)))
    assert stats.sharpe(returns, 365) == pytest.approx(stream.annual_sharpe, abs=0.7)
    assert len(sample.r) / 20_000 == pytest.approx(stream.per_day, rel=0.05)
    assert sample.day_pnl.sum() == pytest.approx(sample.pnl.sum()) and sample.pnl == pytest.approx(sample.r * RISK * EQUITY)
    assert (np.diff(sample.exit_ts) >= 0).all()


@pytest.mark.parametrize("name", ["scalp 1:1, an edge", "scalp 0.5:1, an edge", "swing 1:1, the mission's ideal"])
def test_the_shortcut_loses_no_pass(name: str) -> None:
    random = np.random.default_rng(2)
    passes = 0
    for _ in range(6):
        sample = sample_path(BY_NAME[name], 180, random)
        candidates = set(candidate_days(sample, EVIDENCE, 180))
        for day in range(30, 181, 30):
            verdict = evaluate(sample, EVIDENCE, START_TS + day * DAY_MS)
            single = next(point.state for point in verdict.checkpoints if point.ts == verdict.ts)
            assert single is not State.PASS or could_pass(sample, EVIDENCE, day)
            assert verdict.state is not State.PASS or day in candidates
            passes += single is State.PASS
    assert passes, "nothing was compared"


def test_luck_does_not_pass_the_gate_and_fools_the_naive_reading() -> None:
    found = [odds_of(stream, 200, 180, 1) for stream in NO_EDGE]
    assert all(row.default <= 0.01 for row in found), found
    assert max(row.naive_daily for row in found) >= 0.5
    assert all(row.naive_daily >= row.naive_once for row in found)


def test_an_edge_passes_in_time() -> None:
    row = odds_of(BY_NAME["scalp 1:1, an edge"], 20, 180, 1)
    assert row.default >= 0.5 and row.evidence >= row.default and row.median_day is not None and 60 <= row.median_day <= 180
    assert row.default < row.default_upper < 1 or row.default == 1


def test_the_naive_reading_by_hand() -> None:
    cfg = GateConfig()
    always = Stream(name="w", style="scalp", payoff=1.0, win_prob=1.0)
    never = Stream(name="l", style="scalp", payoff=1.0, win_prob=0.0)
    assert naive(sample_path(always, 30, np.random.default_rng(3)), cfg) == (True, True)
    assert naive(sample_path(never, 30, np.random.default_rng(3)), cfg) == (False, False)
    assert naive(sample_path(always, 3, np.random.default_rng(3)), cfg) == (False, False)  # fewer than 50 trades


def test_the_command_prints_and_writes_the_same_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for name in ("a.json", "b.json"):
        assert main(["--paths", "3", "--days", "60", "--streams", "no edge", "--json", str(tmp_path / "deep" / name)]) == 0
        told.append(json.loads((tmp_path / "deep" / name).read_text()))
    assert told[0] == told[1] and len(told[0]["rows"]) == 4
    assert capsys.readouterr().out.count("| scalp 0.5:1, no edge, gaps | +0.00 | 0.0 |") == 2

"""Verdicts, standings, policies, drift and trainings as Prometheus sees them, from the rows and the state that the engine makes."""

from __future__ import annotations

import math

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from self_test.telemetry.evidence_rows import decision, judged, verdict_row
from self_test.telemetry.samples import BTC, ETH, T0, small_state
from state.drift import FREEZE, Drift
from state.policies import PolicyRef
from state.standing import Fall, Level, Standing
from strategy.regime import NAMES
from telemetry.gates import State
from telemetry.metric_evidence import VERDICTS, EvidenceMetrics
from telemetry.metric_store import MetricStore
from telemetry.metric_table import TABLE

WHERE = {"account": "CRYPTO/PAPER", "style": "scalp"}


class Watch:
    def __init__(self) -> None:
        self.registry, self.state = CollectorRegistry(), small_state()
        self.metrics = EvidenceMetrics(MetricStore(self.registry))

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_verdict_shows_every_check_with_target_and_bound(watch: Watch) -> None:
    found = judged()
    watch.metrics.verdict(verdict_row())
    assert watch.value("bot_gate_verdict", **WHERE) == VERDICTS[found.state] == 3
    assert {check.name for check in found.checks} >= {"trades", "win_rate", "sharpe", "drawdown", "psr", "e_process"}
    for check in found.checks:
        told = {part: watch.value(f"bot_kpi_{part}", **WHERE, kpi=check.name) for part in ("value", "bound", "target", "met")}
        for part, wanted in (("value", check.value), ("target", check.target), ("met", check.ok)):
            value = told[part]
            assert value is not None
            assert math.isnan(value) if wanted is None else value == wanted, (check.name, part)
        assert told["bound"] == check.lower
    assert watch.value("bot_kpi_bound", **WHERE, kpi="win_rate") is not None


def test_what_cannot_be_said_is_no_zero(watch: Watch) -> None:
    watch.metrics.verdict(verdict_row(days=0))
    assert watch.value("bot_gate_verdict", **WHERE) == 0
    assert math.isnan(watch.value("bot_kpi_value", **WHERE, kpi="sharpe") or 0.0)
    assert math.isnan(watch.value("bot_kpi_met", **WHERE, kpi="sharpe") or 0.0)


def test_a_bound_that_is_gone_does_not_stay(watch: Watch) -> None:
    for days in (65, 0):
        watch.metrics.verdict(verdict_row(days=days))
    assert math.isnan(watch.value("bot_kpi_bound", **WHERE, kpi="win_rate") or 0.0)


def test_the_beginning_of_a_sample_is_no_verdict(watch: Watch) -> None:
    watch.metrics.verdict({"what": "start", "account": "CRYPTO/PAPER", "style": "scalp"})
    assert watch.value("bot_gate_verdict", **WHERE) is None


def test_the_codes_of_the_table_are_those_of_the_code(watch: Watch) -> None:
    texts = {row.name: row.text for row in TABLE}
    assert set(VERDICTS) == set(State)
    assert all(f"{code} {state}" in texts["bot_gate_verdict"] for state, code in VERDICTS.items())
    assert all(f"{code} {name}" in texts["bot_regime"] for code, name in enumerate(NAMES))
    assert all(f"{code} {level}" in texts["bot_standing"] for code, level in enumerate(Level))


def test_a_start_shows_the_newest_stored_verdict_until_the_next(watch: Watch) -> None:
    watch.state.samples = {"CRYPTO/PAPER/scalp": "hash"}
    old, new = verdict_row(days=0), verdict_row(days=31)
    start = {"what": "start", "account": "CRYPTO/PAPER", "style": "scalp", "ts": T0}
    watch.state.evidence = [("verdict", msgspec.json.encode(one)) for one in (old, new, start)]
    watch.metrics.prime(watch.state)
    assert watch.value("bot_gate_verdict", **WHERE) == VERDICTS[judged(days=31).state] == 2
    watch.metrics.verdict(verdict_row(win_rate=0.3))
    assert watch.value("bot_gate_verdict", **WHERE) == 1


def test_standings_offers_and_demotions_by_style(watch: Watch) -> None:
    watch.state.samples = {"CRYPTO/PAPER/swing": "hash"}
    watch.metrics.sample(watch.state)
    where = {"domain": "CRYPTO", "style": "swing"}
    assert [watch.value(f"bot_{name}", **where) for name in ("standing", "promotion_offered", "demotions_total")] == [0, 0, 0]
    watch.state.standings["CRYPTO/swing"] = Standing(offered_ts=T0)
    watch.metrics.sample(watch.state)
    assert watch.value("bot_promotion_offered", **where) == 1
    watch.state.standings["CRYPTO/swing"] = Standing(level=Level.CANARY, falls=(Fall(T0, Level.CANARY, "drawdown"),))
    for _ in range(2):
        watch.metrics.sample(watch.state)
    assert [watch.value(f"bot_{name}", **where) for name in ("standing", "promotion_offered", "demotions_total")] == [1, 0, 1]


def test_one_policy_a_domain_and_none_that_was(watch: Watch) -> None:
    watch.metrics.sample(watch.state)
    static = {"domain": "CRYPTO", "version": "static", "level": "0", "challenger": ""}
    assert watch.value("bot_policy_info", **static) == 1
    watch.state.policies["CRYPTO"] = PolicyRef(version="a" * 12, level=1, challenger="b" * 12)
    watch.metrics.sample(watch.state)
    assert watch.value("bot_policy_info", **static) is None
    assert watch.value("bot_policy_info", domain="CRYPTO", version="a" * 12, level="1", challenger="b" * 12) == 1


def test_drift_and_regimes_are_read_from_the_state(watch: Watch) -> None:
    watch.state.drift["CRYPTO"] = Drift(level=FREEZE)
    watch.state.market["regime"] = [2, 3]
    watch.metrics.sample(watch.state)
    assert (watch.value("bot_drift_level", domain="CRYPTO"), watch.value("bot_drift_level", domain="PERPS")) == (2, 0)
    assert (watch.value("bot_regime", symbol=BTC), watch.value("bot_regime", symbol=ETH)) == (2, 3)


def test_decisions_and_those_that_explored(watch: Watch) -> None:
    for explored in (False, True, False):
        watch.metrics.decision(decision(explored=explored))
    labels = {"account": "CRYPTO/PAPER", "strategy": "C1"}
    assert watch.value("bot_decisions_total", **labels) == 3
    assert watch.value("bot_explored_decisions_total", **labels) == 1


def test_a_training_that_made_nothing_moves_no_timestamp(watch: Watch) -> None:
    watch.metrics.trained("CRYPTO", "refused", 0.5)
    watch.metrics.trained_at("CRYPTO", 0)
    assert watch.value("bot_last_training_timestamp_seconds", domain="CRYPTO") is None
    watch.metrics.trained("CRYPTO", "trained", 20.0, T0)
    assert watch.value("bot_last_training_timestamp_seconds", domain="CRYPTO") == T0 / 1000
    assert watch.value("bot_trainings_total", domain="CRYPTO", outcome="refused") == 1
    assert watch.value("bot_training_seconds_count", domain="CRYPTO") == 2
    assert watch.value("bot_training_seconds_sum", domain="CRYPTO") == 20.5


def test_exploration_gaps_and_residuals(watch: Watch) -> None:
    watch.metrics.sample_learning(0.05, {"CRYPTO": -0.1}, {})
    assert watch.value("bot_exploration_ratio") == 0.05
    assert watch.value("bot_sim_to_fill_gap_ratio", domain="CRYPTO") == -0.1
    assert watch.value("bot_calibration_error_ratio", domain="CRYPTO") is None

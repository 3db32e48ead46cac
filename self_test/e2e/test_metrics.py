"""What a running bot says: every row of the table in its /metrics, times of orders' legs; in its log one id from decision to fill."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from bench.audit import rows_of
from bench.bot import no_leftovers, started
from state.decisions import decision_row
from state.ledger import RowKind
from telemetry.metric_table import TABLE, Kind
from utils.clock import WallClock

STAGE_2 = (
    *("--stage", "2", "--override-gates", "--strategies", "demo,C1", "--symbols", "BTCUSDT,ETHUSDT", "--speed", "60"),
    *("--set", "domains.crypto.warmup_days=2", "--set", "logs.form=json", "--set", "logs.level=debug"),
)
PROMTOOL = shutil.which("promtool")
LIVE = "CRYPTO/LIVE"
NOTHING_YET = {
    *("bot_account_held", "bot_throttle_banned_seconds", "bot_unprotected_now_seconds"),
    *("bot_kpi_value", "bot_kpi_bound", "bot_kpi_target", "bot_kpi_met", "bot_gate_verdict"),
    *("bot_training_seconds", "bot_trainings", "bot_last_training_timestamp_seconds"),
    *("bot_sim_to_fill_gap_ratio", "bot_calibration_error_ratio"),
    *("bot_chat_failures", "bot_chat_dropped", "bot_chat_strangers"),
    *("bot_last_bar_venue_age_seconds", "bot_last_bar_transport_age_seconds"),
    *("bot_option_delta", "bot_option_gamma", "bot_option_vega", "bot_option_theta", "bot_surface_age_seconds"),
}
"""Rows without a series in such a run: no verdict in minutes, no training, no bar, no hold, no ban, no trouble with a chat, no option."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, list[str]]:
    """/metrics of a bot that has traded on paper and with the built-in exchange's money, what it said, and the orders of its decisions."""
    state_dir = tmp_path_factory.mktemp("metrics") / "var"
    with no_leftovers(state_dir), started(state_dir, *STAGE_2) as bot:
        url = f"{bot.ready()['http']}/metrics"

        def both() -> str | None:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
                said = str(answer.read().decode())
            none_yet = (
                f'bot_order_latency_seconds_count{{account="{LIVE}",leg="filled",order="{order}"}} 0.0' for order in ("entry", "exit")
            )
            return said if "bot_order_latency_seconds_count" in said and not any(one in said for one in none_yet) else None

        found: str = bot.until("a live entry and a live exit", both, 60)
        assert bot.stop() == 0
    decisions = [decision_row(row.row) for row in rows_of(bot.folder) if row.kind is RowKind.DECISION]
    return found, bot.said, [one.order for one in decisions if one.order]


@pytest.fixture(scope="module")
def text(run: tuple[str, str, list[str]]) -> str:
    return run[0]


@pytest.fixture(scope="module")
def lines(run: tuple[str, str, list[str]]) -> list[dict[str, Any]]:
    """Its log; what it tells people goes to standard output."""
    return [json.loads(line) for line in run[1].splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def samples(families: dict[str, Metric], name: str) -> dict[tuple[str, ...], float]:
    """Values of a family by the values of its labels, in order of their names."""
    return {tuple(one.labels[key] for key in sorted(one.labels)): one.value for one in families[name].samples}


def test_every_row_is_registered_and_nothing_else(families: dict[str, Metric]) -> None:
    kinds = {
        row.name.removesuffix("_total") if row.kind is Kind.COUNTER else row.name: "gauge" if row.kind is Kind.INFO else str(row.kind)
        for row in TABLE
    }
    assert {name: family.type for name, family in families.items() if name.startswith("bot_")} == kinds


def test_only_what_did_not_happen_or_is_not_there_has_no_series(families: dict[str, Metric]) -> None:
    empty = {name for name, family in families.items() if name.startswith("bot_") and not family.samples}
    assert " ".join(sorted(empty - NOTHING_YET)) == ""


def test_what_may_come_to_be_counted_stands_at_nothing(families: dict[str, Metric]) -> None:
    assert samples(families, "bot_order_rejects")[LIVE, "lost"] == 0
    assert samples(families, "bot_refusals")["CRYPTO/PAPER", "stale_surface"] == 0
    assert samples(families, "bot_closed_trades")[LIVE, "lost", "max_hold", "C1"] == 0


def test_what_no_label_knows_is_filled_from_the_run(families: dict[str, Metric]) -> None:
    assert abs(samples(families, "bot_heartbeat_timestamp_seconds")[()] - WallClock().now_ms() / 1000) < 120
    assert samples(families, "bot_supervised_tasks")[()] > 5
    assert samples(families, "bot_task_outages")[()] == 0
    assert 0 < samples(families, "bot_disk_free_bytes")[()] <= samples(families, "bot_disk_size_bytes")[()]
    assert 0 < samples(families, "bot_exploration_ratio")[()] < 1
    assert samples(families, "bot_regime").keys() >= {("CRYPTO:BTCUSDT",), ("CRYPTO:ETHUSDT",)}
    assert samples(families, "bot_drift_level")[("CRYPTO",)] == 0
    assert samples(families, "bot_standing")[("CRYPTO", "swing")] == 1, "canary, by the override"
    assert samples(families, "bot_demotions")[("CRYPTO", "swing")] == 0
    assert samples(families, "bot_reconcile_differences")[(LIVE,)] == 0
    assert samples(families, "bot_owed_candles")[("bybit-spot",)] >= 0
    assert samples(families, "bot_policy_info")[("", "CRYPTO", "0", "static")] == 1
    assert samples(families, "process_open_fds")[()] > 0


def test_the_legs_of_live_orders_are_times_of_the_wire(families: dict[str, Metric]) -> None:
    counts, sums = {}, {}
    for one in families["bot_order_latency_seconds"].samples:
        assert one.labels["account"] == LIVE, "paper has no wire"
        key = one.labels["order"], one.labels["leg"]
        if one.name.endswith("_count"):
            counts[key] = one.value
        elif one.name.endswith("_sum"):
            sums[key] = one.value
    for order in ("entry", "exit"):
        assert counts[order, "sent"] >= counts[order, "acknowledged"] >= counts[order, "filled"] >= 1
        assert 0 < sums[order, "sent"] / counts[order, "sent"] < 5
        assert 0 < sums[order, "acknowledged"] / counts[order, "acknowledged"] < 5


def test_every_line_of_an_orders_way_bears_the_id_of_its_decision(lines: list[dict[str, Any]], run: tuple[str, str, list[str]]) -> None:
    assert len(lines) > 20 and all({"event", "level", "time"} <= line.keys() for line in lines)
    ways: dict[str, list[str]] = {}
    for line in lines:
        if line.get("account") == LIVE and line.get("decision"):
            ways.setdefault(line["decision"], []).append(line["event"])
    for first in ("entry decided", "exit decided"):
        whole = [name for name, events in ways.items() if {first, "order leaves", "order accepted", "order filled"} <= set(events)]
        assert whole, f"{first}: {ways}"
    steps = [line for line in lines if line["logger"] == "orders" and line["event"] != "protection filled"]
    assert steps and all(line.get("decision") for line in steps), "none without"
    assert set(run[2]) <= {line["decision"] for line in steps}, "and it is the one that the decision's row names"


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here: Debian's package `prometheus` has it")
def test_promtool_has_no_objection(text: str) -> None:
    done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(PROMTOOL is None, reason="no promtool here: Debian's package `prometheus` has it")
def test_promtool_would_object() -> None:
    wrong = "# HELP bot_x_milliseconds x\n# TYPE bot_x_milliseconds counter\nbot_x_milliseconds 1\n"
    done = subprocess.run([str(PROMTOOL), "check", "metrics"], input=wrong, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode != 0

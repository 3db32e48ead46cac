from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from modules.ui.option_view import figures
from self_test.modules.ui.option_scenes import NOW, hold_option, option_state
from self_test.telemetry.evidence_rows import decision, verdict_row
from self_test.telemetry.samples import BTC, PERPS, SPOT, T0, bars, fill, hold, place, refused, small_state, trade
from state.books import FLAT
from state.messages import FeedDown, OrderRejected, OrderUnknown, Record, Report, Tick
from state.orders import Order, OrderState
from state.stages import STAGES
from state.standing import Level, Standing
from telemetry.metric_table import TABLE, Kind, Metric
from telemetry.metrics import MetricsObserver
from utils.clock import FakeClock
from utils.fixed import MONEY_SCALE
from utils.throttle import Figures, Urgency

BOUNDED = {
    "domain",
    "style",
    "kpi",
    "outcome",
    "order",
    "leg",
    "scope",
    "urgency",
    "cause",
    "account",
    "symbol",
    "pair",
    "rule",
    "reason",
    "feed",
    "strategy",
    "type",
    "task",
}
UNITLESS = {
    "bot_drawdown_level",
    "bot_owed_candles",
    "bot_regime",
    "bot_kpi_value",
    "bot_kpi_bound",
    "bot_kpi_target",
    "bot_kpi_met",
    "bot_gate_verdict",
    "bot_standing",
    "bot_promotion_offered",
    "bot_drift_level",
    "bot_supervised_tasks",
    "bot_loop_tasks",
    "bot_task_outages",
    "bot_chat_up",
    "bot_chat_waiting",
    "bot_throttle_waiting",
    "bot_throttle_left",
    "bot_account_held",
    "bot_stage",
    "bot_halted",
    "bot_open_positions",
    "bot_working_orders",
    "bot_unprotected_positions",
    "bot_journal_sequence",
    "bot_inbox_depth",
    "bot_feed_up",
    "bot_option_delta",
    "bot_option_gamma",
    "bot_option_vega",
    "bot_option_theta",
}
"""Counts of things, switches, codes and greeks have no unit; the figures of a verdict have their own."""


class Watch:
    """An observer on a registry and a clock of its own."""

    def __init__(self) -> None:
        self.registry, self.clock, self.state = CollectorRegistry(), FakeClock(), small_state()
        self.observer = MetricsObserver(
            self.registry, self.clock, environment="simulated", version="0.1", feeds=("bybit-spot", "bybit-linear")
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_names_follow_the_rules(row: Metric) -> None:
    assert re.fullmatch(r"bot_[a-z][a-z_]*[a-z]", row.name)
    assert row.text.endswith(".")
    assert set(row.labels) <= BOUNDED
    assert row.name.endswith("_total") == (row.kind is Kind.COUNTER)
    assert bool(row.buckets) == (row.kind is Kind.HISTOGRAM)
    assert list(row.buckets) == sorted(set(row.buckets))
    if row.kind in {Kind.GAUGE, Kind.HISTOGRAM} and row.name not in UNITLESS:
        assert row.name.endswith(("_seconds", "_ratio", "_quote", "_bytes"))
    assert not re.search(r"_(ms|milliseconds|minutes|percent)\b", row.name)


def test_names_are_unique() -> None:
    assert len({row.name for row in TABLE}) == len(TABLE)


def test_every_row_of_the_table_is_exported_with_its_type(watch: Watch, tmp_path: Path) -> None:
    watch.state.standings["CRYPTO/swing"] = Standing(level=Level.LIVE)
    watch.observer.attach(watch.state)
    watch.observer(1, OrderRejected(T0, SPOT, "1", "no", "no_funds"), [Record("verdict", verdict_row()), Record("decision", decision())])
    watch.observer.order_leg(str(SPOT), "entry", "sent", 0.01)
    watch.observer.sample_machine(tmp_path, running=3, outages=1, alive=7)
    watch.observer.sample_owed({})
    watch.observer.evidence.trained("CRYPTO", "trained", 2.0, T0)
    watch.observer.evidence.sample_learning(0.05, {"CRYPTO": -0.1}, {"CRYPTO": 0.2})
    watch.observer.taken()
    trouble = Report(ts=T0, what="order", account=str(SPOT), key=BTC, rule="cancelled", text="gone")
    watch.observer(1, bars(), [place(), refused(), trade(), fill("0.1"), fill("-0.1"), trouble])
    live = trade()
    live.row["unprotected_s"] = 0.3
    watch.observer(2, OrderUnknown(T0, SPOT, "1", "reset"), [live])
    watch.observer.lag(0.002)
    watch.state.holds[str(SPOT)] = {"stream": "lost"}
    watch.observer.sample(watch.state, venue_ms=T0, restarts={"feed": 1})
    watch.observer.sample_throttle(Figures({Urgency.ENTRY: 1}, {Urgency.ENTRY: 0.5}, {"bybit.ip": 400}, {"bybit.ip": 600.0}))
    watch.observer.sample_cover({str(SPOT): 250})
    chat = {"failures": {"unknown": 1}, "dropped": {"normal": 1}, "strangers": {"another chat": 1}}
    watch.observer.sample_chat(up=True, waiting=2, sent=3, counts=chat)
    watch.observer.sample_panel(1)
    held = option_state()
    hold_option(held)
    watch.observer.sample_options(held, figures, NOW)
    families = {family.name: family for family in text_string_to_metric_families(watch.observer.text().decode())}
    for row in TABLE:
        # The parser of the old text format calls an info metric a gauge and drops a counter's suffix.
        family = families[row.name.removesuffix("_total") if row.kind is Kind.COUNTER else row.name]
        assert family.type == ("gauge" if row.kind is Kind.INFO else row.kind)
        assert family.samples, row.name
        assert family.documentation == row.text
    assert "process_resident_memory_bytes" in families
    unknown = {name for name in families if name.startswith("bot_") and not name.endswith("_created")}
    assert unknown == {row.name.removesuffix("_total") if row.kind is Kind.COUNTER else row.name for row in TABLE}


def test_what_others_have_counted_grows_and_never_falls(watch: Watch) -> None:
    for sent, strangers in ((3, 1), (5, 4), (0, 0), (1, 0)):  # the third: the chat was made anew
        watch.observer.sample_chat(up=sent > 0, waiting=7, sent=sent, counts={"strangers": {"another chat": strangers}})
        watch.observer.sample_panel(strangers)
    assert watch.value("bot_panel_wrong_logins_total") == 4
    assert watch.value("bot_chat_sent_total") == 6
    assert watch.value("bot_chat_strangers_total", reason="another chat") == 4
    assert (watch.value("bot_chat_up"), watch.value("bot_chat_waiting")) == (1, 7)


def test_trades_fees_refusals_and_orders_are_counted(watch: Watch) -> None:
    watch.observer(1, bars(), [place(), refused(), refused("no_balance")])
    watch.observer(2, bars(), [refused()])
    watch.observer(3, Tick(T0), [fill("0.25"), fill("0"), fill("0", "0.005"), fill("-0.125"), trade(r=1.52), trade("-3", -1.1, "stop")])
    ended = Report(ts=T0, what="order", account=str(SPOT), key=BTC, rule="cancelled", text="gone")
    sent = Report(ts=T0, what="order", account=str(SPOT), key=BTC, text="C1 long ...")
    watch.observer(4, Tick(T0), [ended, sent])
    account = str(SPOT)
    assert watch.value("bot_orders_placed_total", account=account, strategy="C1") == 1
    assert watch.value("bot_orders_ended_total", account=account, reason="cancelled") == 1
    assert watch.value("bot_orders_ended_total", account=account, reason="") is None
    assert watch.value("bot_refusals_total", account=account, rule="cost_too_high") == 2
    assert watch.value("bot_refusals_total", account=account, rule="no_balance") == 1
    assert watch.value("bot_fees_quote_total", account=account) == 0.75
    assert watch.value("bot_rebates_quote_total", account=account) == 0.125
    assert watch.value("bot_closed_trades_total", account=account, strategy="C1", reason="target", outcome="won") == 1
    assert watch.value("bot_closed_trades_total", account=account, strategy="C1", reason="stop", outcome="lost") == 1
    assert watch.value("bot_trade_result_ratio_count", account=account, strategy="C1") == 2
    assert watch.value("bot_trade_result_ratio_bucket", account=account, strategy="C1", le="-1.0") == 1
    assert watch.value("bot_trade_result_ratio_bucket", account=account, strategy="C1", le="1.5") == 1
    assert watch.value("bot_events_total", type="bars") == 2
    assert watch.value("bot_events_total", type="tick") == 2


def test_accounts_are_read_from_the_state(watch: Watch) -> None:
    state = watch.state
    hold(state, 0)  # 0.002 at 50,000 = 100 USDT
    state.pos[1]["status"], state.pos[1]["reference"], state.pos[1]["working"] = 1, 20_000, 500  # 0.5 at 2,000 resting
    state.acct[0]["equity"], state.acct[0]["cash"] = 950 * MONEY_SCALE, 850 * MONEY_SCALE
    state.halted[str(SPOT)] = "drawdown"
    state.acct[0]["level"] = 1
    state.realised[0] = -3 * MONEY_SCALE
    order = Order(order_id="1", account=PERPS, key="PERPS:ETHUSDT", entry=True, steps=500).to(OrderState.IN_FLIGHT)
    state.orders["1"] = order
    watch.observer.sample(state, venue_ms=T0, inbox_depth=7)
    found = {
        name: (watch.value(name, account=str(SPOT)), watch.value(name, account=str(PERPS)))
        for name in (row.name for row in TABLE if row.labels == ("account",) and row.kind is Kind.GAUGE)
        if name != "bot_unprotected_now_seconds"
    }
    assert found == {
        "bot_equity_quote": (950, 10_000),
        "bot_balance_quote": (850, 10_000),
        "bot_realised_pnl_quote": (-3, 0),
        "bot_drawdown_ratio": (pytest.approx(0.05), 0),
        "bot_drawdown_level": (1, 0),
        "bot_exposure_ratio": (pytest.approx(100 / 950), pytest.approx(0.1)),
        "bot_halted": (1, 0),
        "bot_open_positions": (1, 0),
        "bot_working_orders": (0, 1),
        "bot_unprotected_positions": (0, 0),
    }
    assert watch.value("bot_inbox_depth") == 7


@pytest.mark.parametrize("bare", ["stop", "target"])
def test_a_position_without_stop_or_target_is_seen(watch: Watch, bare: str) -> None:
    hold(watch.state, 0)
    watch.state.pos[0][bare] = 0
    watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value("bot_unprotected_positions", account=str(SPOT)) == 1


def test_a_wallet_that_was_never_opened_divides_nothing(watch: Watch) -> None:
    watch.state.acct[:] = 0
    watch.observer.sample(watch.state, venue_ms=0)
    assert watch.value("bot_drawdown_ratio", account=str(SPOT)) == 0
    assert watch.value("bot_exposure_ratio", account=str(SPOT)) == 0


@pytest.mark.asyncio
async def test_ages_run_on_their_own_clocks(watch: Watch) -> None:
    watch.observer(41, bars(), [])
    await watch.clock.advance(2.5)
    watch.observer(42, Tick(T0 + 60_000), [])
    await watch.clock.advance(0.5)
    watch.observer.sample(watch.state, venue_ms=T0 + 90_000)
    assert watch.value("bot_last_bar_transport_age_seconds", symbol=BTC) == 3.0
    assert watch.value("bot_last_bar_venue_age_seconds", symbol=BTC) == 90.0
    assert watch.value("bot_last_event_age_seconds") == 0.5
    assert watch.value("bot_venue_timestamp_seconds") == T0 / 1000 + 90
    assert watch.value("bot_journal_sequence") == 42


@pytest.mark.asyncio
async def test_decision_latency_runs_from_taken_to_dispatched_and_leaves_history_out(watch: Watch) -> None:
    watch.observer(1, bars(), [])  # nobody said when it was taken
    assert watch.value("bot_decision_latency_seconds_count") == 0
    watch.observer.taken()
    await watch.clock.advance(0.0002)
    watch.observer(2, Tick(T0), [])
    watch.observer(3, bars(late=True), [])
    watch.observer(4, bars(), [])
    assert watch.value("bot_decision_latency_seconds_count") == 1
    assert watch.value("bot_decision_latency_seconds_sum") == pytest.approx(0.0002)
    assert watch.value("bot_decision_latency_seconds_bucket", le="0.00015") == 0
    assert watch.value("bot_decision_latency_seconds_bucket", le="0.0003") == 1


def test_rejects_are_counted_by_their_class(watch: Watch) -> None:
    for kind in ("no_funds", "barred", "no_funds", ""):
        watch.observer(1, OrderRejected(T0, SPOT, "1", "in words", kind), [])
    found = {kind: watch.value("bot_order_rejects_total", account=str(SPOT), reason=kind) for kind in ("no_funds", "barred", "venue")}
    assert found == {"no_funds": 2, "barred": 1, "venue": 1}


def test_what_the_day_counts_adds_up_over_days_and_starts_at_nothing(watch: Watch) -> None:
    name, account, day = "bot_reconcile_differences_total", str(SPOT), watch.state.health
    day[account] = {"reconcile_errors": 3, "missing_bars": 1}  # before this process
    watch.observer.attach(watch.state)
    assert watch.value(name, account=account) == 0
    watch.state.count(SPOT, "reconcile_errors", 2)
    for _ in range(2):
        watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value(name, account=account) == 2
    watch.state.count(SPOT, "reconcile_errors")  # between the last look and the end of the day
    watch.observer(1, Tick(T0), [Record("equity", {"account": account, "health": day.pop(account)})])
    watch.state.count(SPOT, "reconcile_errors", 2)
    watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value(name, account=account) == 5
    assert watch.value("bot_missing_bars_total", account=account) == 0


@pytest.mark.asyncio
async def test_the_heart_beats_while_the_loop_turns(watch: Watch) -> None:
    began = watch.value("bot_heartbeat_timestamp_seconds")
    assert began == watch.clock.now_ms() / 1000
    await watch.clock.advance(5.0)
    watch.observer.sample(watch.state, venue_ms=T0)  # being asked is no beat
    assert watch.value("bot_heartbeat_timestamp_seconds") == began
    watch.observer.lag(0.001)
    assert watch.value("bot_heartbeat_timestamp_seconds") == began + 5.0


def test_the_disk_is_told_and_one_that_cannot_be_read_is_no_empty_one(watch: Watch, tmp_path: Path) -> None:
    watch.observer.sample_machine(tmp_path, running=3, outages=1, alive=7)
    free, size = watch.value("bot_disk_free_bytes"), watch.value("bot_disk_size_bytes")
    assert free is not None and size is not None and 0 < free < size
    assert [watch.value(f"bot_{name}") for name in ("supervised_tasks", "loop_tasks", "task_outages")] == [3, 7, 1]
    watch.observer.sample_machine(tmp_path / "gone", running=3, outages=1, alive=7)
    assert math.isnan(watch.value("bot_disk_free_bytes") or 0.0)


def test_candles_owed_are_told_by_feed_and_read_zero_once_they_came(watch: Watch) -> None:
    for owed in ({"bybit-spot": 7}, {}):
        watch.observer.sample_owed(owed)
        assert watch.value("bot_owed_candles", feed="bybit-spot") == owed.get("bybit-spot", 0)
        assert watch.value("bot_owed_candles", feed="bybit-linear") == 0


def test_a_lost_feed_is_down_and_the_other_stays_up(watch: Watch) -> None:
    watch.observer.attach(watch.state)
    assert watch.value("bot_feed_losses_total", feed="bybit-spot") == 0
    watch.state.feeds_down["bybit-spot"] = "reset"
    watch.observer(1, FeedDown(T0, "bybit-spot", "reset"), [])
    watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value("bot_feed_up", feed="bybit-spot") == 0
    assert watch.value("bot_feed_up", feed="bybit-linear") == 1
    assert watch.value("bot_feed_losses_total", feed="bybit-spot") == 1
    assert watch.value("bot_feed_losses_total", feed="bybit-linear") == 0


def test_the_stage_is_told_as_a_number_and_as_info_and_only_the_newest(watch: Watch) -> None:
    for stage in (1, 2):
        assert stage in STAGES
        watch.state.stage = stage
        watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value("bot_stage") == 2
    assert watch.value("bot_info", environment="simulated", stage="2", version="0.1") == 1
    assert watch.value("bot_info", environment="simulated", stage="1", version="0.1") is None


def test_restarts_are_counted_by_their_growth(watch: Watch) -> None:
    for seen in (0, 2, 2, 3):
        watch.observer.sample(watch.state, venue_ms=T0, restarts={"feed": seen})
    assert watch.value("bot_task_restarts_total", task="feed") == 3


def test_sampling_changes_nothing_in_the_state(watch: Watch) -> None:
    hold(watch.state, 0)
    before = (watch.state.pos.tobytes(), watch.state.acct.tobytes(), watch.state.inst.tobytes())
    watch.observer.sample(watch.state, venue_ms=T0)
    assert (watch.state.pos.tobytes(), watch.state.acct.tobytes(), watch.state.inst.tobytes()) == before


def test_what_holds_an_account_is_shown_and_reads_zero_when_it_is_over(watch: Watch) -> None:
    watch.state.holds[str(SPOT)] = {"stream": "lost"}
    watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value("bot_account_held", account=str(SPOT), cause="stream") == 1
    watch.state.holds.clear()
    watch.observer.sample(watch.state, venue_ms=T0)
    assert watch.value("bot_account_held", account=str(SPOT), cause="stream") == 0


def test_a_ban_that_is_over_reads_zero_and_waits_only_grow(watch: Watch) -> None:
    watch.observer.sample_throttle(Figures({}, {Urgency.ENTRY: 0.5}, {}, {"bybit.ip": 600.0}))
    watch.observer.sample_throttle(Figures({}, {Urgency.ENTRY: 0.75}, {}, {}))
    assert watch.value("bot_throttle_banned_seconds", scope="bybit.ip") == 0
    assert watch.value("bot_throttle_waited_seconds_total", urgency="entry") == 0.75


def test_an_option_held_shows_its_greeks_by_account_and_pair_and_reads_zero_once_it_is_gone(watch: Watch) -> None:
    state = option_state()
    i = hold_option(state)
    watch.observer.sample_options(state, figures, NOW + 60_000)
    found = figures(state, i)
    assert found is not None and found.delta is not None
    labels = {"account": "OPTIONS/PAPER", "pair": "EURUSD"}
    assert watch.value("bot_option_delta", **labels) == found.delta
    assert watch.value("bot_option_gamma", **labels) == found.gamma
    assert watch.value("bot_option_vega", **labels) == float(found.vega or "nan")
    assert watch.value("bot_option_theta", **labels) == float(found.theta_day or "nan")
    assert watch.value("bot_option_delta", account="OPTIONS/PAPER", pair="USDJPY") == 0
    assert watch.value("bot_surface_age_seconds", pair="USDJPY") == 19 * 3600 + 60
    state.pos[i]["status"] = FLAT
    watch.observer.sample_options(state, figures, NOW)
    assert watch.value("bot_option_delta", **labels) == 0


def test_an_option_that_nothing_prices_has_no_greeks_and_no_surface_no_age(watch: Watch) -> None:
    state = option_state(surfaces=False)
    hold_option(state)
    watch.observer.sample_options(state, figures, NOW)
    assert math.isnan(watch.value("bot_option_vega", account="OPTIONS/PAPER", pair="EURUSD") or 0.0)
    assert watch.value("bot_surface_age_seconds", pair="EURUSD") is None

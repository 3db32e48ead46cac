"""The observer that fills the table of metrics (`telemetry/metric_table.py`). It looks at the engine and never touches it.

Counters start at nothing with the process, as Prometheus expects; what lasts longer is in `status` and in the ledger.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter

from state.books import FLAT, OPEN, PAR_E9
from state.ledger import fees_of
from state.messages import BarsClosed, Command, Event, FeedDown, OrderRejected, OrderUnknown, Place, Record, Report
from state.option_figures import Figures
from state.runtime import RuntimeState
from telemetry.metric_evidence import EvidenceMetrics
from telemetry.metric_store import MetricStore
from telemetry.metric_table import GREEKS
from telemetry.metric_zeros import NO_BOUNDS, VENUES_NO, Bounds, begin_at_zero
from utils import throttle
from utils.clock import SECOND, Clock
from utils.fixed import MONEY_SCALE

COUNTED = {"missing_bars": "bot_missing_bars_total", "reconcile_errors": "bot_reconcile_differences_total"}
"""Counts of the engine's day (`RuntimeState.health`) -> the counter that they add up in."""


class MetricsObserver:
    """Fills the table: counts as an observer of the runner, reads gauges from the state when asked (`sample`)."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, *, environment: str, version: str, feeds: Sequence[str] = ()) -> None:
        self.store = MetricStore(registry)
        self.evidence = EvidenceMetrics(self.store)
        self._clock = clock
        self._environment, self._version, self._feeds = environment, version, tuple(feeds)
        self._kinds: dict[type, tuple[Counter, Callable[[Any, int], None] | None]] = {}
        self._bars: dict[str, tuple[int, int]] = {}
        """Instrument key -> close time of its last bar (venue ms), when it was applied (monotonic ns)."""
        self._banned: set[str] = set()
        self._days: dict[tuple[str, str], int] = {}
        """(account, count of the engine's day) -> how much of it is in its counter."""
        self._causes: dict[str, set[str]] = {}
        """Account -> every cause that ever held it: one that is gone reads 0, it does not vanish."""
        self._seq = 0
        self._stage = 0
        self._taken_ns: int | None = None
        self._seen_ns = clock.monotonic_ns()
        self._beat()

    def attach(self, state: RuntimeState, bounds: Bounds = NO_BOUNDS) -> None:
        """Before the first event: what the day has counted is no news, stored verdicts stand, what may come to be counted reads 0."""
        begin_at_zero(self.store, state.accounts, bounds)
        for account in map(str, state.accounts):
            for name, counter in COUNTED.items():
                self.store.counter(counter, account)
                self._days[account, name] = state.health.get(account, {}).get(name, 0)
        for feed in self._feeds:
            self.store.counter("bot_feed_losses_total", feed)
        self.evidence.prime(state)

    def taken(self) -> None:
        """The runner has just taken a batch: the clock of the decision latency starts."""
        self._taken_ns = self._clock.monotonic_ns()

    @property
    def taken_ns(self) -> int | None:
        """When the newest batch was taken (monotonic); None before the first."""
        return self._taken_ns

    def __call__(self, seq: int, event: Event, commands: list[Command]) -> None:
        """Count what event `seq` was and led to; called after its commands have left."""
        now = self._seen_ns = self._clock.monotonic_ns()
        self._seq = seq
        counter, seen = self._kinds.get(type(event)) or self._kind(type(event))
        counter.inc()
        if seen is not None:
            seen(event, now)
        for command in commands:
            match command:
                case Record():
                    self._record(command)
                case Report(what="refused"):
                    self.store.counter("bot_refusals_total", command.account, command.rule).inc()
                case Report(what="order") if command.rule:
                    self.store.counter("bot_orders_ended_total", command.account, command.rule).inc()
                case Place(order):
                    self.store.counter("bot_orders_placed_total", str(order.intent.account), order.intent.strategy).inc()

    def _kind(self, kind: type) -> tuple[Counter, Callable[[Any, int], None] | None]:
        """What an event of this kind is counted in, and what else looks at it: looked up once, most have nothing else."""
        counter = self.store.counter("bot_events_total", str(kind.__struct_config__.tag))  # type: ignore[attr-defined]
        also: dict[type, Callable[[Any, int], None]] = {
            BarsClosed: self._bars_closed,
            OrderUnknown: self._order_unknown,
            OrderRejected: self._order_rejected,
            FeedDown: self._feed_down,
        }
        self._kinds[kind] = found = (counter, also.get(kind))
        return found

    def _bars_closed(self, event: BarsClosed, now: int) -> None:
        for candle in event.candles:
            self._bars[candle.key] = (event.ts, now)
        if self._taken_ns is not None and not event.late:
            self.store.histogram("bot_decision_latency_seconds").observe((now - self._taken_ns) / SECOND)

    def _order_unknown(self, event: OrderUnknown, _now: int) -> None:
        self.store.counter("bot_unknown_outcomes_total", str(event.account)).inc()

    def _order_rejected(self, event: OrderRejected, _now: int) -> None:
        self.store.counter("bot_order_rejects_total", str(event.account), event.kind or VENUES_NO).inc()

    def _feed_down(self, event: FeedDown, _now: int) -> None:
        self.store.counter("bot_feed_losses_total", event.feed).inc()

    def _record(self, record: Record) -> None:
        row = record.row
        if record.kind == "trade":
            outcome = "won" if float(row["pnl"]) > 0 else "lost"
            self.store.counter("bot_closed_trades_total", row["account"], row["strategy"], row["reason"], outcome).inc()
            self.store.histogram("bot_trade_result_ratio", row["account"], row["strategy"]).observe(row["r"])
            if "unprotected_s" in row:
                self.store.histogram("bot_unprotected_seconds", row["account"]).observe(row["unprotected_s"])
        elif record.kind == "fill":
            fee = float(fees_of(row))
            name = "bot_fees_quote_total" if fee >= 0 else "bot_rebates_quote_total"
            self.store.counter(name, row["account"]).inc(abs(fee))
        elif record.kind == "verdict":
            self.evidence.verdict(row)
        elif record.kind == "decision":
            self.evidence.decision(row)
        elif record.kind == "equity" and row.get("health") is not None:
            self._count_day(row["account"], row["health"])  # the day is over: what was counted since the last look, then from nothing
            for name in COUNTED:
                self._days.pop((row["account"], name), None)

    def _count_day(self, account: str, counts: Mapping[str, Any]) -> None:
        """Add to the counters by how much the counts of the day have grown."""
        for name, counter in COUNTED.items():
            total, known = int(counts.get(name, 0)), self._days.get((account, name), 0)
            self.store.counter(counter, account).inc(max(0, total - known))
            self._days[account, name] = total

    def order_leg(self, account: str, order: str, leg: str, seconds: float) -> None:
        """A live order has covered a leg of its way (`modules/exchange/order_times.py`)."""
        self.store.histogram("bot_order_latency_seconds", account, order, leg).observe(max(0.0, seconds))

    def _beat(self) -> None:
        self.store.set("bot_heartbeat_timestamp_seconds", self._clock.now_ms() / 1000)

    def lag(self, seconds: float) -> None:
        """The event loop woke a sleeper this late (`telemetry.loop_lag` measures it): it turns."""
        self._beat()
        self.store.histogram("bot_event_loop_lag_seconds").observe(max(0.0, seconds))

    def sample(self, state: RuntimeState, *, venue_ms: int, inbox_depth: int = 0, restarts: Mapping[str, int] | None = None) -> None:
        """Read every gauge from `state` as it is now; `venue_ms` is venue time by now, 0 when not known yet."""
        set_to = self.store.set
        if state.stage != self._stage:
            self._stage = state.stage
            about = {"environment": self._environment, "stage": str(state.stage), "version": self._version}
            self.store.tell("bot_info", about)
        set_to("bot_stage", state.stage)
        set_to("bot_journal_sequence", self._seq)
        set_to("bot_inbox_depth", inbox_depth)
        set_to("bot_venue_timestamp_seconds", venue_ms / 1000)
        now = self._clock.monotonic_ns()
        set_to("bot_last_event_age_seconds", (now - self._seen_ns) / SECOND)
        for feed in self._feeds:
            set_to("bot_feed_up", feed not in state.feeds_down, feed)
        for key, (close_ts, applied_ns) in self._bars.items():
            set_to("bot_last_bar_venue_age_seconds", max(0, venue_ms - close_ts) / 1000, key)
            set_to("bot_last_bar_transport_age_seconds", (now - applied_ns) / SECOND, key)
        for a in range(len(state.accounts)):
            self._sample_account(state, a)
        for task, count in (restarts or {}).items():
            self.store.grow("bot_task_restarts_total", count, task)
        for account, counts in state.health.items():
            self._count_day(account, counts)
        self.evidence.sample(state)

    def sample_throttle(self, figures: throttle.Figures) -> None:
        """Read the budgets of requests."""
        for urgency, count in figures.waiting.items():
            self.store.set("bot_throttle_waiting", count, urgency.name.lower())
        for urgency, seconds in figures.waited_s.items():
            self.store.grow("bot_throttle_waited_seconds_total", seconds, urgency.name.lower())
        for scope, left in figures.left.items():
            self.store.set("bot_throttle_left", left, scope)
        for scope in self._banned - figures.banned_s.keys():
            self.store.set("bot_throttle_banned_seconds", 0.0, scope)
        self._banned |= figures.banned_s.keys()
        for scope, seconds in figures.banned_s.items():
            self.store.set("bot_throttle_banned_seconds", seconds, scope)

    def sample_machine(self, folder: Path, *, running: int, outages: int, alive: int) -> None:
        """Read the disk of the state directory (NaN when nobody says), how many supervised tasks run and are out, how many tasks live."""
        try:
            disk = shutil.disk_usage(folder)
            size, free = float(disk.total), float(disk.free)
        except OSError:
            size = free = math.nan
        self.store.set("bot_disk_size_bytes", size)
        self.store.set("bot_disk_free_bytes", free)
        self.store.set("bot_supervised_tasks", running)
        self.store.set("bot_loop_tasks", alive)
        self.store.set("bot_task_outages", outages)

    def sample_owed(self, owed: Mapping[str, int]) -> None:
        """Read how many candles are still to be fetched: feed -> count; of the others none are."""
        for feed in dict.fromkeys([*self._feeds, *owed]):
            self.store.set("bot_owed_candles", owed.get(feed, 0), feed)

    def sample_cover(self, unprotected_ms: Mapping[str, int]) -> None:
        """Read for how long live positions have been without a confirmed stop: account -> the longest now."""
        for account, ms in unprotected_ms.items():
            self.store.set("bot_unprotected_now_seconds", ms / 1000, account)

    def sample_chat(self, *, up: bool, waiting: int, sent: int, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Read the operator's chat; `counts`: failures, dropped and strangers by label, each grown from the process's start."""
        self.store.set("bot_chat_up", up)
        self.store.set("bot_chat_waiting", waiting)
        self.store.grow("bot_chat_sent_total", sent)
        for name, found in counts.items():
            for label, count in found.items():
                self.store.grow(f"bot_chat_{name}_total", count, label)

    def sample_options(self, state: RuntimeState, figures: Figures, venue_ms: int) -> None:
        """Read the greeks of held options as `figures` prices them (NaN where nothing does), and the age of every pair's surface."""
        for i in np.flatnonzero(state.inst["option"]).tolist():
            labels = str(state.account_of(i)), state.instrument(i).symbol
            one = figures(state, i) if int(state.pos[i]["status"]) == OPEN else None
            told: tuple[float | str | None, ...] = (0.0,) * 4 if one is None else (one.delta, one.gamma, one.vega, one.theta_day)
            for name, value in zip(GREEKS, told, strict=True):
                self.store.set(name, math.nan if value is None else float(value), *labels)
        for pair, surface in state.surfaces.items():
            self.store.set("bot_surface_age_seconds", max(0, max(venue_ms, state.ts) - surface.ts) / 1000, pair)

    def sample_panel(self, wrong_logins: int) -> None:
        """Read how many log-ins to the panel had a wrong token since the process's start."""
        self.store.grow("bot_panel_wrong_logins_total", wrong_logins)

    def _sample_account(self, state: RuntimeState, a: int) -> None:
        account, acct = str(state.accounts[a]), state.acct[a]
        ours = state.inst["account"] == a
        pos, unit, rate = state.pos[ours], state.inst["unit"][ours], state.inst["rate_e9"][ours] / PAR_E9
        held = pos[pos["status"] == OPEN]
        # The formula of state.booking.gross_of, over all rows at once and as a float: a picture, never a limit.
        notional = (pos["mark"].astype(np.float64) * pos["steps"] + pos["reference"].astype(np.float64) * pos["working"]) * unit * rate
        gross = float(notional[pos["status"] != FLAT].sum())
        equity, peak = int(acct["equity"]), int(acct["peak"])
        working = sum(order.account == state.accounts[a] and not order.done for order in state.orders.values())
        values = {
            "bot_equity_quote": equity / MONEY_SCALE,
            "bot_balance_quote": int(acct["cash"]) / MONEY_SCALE,
            "bot_realised_pnl_quote": state.realised[a] / MONEY_SCALE,
            "bot_drawdown_ratio": max(0.0, 1.0 - equity / peak) if peak > 0 else 0.0,
            "bot_drawdown_level": int(acct["level"]),
            "bot_exposure_ratio": gross / equity if equity > 0 else 0.0,
            "bot_halted": account in state.halted,
            "bot_open_positions": len(held),
            "bot_working_orders": working,
            "bot_unprotected_positions": int(((held["stop"] <= 0) | (held["target"] <= 0)).sum()),
        }
        for name, value in values.items():
            self.store.set(name, value, account)
        causes = state.holds.get(account, {})
        for cause in self._causes.setdefault(account, set()) | causes.keys():
            self._causes[account].add(cause)
            self.store.set("bot_account_held", cause in causes, account, cause)

    def text(self) -> bytes:
        """The exposition format of everything in the registry, for /metrics."""
        return self.store.text()

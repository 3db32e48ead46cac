"""Every number that Prometheus may scrape, in one table, and the observer that fills it. It looks at the engine and never touches it.

Names bear the prefix `bot_` and a base unit (`_seconds`, `_ratio`, `_quote` for an account's own currency, `_total` for what only
grows); labels are bounded sets: an account, a symbol, a pair, a rule, never an order id. Counters start at nothing with the process,
as Prometheus expects; what lasts longer is in `status` and in the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from state.books import FLAT, OPEN, PAR_E9
from state.ledger import fees_of
from state.messages import BarsClosed, Command, Event, OrderUnknown, Place, Record, Report
from state.option_figures import Figures
from state.runtime import RuntimeState
from utils import throttle
from utils.clock import SECOND, Clock
from utils.fixed import MONEY_SCALE

RESULTS_R = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
"""Below zero Prometheus keeps no sum of a histogram (it could fall); the mean is in the ledger."""
LATENCIES_S = (25e-6, 50e-6, 100e-6, 150e-6, 300e-6, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
GAPS_S = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
GREEKS = ("bot_option_delta", "bot_option_gamma", "bot_option_vega", "bot_option_theta")
LAGS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class Kind(StrEnum):
    """What Prometheus calls the type of a metric."""

    INFO = "info"
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """One row of the table: its exported name, its help line, its labels, the bucket edges of a histogram."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_I, _G, _C, _H = Kind.INFO, Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
TABLE: tuple[Metric, ...] = (
    Metric("bot_info", _I, "What runs here: environment, stage, version."),
    Metric("bot_stage", _G, "Stage of the rollout, 1 to 5."),
    Metric("bot_equity_quote", _G, "Cash plus positions at their last mark.", ("account",)),
    Metric("bot_balance_quote", _G, "Cash.", ("account",)),
    Metric("bot_realised_pnl_quote", _G, "Net result of all closed trades of the wallet's sample.", ("account",)),
    Metric("bot_drawdown_ratio", _G, "Fall of equity below its peak, 0 to 1.", ("account",)),
    Metric("bot_exposure_ratio", _G, "Gross notional held or ordered, against equity.", ("account",)),
    Metric("bot_halted", _G, "1 while the account is halted until a person resumes it.", ("account",)),
    Metric("bot_open_positions", _G, "Positions held.", ("account",)),
    Metric("bot_working_orders", _G, "Orders sent and not yet ended.", ("account",)),
    Metric("bot_unprotected_positions", _G, "Positions without both a stop and a target; must be 0.", ("account",)),
    Metric("bot_closed_trades_total", _C, "Trades closed.", ("account", "strategy", "reason")),
    Metric("bot_trade_result_ratio", _H, "Net result of closed trades in R, the initial risk.", ("account", "strategy"), RESULTS_R),
    Metric("bot_unprotected_seconds", _H, "Transport time that a live trade stood without a confirmed stop.", ("account",), GAPS_S),
    Metric("bot_unprotected_now_seconds", _G, "How long the longest uncovered live position has been so; 0 = all covered.", ("account",)),
    Metric("bot_unknown_outcomes_total", _C, "Orders whose outcome the venue did not tell.", ("account",)),
    Metric("bot_account_held", _G, "1 while this cause keeps a live account from entering.", ("account", "cause")),
    Metric("bot_throttle_waiting", _G, "Requests that wait for their budget.", ("urgency",)),
    Metric("bot_throttle_waited_seconds_total", _C, "Time that requests have waited for their budget.", ("urgency",)),
    Metric("bot_throttle_left", _G, "Calls left in a budget's window.", ("scope",)),
    Metric("bot_throttle_banned_seconds", _G, "For how long the venue still refuses a scope.", ("scope",)),
    Metric("bot_fees_quote_total", _C, "Fees paid, those taken in the coin at the price of the fill.", ("account",)),
    Metric("bot_rebates_quote_total", _C, "Maker rebates received.", ("account",)),
    Metric("bot_refusals_total", _C, "Confirmed signals not followed.", ("account", "rule")),
    Metric("bot_orders_placed_total", _C, "Entries sent.", ("account", "strategy")),
    Metric("bot_orders_ended_total", _C, "Orders that ended cancelled or rejected.", ("account", "reason")),
    Metric("bot_events_total", _C, "Events applied by the engine.", ("type",)),
    Metric("bot_journal_sequence", _G, "Sequence number of the newest journal entry seen."),
    Metric("bot_inbox_depth", _G, "Events waiting for the engine."),
    Metric("bot_feed_up", _G, "1 while the market feed is up and whole.", ("feed",)),
    Metric("bot_last_event_age_seconds", _G, "Wall time since the engine's last event."),
    Metric("bot_last_bar_venue_age_seconds", _G, "Venue time since the close of the last bar.", ("symbol",)),
    Metric("bot_last_bar_transport_age_seconds", _G, "Wall time since the last bar was applied.", ("symbol",)),
    Metric("bot_venue_timestamp_seconds", _G, "Venue time by now, since 1970."),
    Metric("bot_decision_latency_seconds", _H, "From bars taken to their commands dispatched.", (), LATENCIES_S),
    Metric("bot_event_loop_lag_seconds", _H, "How late the event loop wakes a sleeper.", (), LAGS_S),
    Metric("bot_task_restarts_total", _C, "Restarts of supervised tasks.", ("task",)),
    Metric("bot_chat_up", _G, "1 while the operator's chat is connected."),
    Metric("bot_chat_waiting", _G, "Messages to the operator that are not delivered yet."),
    Metric("bot_chat_sent_total", _C, "Messages the chat has taken."),
    Metric("bot_chat_failures_total", _C, "Calls to the chat that failed.", ("reason",)),
    Metric("bot_chat_dropped_total", _C, "Messages to the operator that were left out.", ("urgency",)),
    Metric("bot_chat_strangers_total", _C, "Updates of people who may not speak to the bot.", ("reason",)),
    Metric("bot_option_delta", _G, "Delta of the option held, by its pair's convention, per unit; 0 while none is.", ("account", "pair")),
    Metric("bot_option_gamma", _G, "Change of its spot delta per 1.00 of spot.", ("account", "pair")),
    Metric("bot_option_vega", _G, "What the position gains in account currency per vol point.", ("account", "pair")),
    Metric("bot_option_theta", _G, "What the position gains (below 0: loses) in account currency in a day.", ("account", "pair")),
    Metric("bot_surface_age_seconds", _G, "Venue time since a pair's volatility surface was quoted.", ("pair",)),
    Metric("bot_panel_wrong_logins_total", _C, "Log-ins to the panel with a wrong token."),
)
"""Everything of ours under /metrics; add a row here. `process_*` and `python_info` come from the client library."""


class MetricsObserver:
    """Fills the table: counts as an observer of the runner, reads gauges from the state when asked (`sample`)."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, *, environment: str, version: str, feeds: Sequence[str] = ()) -> None:
        self._registry, self._clock = registry, clock
        self._environment, self._version, self._feeds = environment, version, tuple(feeds)
        self._info: dict[str, Info] = {}
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for row in TABLE:
            self._add(row)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._events: dict[type, Counter] = {}
        self._bars: dict[str, tuple[int, int]] = {}
        """Instrument key -> close time of its last bar (venue ms), when it was applied (monotonic ns)."""
        self._restarts: dict[str, int] = {}
        self._waited: dict[str, float] = {}
        self._banned: set[str] = set()
        self._grown: dict[tuple[str, ...], int] = {}
        self._causes: dict[str, set[str]] = {}
        """Account -> every cause that ever held it: one that is gone reads 0, it does not vanish."""
        self._seq = 0
        self._stage = 0
        self._taken_ns: int | None = None
        self._seen_ns = clock.monotonic_ns()

    def _add(self, row: Metric) -> None:
        match row.kind:
            case Kind.INFO:
                self._info[row.name] = Info(row.name.removesuffix("_info"), row.text, registry=self._registry)
            case Kind.GAUGE:
                self._gauges[row.name] = Gauge(row.name, row.text, row.labels, registry=self._registry)
            case Kind.COUNTER:
                self._counters[row.name] = Counter(row.name, row.text, row.labels, registry=self._registry)
            case Kind.HISTOGRAM:
                self._histograms[row.name] = Histogram(row.name, row.text, row.labels, registry=self._registry, buckets=row.buckets)

    def taken(self) -> None:
        """The runner has just taken a batch: the clock of the decision latency starts."""
        self._taken_ns = self._clock.monotonic_ns()

    def __call__(self, seq: int, event: Event, commands: list[Command]) -> None:
        """Count what event `seq` was and led to; called after its commands have left."""
        now = self._seen_ns = self._clock.monotonic_ns()
        self._seq = seq
        self._event_counter(type(event)).inc()
        if isinstance(event, OrderUnknown):
            self._counters["bot_unknown_outcomes_total"].labels(str(event.account)).inc()
        if isinstance(event, BarsClosed):
            for candle in event.candles:
                self._bars[candle.key] = (event.ts, now)
            if self._taken_ns is not None and not event.late:
                self._histograms["bot_decision_latency_seconds"].observe((now - self._taken_ns) / SECOND)
        for command in commands:
            match command:
                case Record():
                    self._record(command)
                case Report(what="refused"):
                    self._counters["bot_refusals_total"].labels(command.account, command.rule).inc()
                case Report(what="order") if command.rule:
                    self._counters["bot_orders_ended_total"].labels(command.account, command.rule).inc()
                case Place(order):
                    self._counters["bot_orders_placed_total"].labels(str(order.intent.account), order.intent.strategy).inc()

    def _event_counter(self, kind: type) -> Counter:
        found = self._events.get(kind)
        if found is None:
            found = self._events[kind] = self._counters["bot_events_total"].labels(str(kind.__struct_config__.tag))  # type: ignore[attr-defined]
        return found

    def _record(self, record: Record) -> None:
        row = record.row
        if record.kind == "trade":
            self._counters["bot_closed_trades_total"].labels(row["account"], row["strategy"], row["reason"]).inc()
            self._histograms["bot_trade_result_ratio"].labels(row["account"], row["strategy"]).observe(row["r"])
            if "unprotected_s" in row:
                self._histograms["bot_unprotected_seconds"].labels(row["account"]).observe(row["unprotected_s"])
        elif record.kind == "fill":
            fee = float(fees_of(row))
            name = "bot_fees_quote_total" if fee >= 0 else "bot_rebates_quote_total"
            self._counters[name].labels(row["account"]).inc(abs(fee))

    def lag(self, seconds: float) -> None:
        """The event loop woke a sleeper this late (`telemetry.loop_lag` measures it)."""
        self._histograms["bot_event_loop_lag_seconds"].observe(max(0.0, seconds))

    def sample(self, state: RuntimeState, *, venue_ms: int, inbox_depth: int = 0, restarts: Mapping[str, int] | None = None) -> None:
        """Read every gauge from `state` as it is now; `venue_ms` is venue time by now, 0 when not known yet."""
        set_to = self._set
        if state.stage != self._stage:
            self._stage = state.stage
            about = {"environment": self._environment, "stage": str(state.stage), "version": self._version}
            self._info["bot_info"].info(about)
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
            self._counters["bot_task_restarts_total"].labels(task).inc(max(0, count - self._restarts.get(task, 0)))
            self._restarts[task] = count

    def sample_throttle(self, figures: throttle.Figures) -> None:
        """Read the budgets of requests."""
        for urgency, count in figures.waiting.items():
            self._set("bot_throttle_waiting", count, urgency.name.lower())
        for urgency, seconds in figures.waited_s.items():
            name = urgency.name.lower()
            self._counters["bot_throttle_waited_seconds_total"].labels(name).inc(max(0.0, seconds - self._waited.get(name, 0.0)))
            self._waited[name] = seconds
        for scope, left in figures.left.items():
            self._set("bot_throttle_left", left, scope)
        for scope in self._banned - figures.banned_s.keys():
            self._set("bot_throttle_banned_seconds", 0.0, scope)
        self._banned |= figures.banned_s.keys()
        for scope, seconds in figures.banned_s.items():
            self._set("bot_throttle_banned_seconds", seconds, scope)

    def sample_cover(self, unprotected_ms: Mapping[str, int]) -> None:
        """Read for how long live positions have been without a confirmed stop: account -> the longest now."""
        for account, ms in unprotected_ms.items():
            self._set("bot_unprotected_now_seconds", ms / 1000, account)

    def sample_chat(self, *, up: bool, waiting: int, sent: int, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Read the operator's chat; `counts`: failures, dropped and strangers by label, each grown from the process's start."""
        self._set("bot_chat_up", up)
        self._set("bot_chat_waiting", waiting)
        self._grow("bot_chat_sent_total", sent)
        for name, found in counts.items():
            for label, count in found.items():
                self._grow(f"bot_chat_{name}_total", count, label)

    def sample_options(self, state: RuntimeState, figures: Figures, venue_ms: int) -> None:
        """Read the greeks of held options as `figures` prices them (NaN where nothing does), and the age of every pair's surface."""
        for i in np.flatnonzero(state.inst["option"]).tolist():
            labels = str(state.account_of(i)), state.instrument(i).symbol
            one = figures(state, i) if int(state.pos[i]["status"]) == OPEN else None
            told: tuple[float | str | None, ...] = (0.0,) * 4 if one is None else (one.delta, one.gamma, one.vega, one.theta_day)
            for name, value in zip(GREEKS, told, strict=True):
                self._set(name, math.nan if value is None else float(value), *labels)
        for pair, surface in state.surfaces.items():
            self._set("bot_surface_age_seconds", max(0, max(venue_ms, state.ts) - surface.ts) / 1000, pair)

    def sample_panel(self, wrong_logins: int) -> None:
        """Read how many log-ins to the panel had a wrong token since the process's start."""
        self._grow("bot_panel_wrong_logins_total", wrong_logins)

    def _grow(self, name: str, total: int, *labels: str) -> None:
        """Bring a counter to `total`, which somebody else has counted."""
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(max(0, total - self._grown.get((name, *labels), 0)))
        self._grown[(name, *labels)] = total

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
            "bot_exposure_ratio": gross / equity if equity > 0 else 0.0,
            "bot_halted": account in state.halted,
            "bot_open_positions": len(held),
            "bot_working_orders": working,
            "bot_unprotected_positions": int(((held["stop"] <= 0) | (held["target"] <= 0)).sum()),
        }
        for name, value in values.items():
            self._set(name, value, account)
        causes = state.holds.get(account, {})
        for cause in self._causes.setdefault(account, set()) | causes.keys():
            self._causes[account].add(cause)
            self._set("bot_account_held", cause in causes, account, cause)

    def _set(self, name: str, value: float, *labels: str) -> None:
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def text(self) -> bytes:
        """The exposition format of everything in the registry, for /metrics."""
        return generate_latest(self._registry)

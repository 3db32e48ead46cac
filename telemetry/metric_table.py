"""Every number of ours that Prometheus may scrape, in one table; docs/metrics.md is written from it.

Names bear the prefix `bot_` and a base unit (`_seconds`, `_bytes`, `_ratio`, `_quote` for an account's own currency, `_total` for what only
grows); labels are bounded sets: an account, a symbol, a pair, a rule, never an order id. A result in R is a ratio.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

RESULTS_R = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
"""Below zero Prometheus keeps no sum of a histogram (it could fall); the mean is in the ledger."""
LATENCIES_S = (25e-6, 50e-6, 100e-6, 150e-6, 300e-6, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
ORDERS_S = (1e-3, 3e-3, 0.01, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 10.0, 60.0)
GAPS_S = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
LAGS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
JOBS_S = (1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)
GREEKS = ("bot_option_delta", "bot_option_gamma", "bot_option_vega", "bot_option_theta")


class Kind(StrEnum):
    """What Prometheus calls the type of a metric."""

    INFO = "info"
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True):
    """One row of the table: its exported name, its help line, its labels, the bucket edges of a histogram.

    An info metric without labels has those that its text names; one with labels has the others that its text names beside them.
    """

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_I, _G, _C, _H = Kind.INFO, Kind.GAUGE, Kind.COUNTER, Kind.HISTOGRAM
TABLE: tuple[Metric, ...] = (
    Metric("bot_info", _I, "What runs here: environment, stage, version."),
    Metric("bot_stage", _G, "Stage of the rollout, 1 to 5."),
    # money and what is held
    Metric("bot_equity_quote", _G, "Cash plus positions at their last mark.", ("account",)),
    Metric("bot_balance_quote", _G, "Cash.", ("account",)),
    Metric("bot_realised_pnl_quote", _G, "Net result of all closed trades of the wallet's sample.", ("account",)),
    Metric("bot_drawdown_ratio", _G, "Fall of equity below its peak, 0 to 1.", ("account",)),
    Metric("bot_drawdown_level", _G, "Drawdown step in force: 0 none, 1 half size, 2 no entries, 3 halted.", ("account",)),
    Metric("bot_exposure_ratio", _G, "Gross notional held or ordered, against equity.", ("account",)),
    Metric("bot_halted", _G, "1 while the account is halted until a person resumes it.", ("account",)),
    Metric("bot_account_held", _G, "1 while this cause keeps a live account from entering.", ("account", "cause")),
    Metric("bot_open_positions", _G, "Positions held.", ("account",)),
    Metric("bot_working_orders", _G, "Orders sent and not yet ended.", ("account",)),
    Metric("bot_unprotected_positions", _G, "Positions without both a stop and a target; must be 0.", ("account",)),
    Metric("bot_unprotected_seconds", _H, "Transport time that a live trade stood without a confirmed stop.", ("account",), GAPS_S),
    Metric("bot_unprotected_now_seconds", _G, "How long the longest uncovered live position has been so; 0 = all covered.", ("account",)),
    Metric("bot_closed_trades_total", _C, "Trades closed, won (above 0 after fees) or lost.", ("account", "strategy", "reason", "outcome")),
    Metric("bot_trade_result_ratio", _H, "Net result of closed trades in R, the initial risk.", ("account", "strategy"), RESULTS_R),
    Metric("bot_fees_quote_total", _C, "Fees paid, those taken in the coin at the price of the fill.", ("account",)),
    Metric("bot_rebates_quote_total", _C, "Maker rebates received.", ("account",)),
    # orders
    Metric("bot_refusals_total", _C, "Confirmed signals not followed.", ("account", "rule")),
    Metric("bot_orders_placed_total", _C, "Entries sent.", ("account", "strategy")),
    Metric("bot_orders_ended_total", _C, "Orders that ended cancelled or rejected.", ("account", "reason")),
    Metric(
        "bot_order_latency_seconds",
        _H,
        "Transport time of a live order's legs: `sent` from its decision to its send, `acknowledged` from there to the venue's answer, "
        "`filled` from there to its first fill; `order` is entry or exit.",
        ("account", "order", "leg"),
        ORDERS_S,
    ),
    Metric(
        "bot_order_rejects_total",
        _C,
        "Orders refused, by class: the venue's no (`no_funds`, `below_minimum`, `bad_key`, `not_trading`, `bad_price`, `bad_grid`, else "
        "`venue`), or ours before it was sent (`unfit`, `barred`, `unsent`), `lost` where it never reached the venue.",
        ("account", "reason"),
    ),
    Metric("bot_unknown_outcomes_total", _C, "Orders whose outcome the venue did not tell.", ("account",)),
    Metric("bot_reconcile_differences_total", _C, "Times that the venue's figures and the book began to differ.", ("account",)),
    # requests
    Metric("bot_throttle_waiting", _G, "Requests that wait for their budget.", ("urgency",)),
    Metric("bot_throttle_waited_seconds_total", _C, "Time that requests have waited for their budget.", ("urgency",)),
    Metric("bot_throttle_left", _G, "Calls left in a budget's window.", ("scope",)),
    Metric("bot_throttle_banned_seconds", _G, "For how long the venue still refuses a scope.", ("scope",)),
    # market data
    Metric("bot_feed_up", _G, "1 while the market feed is up and whole.", ("feed",)),
    Metric("bot_feed_losses_total", _C, "Times that a market feed was lost.", ("feed",)),
    Metric("bot_owed_candles", _G, "Candles that the feed went past and that are still to be fetched.", ("feed",)),
    Metric("bot_missing_bars_total", _C, "Bars that the engine had to go on without.", ("account",)),
    Metric("bot_last_bar_venue_age_seconds", _G, "Venue time since the close of the last bar.", ("symbol",)),
    Metric("bot_last_bar_transport_age_seconds", _G, "Wall time since the last bar was applied.", ("symbol",)),
    Metric("bot_venue_timestamp_seconds", _G, "Venue time by now, since 1970."),
    Metric("bot_regime", _G, "Regime of a symbol: 0 unknown, 1 trend, 2 chop, 3 volatile.", ("symbol",)),
    # evidence and standing
    Metric("bot_kpi_value", _G, "Figure of the newest verdict; NaN where it is undefined.", ("account", "style", "kpi")),
    Metric("bot_kpi_bound", _G, "Its lower confidence bound, where it has one.", ("account", "style", "kpi")),
    Metric("bot_kpi_target", _G, "What the gate asks of it; NaN where that cannot be said.", ("account", "style", "kpi")),
    Metric("bot_kpi_met", _G, "1 met, 0 not met, NaN: it cannot be said.", ("account", "style", "kpi")),
    Metric("bot_gate_verdict", _G, "Newest verdict: 0 INSUFFICIENT, 1 FAIL, 2 PASS_1, 3 PASS.", ("account", "style")),
    Metric("bot_standing", _G, "Where a style stands: 0 paper, 1 canary, 2 live.", ("domain", "style")),
    Metric("bot_promotion_offered", _G, "1 while a promotion waits for a person.", ("domain", "style")),
    Metric("bot_demotions_total", _C, "Demotions of a style since its first day; a restart begins at what is stored.", ("domain", "style")),
    # learning
    Metric("bot_policy_info", _I, "Policy in force: version, level (0 static, 1 lcb_table, 2 sb3_dqn), challenger in shadow.", ("domain",)),
    Metric("bot_decisions_total", _C, "Confirmed candidates decided on.", ("account", "strategy")),
    Metric("bot_explored_decisions_total", _C, "Those of them that tried another exit profile.", ("account", "strategy")),
    Metric("bot_exploration_ratio", _G, "Share of decisions to explore, before the regime adds to it."),
    Metric("bot_drift_level", _G, "Drift in force: 0 none, 1 noted, 2 learning frozen and half size, 3 demoted.", ("domain",)),
    Metric("bot_training_seconds", _H, "Wall time of a training in the trainer's process.", ("domain",), JOBS_S),
    Metric("bot_trainings_total", _C, "Trainings by outcome: trained, refused, failed.", ("domain", "outcome")),
    Metric("bot_last_training_timestamp_seconds", _G, "Venue time of the last training that made a version; absent before.", ("domain",)),
    Metric("bot_sim_to_fill_gap_ratio", _G, "R by the fills less R by the simulator, mean of the newest 50 trades told.", ("domain",)),
    Metric("bot_calibration_error_ratio", _G, "R closed less R predicted by the policy, mean of the newest 50 of its trades.", ("domain",)),
    # the program
    Metric("bot_heartbeat_timestamp_seconds", _G, "Wall time at which the event loop last turned, since 1970."),
    Metric("bot_events_total", _C, "Events applied by the engine.", ("type",)),
    Metric("bot_journal_sequence", _G, "Sequence number of the newest journal entry seen."),
    Metric("bot_inbox_depth", _G, "Events waiting for the engine."),
    Metric("bot_last_event_age_seconds", _G, "Wall time since the engine's last event."),
    Metric("bot_decision_latency_seconds", _H, "From bars taken to their commands dispatched.", (), LATENCIES_S),
    Metric("bot_event_loop_lag_seconds", _H, "How late the event loop wakes a sleeper.", (), LAGS_S),
    Metric("bot_supervised_tasks", _G, "Supervised tasks that have not ended."),
    Metric("bot_loop_tasks", _G, "Tasks of the event loop that have not ended, supervised or not."),
    Metric("bot_task_outages", _G, "Supervised tasks that failed and have not recovered."),
    Metric("bot_task_restarts_total", _C, "Restarts of supervised tasks.", ("task",)),
    Metric("bot_disk_free_bytes", _G, "Free for us on the disk of the state directory."),
    Metric("bot_disk_size_bytes", _G, "Size of that disk."),
    # chat and panel
    Metric("bot_chat_up", _G, "1 while the operator's chat is connected."),
    Metric("bot_chat_waiting", _G, "Messages to the operator that are not delivered yet."),
    Metric("bot_chat_sent_total", _C, "Messages the chat has taken."),
    Metric("bot_chat_failures_total", _C, "Calls to the chat that failed.", ("reason",)),
    Metric("bot_chat_dropped_total", _C, "Messages to the operator that were left out.", ("urgency",)),
    Metric("bot_chat_strangers_total", _C, "Updates of people who may not speak to the bot.", ("reason",)),
    Metric("bot_panel_wrong_logins_total", _C, "Log-ins to the panel with a wrong token."),
    # options
    Metric("bot_option_delta", _G, "Delta of the option held, by its pair's convention, per unit; 0 while none is.", ("account", "pair")),
    Metric("bot_option_gamma", _G, "Change of its spot delta per 1.00 of spot.", ("account", "pair")),
    Metric("bot_option_vega", _G, "What the position gains in account currency per vol point.", ("account", "pair")),
    Metric("bot_option_theta", _G, "What the position gains (below 0: loses) in account currency in a day.", ("account", "pair")),
    Metric("bot_surface_age_seconds", _G, "Venue time since a pair's volatility surface was quoted.", ("pair",)),
)
"""Everything of ours under /metrics; add a row here. `process_*` and `python_info` come from the client library."""

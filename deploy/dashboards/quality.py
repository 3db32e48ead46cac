"""The pages about how well it is done: orders on their way to the venue and back, and what guards the money."""

from __future__ import annotations

from deploy.dashboards.grammar import BAD, GOOD, Page, Row
from deploy.dashboards.parts import (
    DRAWDOWN_STEPS,
    YES_IS_BAD,
    accounts_halted,
    alarm,
    counted,
    drawdown,
    drawdown_rules,
    exposure,
    halted,
    lines,
    quantiles,
    stat,
    states,
    unprotected,
)

EXECUTION = Page(
    "execution",
    "Trading bot: execution quality",
    "How fast and how surely orders are carried out.",
    (
        Row(
            "From a bar to a fill",
            (
                quantiles("Decision", "bot_decision_latency_seconds", "", "From bars taken to their commands dispatched.", width=6),
                quantiles(
                    "Sent",
                    'bot_order_latency_seconds{leg="sent"}',
                    "order",
                    "From the decision to its send, of a day.",
                    width=6,
                    at=(0.5, 0.95),
                    over="1d",
                ),
                quantiles(
                    "Acknowledged",
                    'bot_order_latency_seconds{leg="acknowledged"}',
                    "order",
                    "From the send to the venue's answer, of a day.",
                    width=6,
                    at=(0.5, 0.95),
                    over="1d",
                ),
                quantiles(
                    "Filled",
                    'bot_order_latency_seconds{leg="filled"}',
                    "order",
                    "From the send to the first fill, of a day; a resting order waits.",
                    width=6,
                    at=(0.5, 0.95),
                    over="1d",
                ),
                lines(
                    "Order legs, 95 of 100 faster",
                    "bot:order_latency_seconds:p95_15m",
                    "{{account}} {{order}} {{leg}}",
                    "s",
                    "Over a quarter of an hour, by account.",
                    width=24,
                    least=0,
                ),
            ),
        ),
        Row(
            "Protection",
            (
                quantiles(
                    "Without a confirmed stop",
                    "bot_unprotected_seconds",
                    "account",
                    "Of each live trade of a day, from its first fill.",
                    at=(0.5, 0.95),
                    over="1d",
                ),
                lines(
                    "Covered within, 99 of 100",
                    "bot:unprotected_seconds:p99_1d",
                    "{{account}}",
                    "s",
                    "Of the live trades of a day.",
                    steps=((None, GOOD), (2, BAD)),
                    least=0,
                ),
                lines(
                    "Uncovered now",
                    "bot_unprotected_now_seconds",
                    "{{account}}",
                    "s",
                    "The longest uncovered live position; the bot closes after 2 s.",
                    width=8,
                    steps=((None, GOOD), (2, BAD)),
                    least=0,
                ),
            ),
        ),
        Row(
            "What went otherwise",
            (
                counted("Orders ended unfilled", "bot_orders_ended_total", "account, reason", "Each hour: cancelled or rejected."),
                counted("Orders refused", "bot_order_rejects_total", "account, reason", "Each hour, by class."),
                counted("Outcomes not told", "bot_unknown_outcomes_total", "account", "Each hour; asked about until they are known."),
                counted(
                    "Differences found",
                    "bot_reconcile_differences_total",
                    "account",
                    "Each hour: the venue's figures and the book.",
                    width=12,
                ),
                lines("Working orders", "bot_working_orders", "{{account}}", "none", "Sent and not yet ended.", width=12, least=0),
            ),
        ),
        Row(
            "Costs",
            (
                counted("Fees", "bot_fees_quote_total", "account", "Paid each hour, in the account's currency.", unit="short", width=12),
                counted("Rebates", "bot_rebates_quote_total", "account", "Received each hour.", unit="short", width=12),
            ),
        ),
    ),
)

RISK = Page(
    "risk",
    "Trading bot: risk",
    "Falls, exposure, brakes, and why signals were not followed.",
    (
        Row(
            "Now",
            (
                stat(
                    "Deepest drawdown",
                    "max(bot_drawdown_ratio)",
                    "Of any account.",
                    unit="percentunit",
                    width=6,
                    steps=DRAWDOWN_STEPS,
                    decimals=1,
                ),
                unprotected("Without both a stop and a target.", width=6),
                accounts_halted(width=6),
                alarm(
                    "Accounts held",
                    "count(count by (account) (bot_account_held == 1)) or vector(0)",
                    "Live accounts that may not enter for a cause.",
                    width=6,
                ),
            ),
        ),
        Row(
            "Falls and exposure",
            (
                drawdown(width=12),
                exposure(width=12),
            ),
        ),
        Row(
            "Brakes",
            (
                drawdown_rules(width=8),
                halted(),
                states(
                    "Held, by cause",
                    "bot_account_held",
                    "{{account}} {{cause}}",
                    "Live accounts that may not enter; exits go on.",
                    words=YES_IS_BAD,
                ),
            ),
        ),
        Row(
            "Refusals",
            (
                counted("Signals not followed", "bot_refusals_total", "rule", "Each hour, by the rule that said no.", width=12),
                counted("Signals not followed, by account", "bot_refusals_total", "account", "Each hour.", width=12),
            ),
        ),
    ),
)

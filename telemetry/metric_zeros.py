"""What may come to be counted reads 0 from a start on: growth is seen between two scrapes, and the first event would be in neither.

Bounded sets alone: what an account may trade, how trades usually end, the rules, the classes of rejects. The rest appears with its first
event: a liquidation, a pair that is superseded, an alarm of the chat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import msgspec

from state.accounts import Account, Mode
from state.intents import ExitReason
from telemetry.metric_store import MetricStore

USUAL = (ExitReason.STOP, ExitReason.TRAIL, ExitReason.TARGET, ExitReason.MAX_HOLD, ExitReason.OPERATOR)
"""How trades end day by day."""
VENUES_NO = "venue"
"""Class of a reject for which the venue's own words are all there is."""
OUTCOMES = ("won", "lost")
ENDS = ("cancelled", "rejected")
ORDERS, LEGS = ("entry", "exit"), ("sent", "acknowledged", "filled")


class Bounds(msgspec.Struct, frozen=True):
    """The sets that only a running bot knows: strategies by account, rules that refuse, classes of rejects."""

    strategies: Mapping[Account, Iterable[str]] = {}
    rules: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()


NO_BOUNDS = Bounds()
"""Nothing is known of them."""


def begin_at_zero(store: MetricStore, accounts: Iterable[Account], bounds: Bounds) -> None:
    """Make every series of the bounded sets, without an event in it."""
    for account in accounts:
        name = str(account)
        for counter in ("bot_unknown_outcomes_total", "bot_fees_quote_total", "bot_rebates_quote_total"):
            store.counter(counter, name)
        for counter, words in (
            ("bot_orders_ended_total", ENDS),
            ("bot_order_rejects_total", [kind or VENUES_NO for kind in bounds.rejects]),
            ("bot_refusals_total", bounds.rules),
        ):
            for word in words:
                store.counter(counter, name, word)
        for strategy in bounds.strategies.get(account, ()):
            for counter in ("bot_orders_placed_total", "bot_decisions_total", "bot_explored_decisions_total"):
                store.counter(counter, name, strategy)
            store.histogram("bot_trade_result_ratio", name, strategy)
            for reason, outcome in product(USUAL, OUTCOMES):
                store.counter("bot_closed_trades_total", name, strategy, str(reason), outcome)
        if account.mode is Mode.LIVE:
            store.histogram("bot_unprotected_seconds", name)
            for order, leg in product(ORDERS, LEGS):
                store.histogram("bot_order_latency_seconds", name, order, leg)

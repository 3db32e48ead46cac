"""What is counted seldom stands at 0 before its first event, in bounded sets."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from state.accounts import Account, Domain, Mode
from telemetry.metric_store import MetricStore
from telemetry.metric_zeros import NO_BOUNDS, Bounds, begin_at_zero

PAPER, LIVE = Account(Domain.CRYPTO, Mode.PAPER), Account(Domain.CRYPTO, Mode.LIVE)


def begun(*accounts: Account, bounds: Bounds = NO_BOUNDS) -> CollectorRegistry:
    registry = CollectorRegistry()
    begin_at_zero(MetricStore(registry), accounts, bounds)
    return registry


def test_the_first_event_of_each_is_growth() -> None:
    found = begun(PAPER, LIVE, bounds=Bounds({LIVE: ("C1", "C2")}, ("cost_too_high",), ("", "no_funds")))
    live = {"account": "CRYPTO/LIVE"}
    for name, labels in (
        ("bot_closed_trades_total", {"strategy": "C2", "reason": "stop", "outcome": "lost"}),
        ("bot_closed_trades_total", {"strategy": "C1", "reason": "target", "outcome": "won"}),
        ("bot_trade_result_ratio_count", {"strategy": "C1"}),
        ("bot_orders_placed_total", {"strategy": "C1"}),
        ("bot_decisions_total", {"strategy": "C1"}),
        ("bot_refusals_total", {"rule": "cost_too_high"}),
        ("bot_order_rejects_total", {"reason": "venue"}),
        ("bot_order_rejects_total", {"reason": "no_funds"}),
        ("bot_orders_ended_total", {"reason": "cancelled"}),
        ("bot_fees_quote_total", {}),
        ("bot_unknown_outcomes_total", {}),
        ("bot_unprotected_seconds_count", {}),
        ("bot_order_latency_seconds_count", {"order": "exit", "leg": "filled"}),
    ):
        assert found.get_sample_value(name, live | labels) == 0, (name, labels)


def test_what_an_account_cannot_have_it_does_not_have() -> None:
    found = begun(PAPER, bounds=Bounds({LIVE: ("C1",)}, ("weekend",)))
    paper = {"account": "CRYPTO/PAPER"}
    assert found.get_sample_value("bot_refusals_total", paper | {"rule": "weekend"}) == 0
    assert found.get_sample_value("bot_unprotected_seconds_count", paper) is None
    assert found.get_sample_value("bot_orders_placed_total", paper | {"strategy": "C1"}) is None

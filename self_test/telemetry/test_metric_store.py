"""What the store does that the client library does not: totals of others, information that changes, names that are not in the table."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from telemetry.metric_store import MetricStore


def test_a_total_of_somebody_else_grows_and_one_that_began_anew_goes_on_from_there() -> None:
    registry = CollectorRegistry()
    store = MetricStore(registry)
    for total in (2, 5, 0, 1.5):
        store.grow("bot_task_restarts_total", total, "feed")
    assert registry.get_sample_value("bot_task_restarts_total", {"task": "feed"}) == 6.5


def test_information_says_the_newest_alone() -> None:
    registry = CollectorRegistry()
    store = MetricStore(registry)
    for stage in ("1", "2"):
        store.tell("bot_info", {"stage": stage})
    assert b'bot_info{stage="2"} 1.0' in store.text() and b'bot_info{stage="1"}' not in store.text()


def test_a_name_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        MetricStore(CollectorRegistry()).set("bot_made_up", 1.0)

"""With a value for every metric of the table every query of every page has an answer: no join or selector leaves a picture empty."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from deploy.dashboards.pages import PAGES
from self_test.deploy.watchers import filled, firing, found, needs_both, receiver, until, watching
from telemetry.metric_store import MetricStore
from telemetry.metric_table import TABLE, Kind

QUERIES = sorted({filled(query.expr) for page in PAGES for row in page.rows for panel in row.panels for query in panel.queries})
DOMAINS = ("CRYPTO", "PERPS", "FOREX", "OPTIONS")
VALUES = {
    "account": tuple(f"{domain}/LIVE" for domain in DOMAINS),
    "domain": DOMAINS,
    "symbol": tuple(f"{domain}:X" for domain in DOMAINS),
    "leg": ("sent", "acknowledged", "filled"),
}
"""Values of the labels by which something is chosen; any other label has one."""


def everything() -> bytes:
    """The exposition of a bot that has something to say of everything."""
    store = MetricStore(CollectorRegistry())
    for row in TABLE:
        for labels in itertools.product(*(VALUES.get(label, ("x",)) for label in row.labels)):
            match row.kind:
                case Kind.GAUGE:
                    store.set(row.name, 1.0, *labels)
                case Kind.COUNTER:
                    store.counter(row.name, *labels).inc()
                case Kind.HISTOGRAM:
                    store.histogram(row.name, *labels).observe(0.01)
                case Kind.INFO:
                    store.tell(row.name, {"version": "1"}, *labels)
    return store.text()


@needs_both
def test_every_query_has_an_answer(tmp_path: Path) -> None:
    with receiver(everything()) as post, watching(tmp_path, post.url, post) as prometheus:
        until("recorded twice", lambda: found(prometheus, "bot:order_latency_seconds:p95_15m"))
        until("an alert", lambda: "Halted" in firing(prometheus))
        assert [expr for expr in QUERIES if not found(prometheus, expr)] == []


def test_every_kind_of_metric_is_among_them() -> None:
    text = everything().decode()
    assert [row.name for row in TABLE if f"\n{row.name}" not in text] == []
    with pytest.raises(ValueError, match="label"):
        MetricStore(CollectorRegistry()).set("bot_halted", 1.0, "one", "too many")

"""Legs of orders over several lives: counts add up, a share is told by the bound of its bucket."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from modules.chaos.latencies import HISTOGRAM, Latencies


def life(*seconds: float, leg: str = "sent") -> str:
    registry = CollectorRegistry()
    Histogram("bot_other_seconds", "x", ("leg",), registry=registry).labels("sent").observe(9.0)
    made = Histogram(HISTOGRAM, "x", ("account", "leg"), buckets=(0.01, 0.1, 1.0), registry=registry)
    for n, one in enumerate(seconds):
        made.labels(f"A{n % 2}", leg).observe(one)
    return generate_latest(registry).decode()


def test_lives_add_up() -> None:
    found = Latencies()
    found.take(life(0.005, 0.005, 0.05))
    found.take(life(*[0.005] * 6, 0.5))
    found.take(life(leg="filled"))
    [(leg, one)] = found.legs().items()
    assert (leg, one.orders, one.median_s, one.p95_s) == ("sent", 10, 0.01, 1.0)
    assert one.mean_s == pytest.approx(0.059)


def test_what_lies_beyond_the_last_bound_has_none() -> None:
    found = Latencies()
    found.take(life(5.0, leg="filled"))
    assert math.isinf(found.legs()["filled"].median_s)


def test_nothing_is_known_of_no_life_and_nonsense_is_refused() -> None:
    assert Latencies().legs() == {}
    with pytest.raises(ValueError):
        Latencies().take("no exposition {")

"""How long the legs of live orders took, over all lives of a bot: from the histograms of its `/metrics`. Pure.

A histogram knows in which bucket a figure lies: a share of the orders took at most the upper bound of theirs. Legs: `sent` from the
decision to the send, `acknowledged` from there to the venue's answer, `filled` from there to the first fill; transport time.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec
from prometheus_client.parser import text_string_to_metric_families

HISTOGRAM = "bot_order_latency_seconds"


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a leg, seconds."""

    orders: int
    mean_s: float
    median_s: float
    """At most; infinite when it lies beyond the last bound."""
    p95_s: float


class Latencies:
    """Give it the exposition of each life, near its end."""

    def __init__(self) -> None:
        self._buckets: dict[str, Counter[float]] = defaultdict(Counter)
        self._sums: dict[str, float] = defaultdict(float)

    def take(self, exposition: str) -> None:
        """Add a life. ValueError when the text is no exposition."""
        for family in text_string_to_metric_families(exposition):
            if family.name != HISTOGRAM:
                continue
            for one in family.samples:
                leg = one.labels["leg"]
                if one.name.endswith("_bucket"):
                    self._buckets[leg][float(one.labels["le"])] += int(one.value)
                elif one.name.endswith("_sum"):
                    self._sums[leg] += one.value

    def legs(self) -> dict[str, Leg]:
        """Leg -> figures, of those that an order has gone through."""
        found = {}
        for leg, buckets in sorted(self._buckets.items()):
            orders = buckets[float("inf")]
            if orders:
                mean_s = round(self._sums[leg] / orders, 4)
                found[leg] = Leg(orders=orders, mean_s=mean_s, median_s=_bound(buckets, 0.5), p95_s=_bound(buckets, 0.95))
        return found


def _bound(buckets: Counter[float], share: float) -> float:
    """The lowest bound below which so many lie."""
    return min(bound for bound, count in buckets.items() if count >= share * buckets[float("inf")])

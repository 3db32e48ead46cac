"""The table as Prometheus metrics: registered once, filled by name."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from telemetry.metric_table import TABLE, Kind, Metric


class MetricStore:
    """Every metric of the table in one registry. KeyError for a name that the table does not have."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._info: dict[str, Info] = {}
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for row in TABLE:
            self._add(row)
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._grown: dict[tuple[str, ...], float] = {}

    def _add(self, row: Metric) -> None:
        match row.kind:
            case Kind.INFO:
                self._info[row.name] = Info(row.name.removesuffix("_info"), row.text, row.labels, registry=self._registry)
            case Kind.GAUGE:
                self._gauges[row.name] = Gauge(row.name, row.text, row.labels, registry=self._registry)
            case Kind.COUNTER:
                self._counters[row.name] = Counter(row.name, row.text, row.labels, registry=self._registry)
            case Kind.HISTOGRAM:
                self._histograms[row.name] = Histogram(row.name, row.text, row.labels, registry=self._registry, buckets=row.buckets)

    def set(self, name: str, value: float, *labels: str) -> None:
        """A gauge reads `value`."""
        gauge = self._gauges[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def counter(self, name: str, *labels: str) -> Counter:
        """A counter, for whoever counts often."""
        counter = self._counters[name]
        return counter.labels(*labels) if labels else counter

    def histogram(self, name: str, *labels: str) -> Histogram:
        """A histogram."""
        histogram = self._histograms[name]
        return histogram.labels(*labels) if labels else histogram

    def tell(self, name: str, words: Mapping[str, str], *labels: str) -> None:
        """An info metric says `words`, and nothing that it said before."""
        info = self._info[name]
        (info.labels(*labels) if labels else info).info(dict(words))

    def grow(self, name: str, total: float, *labels: str) -> None:
        """Bring a counter to `total`, which somebody else has counted; a smaller one than before began anew."""
        key = (name, *labels)
        self.counter(name, *labels).inc(max(0.0, total - self._grown.get(key, 0.0)))
        self._grown[key] = total

    def text(self) -> bytes:
        """The exposition format of everything in the registry."""
        return generate_latest(self._registry)

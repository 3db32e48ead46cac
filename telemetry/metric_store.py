"""The table as Prometheus metrics: registered once, filled by name."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from telemetry.metric_table import TABLE, Kind, Metric


class MetricStore:
    """Every metric of the table in one registry. KeyError for a name that the table does not have."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside every counter, which nobody asks for
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
        self._set: dict[tuple[str, ...], Gauge] = {}
        self._counted: dict[tuple[str, ...], Counter] = {}
        self._observed: dict[tuple[str, ...], Histogram] = {}
        """Name and labels -> the one series: looked up once, because the library's own look-up takes a lock."""

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
        found = self._set.get((name, *labels))
        if found is None:
            found = self._set[name, *labels] = self._gauges[name].labels(*labels) if labels else self._gauges[name]
        found.set(value)

    def counter(self, name: str, *labels: str) -> Counter:
        """A counter, to be increased."""
        found = self._counted.get((name, *labels))
        if found is None:
            found = self._counted[name, *labels] = self._counters[name].labels(*labels) if labels else self._counters[name]
        return found

    def histogram(self, name: str, *labels: str) -> Histogram:
        """A histogram, to be told a value."""
        found = self._observed.get((name, *labels))
        if found is None:
            found = self._observed[name, *labels] = self._histograms[name].labels(*labels) if labels else self._histograms[name]
        return found

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

"""Everything that is watched for drift in one domain: streams, shapes and trades in, alarms out. A function of what it is told.

Feature streams are means over the domain's symbols, one value a primary bar. Losing beyond doubt is judged as in a demotion
(`telemetry/demotion.py`): drawdown in R, and the upper bound of the mean R of the last trades.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from state.drift import NOTE
from strategy.drift_levels import DAY_MS, WINDOW_MS, Alarm, Source, Votes, level_of, words
from strategy.drift_shape import ALONE, NEW_DAYS, VOTE, Beyond, Shapes, ShapeState
from strategy.drift_streams import ADWIN_DELTA, Family, Firing, Stream
from telemetry.demotion import DemotionConfig
from telemetry.stats_evidence import rolling_mean_r_ucb
from telemetry.stats_ratios import max_drawdown_r

BAR_STREAMS: tuple[str, ...] = ("ret_1", "ema50", "efficiency")
"""Features that are near enough to independent once they are whitened; measured in docs/drift.md, with those that are not."""
BAR_WARMUP = 1_920
"""Primary bars that say what is normal: 20 days of 15m."""
TRADE_WARMUP = 50
TRADE_WINDOW_MS = 30 * DAY_MS
"""Votes on trades count together for so long: there are few of them."""
TRADE_SOURCES = (Source.CALIBRATION, Source.GAP, Source.SLIPPAGE)
DOMAIN_DELTA = 0.002
"""Chance of a false alarm that all of ADWIN's streams of a domain share; each gets its part, at most `ADWIN_DELTA`."""
_PARTS = 2 * len(BAR_STREAMS) + len(TRADE_SOURCES)
DELTA = min(ADWIN_DELTA, DOMAIN_DELTA / _PARTS)
TRADES = 1_000
"""Trades of the policy that are remembered."""


class DomainState(msgspec.Struct, frozen=True):
    """A `DomainDrift` as numbers: the values of each stream since it began, votes, shapes, trades (ts, R)."""

    streams: dict[str, list[tuple[int, float]]]
    votes: dict[str, list[tuple[int, str]]]
    shapes: ShapeState
    trades: list[tuple[int, float]]
    bar_ts: int = 0
    shape_ts: int = 0


class DomainDrift:
    """One domain. Values are taken in order of time; they are rounded by whoever stores them, before."""

    def __init__(self, demotion: DemotionConfig, state: DomainState | None = None) -> None:
        self._demotion = demotion
        self.streams = {name: Stream(name, warmup=BAR_WARMUP, whiten=True, squares=True, delta=DELTA) for name in BAR_STREAMS}
        for source in TRADE_SOURCES:
            self.streams[source] = Stream(source, warmup=TRADE_WARMUP, whiten=False, squares=False, delta=DELTA)
        self._votes = {name: Votes(WINDOW_MS if name in BAR_STREAMS else TRADE_WINDOW_MS) for name in self.streams}
        self._shapes = Shapes(None if state is None else state.shapes)
        self._trades: list[tuple[int, float]] = []
        self.bar_ts = 0
        """Close of the newest bar taken."""
        self._shape_ts = 0
        if state is not None:
            self._restore(state)

    def _restore(self, state: DomainState) -> None:
        for name, values in state.streams.items():
            if name in self.streams:
                for ts, value in values:
                    self.streams[name].add(ts, value)
                self._votes[name].seen = [(ts, Family(family)) for ts, family in state.votes.get(name, [])]
        self._trades, self.bar_ts, self._shape_ts = list(state.trades), state.bar_ts, state.shape_ts

    def state(self) -> DomainState:
        """As numbers: a `DomainDrift` made of it goes on as this one."""
        return DomainState(
            streams={name: list(stream.values) for name, stream in self.streams.items()},
            votes={name: [(ts, str(family)) for ts, family in votes.seen] for name, votes in self._votes.items()},
            shapes=self._shapes.state(),
            trades=list(self._trades),
            bar_ts=self.bar_ts,
            shape_ts=self._shape_ts,
        )

    def bar(self, ts: int, values: Sequence[float], cells: Sequence[Sequence[int]]) -> list[Alarm]:
        """A primary bar that closed at `ts`: a value of each of `BAR_STREAMS`, and the cells of each symbol that was seen."""
        if ts <= self.bar_ts:
            return []
        self.bar_ts = ts
        found: list[Alarm] = []
        for each in cells:
            found += self._shape(ts, self._shapes.add(ts // DAY_MS, each))
        for name, value in zip(BAR_STREAMS, values, strict=True):
            found += self._judge(Source.FEATURES, name, self.streams[name].add(ts, value))
        return found

    def value(self, source: Source, ts: int, value: float) -> list[Alarm]:
        """A value of one of `TRADE_SOURCES`, in R."""
        return self._judge(source, source, self.streams[source].add(ts, value))

    def trade(self, ts: int, r: float) -> list[Alarm]:
        """A closed trade of the policy: whether it has lost beyond what it may. After an alarm its record begins anew."""
        self._trades = [*self._trades, (ts, r)][-TRADES:]
        record = [one for _, one in self._trades]
        limits = self._demotion
        fallen = max_drawdown_r(r_multiples=record) or 0.0
        upper = rolling_mean_r_ucb(r_multiples=record, window=limits.window, confidence=limits.confidence)
        if fallen > limits.canary_r:
            reason = f"drawdown of {fallen:.1f} R over {len(record)} trades, more than {limits.canary_r:g} R"
        elif upper is not None and upper < 0.0:
            reason = f"the last {limits.window} trades lose: mean R at most {upper:+.3f} with {limits.confidence:.0%} confidence"
        else:
            return []
        self._trades = []
        return [Alarm(ts=ts, level=level_of(Source.POLICY, 0.0), stream=str(Source.POLICY), reason=reason)]

    def _judge(self, source: Source, name: str, firings: list[Firing]) -> list[Alarm]:
        for firing in firings:
            families = self._votes[name].add(firing)
            if families:
                self.streams[name].restart()  # what comes now is the new normal
                level = level_of(source, firing.shift)
                unit = "" if source is Source.FEATURES else " R"
                what = "spread" if firing.part == "variance" else "mean"
                reason = f"{name}: its {what} has changed ({words(families)}), newest mean {firing.shift:+.3f}{unit} off the earlier one"
                return [Alarm(ts=firing.ts, level=level, stream=name, reason=reason)]
        return []

    def _shape(self, ts: int, beyond: list[Beyond]) -> list[Alarm]:
        """Shapes beyond their limits: a vote on every feature stream, or an alarm where they are many."""
        told = ", ".join(str(one) for one in beyond)
        if len(beyond) >= ALONE and ts - self._shape_ts >= NEW_DAYS * DAY_MS:  # the same days again are no news
            self._shape_ts = ts
            return [Alarm(ts=ts, level=NOTE, stream=str(Source.FEATURES), reason=f"{len(beyond)} features have another shape: {told}")]
        if len(beyond) >= VOTE:
            for name in BAR_STREAMS:
                alarms = self._judge(Source.FEATURES, name, [Firing(ts, name, Family.PSI)])
                if alarms:
                    return [msgspec.structs.replace(alarms[0], reason=f"{alarms[0].reason}; shapes: {told}")]
        return []

"""What looks on beside the engine and tells it by events: drift watch, learning task, the sources of mood and volatility surfaces."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp

from modules.data.sentiment import BACKING_OFF, SentimentTask, source_of
from modules.data.surfaces import SurfaceSource, SurfaceWatch
from modules.engine.core import Engine
from modules.engine.explore import base_rate
from modules.engine.policies import missing
from modules.learning.candles import CandleStore, Place
from modules.learning.child import Child
from modules.learning.drift_watch import DriftWatch
from modules.learning.gap_stream import GapStream
from modules.learning.trainer import Trainer
from modules.settings import BotConfig
from state.accounts import Domain
from state.ledger import Ledger
from state.market import Quote
from state.messages import Command, Control, Event
from strategy.drift_levels import Source
from strategy.sentiment import OFF
from telemetry.metric_evidence import EvidenceMetrics
from utils.clock import Clock
from utils.supervise import EXPENDABLE, Policy

Job = tuple[str, Callable[[], Coroutine[Any, Any, None]], Policy]


class WatchFloor:
    """All of them, for one run."""

    def __init__(
        self,
        config: BotConfig,
        folder: Path,
        engine: Engine,
        ledger: Ledger,
        session: aiohttp.ClientSession,
        clock: Clock,
        venue_now: Callable[[], int],
        put: Callable[[Event], None],
        surfaces: SurfaceSource | None = None,
        metrics: EvidenceMetrics | None = None,
    ) -> None:
        """The ledger's rows are read once, for those that the drift watch was not told of before the last stop.

        `surfaces`: where volatility surfaces come from, None: from nowhere. `metrics`: told of every training.
        """
        self.drift = DriftWatch(engine, folder, put, ledger.rows())
        domains = {str(one.domain) for one in engine.state.instruments}
        mine = tuple(str(one) for one in config.sentiment.domains if str(one) in domains)
        source = source_of(config.sentiment, session)
        self._mood = SentimentTask(source, mine, config.sentiment.every_s, clock, venue_now, put)
        self._felt = config.sentiment.source != OFF
        self._engine = engine
        self._metrics = metrics
        state = engine.state
        self._source, self._surfaces = surfaces, SurfaceWatch(surfaces, state, clock, venue_now, put)
        self._candles = CandleStore(folder, {one: state.bar_ms(m) for m, one in enumerate(state.instruments)})
        place = Place(folder=str(folder), instruments=state.instruments, config=config.model_dump_json())
        self.trainer = Trainer(
            folder,
            config.learning,
            state,
            clock,
            put,
            lambda: missing(state, engine.mandate.policies),
            Child(lambda: place),
            self._candles,
            tuple(
                dict.fromkeys(one.domain for one in state.instruments if one.domain is not Domain.OPTIONS)
            ),  # a model's prices teach nothing
            GapStream(self.drift),
            self._trained,
        )

    def observe(self, seq: int, event: Event, commands: list[Command]) -> None:
        """An observer of the runner."""
        self.drift.observe(seq, event, commands)
        self._candles.observe(seq, event, commands)

    def _trained(self, domain: Domain, outcome: str, seconds: float, ts: int) -> None:
        if self._metrics is not None:
            self._metrics.trained(str(domain), outcome, seconds, ts)

    def sample(self, metrics: EvidenceMetrics) -> None:
        """Read how much is explored, when something was trained last, how fills and predictions came."""
        gaps, errors = self.drift.mean(Source.GAP), self.drift.mean(Source.CALIBRATION)
        metrics.sample_learning(base_rate(self._engine.state, self._engine.mandate), gaps, errors)
        for domain, plan in self.trainer.plans.items():
            metrics.trained_at(str(domain), plan.last_train_ts)

    @property
    def notes(self) -> list[str]:
        """What is to be said at a start."""
        return self._surfaces.notes

    def on_quote(self, quote: Quote) -> None:
        """A touch moved: what was quoted of a pair's volatilities by its time is told."""
        self._surfaces.on_quote(quote)

    def events(self) -> list[Event]:
        """What the engine is to be told at the boot."""
        state = self._engine.state
        left = [] if self._felt else list(state.sentiment)
        off = {"milli": "0", "at": "0", "source": OFF}
        return [*self.drift.events(), *(Control(state.ts, "sentiment", {"domain": domain, **off}, "start") for domain in left)]

    def jobs(self) -> list[Job]:
        """The tasks, with their policies; without a source of mood, or of surfaces, there is none for it."""
        mood: list[Job] = [("sentiment", self._mood.run, BACKING_OFF)] if self._felt else []
        surfaces: list[Job] = [] if self._source is None else [("surfaces", self._surfaces.run, EXPENDABLE)]
        return [("learning", self.trainer.run, EXPENDABLE), *surfaces, *mood]

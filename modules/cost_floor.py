"""The costs of a run: what is in force at the start, what is measured meanwhile, and the next version when its time has come.

A figure that trading reads changes by a journalled event alone (`modules/engine/costs.py`), at the boot and after a calibration. The work
(reading the ledger, fitting, writing `costs.json`) is done in a thread; nothing that trades waits for it, and it may fail for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import msgspec
import structlog

from modules.cost_samples import book_samples, keep_book_samples, live_samples
from modules.cost_store import NAME, CostBook, load_book, save_book
from modules.engine.core import Engine
from modules.engine.costs import cost_event
from modules.engine.inbox import Inbox
from modules.environment import Environment
from modules.exchange.book_samples import BookSampler
from modules.options import RunOptions
from modules.settings import BotConfig
from risk.cost_fit import WEEK_MS, calibrate
from risk.cost_model import CostModel, Sample, Source
from state.accounts import Domain, Mode
from state.ledger import RowKind, read_ledger
from state.market import Quote
from state.messages import Command, Event
from utils.clock import Clock
from utils.errors import Rejected, Transient

log = structlog.get_logger("costs")
FIRST_S, EVERY_S = 5.0, 600.0
"""When it first looks whether something is due, and how often after that (wall time; what is due goes by venue time)."""

Fees = Mapping[str, tuple[int, int]]
"""Instrument key -> (taker, maker) in ppm."""
AskFees = Callable[[], Awaitable[Fees]]


class CostFloor:
    """Costs of every pair of a run; `ask_fees` reads the live accounts' rates at their venue."""

    def __init__(
        self,
        options: RunOptions,
        config: BotConfig,
        engine: Engine,
        inbox: Inbox,
        clock: Clock,
        venue_now: Callable[[], int],
        ask_fees: AskFees,
    ) -> None:
        """In the simulated environment what is new counts from the next start on, so that a run in lockstep can be repeated."""
        self._at_once = options.env is not Environment.SIMULATED
        self._folder, self._engine, self._inbox, self._clock = options.folder, engine, inbox, clock
        self._venue_now, self._ask_fees = venue_now, ask_fees
        self.book, warning = load_book(options.folder)
        if warning:
            log.warning(warning)
        self._walked: list[Sample] = []
        self._sampler = BookSampler(engine.state, engine.mandate, config.paper.latency_ms, self._walked.append)

    def observe(self, seq: int, event: Event, commands: list[Command]) -> None:
        """An observer of the runner."""
        self._sampler.observe(seq, event, commands)

    def on_quote(self, quote: Quote) -> None:
        """A touch moved."""
        self._sampler.on_quote(quote)

    def events(self) -> list[Event]:
        """What is in force, for the boot."""
        return [*cost_event(self._mine(self.book), self._engine.state.ts, NAME)]

    async def run(self) -> None:
        """For ever: ask for the fees, calibrate what is due, tell the engine. OSError when the disk refuses; then it is tried again."""
        try:
            await self._clock.sleep(FIRST_S)
            while True:
                await self.step()
                await self._clock.sleep(EVERY_S)
        finally:
            keep_book_samples(self._folder, self._walked)
            self._walked.clear()

    async def step(self) -> None:
        """One look at everything."""
        try:
            fees = await self._ask_fees()
        except (Transient, Rejected) as error:
            log.info("fee rates were not told", error=str(error))
            fees = {}
        walked = self._walked.copy()
        self._walked.clear()
        ts = max(self._engine.state.ts, self._venue_now())
        sources, alarms = self._sources(), self._alarms()
        book = await asyncio.to_thread(self._work, walked, fees, sources, ts, alarms)
        if book == self.book:
            return
        changed = [model for model in self._mine(book) if model != self.book.models.get(model.key)]
        self.book = book
        if not self._at_once:
            return
        for event in cost_event(changed, max(self._engine.state.ts, self._venue_now()), "calibration"):
            self._inbox.put(event)

    def _work(self, walked: list[Sample], fees: Fees, sources: Mapping[str, Source], ts: int, alarms: Mapping[str, int]) -> CostBook:
        """In a thread: everything that touches the disk or takes time."""
        keep_book_samples(self._folder, walked)
        samples = book_samples(self._folder)
        if Source.LIVE in sources.values():
            samples |= {key: [] for key, source in sources.items() if source is Source.LIVE}
            samples |= live_samples(read_ledger(self._folder / "ledger", RowKind.FILL))
        book = next_book(self.book, samples, sources, fees, ts, alarms)
        if book != self.book:
            save_book(self._folder, book)
        return book

    def _sources(self) -> dict[str, Source]:
        """Pairs that trade live go by their fills alone, the others by the book; options by nothing, a model quotes them."""
        state = self._engine.state
        live = state.seats_in(Mode.LIVE)
        measured = (one.key for one in state.instruments if one.domain is not Domain.OPTIONS)
        return {key: Source.LIVE if key in live else Source.BOOK for key in measured}

    def _alarms(self) -> dict[str, int]:
        """Pair -> when executions of its domain were last found to cost another than they did (ms UTC)."""
        state = self._engine.state
        drifts = {one.key: state.drift.get(str(one.domain)) for one in state.instruments}
        return {key: drift.costs_ts for key, drift in drifts.items() if drift is not None}

    def _mine(self, book: CostBook) -> list[CostModel]:
        return [model for key, model in book.models.items() if key in self._engine.state.index]


def next_book(
    book: CostBook,
    samples: Mapping[str, list[Sample]],
    sources: Mapping[str, Source],
    fees: Fees,
    ts: int,
    alarms: Mapping[str, int] = MappingProxyType({}),
) -> CostBook:
    """The book after what is due at `ts` was calibrated and `fees` were noted; `alarms` of drift, by pair, hasten what is due."""
    for key, source in sources.items():
        model = book.model(key)
        if key in fees and ((model.taker_ppm, model.maker_ppm) != fees[key] or ts - model.fee_ts >= WEEK_MS):
            model = msgspec.structs.replace(model, taker_ppm=fees[key][0], maker_ppm=fees[key][1], fee_ts=ts)
        verdict = calibrate(model, samples.get(key, []), source, ts, alarms.get(key, 0))
        if verdict.changed:
            log.info("costs calibrated", pair=key, version=verdict.model.version, why=verdict.reason)
        if verdict.model != book.model(key):
            book = book.with_model(verdict.model)
    return book

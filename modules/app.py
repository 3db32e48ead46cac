"""The composition root of the daemon: build everything, run it in one task group, stop it in stages.

Everything is wired here by hand, on one screen: who feeds whom, which task may fail, and in what order things end.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

import aiohttp
import msgspec
from prometheus_client import CollectorRegistry

from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE, BybitRest
from modules.accounts import Lineup, keys_at_start, line_up
from modules.beginning import Foundation, begin
from modules.boot import never_tradable
from modules.broker import Broker, find_broker
from modules.cost_floor import CostFloor
from modules.data.backfill_queue import BackfillQueue
from modules.data.lockstep import Lockstep
from modules.data.surfaces import surfaces_here
from modules.data.together import together
from modules.engine.core import Engine
from modules.engine.desk import FEEDS, chosen_strategies
from modules.engine.inbox import Inbox
from modules.engine.migrations import open_chain
from modules.engine.runner import Observer, Runner
from modules.environment import PRIVATE_HOSTS, Environment
from modules.exchange.order_times import OrderTimes
from modules.exposition import bounds, exposition
from modules.face_floor import FaceFloor
from modules.fulfil import Building
from modules.health import Health
from modules.introduction import Pace, facts
from modules.latch import latched
from modules.live_floor import LiveFloor
from modules.loading import load_what_is_used
from modules.marketplace import MarketPlace, find_market, unreachable
from modules.opening import first_events
from modules.options import RunOptions, check, http_address, notices
from modules.paper_floor import PaperFloor
from modules.readiness import DAEMON_FILE, Readiness, announce
from modules.schedule import scheduled
from modules.settings import BotConfig
from modules.stage_request import note_earned, remember, remembered
from modules.state_place import LAST_ENV
from modules.stopping import catch_signals, stop_steps
from modules.ui.console import ConsoleObserver
from modules.version import VERSION
from modules.watch_floor import WatchFloor
from state.accounts import OF_PAIRS, Account, Domain
from state.chain import Chain
from state.instruments import Instrument
from state.messages import Command
from state.stages import STAGES, Cell
from telemetry.loop_lag import measure_lag
from telemetry.metrics import MetricsObserver
from telemetry.server import Answers, Ask, Server
from telemetry.status import status_of
from utils.clock import SECOND, Clock
from utils.errors import ExitCode, Refusal, Rejected, Transient
from utils.files import atomic_write, ensure_writable
from utils.frames import FrameError
from utils.heap import loaded, settle
from utils.spent import Spent
from utils.supervise import EXPENDABLE, FATAL, RESTART, Policy, Supervisor, unless
from utils.throttle import Throttle

FEED = Policy(restart_on=(Transient, Rejected))
"""A topic that the venue refuses (a delisted symbol) keeps the feed down and is asked for again; it must not end the bot."""
CHECKPOINT_S = 60.0
CONSOLE_S = 0.25
CONTROL_SOCKET = "control.sock"
ASKED = "asked"
"""What was asked of the venue's address in the last seconds, by this life and the one before."""


async def _nobody(_ask: Ask) -> None:
    raise Refusal("the bot is starting; ask again")


class Daemon:
    """One run: what was built, and the steps of its life."""

    def __init__(self, options: RunOptions, config: BotConfig, console: ConsoleObserver, clock: Clock, *, later: bool = False) -> None:
        """`later`: the process has lived before, and its simulator goes on."""
        self.later = later
        self.next: RunOptions | None = None
        """Another life that was asked for."""
        self.options, self.config, self.console, self.clock = options, config, console, clock
        self.rng = random.Random()  # jitter only; nothing that decides draws from it
        self.domains = check(options, remembered(options.folder).earned)
        self.chosen = chosen_strategies(options.strategies)
        self.inbox = Inbox()
        self.stopping = asyncio.Event()
        self.market: MarketPlace
        self.lockstep: Lockstep | None = None
        self.rest: BybitRest
        self.session: aiohttp.ClientSession
        self.chain: Chain
        self.engine: Engine
        self.runner: Runner
        self.faces: FaceFloor
        self.floor: PaperFloor
        self.lineup: Lineup
        self.live: LiveFloor
        feeds = list(dict.fromkeys(FEEDS[domain] for domain in self.domains))
        self.metrics = MetricsObserver(CollectorRegistry(), clock, environment=str(options.env), version=VERSION, feeds=feeds)
        self.server: Server
        self.tasks = Supervisor(clock, self.rng)
        self.resumed, self.born, self.ready_ns = False, False, 0
        self.broker: Broker | None = None

    # --- building -----------------------------------------------------------------------------------------------------------------

    async def run(self) -> ExitCode:
        """From the first look at the directory (the caller has its lock) to the summary. Asked to stop while starting it ends at once."""
        folder = self.options.folder
        ensure_writable(folder)
        async with AsyncExitStack() as stack:
            (folder / DAEMON_FILE).unlink(missing_ok=True)  # of one that was killed
            catch_signals(self)
            stack.push_async_exit(self._unborn)
            if not await unless(self.stopping, self._start_up(stack), "start-up"):
                self.console.say("asked to stop while starting: nothing was traded")
                return ExitCode.DONE
            self.born = True
            loaded()
            self._remember()
            await self._live()
        return ExitCode.DONE

    def _remember(self) -> None:
        """What the next start and the other commands go by when nothing is said."""
        options = self.options
        atomic_write(options.state_dir / LAST_ENV, str(options.env).encode())
        last = remembered(options.folder)
        digits, override = options.real_money if self.lineup.live else None, options.override_gates
        matched, profile = self.live.matched, options.profile
        remember(options.folder, last, options.stage, override=override, real_money=digits, profile=profile, accounts=matched)

    async def _start_up(self, stack: AsyncExitStack) -> None:
        """Everything before the first event; Refusal for a market that does not answer, or says no."""
        await self._try_port()
        self.session = await stack.enter_async_context(aiohttp.ClientSession())
        self.chain = open_chain(self.options.folder)
        stack.callback(self.chain.close)
        # The simulator starts in its own process while kernels and client load here.
        await together([self._find_market(), self._warm()])
        self.throttle = throttle = Throttle({IP_SCOPE: IP_LIMIT}, self.clock)
        throttle.remember(IP_SCOPE, Spent(self.options.folder / ASKED))
        self.rest = BybitRest(self.session, self.market.hosts.http, throttle, self.clock, self.rng)
        self.gaps = BackfillQueue(self.rest, self.clock, self.rng, self.options.folder)
        keys, wrong = self.keyed = keys_at_start(self.options.env, os.environ, self.market.embedded)
        self.lineup = line_up(self.options, keys, wrong)
        self.broker = find_broker(self.options.env, keys.get(Domain.FOREX), self.market.embedded, throttle, self.clock, self.rng)
        if self.broker is not None:
            stack.push_async_callback(self.broker.close)
        hosts = self.market.hosts if self.options.env is Environment.SIMULATED else PRIVATE_HOSTS[self.options.env]
        beside = None if self.broker is None else self.broker.hosts
        self.live = LiveFloor(self.options, self.config, hosts, keys, throttle, self.clock, beside)
        stack.push_async_callback(self.live.close)
        try:
            await self._build()
        except (Transient, Rejected, FrameError) as error:
            raise unreachable(self.options, f"the market data of {self.market.hosts.http} cannot be had: {error}") from error

    async def _find_market(self) -> None:
        self.market = await find_market(self.options, self.clock)

    async def _warm(self) -> None:
        await asyncio.to_thread(load_what_is_used, self.config, self.options.stage, os.environ)

    async def _try_port(self) -> None:
        """A port in use is told now, not after the warm-up, and before anything is written."""
        self.server = Server(Answers(metrics=bytes, unhealthy=list, missing=list, status=dict, control=_nobody))
        await self.server.start(*http_address(self.options, self.config.http))
        await self.server.close()

    async def _unborn(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """A run that is refused, or stopped before it lived, leaves no simulator behind; a crash does, to be found again."""
        refused = kind is not None and issubclass(kind, Refusal)
        if hasattr(self, "market") and ((refused and not self.later) or (kind is None and not self.born)):
            await self.market.leave()

    async def _build(self) -> None:
        begun = await begin(
            Foundation(
                options=self.options,
                config=self.config,
                chain=self.chain,
                rest=self.rest,
                broker=self.broker,
                live=self.live,
                chosen=self.chosen,
                say=self.console.say,
                progress=self.console.progress,
            ),
            self.lineup,
        )
        self.engine, self.lineup, self.domains, self.resumed = begun.engine, begun.lineup, begun.domains, begun.resumed
        state = self.engine.state
        self.console.attach(state)
        self.metrics.attach(state, bounds(self.engine.mandate))
        self.floor = PaperFloor(self.engine, self.inbox, self.config, self.clock, self.rng, self.chosen, self.gaps)
        time_now, fees = self.floor.time_now, self.live.fee_rates
        self.costs = CostFloor(self.options, self.config, self.engine, self.inbox, self.clock, time_now, fees)
        health = Health(self.engine, self.clock, self.inbox.put, self.metrics.taken)
        self.readiness = Readiness(state)
        self.faces = self._faces()
        self.faces.prime(begun.past)
        pace: list[Observer] = []
        clock: dict[str, Any] = {}
        if self.market.control_url is not None:
            self.lockstep = Lockstep(self.session, self.market.control_url, f"daemon-{os.getpid()}", self._market_ended, self._digested)
            pace, clock = [self.lockstep.observe], await self.lockstep.look()
        now = int(clock["now"]) if clock else await self.rest.server_time_ms()
        self.floor.time.observe(now)
        surfaces = await surfaces_here(self.config.options, state, clock, now, self.console.say)
        of_run = (self.config, self.options.folder, self.engine, self.chain.ledger, self.session, self.clock)
        self.watch = WatchFloor(*of_run, time_now, self.inbox.put, surfaces, self.metrics.evidence)
        told = (self.readiness.observe, self.live.observe, self.costs.observe, self.watch.observe, self.faces.observe)
        observers: list[Observer] = [self.console, self.metrics, *told, health, *pace]
        for listener in (self.live.on_quote, self.costs.on_quote, self.faces.on_quote, self.watch.on_quote):
            self.floor.also(listener)
        self.live.wire(self.engine, self.inbox, self.floor.time_now, self._filters, self._halted, self._times)
        self.runner = Runner(self.engine, self.inbox, self.chain, self._dispatch, observers, health.taken)

    def _times(self, account: Account) -> OrderTimes:
        return OrderTimes(str(account), self.clock, self.metrics.order_leg, lambda: self.metrics.taken_ns)

    def _digested(self) -> bool:
        """What has closed by now was decided on, and what followed from it was done."""
        return self.live.idle and self.floor.idle and self.floor.heard_out

    def _halted(self, account: Account) -> bool:
        return latched(self.options.folder, str(account)) is not None

    def _dispatch(self, command: Command) -> None:
        if not self.live.dispatch(command):
            self.floor.dispatch(command)

    async def _filters(self, domain: Domain) -> dict[str, Instrument]:
        mine = [one.symbol for one in self.engine.state.instruments if one.domain is domain]
        if domain in OF_PAIRS:
            return {} if self.broker is None else await self.broker.filters(mine, domain)
        return {one.key: one for one in await self.rest.instruments(domain) if one.symbol in mine}

    # --- living -------------------------------------------------------------------------------------------------------------------

    def _faces(self) -> FaceFloor:
        building = Building(
            options=self.options,
            config=self.config,
            state=self.engine.state,
            clock=self.clock,
            venue_ts=self.floor.time.last_ts,
            put=self.inbox.put,
            lineup=self.lineup,
            lineup_of=lambda options: line_up(options, *self.keyed),
            account_id=self.live.account_id,
            another_life=self._again,
        )
        return FaceFloor(building, self.engine, self.rng, self.readiness.missing, lambda: self.server.url)

    def _again(self, options: RunOptions) -> None:
        """End this life, so that another begins with `options`."""
        self.next = self.lasting(options)
        self.stopping.set()

    def lasting(self, options: RunOptions | None = None) -> RunOptions:
        """`options` (default: this life's own) for a life after this one: at the same address, for what is left of the duration."""
        options = self.options if options is None else options
        left = options.duration_s
        if left is not None and self.ready_ns:
            left = max(0.1, left - (self.clock.monotonic_ns() - self.ready_ns) / SECOND)
        lets_in = self.engine.state.toggles.lets_in
        off = {one.lower() for one in self.lineup.domains if not lets_in(one)}  # switched off meanwhile: it stays so
        enable = tuple(name for name in options.enable if name not in off)
        return msgspec.structs.replace(options, http_port=self.server.port, duration_s=left, enable=enable)

    def _answers(self) -> Answers:
        return Answers(
            metrics=lambda: exposition(self),
            unhealthy=lambda: ["stopping"] if self.stopping.is_set() else [],
            missing=self.readiness.missing,
            status=lambda: status_of(self.engine.state, str(self.options.env), figures=self.faces.figures),
            control=self.faces.over_socket,
        )

    async def _live(self) -> None:
        options = self.options
        self.server = Server(self._answers(), self.faces.mount)
        await self.server.start(*http_address(self.options, self.config.http), options.folder / CONTROL_SOCKET)
        try:
            pace, speed = "", 1.0
            if self.lockstep is not None:
                try:
                    clock = await self.lockstep.register()
                except (Transient, Rejected) as error:
                    raise unreachable(self.options, str(error)) from error
                pace, speed = str(clock["pace"]), float(clock["speed"])
                if clock["market"] == "generated":  # a stored venue keeps its own seed, whatever was not said
                    self.market.name = f"{self.market.name}, seed {clock['seed']}"
                self.floor.runs_at(speed, waits=pace == "lockstep")
                self.floor.time.observe(int(clock["now"]))
            pace_of = Pace(self.market.name, speed, pace)
            self.console.banner(facts(options, self.config, self.engine, pace_of, resumed=self.resumed, http=self.server.url))
            for line in (*notices(self.options, self.domains), *self.lineup.notes, *self.watch.notes, *self.faces.notes):
                self.console.say(line)
            self.runner.apply(first_events(self.engine, self.config, options, self.domains, self.live, self._halted))
            self.runner.apply([*self.costs.events(), *self.watch.events()])
            await self.live.start()
            for line in never_tradable(self.engine):
                self.console.say(line)
            await self._tasks()
        finally:
            await self.server.close()
            (options.folder / DAEMON_FILE).unlink(missing_ok=True)
        if self.next is not None:
            self.console.say(f"starting again: stage {self.next.stage}, {self.next.profile}")
            return
        self.console.summary(env=str(options.env), state_dir=str(options.folder))

    async def _tasks(self) -> None:
        """Every task of the daemon, with what happens when it fails."""
        options = self.options
        async with self.tasks as tasks:
            tasks.supervise("engine", self.runner.run, FATAL)
            tasks.supervise("snapshots", self._keep_checkpoints, FATAL)
            for name, job, fatal in self.live.jobs():
                tasks.supervise(name, job, FATAL if fatal else RESTART)
            for name, domain in {FEEDS[one]: one for one in reversed(self.domains)}.items():  # options have that of their pairs
                tasks.supervise(f"feed {name}", self.floor.feed(domain, self.market.hosts, self.rest, self.broker), FEED)
            if self.broker is not None and Domain.FOREX not in self.domains and STAGES[options.stage].forex is not Cell.OFF:
                tasks.supervise("broker", self._wait_for_broker, EXPENDABLE)
            if self.lockstep is not None:
                tasks.supervise("lockstep", self._keep_pace, RESTART)
            for name, expendable in (("backfill", self.gaps.run), ("costs", self.costs.run), ("console", self._keep_console)):
                tasks.supervise(name, expendable, EXPENDABLE)
            tasks.supervise(
                "reports", lambda: scheduled(self.options, self.engine, self.clock, self.console.say, self.faces.report), EXPENDABLE
            )
            tasks.supervise("loop lag", lambda: measure_lag(self.clock, self.metrics.lag), EXPENDABLE)
            for name, job, policy in [*((name, job, EXPENDABLE) for name, job in self.faces.jobs()), *self.watch.jobs()]:
                tasks.supervise(name, job, policy)
            tasks.supervise("readiness", self._announce, FATAL)
            await self.stopping.wait()
            if stuck := await tasks.stop(stop_steps(self)):
                # A task that does not end would keep the group waiting for ever; what matters is written, start-up is recovery.
                self.console.say(f"did not end in time: {', '.join(stuck)}")
                os._exit(int(ExitCode.INTERNAL))

    async def _wait_for_broker(self) -> None:
        """FOREX could not begin with this life; the next one has it."""
        assert self.broker is not None  # noqa: S101  supervised only where there is one  # nosec B101
        await self.broker.until_it_answers()
        self.console.say("FOREX: the broker answers now; the bot starts again with it, positions keep their stops on the venue")
        self._again(self.options)

    async def _keep_checkpoints(self) -> None:
        while True:
            await self.clock.sleep(CHECKPOINT_S)
            self.runner.checkpoint()
            note_earned(self.options.folder, self.engine.state.earned)

    async def _keep_pace(self) -> None:
        assert self.lockstep is not None  # noqa: S101  supervised only where there is one  # nosec B101
        if await self.market.revive(self.clock):
            self.console.say("the built-in exchange was gone and has been started again")
        await self.lockstep.register()
        await self.lockstep.run()

    def _market_ended(self) -> None:
        self.console.say("the recorded market has been played to its end")
        self.stopping.set()

    async def _keep_console(self) -> None:
        while True:
            self.console.live(self.floor.time.last_ts())
            await self.clock.sleep(CONSOLE_S)

    async def _announce(self) -> None:
        """Once ready: tell where we are, and start counting the duration."""
        await self.readiness.reached.wait()
        settle()
        self.ready_ns = self.clock.monotonic_ns()
        announce(self.options.folder, self.server.url, self.market.control_url)
        self.faces.ready()
        if self.options.duration_s is not None:
            await self.clock.sleep(self.options.duration_s)
            self.stopping.set()

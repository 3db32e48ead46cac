"""The composition root of the daemon: build everything, run it in one task group, stop it in stages.

Everything is wired here by hand, on one screen: who feeds whom, which task may fail, and in what order things end.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import AsyncExitStack
from types import TracebackType

import aiohttp
import msgspec
from prometheus_client import CollectorRegistry

from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE, BybitRest
from marketdata.grid import FrameError
from modules.accounts import Lineup, find_keys, line_up
from modules.boot import assemble, checkpoint, needed, never_tradable, open_chain, recover, warm_up
from modules.cost_floor import CostFloor
from modules.data.backfill_queue import BackfillQueue
from modules.data.lockstep import Lockstep
from modules.data.together import together
from modules.engine.core import Engine
from modules.engine.desk import FEEDS, chosen_strategies, make_mandate
from modules.engine.inbox import Inbox
from modules.engine.runner import Observer, Runner
from modules.environment import PRIVATE_HOSTS, Environment
from modules.exchange.bybit import load
from modules.health import Health
from modules.introduction import Pace, facts
from modules.latch import ALL, latched, unlatch
from modules.live_floor import LiveFloor, new_tag
from modules.marketplace import MarketPlace, find_market, listed, past_candles
from modules.opening import first_events
from modules.options import RunOptions, check, notices
from modules.paper_floor import PaperFloor
from modules.procedure import procedures
from modules.requests import request_event
from modules.schedule import scheduled
from modules.settings import BotConfig
from modules.stage_request import note_earned, remember, remembered
from modules.stopping import stop_steps
from modules.ui.console import ConsoleObserver
from modules.version import VERSION
from modules.warm import warm
from state.accounts import Account, Domain
from state.chain import Chain
from state.instruments import Instrument
from state.messages import AccountUp, Command, Event, FeedUp
from telemetry.loop_lag import measure_lag
from telemetry.metrics import MetricsObserver
from telemetry.server import Answers, Ask, Server
from telemetry.status import Status, status_of
from utils.clock import Clock
from utils.errors import ExitCode, Refusal, Rejected, Transient
from utils.files import DirectoryLock, atomic_write, ensure_writable
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
DAEMON_FILE = "daemon.json"


class Daemon:
    """One run: what was built, and the steps of its life."""

    def __init__(self, options: RunOptions, config: BotConfig, console: ConsoleObserver, clock: Clock) -> None:
        self.options, self.config, self.console, self.clock = options, config, console, clock
        self.rng = random.Random()  # jitter only; nothing that decides draws from it
        self.domains = check(options, remembered(options.folder).earned)
        self.chosen = chosen_strategies(options.strategies)
        self.inbox = Inbox()
        self.stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.market: MarketPlace
        self.lockstep: Lockstep | None = None
        self.rest: BybitRest
        self.session: aiohttp.ClientSession
        self.chain: Chain
        self.engine: Engine
        self.runner: Runner
        self.floor: PaperFloor
        self.lineup: Lineup
        self.live: LiveFloor
        self.costs: CostFloor
        self.throttle: Throttle
        self.gaps: BackfillQueue
        self.metrics = MetricsObserver(
            CollectorRegistry(), clock, environment=str(options.env), version=VERSION, feeds=[FEEDS[domain] for domain in self.domains]
        )
        self.server = Server(
            Answers(
                metrics=self._metrics_text,
                unhealthy=lambda: ["stopping"] if self.stopping.is_set() else [],
                missing=self._missing,
                status=self._status,
                control=self._control,
            )
        )
        self.tasks = Supervisor(clock, self.rng)
        self.resumed = self.born = False

    # --- building -----------------------------------------------------------------------------------------------------------------

    async def run(self) -> ExitCode:
        """From the lock on the directory to the summary. Asked to stop during start-up it ends at once, cleanly."""
        folder = self.options.folder
        ensure_writable(folder)
        async with AsyncExitStack() as stack:
            stack.enter_context(DirectoryLock(folder))
            (folder / DAEMON_FILE).unlink(missing_ok=True)  # of one that was killed
            self._catch_signals()
            stack.push_async_exit(self._unborn)
            if not await unless(self.stopping, self._start_up(stack), "start-up"):
                self.console.say("asked to stop while starting: nothing was traded")
                return ExitCode.DONE
            self.born = True
            self._remember()
            await self._live()
        return ExitCode.DONE

    def _remember(self) -> None:
        """What the next start and the other commands go by when nothing is said."""
        options = self.options
        atomic_write(options.state_dir / "last_env", str(options.env).encode())
        last = remembered(options.folder)
        digits = options.real_money if self.lineup.live else None
        remember(options.folder, last, options.stage, override=options.override_gates, real_money=digits)

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
        keys = find_keys(self.options.env, os.environ, self.market.embedded)
        self.lineup = line_up(self.options, keys)
        hosts = self.market.hosts if self.options.env is Environment.SIMULATED else PRIVATE_HOSTS[self.options.env]
        self.live = LiveFloor(self.options, self.config, hosts, keys, throttle, self.clock)
        stack.push_async_callback(self.live.close)
        try:
            instruments = await listed(self.rest, self.config, self.domains, self.options.symbols)
            await self._build(instruments)
        except (Transient, Rejected, FrameError) as error:
            raise self._unreachable(f"the market data of {self.market.hosts.http} cannot be had: {error}") from error

    def _unreachable(self, what: str) -> Refusal:
        """Which world, what is missing, what to do."""
        simulated = self.options.env is Environment.SIMULATED
        advice = "start again, or check --simulator-url" if simulated else "check the network, or take --env simulated"
        return Refusal(f"--env {self.options.env}: {what}; {advice}", ExitCode.UNREACHABLE)

    async def _find_market(self) -> None:
        self.market = await find_market(self.options, self.clock)

    async def _warm(self) -> None:
        await asyncio.to_thread(warm, self.config)
        if self.options.stage > 1:
            await asyncio.to_thread(load)

    async def _try_port(self) -> None:
        """A port in use is told now, not after the warm-up, and before anything is written."""
        await self.server.start(*self._address())
        await self.server.close()

    def _address(self) -> tuple[str, int]:
        options, http = self.options, self.config.http
        return (
            options.http_host if options.http_host is not None else http.host,
            options.http_port if options.http_port is not None else http.port,
        )

    async def _unborn(self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """A run that is refused, or stopped before it lived, leaves no simulator behind; a crash does, to be found again."""
        refused = kind is not None and issubclass(kind, Refusal)
        if hasattr(self, "market") and (refused or (kind is None and not self.born)):
            await self.market.leave()

    async def _build(self, asked: list[Instrument]) -> None:
        stored = recover(self.chain)
        for warning in stored.warnings:
            self.console.say(f"recovery: {warning}")
        instruments = needed(asked, stored.state)
        self.lineup = await self.live.introduce(self.lineup, stored.state)
        state, fresh = assemble(self.config, instruments, self.lineup.accounts, stored.state)
        state.tag = state.tag or (new_tag() if self.lineup.live else "")
        idle = [account for account in state.accounts if account not in self.lineup.accounts]
        kept = frozenset(one.key for one in instruments) - {one.key for one in asked}
        self.domains = tuple(dict.fromkeys(one.domain for one in instruments))  # what is held is fed and managed, too
        self.engine = Engine(
            state,
            make_mandate(
                self.config,
                instruments,
                state.accounts,
                self.chosen,
                quotes=True,
                closing_only=kept,
                idle=idle,
                env=str(self.options.env),
                procedures=procedures(self.config, self.lineup.domains, self.chosen),
            ),
        )
        if fresh:
            new = [one for one in instruments if one.key in fresh]
            step, console = self.engine.mandate.confirm_ms, self.console
            before, candles = await past_candles(self.rest, self.config, new, step, console.progress, console.say)
            warm_up(self.engine, before, candles)
        if stored.state is not None:
            held = sum(int(row["status"] == 2) for row in state.pos)
            self.console.say(f"going on from the stored state: {held} open position(s), {sum(state.closed_trades)} closed trade(s)")
        self.resumed = stored.state is not None
        for _ in range(2):
            # Instruments and terms may have changed outside the journal: the snapshot that is kept as the previous one must know them too.
            checkpoint(self.engine, self.chain)
        self.console.attach(state)
        self.floor = PaperFloor(self.engine, self.inbox, self.config, self.clock, self.rng, self.chosen, self.gaps)
        time_now, fees = self.floor.time_now, self.live.fee_rates
        self.costs = CostFloor(self.options, self.config, self.engine, self.inbox, self.clock, time_now, fees)
        health = Health(self.engine, self.clock, self.inbox.put, self.metrics.taken)
        observers: list[Observer] = [self.console, self.metrics, self._watch_feed, self.live.observe, self.costs.observe, health]
        if self.market.control_url is not None:
            name, live = f"daemon-{os.getpid()}", self.live
            self.lockstep = Lockstep(self.session, self.market.control_url, name, self._market_ended, lambda: live.idle)
            observers.append(self.lockstep.observe)
            self.floor.time.observe(int((await self.lockstep.look())["now"]))
        else:
            self.floor.time.observe(await self.rest.server_time_ms())
        self.floor.also(self.live.on_quote)
        self.floor.also(self.costs.on_quote)
        self.live.wire(self.engine, self.inbox, self.floor.time_now, self._filters, self._halted)
        self.runner = Runner(self.engine, self.inbox, self.chain, self._dispatch, observers, health.taken)

    def _halted(self, account: Account) -> bool:
        return latched(self.options.folder, str(account)) is not None

    def _dispatch(self, command: Command) -> None:
        if not self.live.dispatch(command):
            self.floor.dispatch(command)

    async def _filters(self, domain: Domain) -> dict[str, Instrument]:
        mine = [one.symbol for one in self.engine.state.instruments if one.domain is domain]
        return {one.key: one for one in await self.rest.instruments(domain) if one.symbol in mine}

    # --- living -------------------------------------------------------------------------------------------------------------------

    def _watch_feed(self, _seq: int, event: Event, _commands: list[Command]) -> None:
        state = self.engine.state
        if self.ready.is_set() or not isinstance(event, FeedUp | AccountUp):
            return
        if not state.feeds_down and not any("reconcile" in causes for causes in state.holds.values()):
            self.ready.set()

    def _status(self) -> Status:
        return status_of(self.engine.state, str(self.options.env))

    def _metrics_text(self) -> bytes:
        state = self.engine.state
        self.metrics.sample(state, venue_ms=self.floor.time.estimate_ms(), inbox_depth=self.inbox.depth, restarts=self.tasks.restarts)
        self.metrics.sample_throttle(self.throttle.snapshot())
        self.metrics.sample_cover(self.live.uncovered_ms())
        return self.metrics.text()

    async def _control(self, ask: Ask) -> dict[str, str]:
        """A request over the control socket, left in the inbox like any other event."""
        ts = max(self.engine.state.ts, self.floor.time.last_ts())
        for event in request_event(self.engine.state, self.config, ask.name, ask.args, ts, ask.who or "command line"):
            self.inbox.put(event)
        if ask.name == "resume":
            unlatch(self.options.folder, ask.args.get("account", ALL))
        return {"accepted": ask.name}

    async def _live(self) -> None:
        options = self.options
        await self.server.start(*self._address(), options.folder / CONTROL_SOCKET)
        try:
            pace, speed = "", 1.0
            if self.lockstep is not None:
                try:
                    clock = await self.lockstep.register()
                except (Transient, Rejected) as error:
                    raise self._unreachable(str(error)) from error
                pace, speed = str(clock["pace"]), float(clock["speed"])
                if clock["market"] == "generated":  # a stored venue keeps its own seed, whatever was not said
                    self.market.name = f"{self.market.name}, seed {clock['seed']}"
                self.floor.runs_at(speed, waits=pace == "lockstep")
                self.floor.time.observe(int(clock["now"]))
            pace_of = Pace(self.market.name, speed, pace)
            self.console.banner(facts(options, self.config, self.engine, pace_of, resumed=self.resumed, http=self.server.url))
            for line in (*notices(self.options, self.domains), *self.lineup.notes):
                self.console.say(line)
            self.runner.apply(first_events(self.engine, self.config, options, self.domains, self.live, self._halted))
            self.runner.apply(self.costs.events())
            await self.live.start()
            for line in never_tradable(self.engine):
                self.console.say(line)
            await self._tasks()
        finally:
            await self.server.close()
            (options.folder / DAEMON_FILE).unlink(missing_ok=True)
        self.console.summary(env=str(options.env), state_dir=str(options.folder))

    async def _tasks(self) -> None:
        """Every task of the daemon, with what happens when it fails."""
        async with self.tasks as tasks:
            tasks.supervise("engine", self.runner.run, FATAL)
            tasks.supervise("snapshots", self._keep_checkpoints, FATAL)
            for name, job, fatal in self.live.jobs():
                tasks.supervise(name, job, FATAL if fatal else RESTART)
            for domain in self.domains:
                tasks.supervise(f"feed {FEEDS[domain]}", self.floor.feed(domain, self.market.hosts, self.rest), FEED)
            if self.lockstep is not None:
                tasks.supervise("lockstep", self._keep_pace, RESTART)
            for name, expendable in (("backfill", self.gaps.run), ("costs", self.costs.run), ("console", self._keep_console)):
                tasks.supervise(name, expendable, EXPENDABLE)
            tasks.supervise("reports", lambda: scheduled(self.options, self.engine, self.clock, self.console.say), EXPENDABLE)
            tasks.supervise("loop lag", lambda: measure_lag(self.clock, self.metrics.lag), EXPENDABLE)
            tasks.supervise("readiness", self._announce, FATAL)
            await self.stopping.wait()
            if stuck := await tasks.stop(stop_steps(self)):
                # A task that does not end would keep the group waiting for ever; what matters is written, start-up is recovery.
                self.console.say(f"did not end in time: {', '.join(stuck)}")
                os._exit(int(ExitCode.INTERNAL))

    async def _keep_checkpoints(self) -> None:
        while True:
            await self.clock.sleep(CHECKPOINT_S)
            self.runner.checkpoint()
            note_earned(self.options.folder, self.engine.state.earned)

    async def _keep_pace(self) -> None:
        assert self.lockstep is not None  # noqa: S101  supervised only where there is one
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

    def _missing(self) -> list[str]:
        """What is not ready yet, in words; nothing when all is."""
        down = [f"feed {name}: {reason}" for name, reason in self.engine.state.feeds_down.items()]
        down += [f"account {name}: {causes['reconcile']}" for name, causes in self.engine.state.holds.items() if "reconcile" in causes]
        return down or ([] if self.ready.is_set() else ["starting"])

    async def _announce(self) -> None:
        """Once ready: tell where we are, and start counting the duration."""
        await self.ready.wait()
        record = {
            "pid": os.getpid(),
            "http": self.server.url,
            "simulator": None if self.market.control_url is None else self.market.control_url,
        }
        atomic_write(self.options.folder / DAEMON_FILE, msgspec.json.encode(record), mode=0o600)
        if self.options.duration_s is not None:
            await self.clock.sleep(self.options.duration_s)
            self.stopping.set()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def asked() -> None:
            if self.stopping.is_set():
                os._exit(130)  # a second signal: at once; start-up is recovery
            self.stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, asked)

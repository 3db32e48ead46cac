"""A whole live bot inside a test: journal, engine, executor, stream and watch as the daemon wires them, against a simulator on loopback.

What is left out is the market feed: a test says when a bar closes or a tick passes (`beat`), with the quotes that the simulator shows.
Leaving `alive` is a kill: tasks end where they are, nothing is settled, no snapshot is made; the next life recovers from the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec

from config import CONFIG
from marketdata.bybit_rest import IP_LIMIT, IP_SCOPE, BybitRest
from modules.accounts import Key, Lineup
from modules.boot import assemble, checkpoint, recover
from modules.engine.core import Engine
from modules.engine.desk import make_mandate
from modules.engine.inbox import Inbox
from modules.engine.migrations import open_chain
from modules.engine.runner import Runner
from modules.environment import Environment, Hosts
from modules.exchange.watch import Pace
from modules.live_floor import Desk, LiveFloor
from modules.options import RunOptions
from modules.simulator.faults import parse
from modules.simulator.filters import Category
from modules.simulator.server import Simulator
from self_test.fakes.books import M5
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.chain import Chain
from state.instruments import Instrument
from state.market import Candle, Quote
from state.messages import BarsClosed, Command, Control, Event, Protected, Report, Tick, VenueRead
from strategy.base import DEMO
from utils.clock import WallClock
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Throttle

PATIENCE_S = 15.0
PACE = Pace(compare_s=0.3, silent_compare_s=0.3, retry_s=0.1, keys_retry_s=0.3, lost_after_s=0.5, filters_s=0.3, clock_s=0.5, rights_s=0.5)
PROFILE = {(Domain.CRYPTO,): "spot", (Domain.PERPS,): "perp", (Domain.CRYPTO, Domain.PERPS): "spot+perp"}
CATEGORY: dict[Domain, Category] = {Domain.CRYPTO: "spot", Domain.PERPS: "linear"}
MINUTE_MS = 60_000
WORK = frozenset({"prepare", "create", "amend", "cancel", "set_stops"})
"""Calls that change something; what is asked comes and goes with time."""
E = TypeVar("E", bound=Event)
C = TypeVar("C", bound=Command)


class Wire:
    """The venue port with a listener, and perhaps an end: at the n-th call that changes something the bot dies.

    `after` it, so that the venue has it and the bot does not know, or before it was sent.
    """

    def __init__(self, venue: Any, at: int, *, after: bool, halted: Callable[[], bool]) -> None:
        self._venue, self._left, self._after, self._halted = venue, at, after, halted
        self.dead = asyncio.Event()
        self.created: list[tuple[str, bool]] = []
        """(client id, whether the account was halted) of every order sent."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._venue, name)
        if name in {"venue_ms", "close"}:
            return found

        async def call(*args: Any, **more: Any) -> Any:
            if name == "create":
                self.created.append((args[0].link_id, self._halted()))
            self._left -= name in WORK
            if self._left > 0:
                return await found(*args, **more)
            if self._left == 0 and name in WORK and self._after:
                with contextlib.suppress(Rejected, Transient, Unknown):
                    await found(*args, **more)
            self.dead.set()
            return await asyncio.Event().wait()  # until the tasks are cancelled: nothing happens after a death

        return call


class Whole:
    """One life. `events` and `commands` are those of this life, in order."""

    def __init__(self, simulator: Simulator, folder: Path, domains: tuple[Domain, ...]) -> None:
        self.simulator, self.folder, self.domains = simulator, folder, domains
        self.events: list[Event] = []
        self.commands: list[Command] = []
        self.news = asyncio.Event()
        self.clock = WallClock()
        self.inbox = Inbox()
        self.chain: Chain
        self.engine: Engine
        self.runner: Runner
        self.floor: LiveFloor
        self.wires: list[Wire] = []
        self._ts = 0

    async def build(self, session: aiohttp.ClientSession, symbols: tuple[str, ...], dies: tuple[int, bool]) -> None:
        """As `modules/app.py` does, without feeds and paper."""
        simulator, domains = self.simulator, self.domains
        throttle = Throttle({IP_SCOPE: IP_LIMIT}, self.clock)
        rest = BybitRest(session, simulator.http, throttle, self.clock, random.Random(1))
        options = RunOptions(
            stage=4, env=Environment.SIMULATED, state_dir=self.folder, profile=PROFILE[domains], override_gates=True, strategies=("demo",)
        )
        keys = {
            domain: Key(one.api_key, one.api_secret)
            for domain, one in zip((Domain.CRYPTO, Domain.PERPS), simulator.private.keyring.accounts, strict=True)
        }
        self.chain = open_chain(self.folder)
        stored = recover(self.chain)
        instruments: list[Instrument] = []
        for domain in domains:
            instruments += await rest.instruments(domain, symbols)
        hosts = Hosts(simulator.http, simulator.http.replace("http", "ws"))
        self.floor = LiveFloor(options, CONFIG, hosts, keys, throttle, self.clock)
        live = tuple(Account(domain, Mode.LIVE) for domain in domains)
        await self.floor.introduce(Lineup(domains=domains, paper=(), live=live), stored.state)
        at, after = dies
        for account, found in self.floor._venues.items():
            self.wires.append(Wire(found, at, after=after, halted=lambda: bool(self.engine.state.halted)))
            self.floor._venues[account] = self.wires[-1]  # type: ignore[assignment]
        state, _ = assemble(CONFIG, tuple(instruments), live, stored.state)
        state.tag = state.tag or "abc"
        mandate = make_mandate(CONFIG, tuple(instruments), live, frozenset({DEMO}), quotes=True)
        mandate = msgspec.structs.replace(
            mandate,
            allowed=dict.fromkeys(live, frozenset({DEMO})),
            demo_every_ms=1,
            demo_min_multiple=30.0,
            demo_fraction=0.02,
            max_spread_ratio=100.0,
        )
        mandate.rules[DEMO]["trail_k"] = 1.0  # here the demo trails, and has time
        mandate.rules[DEMO]["max_hold_ms"] = 86_400_000
        self.engine = Engine(state, mandate)
        for _ in range(2):
            checkpoint(self.engine, self.chain)

        async def filters(domain: Domain) -> dict[str, Instrument]:
            return {one.key: one for one in await rest.instruments(domain) if one.symbol in symbols}

        self.floor.wire(self.engine, self.inbox, self.now, filters, lambda account: str(account) in state.halted)
        for desk in self.floor.desks.values():
            desk.watch._pace = PACE
        self.runner = Runner(self.engine, self.inbox, self.chain, self._dispatch, [self._observe])
        boot = {"stage": "4", "feeds": "", "live": ",".join(map(str, live)), "unmanaged": ""}
        self.runner.apply([Control(self.now(), "boot", boot, "start"), *self.floor.openings(state, self.now())])
        end = self.now() // M5 * M5
        if int(state.market[0]["confirm_bars"]) == 0:
            self.runner.apply([self._bars(end - back * M5) for back in range(12, -1, -1)])
        await self.floor.start()

    def _dispatch(self, command: Command) -> None:
        assert self.floor.dispatch(command), command

    def _observe(self, _seq: int, event: Event, commands: list[Command]) -> None:
        self.events.append(event)
        self.commands += commands
        self.news.set()

    # --- the market ----------------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Venue time."""
        return self.simulator.clock.now_ms

    def quote(self, instrument: Instrument) -> Quote:
        """What the simulator shows."""
        point = self.simulator.private.exchange._desk.point(CATEGORY[instrument.domain], instrument.symbol)
        return Quote(instrument.key, self.now(), instrument.ticks(point.bid), instrument.ticks(point.ask), 1_000_000, 1_000_000)

    def _bars(self, end: int, share: float = 0.0) -> BarsClosed:
        candles = []
        for m, one in enumerate(self.engine.state.instruments):
            level = int(self.engine.state.pos[m]["reference"] * share) or self.quote(one).bid
            candles.append(Candle(one.key, end - M5, level, level + 5, level - 5, level, 10_000.0))
        return BarsClosed(end, tuple(candles), tuple(self.quote(one) for one in self.engine.state.instruments))

    def beat(self, side: int = 1) -> None:
        """A tick: whoever is idle and may, enters (the demo, whose side follows the parity of the time)."""
        end = self.now() // M5 * M5
        if end > int(self.engine.state.market[0]["last_ts"]) + M5:
            self.inbox.put(self._bars(end))
        ts = self._next()
        ts += ts % 2 != (side < 0)
        self.inbox.put(Tick(ts, tuple(self.quote(one) for one in self.engine.state.instruments)))

    def trail(self, share: float) -> None:
        """A bar closes at a share of the price entered at: the stops follow it."""
        bar = self._bars(self.now() // M5 * M5, share)
        self.inbox.put(msgspec.structs.replace(bar, ts=self.now(), quotes=()))

    def control(self, name: str, **args: str) -> None:
        """What an operator asks."""
        self.inbox.put(Control(self._next(), name, args, "me"))

    def _next(self) -> int:
        """Now, and later than anything before: a busy machine does not move the venue's time between two requests."""
        self._ts = max(self.now(), self.engine.state.ts + 1, self._ts + 2)
        return self._ts

    def fault(self, **fields: Any) -> str:
        """A misfortune; its id."""
        return self.simulator.private.add_fault(parse(fields))

    async def gap(self, share: float, symbol: str = "BTCUSDT") -> None:
        """The price jumps, as it does where a bar begins: venue time hurries there."""
        self.fault(kind="price_gap", symbol=symbol, value=share)
        await hurry(self.simulator, MINUTE_MS - self.now() % MINUTE_MS + 1_000)

    # --- looking -------------------------------------------------------------------------------------------------------------------

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for it, looking after each event."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not happened():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            last = "\n".join(str(one) for one in [*self.events[-6:], *self.said(Report)[-6:]])
            raise AssertionError(f"not within {PATIENCE_S} s; holds {self.engine.state.holds}; last:\n{last}") from None

    @property
    def account(self) -> Account:
        return self.engine.state.accounts[0]

    @property
    def desk(self) -> Desk:
        """Of the first account."""
        return self.floor.desks[self.account]

    def told(self, kind: type[E]) -> list[E]:
        """Events of this life of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def said(self, kind: type[C]) -> list[C]:
        """Commands of this life of one kind."""
        return [command for command in self.commands if isinstance(command, kind)]

    def reports(self) -> list[tuple[str, str]]:
        """(what, rule) of everything reported."""
        return [(one.what, one.rule) for one in self.said(Report)]

    @property
    def holding(self) -> list[int]:
        """Seats with a position."""
        return [i for i in range(len(self.engine.state.pos)) if self.engine.state.pos[i]["status"] == OPEN]

    @property
    def free(self) -> bool:
        """The account may enter."""
        return not any(self.engine.state.holds.values())

    async def fresh_reads(self) -> None:
        """Until every account was read anew, from a reading that began after this call, and agrees with the book."""
        before = {account: self._reads(account) for account in self.floor.desks}
        await self.until(lambda: all(self._reads(account) >= count + 2 for account, count in before.items()))

    def _reads(self, account: Account) -> int:
        return sum(one.account == account for one in self.told(VenueRead))

    async def rest(self) -> None:
        """Until nothing is on its way any more."""
        async with asyncio.timeout(PATIENCE_S):
            while self.inbox.depth or not self.floor.idle:  # noqa: ASYNC110 - its end is no event
                await asyncio.sleep(0.01)

    async def entered(self, side: int = 1) -> None:
        """Enter, and wait until the position is protected."""
        await self.until(lambda: self.free)
        before = len(self.told(Protected))
        self.beat(side)
        await self.until(lambda: bool(self.holding) and len(self.told(Protected)) > before)


async def hurry(simulator: Simulator, ms: int, speed: float = 600.0) -> None:
    """Let so much venue time pass quickly."""
    until = simulator.clock.now_ms + ms
    simulator.clock.set_speed(speed, simulator._wall_ms())
    while simulator.clock.now_ms < until:  # noqa: ASYNC110 - the venue's own loop moves it
        await asyncio.sleep(0.005)
    simulator.clock.set_speed(1.0, simulator._wall_ms())


@contextlib.asynccontextmanager
async def alive(
    simulator: Simulator,
    folder: Path,
    *domains: Domain,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    dies: tuple[int, bool] = (1_000_000, False),
) -> AsyncIterator[Whole]:
    """A life of the bot that lives in `folder`. Its end is a kill. `dies`: (n, after): at its venue's n-th call, after or before it."""
    bot = Whole(simulator, folder, domains or (Domain.CRYPTO,))
    async with aiohttp.ClientSession() as session:
        try:
            await bot.build(session, symbols, dies)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(bot.runner.run())] + [group.create_task(job()) for _, job, _ in bot.floor.jobs()]
                try:
                    yield bot
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            await bot.floor.close()
            bot.chain.close()


class Venue:
    """The truth, as the simulator keeps it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    @property
    def ledger(self) -> dict[str, Any]:
        """What GET /control/ledger answers."""
        found: dict[str, Any] = self.simulator.private.ledger()
        return found

    def open_orders(self) -> list[str]:
        """Ids of everything that still stands in any book of any account."""
        done = {"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"}
        return [one["orderId"] for one in self.ledger["orders"] if one["orderStatus"] not in done]

    def links(self, leg: str) -> list[str]:
        """Our client ids of one leg, in the order the venue took them."""
        return [one["orderLinkId"] for one in self.ledger["orders"] if one["orderLinkId"].rpartition("-")[2].startswith(leg)]

    def holds(self, uid: int = 0) -> Decimal:
        """Signed size: coins of the first account beyond its first BTC, and every perpetual position."""
        accounts = list(self.simulator.private.exchange.accounts.values())
        found = accounts[uid].balance("BTC") - 1
        for row in self.ledger["positions"]:
            found += Decimal(row["size"]) * (1 if row["side"] == "Buy" else -1)
        return found

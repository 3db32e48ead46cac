"""From a frame's bytes to the executor's call of `Venue.place`: how long a live order takes inside the process, hot and paced.

Everything in between is the daemon's own and wired as it wires it: parser, feed, inbox, runner with journal, ledger, metrics and health,
engine with a live account (a perpetual, the market a random walk), executor. The venue answers at once: `create` notes the time and
refuses, so that the next signal finds the symbol free; what it is asked before (the wallet) comes back at once, too. Disk and network
are apart: the journal does not call fsync (a row says what that takes), and building and signing the request is a row of its own.

*hot*: the next frame comes when the last was dealt with. *paced*: before each frame that leads to an order the loop has slept.
Alone: python -m bench.order_path
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from decimal import Decimal
from pathlib import Path as Folder
from typing import Any, cast

import msgspec
from prometheus_client import CollectorRegistry

from bench.markets import random_grid
from bench.measure import Row, share, table, took
from config import CONFIG
from marketdata.bybit_parse import StreamParser, topic_of
from marketdata.bybit_ws import StreamItem
from modules.data.feeds import BybitFeed
from modules.engine.core import Engine
from modules.engine.desk import FEEDS, chosen_strategies, make_mandate, make_state, wallet_events
from modules.engine.grid import Grid
from modules.engine.inbox import Inbox
from modules.engine.migrations import schema
from modules.engine.replay import warm
from modules.engine.runner import Runner
from modules.exchange import bybit_bodies
from modules.exchange.bybit import CcxtWire
from modules.exchange.bybit_calls import SigningClock
from modules.exchange.executor import Executor
from modules.exchange.order_times import OrderTimes
from modules.exchange.reports import WalletReport
from modules.exchange.steps import Limits
from modules.exchange.tracker import Tracker
from modules.exposition import bounds
from modules.health import Health
from modules.log_settings import begin_log
from modules.ports import Barred, Ticket, Venue, free
from modules.warm import warm as warm_kernels
from state.accounts import Account, Domain, Mode
from state.chain import Chain
from state.instruments import Instrument
from state.intents import prefix_of
from state.journal import Journal
from state.market import Quote
from state.messages import AccountUp, Command, Control, Event, OrderRejected, Place, VenueRead
from state.stages import paper_account
from telemetry.metrics import MetricsObserver
from utils.clock import WallClock
from utils.errors import Rejected
from utils.fixed import MONEY_SCALE
from utils.frames import Up
from utils.heap import settle
from utils.throttle import Urgency

WARM_D = 60
CASH = 1_000_000
PAUSE_S = 0.02
FIRST = 20
"""Orders that warm the path and do not count."""
MANY = 10
US = 1_000
HOT_P50, HOT_P99, PACED_P50, PACED_P99 = 50.0, 150.0, 100.0, 300.0
LIVE = Account(Domain.PERPS, Mode.LIVE)


class Way(msgspec.Struct, frozen=True):
    """One order, nanoseconds: from the frame to the call, and its three parts."""

    whole: int
    heard: int
    """Until the close is in the engine's hands: parsed, gathered, two wake-ups of the loop."""
    decided: int
    """Until the order leaves the runner: decided, journal and ledger written."""
    called: int
    """Until the venue is called: observers, a wake-up, the executor's looks before it sends."""
    computed: int
    """Of the whole, what this process computed: the rest it waited for the processor."""


class Channel:
    """The stream of a socket without the socket: frames that are put are parsed and handed on."""

    def __init__(self, parser: StreamParser) -> None:
        self._parser = parser
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()

    def resubscribe(self, topic: str) -> None:
        """Nothing breaks here."""

    async def items(self) -> AsyncGenerator[StreamItem, None]:
        """Up, then what is put."""
        yield Up(0)
        while True:
            raw = await self.frames.get()
            for item in self._parser.parse(topic_of(raw), raw):
                yield item


class NoHistory:
    """A market without a past: no candle is missing at `now`."""

    def __init__(self, now: int) -> None:
        self._now = now

    async def klines(self, *_: Any, **__: Any) -> list[Any]:
        """None."""
        return []

    async def newest_start(self, instrument: Instrument, timeframe_ms: int) -> int:
        """The candle that runs."""
        return self._now


class Desk:
    """The venue's end of the path: notes when an order would leave, and refuses it."""

    def __init__(self) -> None:
        self.called_ns = self.computed_ns = 0
        self.tickets: list[Ticket] = []

    async def prepare(self, key: str) -> None:
        """Done."""

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        """Plenty."""
        return WalletReport(cash=Decimal(CASH), free=Decimal(CASH), coins={}, ts=0)

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        """The time of the first call is noted before anything else."""
        if not self.called_ns:
            self.called_ns, self.computed_ns = time.perf_counter_ns(), time.process_time_ns()
        barred()
        self.tickets.append(ticket)
        raise Rejected("measured", code="measured")


def perpetuals(symbols: int, days: int) -> Grid:
    """A random market of perpetuals."""
    grid = random_grid(symbols, days, seed=4)
    instruments = tuple(msgspec.structs.replace(one, domain=Domain.PERPS, funding_interval_min=480) for one in grid.instruments)
    return msgspec.structs.replace(grid, instruments=instruments, start=WARM_D * 288)


def frames_of(grid: Grid) -> Iterator[tuple[int, list[bytes]]]:
    """(time of the close, the book's and the candle's frame of each symbol, the candles last) of every column from the start on."""
    ticks = [float(one.tick) for one in grid.instruments]
    for k in range(grid.start, len(grid.ts)):
        ts = int(grid.ts[k])
        close_ts = ts + grid.confirm_ms
        books, candles = [], []
        for i, one in enumerate(grid.instruments):
            o, h, l, c = (round(int(column[i, k]) * ticks[i], 2) for column in (grid.open, grid.high, grid.low, grid.close))
            books.append(
                b'{"topic":"orderbook.1.%b","ts":%d,"type":"snapshot","data":{"s":"%b","b":[["%.2f","50"]],"a":[["%.2f","50"]],'
                b'"u":%d,"seq":%d},"cts":%d}'
                % (one.symbol.encode(), close_ts - 1, one.symbol.encode(), c - ticks[i], c + ticks[i], k, k, close_ts - 1)
            )
            candles.append(
                b'{"topic":"kline.5.%b","data":[{"start":%d,"end":%d,"interval":"5","open":"%.2f","close":"%.2f","high":"%.2f","low":"%.2f",'
                b'"volume":"%.4f","turnover":"1","confirm":true,"timestamp":%d}],"ts":%d,"type":"snapshot"}'
                % (one.symbol.encode(), ts, close_ts - 1, o, c, h, l, float(grid.volume[i, k]), close_ts, close_ts)
            )
        yield close_ts, books + candles


class Path:
    """The daemon's path on `folder`; `run` sends a market through it."""

    def __init__(self, grid: Grid, folder: Folder) -> None:
        self.grid, self.now, self.clock = grid, int(grid.ts[grid.start]), WallClock()
        self.placed = self._open = 0
        self._waits = asyncio.Event()
        self._taken_ns = self._bars_ns = self.left_ns = 0
        instruments: tuple[Instrument, ...] = grid.instruments
        accounts = (LIVE, paper_account(Domain.PERPS))
        chosen = chosen_strategies(None)
        state = make_state(CONFIG, instruments, accounts)
        state.tag = "abc"
        self.engine = Engine(state, make_mandate(CONFIG, instruments, accounts, chosen, quotes=True))
        warm(self.engine, grid)
        self.inbox, self.desk, self.channel = Inbox(), Desk(), Channel(StreamParser(instruments))
        self.chain = Chain.open(folder, schema(), durable=False)
        feed = FEEDS[Domain.PERPS]
        self.metrics = MetricsObserver(CollectorRegistry(), self.clock, environment="bench", version="bench", feeds=[feed])
        self.metrics.attach(state, bounds(self.engine.mandate))
        health = Health(self.engine, self.clock, self.inbox.put, self.metrics.taken)
        self.runner = Runner(self.engine, self.inbox, self.chain, self._dispatch, [self.metrics, health, self._seen], self._taken)
        self._health = health
        units = str(CASH * MONEY_SCALE)
        events: list[Event] = [
            Control(self.now, "boot", {"stage": "3", "live": str(LIVE), "override": "1"}, "start"),
            *wallet_events(CONFIG, accounts, self.now, CASH),
            Control(self.now, "open_wallet", {"account": str(LIVE), "balance_units": units}, "venue"),
            VenueRead(self.now, LIVE, int(units), int(units)),
            AccountUp(self.now, LIVE, "reconcile"),
        ]
        self.runner.apply(events)
        self._waits.clear()
        by_key = {one.key: one for one in instruments}
        ways = OrderTimes(str(LIVE), self.clock, self.metrics.order_leg, lambda: self.metrics.taken_ns)
        self.executor = Executor(
            LIVE,
            cast(Venue, self.desk),  # the three calls that an entry needs
            Tracker(LIVE, by_key, prefix_of(LIVE, state.tag), []),
            by_key,
            ways.around(self.inbox.put_account),
            self.clock,
            lambda: self.now,
            state.tag,
            limits=Limits(leverage=CONFIG.domains[Domain.PERPS].costs.leverage),
            times=ways,
        )
        self.feed = BybitFeed(
            feed,
            instruments,
            grid.confirm_ms,
            self.channel,
            NoHistory(self.now),
            self.clock,
            emit=self.inbox.put,
            on_quote=self._quote,
            on_trade=lambda _trade: None,
            since={one.key: self.now for one in instruments},
        )

    def _taken(self) -> None:
        self._taken_ns = time.perf_counter_ns()
        self._health.taken()

    def _dispatch(self, command: Command) -> None:
        if isinstance(command, Place) and command.order.intent.account == LIVE:
            if not self.left_ns:
                self.left_ns, self._bars_ns = time.perf_counter_ns(), self._taken_ns
            self.executor.submit(command)

    def _quote(self, quote: Quote) -> None:
        self.executor.on_quote(quote.key, quote.bid, quote.ask)

    def _seen(self, _seq: int, event: Event, commands: list[Command]) -> None:
        """The last of the observers: the close is dealt with when the venue has answered every order that it led to."""
        placed = sum(isinstance(one, Place) and one.order.intent.account == LIVE for one in commands)
        self.placed += placed
        self._open += placed - isinstance(event, OrderRejected)
        if self._open == 0 and not isinstance(event, Control):
            self._waits.set()

    async def run(self, paced: frozenset[int] | None, limit: int) -> dict[int, Way]:
        """Time of each close that led to an order -> what its way took."""
        found: dict[int, Way] = {}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in (self.runner.run(), self.executor.run(), self.feed.run())]
            await self._waits.wait()  # the feed is up
            for close_ts, frames in frames_of(self.grid):
                for raw in frames[:-1]:
                    self.channel.frames.put_nowait(raw)
                await asyncio.sleep(PAUSE_S if paced is not None and close_ts in paced else 0)
                self.now, before = close_ts, self.placed
                self._waits.clear()
                self.desk.called_ns = self.left_ns = 0
                computed, begin = time.process_time_ns(), time.perf_counter_ns()
                self.channel.frames.put_nowait(frames[-1])
                await self._waits.wait()
                if self.placed > before:
                    called = self.desk.called_ns
                    found[close_ts] = Way(
                        called - begin,
                        self._bars_ns - begin,
                        self.left_ns - self._bars_ns,
                        called - self.left_ns,
                        self.desk.computed_ns - computed,
                    )
                    if len(found) >= limit:
                        break
            for task in tasks:
                task.cancel()
        return found


def measured(symbols: int, days: int, folder: Folder, limit: int) -> tuple[list[Way], list[Way], list[Ticket]]:
    """(hot, paced, tickets): the way of each order over the same market, and what the venue was asked for."""
    grid = perpetuals(symbols, days)

    def once(name: str, paced: frozenset[int] | None) -> tuple[dict[int, Way], list[Ticket]]:
        place = folder / name
        place.mkdir()
        path = Path(grid, place)
        settle()
        found = asyncio.run(path.run(paced, limit + FIRST))
        path.chain.close()
        return found, path.desk.tickets

    hot, tickets = once("hot", None)
    paced, _ = once("paced", frozenset(hot))
    return list(hot.values())[FIRST:], list(paced.values())[FIRST:], tickets


def percentiles(name: str, found: list[float], goals: tuple[float | None, float | None]) -> list[Row]:
    """The median and the 99th percentile as rows: each taken in three parts of the orders, one after the other, for a spread."""
    part = len(found) // 3
    thirds = [found[:part], found[part : 2 * part], found[2 * part :]]
    rows = []
    for percent, goal in zip((50, 99), goals, strict=True):
        row = took(f"{name}, p{percent}", "us", [share(one, percent) for one in thirds], goal, f"{len(found)} orders")
        row.median = share(found, percent)
        rows.append(row)
    return rows


def signing_row(tickets: list[Ticket]) -> Row:
    """A ticket as a signed request, ready to be sent, microseconds."""
    signing = SigningClock(WallClock())
    wire = CcxtWire("http://127.0.0.1:9", "key", "secret" * 6, signing, 1.0)
    client = wire._client  # noqa: SLF001  what `send` calls, without the sending
    found = []
    for ticket in (tickets * 10)[:500]:
        begin = time.perf_counter_ns()
        client.sign("v5/order/create", ["private"], "POST", bybit_bodies.create(ticket))
        found.append((time.perf_counter_ns() - begin) / US)
    asyncio.run(wire.close())
    return took(
        "request built and signed", "us", [share(found, 50), *(share(found[at::3], 50) for at in range(3))], note=f"{len(found)} times"
    )


def fsync_rows(folder: Folder) -> list[Row]:
    """What `Journal.sync` of one order's events takes on this disk, microseconds."""
    journal, _ = Journal.open(folder / "fsync")
    found = []
    for _ in range(300):
        journal.record(b'{"type":"bars","x":"%b"}' % (b"0" * 400), b'[{"type":"place","x":"%b"}]' % (b"0" * 900))
        begin = time.perf_counter_ns()
        journal.sync()
        found.append((time.perf_counter_ns() - begin) / US)
    journal.close()
    return percentiles("journal made durable (fsync)", found, (None, None))


def way_rows(name: str, ways: list[Way], goals: tuple[float | None, float | None], *, parts: bool = False) -> list[Row]:
    """A way's rows: the whole, and where asked for the medians of its parts."""
    rows = percentiles(name, [one.whole / US for one in ways], goals)
    if parts:
        said = {
            "heard": "frame parsed, gathered, taken",
            "decided": "decided, journalled",
            "called": "observers, executor",
            "computed": "of the processor",
        }
        for part, words in said.items():
            rows.append(percentiles(f"  of that: {words}", [getattr(one, part) / US for one in ways], (None, None))[0])
    return rows


def order_rows(folder: Folder, *, quick: bool = False) -> list[Row]:
    """Every row of this file; the log is set up as the daemon's."""
    begin_log(CONFIG.logs, verbose=False, secrets=())
    warm_kernels(CONFIG)
    place = Folder(tempfile.mkdtemp(dir=folder))
    (place / "one").mkdir()
    (place / "many").mkdir()
    limit = 60 if quick else 200
    hot, paced, tickets = measured(1, 200 if quick else 900, place / "one", limit)
    rows = way_rows("closed candle to Venue.place, hot", hot, (HOT_P50, HOT_P99), parts=True)
    rows += way_rows("closed candle to Venue.place, paced", paced, (PACED_P50, PACED_P99))
    hot, paced, _ = measured(MANY, 90 if quick else 150, place / "many", limit // 2)
    rows += way_rows(f"the last of {MANY} candles to Venue.place, hot", hot, (None, None))
    rows += way_rows(f"the last of {MANY} candles to Venue.place, paced", paced, (None, None))
    return [*rows, *fsync_rows(place), signing_row(tickets)]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(order_rows(Folder(folder), quick="--quick" in sys.argv)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

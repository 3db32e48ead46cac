"""A watch over a made-up account: fake clock, fake venue, fake stream, a tracker in a few lines, and what the engine was told."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from decimal import Decimal

from modules.exchange.holdings import NOTHING, Held
from modules.exchange.reports import ZERO, AccountItem, ExecutionReport, OrderReport, PositionReport
from modules.exchange.watch import Pace, Watch
from self_test.fakes.account_stream import FakeStream
from self_test.fakes.account_venue import AccountVenue
from self_test.fakes.books import coin
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from state.messages import AccountDown, AccountEvent, AccountUp, OrderFilled, VenueRead
from state.orders import Fill
from utils.clock import FakeClock
from utils.fixed import money_units

LIVE_SPOT, LIVE_PERP, LIVE_FX = (Account(domain, Mode.LIVE) for domain in (Domain.CRYPTO, Domain.PERPS, Domain.FOREX))
SPOT_KEY, PERP_KEY = "CRYPTO:AAAUSDT", "PERPS:AAAUSDT"
PREFIX = {LIVE_SPOT: "CLabc-", LIVE_PERP: "PLabc-", LIVE_FX: "FLabc-"}


class ToyTracker:
    """Each execution of ours once, as a fill; an order that says more than was told is incomplete."""

    def __init__(self, account: Account, instruments: Mapping[str, Instrument]) -> None:
        self._account = account
        self._instruments = instruments
        self._seen: set[str] = set()
        self._told: dict[str, Decimal] = {}
        self._orders: dict[str, OrderReport] = {}
        self.holds: dict[str, Held] = {}
        self.strange: dict[str, str] = {}
        self.sent: set[str] = set()
        self.oldest_untold: int | None = None
        self.nameless: list[tuple[str, str]] = []
        self.lookups: dict[str, int] = {}

    def take(self, items: Sequence[AccountItem]) -> list[AccountEvent]:
        events: list[AccountEvent] = []
        for item in items:
            if isinstance(item, OrderReport):
                self.nameless = [one for one in self.nameless if one[1] != item.venue_id]
            if isinstance(item, OrderReport) and item.link_id.startswith(PREFIX[self._account]):
                self._orders[item.venue_id] = item
            elif isinstance(item, ExecutionReport) and item.exec_id not in self._seen:
                self._seen.add(item.exec_id)
                if item.link_id.startswith(PREFIX[self._account]):
                    events.append(self._fill(item))
                else:
                    self.strange[item.exec_id] = "an execution of an order that is not ours"
        return events

    def _fill(self, report: ExecutionReport) -> AccountEvent:
        self._told[report.venue_id] = self._told.get(report.venue_id, ZERO) + report.qty
        instrument = self._instruments[report.key]
        fill = Fill(
            ts=report.ts, account=self._account, key=report.key, order_id=report.link_id, exec_id=report.exec_id, side=report.side,
            price=instrument.ticks(report.price), steps=instrument.steps(report.qty), fee=money_units(report.fee),
        )  # fmt: skip
        return OrderFilled(ts=report.ts, fill=fill)

    def incomplete(self) -> list[tuple[str, str, int]]:
        return [(o.key, o.venue_id, o.created_ts) for o in self._orders.values() if o.filled > self._told.get(o.venue_id, ZERO)]

    def unknown(self) -> list[tuple[str, str]]:
        return [one for one in self.nameless if self.lookups.get(one[1], 0) < 3]

    def not_found(self, venue_id: str) -> None:
        self.lookups[venue_id] = self.lookups.get(venue_id, 0) + 1

    def untold(self) -> int | None:
        return self.oldest_untold

    def foreign(self) -> tuple[str, ...]:
        return tuple(self.strange.values())

    def order(self, order_id: str) -> str | None:
        return order_id if order_id in self.sent else None

    def held(self, key: str) -> Held:
        return self.holds.get(key, NOTHING)


class ToyExecutor:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.items: list[AccountItem] = []
        self.readings: list[tuple[int, list[OrderReport], list[PositionReport]]] = []

    def on_reading(self, began_ns: int, orders: list[OrderReport], positions: list[PositionReport]) -> None:
        self.readings.append((began_ns, orders, positions))

    def on_reports(self, items: Sequence[AccountItem]) -> None:
        self.items += items


class Scene:
    """Everything a test of the watch looks at."""

    def __init__(self, account: Account = LIVE_SPOT, *, seed: int = 1, cursor: int = 0, may_withdraw: bool = False) -> None:
        self.account = account
        self.clock = FakeClock()
        self.venue = AccountVenue(now=self.clock.now_ms)
        self.stream = FakeStream()
        listed = [coin("AAAUSDT", account.domain), coin("BBBUSDT", account.domain)]
        self.instruments = {one.key: one for one in listed}
        self.listed = dict(self.instruments)
        self.executor = ToyExecutor()
        self.tracker = ToyTracker(account, self.instruments)
        self.told: list[AccountEvent] = []
        self.watch = Watch(
            account,
            self.venue,
            self.stream,
            self.tracker,
            self.executor,
            self.instruments,
            self.told.extend,
            self.clock,
            random.Random(seed),
            self.clock.now_ms,
            prefix=PREFIX[account],
            cursor=cursor,
            env="live",
            listing=self._filters,
            may_withdraw=may_withdraw,
            pace=Pace(),
        )

    async def _filters(self) -> Mapping[str, Instrument]:
        return self.listed

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The watch started and running, its stream up, the account at work."""
        await self.watch.start()
        async with self.alive():
            self.stream.up()
            await self.clock.settle()
            yield

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Only `run()`, as after a start that failed."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.watch.run())
            await self.clock.settle()
            try:
                yield
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def until(self, happened: Callable[[], bool], limit_s: float) -> float:
        """Seconds of transport time until `happened()`; AssertionError beyond `limit_s`."""
        for passed in range(int(limit_s) + 1):
            if happened():
                return float(passed)
            await self.clock.advance(1)
        raise AssertionError(f"not within {limit_s} s; told: {self.words()}")

    def words(self) -> list[str]:
        """Causes told, in order: `-cause` when it began, `+cause` when it was over."""
        told = []
        for event in self.told:
            if isinstance(event, AccountDown):
                told.append(f"-{event.cause}")
            elif isinstance(event, AccountUp):
                told.append(f"+{event.cause}")
        return told

    def reason(self, cause: str) -> str:
        return next(event.reason for event in reversed(self.told) if isinstance(event, AccountDown) and event.cause == cause)

    def fills(self) -> list[str]:
        return [event.fill.exec_id for event in self.told if isinstance(event, OrderFilled)]

    def reads(self) -> list[VenueRead]:
        return [event for event in self.told if isinstance(event, VenueRead)]

    def foreign(self) -> tuple[str, ...]:
        return self.reads()[-1].foreign

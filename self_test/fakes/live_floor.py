"""An executor at work on the fake venue, with the tracker between them as the watch would have it, and what the engine would be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TypeVar

from modules.exchange.executor import Executor
from modules.exchange.order_times import OrderTimes
from modules.exchange.reports import AccountItem
from modules.exchange.steps import Limits
from modules.exchange.tracker import Tracker
from self_test.fakes.venue import FakeVenue
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side, order_id
from state.messages import AccountEvent, Close, OrderFilled, Place, Protect, StopFilled
from utils.clock import FakeClock

TAG = "abc"
START = 1_735_689_600_000
Event = TypeVar("Event")


def instrument(domain: Domain = Domain.CRYPTO, symbol: str = "BTCUSDT", min_notional: str = "5") -> Instrument:
    """Tick 0.1, step 0.001."""
    return Instrument(
        domain=domain, symbol=symbol, base=symbol.removesuffix("USDT"), quote="USDT", tick=Decimal("0.1"), step=Decimal("0.001"),
        min_qty=Decimal("0.001"), min_notional=Decimal(min_notional), max_qty=Decimal(10_000),
        funding_interval_min=0 if domain is Domain.CRYPTO else 480,
    )  # fmt: skip


class LiveFloor:
    """`events` is what the engine was told, in order."""

    def __init__(
        self, domain: Domain = Domain.CRYPTO, symbols: tuple[str, ...] = ("BTCUSDT",), limits: Limits | None = None, min_notional: str = "5"
    ) -> None:
        self.clock = FakeClock(START)
        self.account = Account(domain, Mode.LIVE)
        self.instruments = {one.key: one for one in (instrument(domain, symbol, min_notional) for symbol in symbols)}
        self.key = next(iter(self.instruments))
        self.venue = FakeVenue(self.instruments, self.clock)
        self.events: list[AccountEvent] = []
        self.halted = False
        self.limits = limits
        self.sent = 0
        self.times: OrderTimes | None = None
        self.boot()

    def boot(self) -> None:
        """A process starts (again): nothing is known but what the venue and the engine know."""
        prefix = f"{self.account.domain[0]}{self.account.mode[0]}{TAG}-"
        seen = [event.fill.exec_id for event in self.told(OrderFilled)] + [event.fill.exec_id for event in self.told(StopFilled)]
        self.tracker = Tracker(self.account, self.instruments, prefix, seen)
        self.executor = Executor(
            self.account,
            self.venue,
            self.tracker,
            self.instruments,
            self.emit,
            self.clock,
            self.clock.now_ms,
            TAG,
            limits=self.limits,
            halted=lambda: self.halted,
            times=self.times,
        )
        self.venue.sink = self.heard

    def emit(self, events: list[AccountEvent]) -> None:
        if self.times is not None:
            self.times.hear(events)
        self.events.extend(events)

    def heard(self, items: Sequence[AccountItem]) -> None:
        self.emit(self.tracker.take(items))
        self.executor.on_reports(items)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The executor's tasks live for the length of the block."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.executor.run())
            try:
                yield
            finally:
                task.cancel()

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def approved(
        self, steps: int = 1_000, *, key: str = "", side: Side = Side.LONG, stop: int = 950, target: int = 1_100, limit: int = 1_001,
        order_type: OrderType = OrderType.IOC_LIMIT, expires_ms: int = 60_000,
    ) -> Approved:  # fmt: skip
        """An entry at 100.0 unless told otherwise; ticks and steps."""
        key = key or self.key
        ts = self.clock.now_ms() + self.sent
        self.sent += 1
        exits = ExitPlan(stop=stop, target=target, atr=10.0, trail_atr=0.0, max_hold_ms=1)
        intent = Intent(
            ts=ts, account=self.account, key=key, strategy="C1", arm="base", side=side, steps=steps, order_type=order_type, reference=1_000,
            limit=limit, expires_ts=ts + expires_ms, exits=exits,
        )  # fmt: skip
        return Approved(intent=intent, order_id=order_id(self.account, key, ts, "e", TAG))

    def place(self, approved: Approved) -> str:
        self.executor.submit(Place(approved))
        return approved.order_id

    def close(self, leg: str = "x", key: str = "") -> str:
        key = key or self.key
        name = order_id(self.account, key, self.clock.now_ms(), leg, TAG)
        reduce = Reduce(ts=self.clock.now_ms(), account=self.account, key=key, order_id=name, reason=ExitReason.OPERATOR)
        self.executor.submit(Close(reduce))
        return name

    def protect(self, stop: int, target: int = 1_100, side: int = 1) -> None:
        held = self.tracker.held(self.key)
        self.executor.submit(Protect(self.account, self.key, side, held.steps, stop, target, trailed=True))

    async def until(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Move the clock until `holds`, at most `seconds`."""
        spent = 0.0
        await self.clock.settle()
        while not holds():
            assert spent < seconds, f"not within {seconds} s; told: {self.events}"
            await self.clock.advance(0.05)
            spent += 0.05

"""Flatten one LIVE account over its venue, without an engine: latch first (the caller), then cancel, close, read back, until it is flat.

Used by the command line when no daemon answers. Nothing is booked here: the daemon's next start finds the executions by its cursor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from modules.exchange.reports import OrderKind, OrderReport, WalletReport
from modules.flatten_plan import SPOT_PROTECTIVE, Close, Ours, Plan, Progress, Reading, plan
from modules.ports import BAD_KEY, BELOW_MINIMUM, DUPLICATE_ID, NO_SUCH_ORDER, Ticket, Venue, World
from state.accounts import Domain
from utils.clock import SECOND, Clock
from utils.errors import Refusal, Rejected, Transient, Unknown
from utils.throttle import Urgency

LIMIT_S = 60.0
PAUSE_S = 0.1
"""Between two looks while something is still to be done."""
SAY_EVERY_S = 5.0
OVERLAP_MS = 60_000
"""Executions are read from so much before the stored state on; those booked are known by their ids."""

T = TypeVar("T")
Say = Callable[[str], None]


class LiveAccount(msgspec.Struct, frozen=True):
    """An account to flatten: its venue, and what the bot knew to be its own there."""

    ours: Ours
    venue: Venue


class FlatReport(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `verified`: a whole look at the venue found nothing of ours left."""

    account: str
    verified: bool
    seconds: float
    cancelled: int = 0
    closed: int = 0
    """Closing orders that were sent."""
    left: tuple[str, ...] = ()
    """What stands there and was not touched: dust, orders and positions of others."""
    trouble: str = ""
    """What went wrong last."""


class _Stop(Exception):
    """Time is over, or the venue will not speak to us at all."""


class _Flatten:
    def __init__(self, live: LiveAccount, clock: Clock, limit_s: float, say: Say) -> None:
        self.ours, self.venue, self.clock, self.say = live.ours, live.venue, clock, say
        self.began = clock.monotonic_ns()
        self.until = self.began + int(limit_s * SECOND)
        self.said = self.began
        self.progress = Progress()
        self.cancelled = self.closed = 0
        self.left: tuple[str, ...] = ()
        self.trouble = ""

    async def run(self) -> FlatReport:
        verified = False
        try:
            while not verified:
                found = plan(self.ours, await self._read(), self.progress)
                self.left, verified = found.left, found.done
                if verified and self.left and not self.ours.tag:
                    self.trouble = "the state is lost, so only orders that bear this bot's mark were taken back"
                    verified = False
                    break
                if not verified:
                    await self._act(found)
                    await self._pause()
        except _Stop:
            pass
        return FlatReport(
            account=str(self.ours.account),
            verified=verified,
            seconds=round((self.clock.monotonic_ns() - self.began) / SECOND, 2),
            cancelled=self.cancelled,
            closed=self.closed,
            left=self.left,
            trouble="" if verified else self.trouble or "closing orders are not settled",
        )

    # --- looking ------------------------------------------------------------------------------------------------------------------

    async def _read(self) -> Reading:
        """A whole look: each part is asked for until it is there. A part that is missing says nothing, least of all "flat"."""
        venue = self.venue
        async with asyncio.TaskGroup() as group:
            orders = group.create_task(self._ask(venue.open_orders))
            positions = group.create_task(self._ask(venue.positions))
            wallet = group.create_task(self._ask(self._wallet))
            asked = [(key, group.create_task(self._ask(self._question(key)))) for key in self.progress.sent]
        looks = (orders.result(), positions.result(), wallet.result(), *(task.result() for _, task in asked))
        executions = await self._ask(lambda: venue.executions(max(0, self.ours.since_ms - OVERLAP_MS)))
        if any(isinstance(one, _Stop) for one in looks) or isinstance(executions, _Stop):
            raise _Stop
        return Reading(
            orders=_have(orders.result()),
            positions=_have(positions.result()),
            coins=_have(wallet.result()).coins,
            executions=_have(executions),
            asked={key: _have(task.result()) for key, task in asked},
        )

    async def _wallet(self) -> WalletReport:
        return await self.venue.wallet(Urgency.PROTECTIVE)

    def _question(self, key: str) -> Callable[[], Awaitable[OrderReport | None]]:
        link = self.ours.link(key, self.progress.attempt.get(key, 0))
        return lambda: self.venue.order(key, link_id=link)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T | _Stop:
        """The answer, however often it takes within the time; `_Stop` (returned: siblings go on) when there will be none."""
        while True:
            try:
                return await question()
            except (Transient, Unknown) as error:
                self.trouble = f"the venue does not answer: {error}"
            except Rejected as error:
                self.trouble = f"the venue refuses: {error}"
                if error.code == BAD_KEY:
                    return _Stop()
            except Refusal as refusal:  # what is missing here comes by no asking again
                self.trouble = str(refusal)
                return _Stop()
            try:
                await self._pause()
            except _Stop as stop:
                return stop

    async def _pause(self) -> None:
        now = self.clock.monotonic_ns()
        if now >= self.until:
            raise _Stop
        if self.trouble and now - self.said >= SAY_EVERY_S * SECOND:
            self.said = now
            self.say(f"{self.ours.account}: {self.trouble}; trying again")
        await self.clock.sleep(PAUSE_S)

    # --- acting -------------------------------------------------------------------------------------------------------------------

    async def _act(self, found: Plan) -> None:
        self.trouble = ""
        async with asyncio.TaskGroup() as group:
            for order in found.cancels:
                group.create_task(self._cancel(order))
            for close in found.closes:
                group.create_task(self._close(close))

    async def _cancel(self, order: OrderReport) -> None:
        try:
            await self.venue.cancel(order.key, world_of(order), venue_id=order.venue_id)
        except (Transient, Unknown) as error:
            self.trouble = f"{order.key}: {error}"
        except Rejected as error:
            if error.code != NO_SUCH_ORDER:
                self.trouble = f"{order.key}: {error}"
        else:
            self.cancelled += 1

    async def _close(self, close: Close) -> None:
        attempt = self.progress.attempt.get(close.key, 0)
        ticket = Ticket(
            key=close.key,
            link_id=self.ours.link(close.key, attempt),
            side=close.side,
            qty=close.qty,
            reduce_only=self.ours.account.domain is not Domain.CRYPTO,
        )
        try:
            await self.venue.create(ticket, Urgency.PROTECTIVE)
        except Transient as error:
            self.trouble = f"{close.key}: {error}"
            return
        except Unknown as error:
            self.trouble = f"{close.key}: {error}"
        except Rejected as error:
            if error.code != DUPLICATE_ID:
                self._refused(close.key, attempt, error)
                return
        else:
            self.closed += 1
        self.progress.sent[close.key] = close.qty

    def _refused(self, key: str, attempt: int, error: Rejected) -> None:
        """The venue's explicit no: nothing was done under this id, the next look decides anew."""
        self.trouble = f"{key}: {error}"
        self.progress.sent.pop(key, None)
        self.progress.attempt[key] = attempt + 1
        if error.code == BELOW_MINIMUM:
            self.progress.dust.add(key)


def _have(answer: T | _Stop) -> T:
    if isinstance(answer, _Stop):
        raise answer
    return answer


def world_of(order: OrderReport) -> World:
    """The order book in which an order lives."""
    if order.kind in SPOT_PROTECTIVE:
        return World.PROTECTIVE
    return World.PLAIN if order.kind is OrderKind.PLAIN else World.CONDITIONAL


async def flatten_account(live: LiveAccount, clock: Clock, *, limit_s: float = LIMIT_S, say: Say = lambda _: None) -> FlatReport:
    """Cancel and close all that is ours on one account, and read the venue until it shows none of it, or `limit_s` is over.

    Entries first; a perpetual's stop stands until the position is gone; a spot exit, which holds the coin, is taken back just before its
    sale, ten positions at a time. Whatever fails is tried again.
    """
    return await _Flatten(live, clock, limit_s, say).run()


async def flatten_accounts(
    accounts: list[LiveAccount], clock: Clock, *, limit_s: float = LIMIT_S, say: Say = lambda _: None
) -> list[FlatReport]:
    """All accounts side by side: one whose venue is down, or at which something breaks, keeps nobody waiting but itself."""
    work = [flatten_account(one, clock, limit_s=limit_s, say=say) for one in accounts]
    ends = await asyncio.gather(*work, return_exceptions=True)
    return [end if isinstance(end, FlatReport) else _broken(one, end, say) for one, end in zip(accounts, ends, strict=True)]


def _broken(live: LiveAccount, error: BaseException, say: Say) -> FlatReport:
    """The report of an account at which something broke that nobody foresaw: nothing is known, least of all that it is flat."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trouble = f"it broke off: {type(error).__name__}: {error}"
    say(f"{live.ours.account}: {trouble}")
    return FlatReport(account=str(live.ours.account), verified=False, seconds=0.0, trouble=trouble)

"""What goes on on one live account, whoever tells it: the private stream, and a comparison over requests that finds what the stream lost.

Start-up is recovery: clock, key, executions since the cursor, orders, positions, wallet; only after a reading at rest with the stream up
may the account enter. Every outage of the account is told once when it begins and once when it is over; entries wait meanwhile, the
protection on the venue stands, and the executor goes on. All of it runs on transport time; venue time only stamps and bounds queries.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

import msgspec
import structlog

from modules.data.together import together
from modules.exchange import rights
from modules.exchange.cash_look import CashLook
from modules.exchange.causes import BANNED, CLOCK, KEYS, RECONCILE, RIGHTS, STREAM, VENUE, Causes
from modules.exchange.checks import Checks, Listing
from modules.exchange.reading import Reading, identify, read_at_rest, venue_read
from modules.exchange.reports import Link
from modules.exchange.teller import Reports, Teller, Tracker
from modules.ports import BAD_KEY, AccountStream, Venue
from state.accounts import Account
from state.instruments import Instrument
from state.messages import AccountEvent
from utils.clock import SECOND, Clock
from utils.errors import Rejected, Transient
from utils.throttle import Banned

log = structlog.get_logger("watch")

MARKS = 3
"""The executions of so many comparisons back are read again each time: a listing may lag behind its event."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How often what is asked, in seconds of transport time; real pauses are 80 to 100 % of these."""

    compare_s: float = 10.0
    silent_compare_s: float = 5.0
    """While the stream says nothing."""
    silent_after_s: float = 60.0
    retry_s: float = 1.0
    """First pause after a failure; it doubles up to `compare_s`, and only up to `entering_s` while the account waits to enter."""
    entering_s: float = 2.0
    unrest_retry_s: float = 0.25
    """First pause after a reading that found no rest, though the venue answers; it doubles up to `retry_s`."""
    keys_retry_s: float = 60.0
    """While the key is refused."""
    lost_after_s: float = 15.0
    """Without an answer for so long, the venue counts as lost."""
    unrest_s: float = 60.0
    """Without a reading at rest for so long, the account may not enter."""
    clock_s: float = 300.0
    rights_s: float = 300.0
    filters_s: float = 300.0
    overlap_ms: int = 60_000
    """Venue time before the cursor that is read again."""


class Watch:
    """Keeps the engine told of one account. `cursor`: all executions before it (venue ms) are known, 0 = a fresh account."""

    def __init__(
        self,
        account: Account,
        venue: Venue,
        stream: AccountStream,
        tracker: Tracker,
        executor: Reports,
        instruments: Mapping[str, Instrument],
        emit: Callable[[list[AccountEvent]], None],
        clock: Clock,
        rng: random.Random,
        venue_now: Callable[[], int],
        *,
        prefix: str,
        cursor: int,
        env: str,
        listing: Listing | None = None,
        look: CashLook | None = None,
        may_withdraw: bool = False,
        pace: Pace | None = None,
    ) -> None:
        """`instruments` by key; `prefix` as in `CLabc-`: what our client ids begin with; `env` for what is said of a bad key.

        `look` reads why cash moved otherwise than by executions.
        """
        self._account = account
        self._venue = venue
        self._stream = stream
        self._tracker = tracker
        self._instruments = instruments
        self._emit = emit
        self._clock = clock
        self._rng = rng
        self._venue_now = venue_now
        self._prefix = prefix
        self._env = env
        self._pace = pace or Pace()
        self._executor = executor
        self._look = look
        self._teller = Teller(tracker, executor, emit)
        self._causes = Causes(account, emit, venue_now, standing=(RECONCILE,))
        self._checks = Checks(account, venue, self._causes, instruments, listing, may_withdraw=may_withdraw)
        self._doubted = False
        self._marks: deque[int] = deque([cursor or venue_now()], maxlen=MARKS)
        self._marked_ns = clock.monotonic_ns()
        self._suspects: frozenset[str] = frozenset()
        self._introduced = False
        self._linked = False
        self._losses = 0
        self._failures = 0
        self._restless = False
        self._item_ns = self._answer_ns = self._rest_ns = clock.monotonic_ns()
        self._wanted = asyncio.Event()
        self.caught_up = asyncio.Event()
        """What was executed while nobody listened has been told: before that nobody knows what is held."""

    @property
    def cursor(self) -> int:
        """Every execution before this venue time (ms) has been told: what to persist and to start with next time."""
        untold = self._tracker.untold()
        return self._marks[0] if untold is None else min(self._marks[0], untold)

    def ask(self) -> None:
        """Compare now rather than at the next turn."""
        self._wanted.set()

    def doubt(self) -> None:
        """An order was refused for its grid, its instrument or the key: look at filters and rights now."""
        self._doubted = True
        self._wanted.set()

    async def start(self) -> None:
        """Recover once, before anything trades.

        Refusal when the key is not fit. Transient when the venue does not answer: `run` goes on trying, and until it succeeds the account
        cannot enter.
        """
        try:
            await self._checks.clock()
            unfit = await self._checks.unfit()
            if unfit:
                raise rights.refusal(self._account, self._env, unfit)
            self._introduced = True
            await self._read()
        except Rejected as no:
            if no.code != BAD_KEY:
                raise Transient(f"the venue refuses to be read for {self._account}: {no}") from no
            raise rights.refusal(self._account, self._env, f"the venue refuses the API key of {self._account}: {no}") from no

    async def run(self) -> None:
        """Listen and compare for ever."""
        self._item_ns = self._answer_ns = self._rest_ns = self._clock.monotonic_ns()
        self._linked = False
        self._losses += 1
        self._wanted.set()
        await together(
            [
                self._listen(),
                self._compare(),
                self._remind(),
                self._every(self._pace.clock_s, self._checks.clock),
                self._every(self._pace.rights_s, self._checks.key),
                self._every(self._pace.filters_s, self._checks.filters),
            ]
        )

    async def _listen(self) -> None:
        async with aclosing(self._stream.items()) as items:
            async for item in items:
                self._item_ns = self._clock.monotonic_ns()
                if not isinstance(item, Link):
                    self._teller.tell([item])
                    if self._tracker.unknown():
                        self._wanted.set()
                elif item.up:
                    self._linked = True
                    self._wanted.set()  # there is no replay: what happened meanwhile has to be read
                else:
                    self._linked = False
                    self._losses += 1
                    self._causes.down(STREAM, f"the private stream is lost: {item.reason}")

    async def _remind(self) -> None:
        while True:
            silent = self._since_s(self._item_ns) > self._pace.silent_after_s
            await self._pause(self._pace.silent_compare_s if silent else self._pace.compare_s)
            self._wanted.set()

    async def _compare(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if await self._compared():
                self._failures = 0
                continue
            self._failures += 1
            await self._pause(self._pause_s())
            self._wanted.set()

    def _pause_s(self) -> float:
        """How long to wait after a comparison that came to nothing."""
        pace = self._pace
        if KEYS in self._causes:
            return pace.keys_retry_s
        first, most = pace.retry_s, pace.entering_s if RECONCILE in self._causes else pace.compare_s
        if self._restless:
            first, most = pace.unrest_retry_s, pace.retry_s
        return min(first * 2.0 ** min(self._failures - 1, 16), most)

    async def _compared(self) -> bool:
        """One comparison; whether it came to a reading."""
        linked, losses = self._linked, self._losses
        self._restless = False
        try:
            if not self._introduced or CLOCK in self._causes:
                await self._checks.clock()
            if not self._introduced or RIGHTS in self._causes:
                await self._checks.key()
                self._introduced = True
            if self._doubted:
                await self._checks.filters()
                await self._checks.key()
                self._doubted = False
            at_rest = await self._read()
        except (Rejected, Transient) as error:
            self._failed(error)
            return False
        self._answer_ns = self._clock.monotonic_ns()
        for cause in (VENUE, KEYS, BANNED):
            self._causes.up(cause)
        if not at_rest:
            self._restless = True
            if self._since_s(self._rest_ns) > self._pace.unrest_s:
                self._causes.down(RECONCILE, "the account has not been at rest long enough to be read")
            return False
        if linked and losses == self._losses:
            self._causes.up(STREAM)
            self._causes.up(RECONCILE)
        return True

    async def _read(self) -> bool:
        """Read the account and tell all of it; False when it would not rest."""
        mark = self._venue_now()
        if not self._marks[0]:  # made before the venue's time was known
            self._marks[0] = mark
        since = self._marks[0] - self._pace.overlap_ms
        if not self.caught_up.is_set():
            self._teller.tell(await self._venue.executions(since))
            await identify(self._venue, self._teller, self._tracker)
            if self._tracker.unknown():
                return False
            self.caught_up.set()
        began_ns = self._clock.monotonic_ns()
        reading = await read_at_rest(self._venue, self._teller, self._tracker, since, self._look)
        if reading is None:
            return False
        self._tell(reading)  # without a wait since the last execution was told: what is presumed is in the inbox already
        self._executor.on_reading(began_ns, reading.orders, reading.positions)
        self._rest_ns = self._clock.monotonic_ns()
        if self._since_s(self._marked_ns) >= self._pace.silent_compare_s / 2:
            self._marked_ns = self._clock.monotonic_ns()
            self._marks.append(mark)
            self._teller.forget(self._marks[0] - self._pace.overlap_ms)
        return True

    def _tell(self, reading: Reading) -> None:
        event, self._suspects = venue_read(
            self._account, self._venue_now(), reading, self._instruments, self._prefix, self._tracker, self._suspects
        )
        event = msgspec.structs.replace(event, cursor=self.cursor)
        if self._look is not None:
            event = msgspec.structs.replace(event, cash_cursor=self._look.cursor, sharing=self._look.sharing)
        self._emit([event])

    def _failed(self, error: Rejected | Transient) -> None:
        if isinstance(error, Banned) or (isinstance(error, Rejected) and error.code == BAD_KEY):
            self._answer_ns = self._clock.monotonic_ns()  # the venue is there
            self._causes.up(VENUE)
        if isinstance(error, Banned):
            self._causes.down(BANNED, f"{error}, but for what protects")
        elif isinstance(error, Transient):
            if self._since_s(self._answer_ns) >= self._pace.lost_after_s:
                self._causes.down(VENUE, f"the venue does not answer: {error}")
        elif error.code == BAD_KEY:
            self._causes.down(KEYS, f"the venue refuses the API key: {error}; the protection already on the venue stands")
        else:
            self._causes.down(VENUE, f"the venue refuses to be read: {error}")
        log.debug("not compared", account=str(self._account), error=str(error))

    async def _every(self, seconds: float, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._pause(seconds)
            try:
                await job()
            except (Rejected, Transient) as error:  # the comparison, which asks far oftener, tells of outages
                log.debug("not checked", account=str(self._account), error=str(error))

    async def _pause(self, seconds: float) -> None:
        await self._clock.sleep(seconds * self._rng.uniform(0.8, 1.0))

    def _since_s(self, ns: int) -> float:
        return (self._clock.monotonic_ns() - ns) / SECOND

"""Lets requests leave within every budget they count in, the most urgent first: one limiter for all that talks to a venue.

A request names its *scopes* ("bybit.ip", "uid:1:order/create") and its `Urgency`; it leaves when each scope has room. Those who wait
are served by urgency, then by arrival. Who waits for one scope keeps a place in its others, as long as it could need it before the
place is free again: so a less urgent request never delays a more urgent one, and nobody idles for one who is held up elsewhere for
long. `utils/budget.py` has the arithmetic of one scope. Windows run on transport time.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import count

import msgspec

from utils.budget import Budget
from utils.clock import MS, SECOND, Clock
from utils.errors import Invariant, Transient
from utils.spent import Spent


class Urgency(IntEnum):
    """Who is served first when a budget is short: the smaller number."""

    PROTECTIVE = 0
    """Stops, targets, closes: never blocked by anything but the venue."""
    CANCEL = 1
    ENTRY = 2
    ACCOUNT = 3
    MARKET = 4
    BACKFILL = 5


class Limit(msgspec.Struct, frozen=True):
    """At most `calls` within any `window_s` seconds; both positive, else ValueError."""

    calls: int
    window_s: float

    def __post_init__(self) -> None:
        if self.calls < 1 or self.window_s <= 0:
            raise ValueError(f"a limit needs at least one call in a positive window, not {self.calls} in {self.window_s} s")


class Banned(Transient):
    """The venue has shut `scope` out: nothing was sent, and nothing but what protects may be sent for `retry_after_s`."""

    def __init__(self, scope: str, retry_after_s: float) -> None:
        super().__init__(f"the venue refuses {scope}; no request for {retry_after_s:.0f} s")
        self.scope = scope
        self.retry_after_s = retry_after_s


class Figures(msgspec.Struct, frozen=True):
    """What the throttle does now, for metrics."""

    waiting: dict[Urgency, int]
    """Requests that wait, by urgency."""
    waited_s: dict[Urgency, float]
    """Seconds that requests have waited in all, by urgency, with those that gave up."""
    left: dict[str, int]
    """By scope the calls that may leave now, with those kept for protective ones."""
    banned_s: dict[str, float]
    """By scope the seconds that its ban goes on; scopes without one are left out."""


_Line = tuple[Urgency, tuple[str, ...]]


class Throttle:
    """One limiter for all scopes. `limits` may be added to later."""

    def __init__(self, limits: Mapping[str, Limit], clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[str, Budget] = {}
        self._spent: dict[str, Spent] = {}
        self._waiting: list[_Waiter] = []
        self._lines: Counter[_Line] = Counter()
        self._arrival = count()
        self._waited_ns = dict.fromkeys(Urgency, 0)
        for name, limit in limits.items():
            self.add(name, limit)

    def add(self, scope: str, limit: Limit) -> None:
        """Make a scope known. One that is known stays as it is: it has counted, and may have been corrected by the venue."""
        if scope not in self._budgets:
            self._budgets[scope] = Budget(limit.calls, round(limit.window_s * SECOND))

    def remember(self, scope: str, spent: Spent) -> None:
        """Begin with what earlier lives asked of `scope`, and note what leaves from now on. Invariant when it is unknown."""
        budget = self._budget(scope)
        now_ns, now_ms = self._clock.monotonic_ns(), self._clock.now_ms()
        for age_ms in spent.ages_ms(now_ms, budget.window_ns // MS):
            budget.count(now_ns - age_ms * MS)
        self._spent[scope] = spent

    async def acquire(self, scopes: str | Sequence[str], urgency: Urgency = Urgency.MARKET) -> None:
        """Return when one more request may leave; it counts in each of `scopes` from that moment.

        `Banned`, at once or while it waits, when a scope is shut out and the request is not PROTECTIVE (those are tried, one a second).
        Invariant when a scope is unknown. Cancelling gives the place to the next.
        """
        names = (scopes,) if isinstance(scopes, str) else tuple(dict.fromkeys(scopes))
        waiter = _Waiter(urgency, next(self._arrival), {name: self._budget(name) for name in names})
        start_ns = self._clock.monotonic_ns()
        refusal = self._refusal(waiter, start_ns)
        if refusal is not None:
            raise refusal
        insort(self._waiting, waiter, key=_Waiter.place)
        self._lines[waiter.line] += 1
        try:
            if self._lines[waiter.line] == 1:  # else the first of its line cannot leave yet, so it cannot either
                self._serve()
            while waiter.outcome is None:
                if await waiter.sleep(self._clock):
                    self._serve()
        except asyncio.CancelledError:
            if isinstance(waiter.outcome, int):
                waiter.give_back(waiter.outcome)
            elif waiter.outcome is None:
                self._waiting.remove(waiter)
                self._lines[waiter.line] -= 1
            self._serve()
            raise
        finally:
            self._waited_ns[urgency] += self._clock.monotonic_ns() - start_ns
        if isinstance(waiter.outcome, Banned):
            raise waiter.outcome

    def told(self, scope: str, limit: int, left: int, reset_ms_from_now: int) -> None:
        """Correct a scope by the headers of an answer (see `Budget.told`): `X-Bapi-Limit`, `-Status`, and `-Reset-Timestamp` minus now.

        "Now" is the venue's clock as we know it. The limit must be one per the scope's own window.
        """
        self._budget(scope).told(self._clock.monotonic_ns(), limit, left, reset_ms_from_now)
        self._serve()

    def hold(self, scope: str, seconds: float) -> None:
        """The venue said "too many" (10006): nobody of `scope` passes for `seconds`. A shorter hold never cuts a longer one."""
        self._budget(scope).hold(self._clock.monotonic_ns(), round(seconds * SECOND))

    def ban(self, scope: str, seconds: float) -> None:
        """The venue shut `scope` out (HTTP 403): for `seconds` everybody but PROTECTIVE gets `Banned`, those who wait too."""
        now_ns = self._clock.monotonic_ns()
        self._budget(scope).ban(now_ns, round(seconds * SECOND))
        still: list[_Waiter] = []
        for waiter in self._waiting:
            refusal = self._refusal(waiter, now_ns)
            if refusal is None:
                still.append(waiter)
            else:
                self._end(waiter, refusal)
        self._waiting = still
        self._serve()

    def lift(self, scope: str) -> None:
        """A PROTECTIVE request got an answer that is no ban: everybody may go again. Without a ban, nothing happens."""
        self._budget(scope).lift()
        self._serve()

    def banned_s(self, scopes: str | Sequence[str]) -> float:
        """Seconds that the longest ban on `scopes` goes on, 0 without one."""
        now_ns = self._clock.monotonic_ns()
        names = (scopes,) if isinstance(scopes, str) else scopes
        return max((self._budget(name).banned_ns(now_ns) for name in names), default=0) / SECOND

    def wait_s(self, scope: str, urgency: Urgency = Urgency.MARKET) -> float:
        """Seconds until the next call of `scope` could leave, not counting those who already wait."""
        now_ns = self._clock.monotonic_ns()
        return (self._budget(scope).ready_ns(now_ns, 0, protective=urgency is Urgency.PROTECTIVE) - now_ns) / SECOND

    def snapshot(self) -> Figures:
        """The figures of this moment."""
        now_ns = self._clock.monotonic_ns()
        banned = {name: budget.banned_ns(now_ns) / SECOND for name, budget in self._budgets.items()}
        return Figures(
            waiting={urgency: sum(waiter.urgency is urgency for waiter in self._waiting) for urgency in Urgency},
            waited_s={urgency: waited_ns / SECOND for urgency, waited_ns in self._waited_ns.items()},
            left={name: budget.left(now_ns) for name, budget in self._budgets.items()},
            banned_s={name: seconds for name, seconds in banned.items() if seconds > 0},
        )

    def _budget(self, name: str) -> Budget:
        if name not in self._budgets:
            raise Invariant(f"no rate limit is set for the scope {name!r}")
        return self._budgets[name]

    def _refusal(self, waiter: _Waiter, now_ns: int) -> Banned | None:
        if waiter.urgency is not Urgency.PROTECTIVE:
            for name, budget in waiter.budgets.items():
                if budget.banned_ns(now_ns):
                    return Banned(name, budget.banned_ns(now_ns) / SECOND)
        return None

    def _end(self, waiter: _Waiter, outcome: int | Banned) -> None:
        self._lines[waiter.line] -= 1
        waiter.end(outcome)

    def _serve(self) -> None:
        """Let out everybody who may leave now, in order; tell the first of each line when it could."""
        now_ns = self._clock.monotonic_ns()
        ahead = dict.fromkeys(self._budgets, 0)
        told: set[_Line] = set()
        over: set[_Line] = set()
        """Lines of which nobody else leaves now or needs a place soon."""
        still: list[_Waiter] = []
        for waiter in self._waiting:
            if waiter.line in over:
                still.append(waiter)
                continue
            budgets, protective = waiter.budgets, waiter.urgency is Urgency.PROTECTIVE
            ready_ns = max((one.ready_ns(now_ns, ahead[name], protective=protective) for name, one in budgets.items()), default=now_ns)
            if ready_ns <= now_ns:
                for name, budget in budgets.items():
                    budget.count(now_ns)
                    if name in self._spent:
                        self._spent[name].note(self._clock.now_ms())
                self._end(waiter, now_ns)
                continue
            still.append(waiter)
            # Later than a window from now, a place that is taken now will be free again.
            needed = [name for name, budget in budgets.items() if ready_ns < now_ns + budget.window_ns]
            for name in needed:
                ahead[name] += 1
            if not needed:
                over.add(waiter.line)
            if waiter.line not in told:
                told.add(waiter.line)
                waiter.ready_at(ready_ns)
        self._waiting = still


class _Waiter:
    """One request on its way out."""

    def __init__(self, urgency: Urgency, arrival: int, budgets: Mapping[str, Budget]) -> None:
        self.urgency = urgency
        self.arrival = arrival
        self.budgets = budgets
        self.line: _Line = (urgency, tuple(budgets))
        """Those who want the same leave in order of arrival: only the first of them watches the clock."""
        self.outcome: int | Banned | None = None
        """When it left, or why it may not."""
        self._ready_ns: int | None = None
        self._watched_ns: int | None = None
        self._timer: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    def place(self) -> tuple[int, int]:
        """Where it stands in the order of service."""
        return self.urgency, self.arrival

    def end(self, outcome: int | Banned) -> None:
        self.outcome = outcome
        self._wake()

    def ready_at(self, ready_ns: int) -> None:
        self._ready_ns = ready_ns
        if self._watched_ns is None or ready_ns < self._watched_ns:
            self._wake()

    def give_back(self, stamp_ns: int) -> None:
        for budget in self.budgets.values():
            budget.give_back(stamp_ns)

    async def sleep(self, clock: Clock) -> bool:
        """True when the time has come at which it could leave; False when something has changed, that time or its outcome."""
        self._woken.clear()
        self._watched_ns = self._ready_ns
        if self._ready_ns is None:
            await self._woken.wait()
            return False
        async with asyncio.TaskGroup() as group:
            self._timer = group.create_task(clock.sleep((self._ready_ns - clock.monotonic_ns()) / SECOND))
        self._timer = None
        return not self._woken.is_set()

    def _wake(self) -> None:
        self._woken.set()
        if self._timer is not None:
            self._timer.cancel()

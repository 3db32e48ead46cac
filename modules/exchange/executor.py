"""Carries out the engine's commands on one live account: a lane per instrument, a handful of workers, protective work first.

An instrument's entry is worked on by one worker at a time and its protection by one, and some workers take protective work only, so that
no slow request keeps a stop waiting. What to do is decided in `lane.py`, `protect.py` and `guard.py`; what comes back goes to the tracker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from structlog.contextvars import bound_contextvars

from modules.exchange.guard import Finding, News
from modules.exchange.hands import Hands
from modules.exchange.holdings import Held
from modules.exchange.lane import Lane
from modules.exchange.order_times import OrderTimes
from modules.exchange.pending import Phase, Write
from modules.exchange.protect import RECIPES
from modules.exchange.reports import AccountItem, ExecutionReport, OrderReport, PositionReport
from modules.exchange.steps import Entry, Limits, Step, bares, is_entry_work, order_of, urgency_of
from modules.exchange.tracker import Tracker
from modules.exchange.views import View, Views
from modules.ports import Venue
from state.accounts import Account
from state.instruments import Instrument
from state.messages import AccountEvent, Cancel, Close, Place, Protect, Protected, ProtectionFailed, TargetTouched
from state.orders import Order, OrderState
from utils.clock import MS, SECOND, Clock
from utils.errors import Invariant
from utils.throttle import Urgency

PROTECTORS = 2
"""Workers that take protective work only."""
WORKERS = 3
"""Workers that take whatever is most urgent."""
TOUCH_AGAIN_NS = 5 * SECOND
"""A touched target is told again after this: the close that it led to may have been refused, or sold only a part."""
TURN_S = 0.02
"""How finely lanes that wait for a time are looked at, when one is near; and"""
IDLE_TURN_S = 0.1
"""when none is."""


class Executor:
    """One live account's orders. `tag` marks our client ids; `halted` is asked before each entry leaves.

    `rate`: units of the account's currency for one of a pair's quote currency (FOREX). `times`: told when what is sent.
    """

    def __init__(
        self,
        account: Account,
        venue: Venue,
        tracker: Tracker,
        instruments: Mapping[str, Instrument],
        emit: Callable[[list[AccountEvent]], None],
        clock: Clock,
        venue_now: Callable[[], int],
        tag: str,
        *,
        limits: Limits | None = None,
        halted: Callable[[], bool] = lambda: False,
        rate: Callable[[str], Decimal] | None = None,
        times: OrderTimes | None = None,
    ) -> None:
        self._account, self._tracker, self._instruments = account, tracker, instruments
        self._emit, self._clock, self._venue_now, self._halted = emit, clock, venue_now, halted
        self._limits = limits or Limits()
        self._times = times or OrderTimes(str(account), clock)
        self._prefix = f"{account.domain[0]}{account.mode[0]}{tag}-"
        self._recipe = RECIPES[account.domain]
        self._lanes: dict[str, Lane] = {}
        self._ready: dict[str, None] = {}
        self._wakes: dict[str, int] = {}
        self._in_work: set[str] = set()
        self._bell = asyncio.Event()
        self._timed = asyncio.Event()
        self._barred = ""
        self._views = Views(venue, clock, self._viewed)
        self._hands = Hands(
            account,
            venue,
            tracker,
            self._views,
            self._tell,
            self._heard,
            clock,
            venue_now,
            tag,
            self._limits,
            self._why_barred,
            rate,
            self._times,
        )

    # --- what the engine and the operator say --------------------------------------------------------------------------------------

    def submit(self, command: Place | Cancel | Protect | Close) -> None:
        """Take a command; what comes of it is told through `emit`. Invariant when it is not for a venue."""
        match command:
            case Place(approved):
                lane = self._lane(approved.intent.key)
                self._tracker.expect(approved.order_id, lane.key, approved.intent.steps, entry=True)
                lane.place(approved)
                self._times.decided(approved.order_id, entry=True)
                self._levels(lane)
            case Cancel(_, key, order_id):
                lane = self._lane(key)
                if lane.entry is not None and lane.entry.write.order_id == order_id:
                    lane.entry.cancel = True
            case Protect(_, key, side, _, stop, target):
                lane = self._lane(key)
                lane.want(side, stop, target)
                self._levels(lane)
            case Close(reduce):
                lane = self._lane(reduce.key)
                self._tracker.expect(reduce.order_id, lane.key, lane.held.steps, entry=False)
                lane.close(reduce.order_id)
                self._times.decided(reduce.order_id, entry=False)
            case _:
                raise Invariant(f"a venue cannot carry out {type(command).__name__}")
        self._ring(lane.key)

    def restore(self, orders: Iterable[Order], held: Mapping[str, Held]) -> None:
        """Start from the engine's state: a reading tells of its working orders and verifies its positions, which are protected again."""
        own = [order for order in orders if order.account == self._account and not order.done]
        self._tracker.restore(own, held)
        now_ns = self._clock.monotonic_ns()
        for key, one in held.items():
            if one.stop:  # held, or to be held once an entry in flight is found to have filled
                lane = self._lane(key)
                lane.want(one.side, one.stop, one.target)
                lane.blind = one.steps > 0
                if lane.blind:
                    lane.found_ns = now_ns
                self._ring(key)
        for order in own:
            lane = self._lane(order.key)
            known = order.state in {OrderState.OPEN, OrderState.PARTIAL}
            phase = Phase.WORKING if known else Phase.UNKNOWN
            write = Write(order_id=order.order_id, phase=phase, sent_ns=now_ns, after_ns=now_ns, found=True)
            lane.found_ns = now_ns
            if order.entry:
                lane.entry = Entry(write=write)
            else:
                lane.closes.append(write)
            self._ring(order.key)

    def refuse_entries(self, reason: str) -> None:
        """From now on no entry leaves; those waiting are refused with `reason`."""
        self._barred = reason

    def allow_entries(self) -> None:
        """Entries may leave again."""
        self._barred = ""

    def on_reports(self, items: Sequence[AccountItem]) -> None:
        """What the venue said, after the tracker has seen it."""
        now_ns = self._clock.monotonic_ns()
        for item in items:
            if not isinstance(item, (OrderReport, PositionReport, ExecutionReport)) or item.key not in self._instruments:
                continue
            lane = self._lane(item.key)
            if isinstance(item, OrderReport):
                lane.hear(item, now_ns)
            elif isinstance(item, PositionReport):
                lane.hear_position(item)
            self._ring(item.key)

    def on_reading(self, began_ns: int, orders: list[OrderReport], positions: list[PositionReport]) -> None:
        """The account as the watch read it, after its reports were passed on: it serves every lane that waits for a reading."""
        self._views.take(View(began_ns, orders, positions))

    def on_quote(self, key: str, bid: int, ask: int) -> None:
        """The touch (ticks): a target that the venue does not hold is watched here."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        guard, held = lane.guard, lane.held
        if not guard.software_target or not held.steps or not guard.target or lane.closes:
            return
        now_ns = self._clock.monotonic_ns()
        if guard.touched_ns is not None and now_ns - guard.touched_ns < TOUCH_AGAIN_NS:
            return
        reached = bid >= guard.target if held.side > 0 else ask <= guard.target
        if reached and bid > 0:
            guard.touched_ns = now_ns
            self._emit([TargetTouched(self._venue_now(), self._account, key)])

    # --- what others may know ------------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Something is being done, or on its way, whose outcome is not known yet."""
        return bool(self._ready or self._in_work) or any(lane.entering or lane.unsettled for lane in self._lanes.values())

    @property
    def working(self) -> frozenset[str]:
        """Keys whose orders may still fill."""
        return frozenset(key for key, lane in self._lanes.items() if lane.entry is not None or lane.closes)

    @property
    def unprotected(self) -> dict[str, int]:
        """Positions without a confirmed stop and for how long (ms of transport time)."""
        now_ns = self._clock.monotonic_ns()
        return {key: (now_ns - since) // MS for key, lane in self._lanes.items() if (since := lane.guard.naked_ns) is not None}

    # --- the work ------------------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work for ever."""
        async with asyncio.TaskGroup() as group:
            for number in range(PROTECTORS + WORKERS):
                group.create_task(self._work(protective=number < PROTECTORS), name=f"executor {self._account} {number}")
            group.create_task(self._time(), name=f"executor {self._account} time")

    async def _work(self, *, protective: bool) -> None:
        while True:
            found = self._pick(protective=protective)
            if found is None:
                await self._bell.wait()
                continue
            lane, step = found
            entry = is_entry_work(step)
            if entry:
                lane.entering = True
            else:
                self._in_work.add(lane.key)
            try:
                with bound_contextvars(account=str(self._account), key=lane.key, decision=order_of(step)):  # whoever logs on the way
                    await self._hands.carry(lane, step)
            finally:
                if entry:
                    lane.entering = False
                else:
                    self._in_work.discard(lane.key)
            self._ring(lane.key)

    def _pick(self, *, protective: bool) -> tuple[Lane, Step] | None:
        """The most urgent step of the lanes that have news and nobody works on; the others are noted for their time."""
        now_ns, venue_ms = self._clock.monotonic_ns(), self._venue_now()
        best: tuple[Lane, Step] | None = None
        for key in tuple(self._ready):
            lane = self._lanes[key]
            self._look(lane, now_ns)
            step, wake_ns = lane.next_step(now_ns, venue_ms, guarded=key in self._in_work)
            deadline_ns = lane.guard.deadline_ns
            wakes = [wake for wake in (wake_ns, deadline_ns if not lane.closes else None) if wake is not None]
            if wakes:
                self._wakes[key] = min(wakes)
                self._timed.set()
            else:
                self._wakes.pop(key, None)
            if step is None:
                del self._ready[key]
            elif protective and (bares(step) or urgency_of(step) is not Urgency.PROTECTIVE):
                continue
            elif best is None or (urgency_of(step), bares(step)) < (urgency_of(best[1]), bares(best[1])):
                best = lane, step
        return best

    async def _time(self) -> None:
        """Bring lanes back whose time has come."""
        while True:
            if not self._wakes:
                self._timed.clear()
                await self._timed.wait()
                continue
            left_s = (min(self._wakes.values()) - self._clock.monotonic_ns()) / SECOND
            await self._clock.sleep(min(max(TURN_S, left_s), IDLE_TURN_S))
            now_ns = self._clock.monotonic_ns()
            for key in [key for key, wake_ns in self._wakes.items() if wake_ns <= now_ns]:
                del self._wakes[key]
                self._look(self._lanes[key], now_ns)
                self._ring(key)

    def _look(self, lane: Lane, now_ns: int) -> None:
        news = lane.look(now_ns)
        if news is not None:
            self._emit([self._event(lane.key, news)])

    def _event(self, key: str, news: News) -> AccountEvent:
        ts = self._venue_now()
        if news.finding is Finding.COVERED:
            return Protected(ts, self._account, key, news.stop, news.target, news.gap_ms, news.software_target)
        return ProtectionFailed(ts, self._account, key, news.reason, news.gap_ms)

    def _lane(self, key: str) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = Lane(key, self._instruments[key], self._recipe, self._tracker, self._prefix, self._limits)
            self._lanes[key] = lane
        return lane

    def _levels(self, lane: Lane) -> None:
        self._tracker.holdings.want(lane.key, lane.guard.stop, lane.guard.target)

    def _why_barred(self) -> str:
        return "halted" if self._halted() else self._barred

    def _tell(self, events: list[AccountEvent]) -> None:
        if events:
            self._emit(events)

    def _heard(self, items: list[AccountItem]) -> None:
        """What was asked for came: the engine first, then the lanes."""
        self._tell(self._tracker.take(items))
        self.on_reports(items)

    def _viewed(self, view: View) -> None:
        now_ns = self._clock.monotonic_ns()
        self._tell(self._tracker.take(view.orders))
        for key, lane in self._lanes.items():
            position = next((one for one in view.positions if one.key == key and one.side), None)
            lane.view(view.began_ns, [one for one in view.orders if one.key == key], position, now_ns)
            self._ring(key)

    def _ring(self, key: str) -> None:
        self._ready[key] = None
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

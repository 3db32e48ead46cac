"""Carries out a lane's steps against the venue and tells the lane what came of each: thin code that only knows what an error means.

`Transient`: it surely had no effect, again. `Rejected`: the venue's explicit no. `Unknown`: ask, never send an entry again.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import structlog

from modules.exchange import pending
from modules.exchange.entry_terms import entry_ticket, needed_for
from modules.exchange.lane import LOOK_NS, RECANCEL_NS, REST_LOOK_NS, Lane
from modules.exchange.order_times import OrderTimes
from modules.exchange.pending import Phase, Write
from modules.exchange.protect import Amend, CreateStop, SetStops, Sweep
from modules.exchange.refusal_kinds import LOST, UNFIT, UNSENT, kind_of
from modules.exchange.reports import AccountItem, OrderKind
from modules.exchange.steps import Ask, CancelEntry, CancelExit, EndClose, Entry, Guarding, Limits, ReadVenue, SendClose, SendEntry, Step
from modules.exchange.tracker import Tracker
from modules.exchange.views import Recent, Views
from modules.ports import (
    BAD_PRICE,
    BARRED,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_SUCH_ORDER,
    NOTHING_TO_REDUCE,
    Ticket,
    Venue,
    World,
    free,
)
from state.accounts import Account
from state.intents import Approved, order_id
from state.messages import AccountEvent, OrderUnknown
from utils.clock import MS, Clock
from utils.errors import Rejected, Transient, Unknown
from utils.fixed import plain
from utils.throttle import Urgency

log = structlog.get_logger("orders")

CONFIRM_PAUSE_NS = 200 * MS
"""After a protective write the stream has this long to show it before it is asked for."""
LOOK_BACK_MS = 60_000
"""Executions of so much venue time are read when an order is looked for."""
CLOSE_TRIES = 5
"""Closes refused for lack of funds before the position is protected again: something unseen binds the coin."""


class Hands:
    """The writes and questions of one account. `entries_barred` says why no entry may be sent, "" = it may."""

    def __init__(
        self,
        account: Account,
        venue: Venue,
        tracker: Tracker,
        views: Views,
        tell: Callable[[list[AccountEvent]], None],
        heard: Callable[[list[AccountItem]], None],
        clock: Clock,
        venue_now: Callable[[], int],
        tag: str,
        limits: Limits,
        entries_barred: Callable[[], str],
        rate: Callable[[str], Decimal] | None,
        times: OrderTimes,
    ) -> None:
        self._account, self._venue, self._tracker, self._views = account, venue, tracker, views
        self._tell, self._heard, self._clock, self._venue_now = tell, heard, clock, venue_now
        self._tag, self._limits, self._entries_barred, self._rate, self._times = tag, limits, entries_barred, rate, times
        self._recent = Recent(clock, self._hear_recent)
        self._prepared: set[str] = set()
        self._stops = 0

    async def carry(self, lane: Lane, step: Step) -> None:
        """Carry out one step; never raises what a venue raises."""
        match step:
            case SendEntry(entry):
                await self._send_entry(lane, entry)
            case CancelEntry(entry):
                await self._cancel_entry(lane, entry)
            case Ask(write, entry):
                await self._ask(lane, write, entry=entry)
            case SendClose(write, steps):
                await self._send_close(lane, write, steps)
            case EndClose(write, reason):
                self._tell(self._tracker.withdrawn(write.order_id, self._venue_now(), reason))
            case CancelExit(venue_id):
                await self._cancel_exit(lane, venue_id)
            case Guarding(action):
                await self._guard(lane, action)
            case ReadVenue(need_ns):
                await self._read(lane, need_ns)

    @property
    def _now(self) -> int:
        return self._clock.monotonic_ns()

    # --- entries -------------------------------------------------------------------------------------------------------------------

    async def _send_entry(self, lane: Lane, entry: Entry) -> None:
        write, approved = entry.write, entry.approved
        if approved is None:  # found at start: the venue has it or never will
            pending.unknown(write, self._now)
            return
        try:
            no, kind = self._barred(entry, approved), BARRED
            if not no:
                no, kind = await self._unfit(lane, approved), UNFIT
            if not no:
                no, kind = self._barred(entry, approved), BARRED
            if no:
                self._refuse(write, no, kind)
                return
            barred = partial(self._leaving, write, partial(self._barred, entry, approved))  # looked at again when the budget let it through
            venue_id = await self._venue.create(entry_ticket(lane, approved), Urgency.ENTRY, barred)
        except Transient as error:
            pending.hiccup(write, self._now)
            if write.tries >= self._limits.entry_tries:
                self._refuse(write, f"could not be sent: {error}", UNSENT)
        except Unknown as error:
            self._lost(write, error)
        except Rejected as answer:
            self._entry_refused(write, answer)
        else:
            pending.working(write, self._now, REST_LOOK_NS if entry.resting else LOOK_NS)
            self._tell(self._tracker.accepted(write.order_id, venue_id, self._venue_now()))

    def _leaving(self, write: Write, barred: Callable[[], str]) -> str:
        """The last look before a request leaves: why it may not, else its time is noted."""
        if not (no := barred()):
            self._times.sent(write.order_id)
            log.debug("order leaves")
        return no

    def _barred(self, entry: Entry, approved: Approved) -> str:
        """Why the entry may not leave, looked at in the very moment before it would."""
        if entry.cancel:
            return "taken back before it was sent"
        if reason := self._entries_barred():
            return reason
        late_ms = self._venue_now() - approved.intent.expires_ts
        return f"too late by {late_ms} ms" if late_ms > 0 else ""

    async def _unfit(self, lane: Lane, approved: Approved) -> str:
        """Why the account cannot take the entry: the instrument's mode, the wallet's current figure."""
        intent = approved.intent
        if intent.key not in self._prepared:
            try:
                await self._venue.prepare(intent.key)
            except Rejected as no:
                return f"the instrument cannot be prepared: {no}"
            except Unknown as error:
                raise Transient(str(error)) from error
            self._prepared.add(intent.key)
        wallet = await self._venue.wallet(Urgency.ENTRY)
        needed = needed_for(lane, approved, self._rate)
        if wallet.free < needed:
            return f"insufficient balance: {plain(wallet.free)} free, {plain(needed)} needed"
        return ""

    def _entry_refused(self, write: Write, no: Rejected) -> None:
        if no.code == DUPLICATE_ID:  # the earlier send succeeded: look it up
            pending.unknown(write, self._now)
            write.after_ns = self._now
            return
        self._refuse(write, f"{no}", kind_of(no))  # whether filters or rights have changed is looked at then, by the watch

    def _refuse(self, write: Write, reason: str, kind: str) -> None:
        log.debug("order refused", kind=kind, reason=reason)
        self._tell(self._tracker.refused(write.order_id, self._venue_now(), reason, kind))

    def _lost(self, write: Write, error: Unknown) -> None:
        """A send that nobody can speak of."""
        pending.unknown(write, self._now)
        tracked = self._tracker.order(write.order_id)
        if tracked is not None and (tracked.accepted or tracked.done):  # the stream spoke meanwhile
            pending.working(write, self._now, 0)
        elif not write.told_unknown:
            write.told_unknown = True
            log.debug("nobody can say what became of it", reason=str(error))
            self._tell([OrderUnknown(self._venue_now(), self._account, write.order_id, str(error))])

    async def _cancel_entry(self, lane: Lane, entry: Entry) -> None:
        tracked = self._tracker.order(entry.write.order_id)
        venue_id = tracked.venue_id if tracked is not None else ""
        entry.cancel_ns = self._now + RECANCEL_NS
        try:
            await self._venue.cancel(lane.key, World.PLAIN, venue_id=venue_id, link_id=entry.write.order_id)
            entry.write.after_ns = self._now + LOOK_NS
        except Rejected:  # gone already, or not to be cancelled: a question of its state
            entry.write.after_ns = self._now
        except (Transient, Unknown):
            entry.cancel_ns = self._now + LOOK_NS
            entry.write.after_ns = self._now + LOOK_NS

    # --- questions -----------------------------------------------------------------------------------------------------------------

    async def _ask(self, lane: Lane, write: Write, *, entry: bool) -> None:
        """What became of an order: by its id, and when that says nothing, of every open order and recent execution."""
        began_ns = write.after_ns if write.found else self._now  # what was restored together is asked about together
        try:
            report = await self._venue.order(lane.key, link_id=write.order_id)
            if report is None:
                await self._views.refresh(began_ns)
                await self._recent.refresh(began_ns)
            else:
                self._heard([report])
            for key, venue_id, made in self._tracker.incomplete():
                if key == lane.key:
                    self._heard(list(await self._venue.executions_of(key, venue_id, made)))
        except (Transient, Rejected):
            pending.asked(write, self._now)
            write.asks -= 1  # nobody answered
            return
        tracked = self._tracker.order(write.order_id)
        if tracked is None or tracked.done:
            return
        write.missed = 0 if report is not None else write.missed + 1
        if tracked.ended is None and pending.forgotten(write, once_there=write.phase is Phase.WORKING or tracked.told > 0):
            self._tell(self._tracker.withdrawn(write.order_id, self._venue_now(), "the venue does not know it any more"))
            return
        if report is not None or tracked.accepted:
            resting = report is not None and not report.status.final and lane.entry is not None and lane.entry.resting and entry
            if write.phase is Phase.WORKING:
                pending.asked(write, self._now)
            else:
                pending.working(write, self._now, REST_LOOK_NS if resting else LOOK_NS)
            return
        pending.asked(write, self._now)
        if not entry and write.phase is Phase.UNKNOWN:
            write.phase, write.after_ns, write.found = (
                Phase.READY,
                self._now,
                False,
            )  # the same id again: a repeat is refused, not filled twice
        elif pending.never_arrived(write, began_ns):
            self._refuse(write, "never reached the venue", LOST)

    async def _hear_recent(self) -> None:
        self._heard(list(await self._venue.executions(self._venue_now() - LOOK_BACK_MS)))

    async def _read(self, lane: Lane, need_ns: int) -> None:
        try:
            await self._views.refresh(need_ns)
        except (Transient, Rejected):
            lane.failed(self._now)

    async def _final(self, lane: Lane, venue_id: str) -> None:
        """A protective order turned out to be gone: what became of it, and its executions."""
        report = await self._venue.order(lane.key, venue_id=venue_id)
        lane.need(self._now)
        if report is None:
            return
        if report.filled:
            self._heard(list(await self._venue.executions_of(lane.key, venue_id, report.created_ts)))
        self._heard([report])

    # --- closes --------------------------------------------------------------------------------------------------------------------

    async def _send_close(self, lane: Lane, write: Write, steps: int) -> None:
        side = lane.held.side
        self._tracker.expect(write.order_id, lane.key, steps, entry=False)
        ticket = Ticket(
            key=lane.key, link_id=write.order_id, side=-side, qty=lane.instrument.qty(steps), reduce_only=lane.recipe.by_position
        )
        try:
            venue_id = await self._venue.create(ticket, Urgency.PROTECTIVE, partial(self._leaving, write, free))
        except Transient:
            pending.hiccup(write, self._now)
        except Unknown as error:
            self._lost(write, error)
        except Rejected as no:
            await self._close_refused(lane, write, no)
        else:
            pending.working(write, self._now, LOOK_NS)
            self._tell(self._tracker.accepted(write.order_id, venue_id, self._venue_now()))

    async def _close_refused(self, lane: Lane, write: Write, no: Rejected) -> None:
        if no.code == DUPLICATE_ID:
            pending.unknown(write, self._now)
            write.after_ns = self._now
        elif no.code == NOTHING_TO_REDUCE:
            await self._catch_up(lane)
            self._tell(self._tracker.withdrawn(write.order_id, self._venue_now(), "the position was gone already"))
        elif no.code == NO_FUNDS and write.tries < CLOSE_TRIES:
            pending.hiccup(write, self._now)
            lane.need(self._now)
        else:
            self._refuse(write, f"{no}", kind_of(no))

    async def _catch_up(self, lane: Lane) -> None:
        """Executions and positions as they are now."""
        try:
            await self._hear_recent()
            await self._views.refresh(self._now)
        except (Transient, Rejected):
            lane.need(self._now)

    async def _cancel_exit(self, lane: Lane, venue_id: str) -> None:
        if await self._cancel_protective(lane, venue_id):
            lane.absent = True
        else:
            lane.closes[0].after_ns = max(lane.closes[0].after_ns, lane.again_ns)

    # --- protection ----------------------------------------------------------------------------------------------------------------

    async def _guard(self, lane: Lane, action: SetStops | CreateStop | Amend | Sweep) -> None:
        if isinstance(action, Sweep):
            await self._cancel_protective(lane, action.venue_id)
            return
        try:
            await self._write_protection(lane, action)
        except Transient:
            lane.failed(self._now)
        except Unknown:
            lane.failed(self._now)
            lane.absent = False
            lane.need(self._now, CONFIRM_PAUSE_NS)
        except Rejected as no:
            await self._protection_refused(lane, action, no)
        else:
            lane.failures, lane.stop_id, lane.absent = 0, "", False
            lane.wrote_ns = self._now
            lane.need(self._now, CONFIRM_PAUSE_NS)

    async def _write_protection(self, lane: Lane, action: SetStops | CreateStop | Amend) -> None:
        instrument = lane.instrument
        match action:
            case SetStops(stop, target):
                await self._venue.set_stops(lane.key, instrument.price(stop), instrument.price(target))
            case CreateStop(steps, stop):
                if not lane.stop_id:
                    self._stops += 1
                    lane.stop_id = order_id(self._account, lane.key, self._venue_now(), f"s{self._stops}", self._tag)
                ticket = Ticket(
                    key=lane.key,
                    link_id=lane.stop_id,
                    side=-lane.held.side,
                    qty=instrument.qty(steps),
                    trigger=instrument.price(stop),
                    world=World.PROTECTIVE,
                )
                await self._venue.create(ticket, Urgency.PROTECTIVE)
            case Amend():
                stop_price = None if action.stop is None else instrument.price(action.stop)
                await self._venue.amend(
                    lane.key,
                    action.venue_id,
                    stop=stop_price if action.bracket else None,
                    target=None if action.target is None else instrument.price(action.target),
                    trigger=None if action.bracket else stop_price,
                    qty=None if action.steps is None else instrument.qty(action.steps),
                )

    async def _protection_refused(self, lane: Lane, action: SetStops | CreateStop | Amend, no: Rejected) -> None:
        lane.refused(self._now)
        lane.absent = False
        lane.need(self._now)
        if no.code == NOTHING_TO_REDUCE:
            await self._catch_up(lane)
        if no.code == BAD_PRICE:
            lane.guard.impossible(f"the venue will not have the stop: {no}")
        if isinstance(action, CreateStop):
            lane.stop_id = ""  # refused, or known and then shown by the reading
        elif isinstance(action, Amend) and no.code == NO_SUCH_ORDER:
            try:
                await self._final(lane, action.venue_id)
            except (Transient, Rejected):
                lane.need(self._now)

    async def _cancel_protective(self, lane: Lane, venue_id: str) -> bool:
        """Take a protective order back; False when it is not known to be gone by that."""
        order = lane.orders.get(venue_id)
        plain_one = order is not None and order.kind is OrderKind.PLAIN
        world = World.PLAIN if plain_one else World.CONDITIONAL if lane.recipe.by_position else World.PROTECTIVE
        try:
            await self._venue.cancel(lane.key, world, venue_id=venue_id)
        except (Transient, Unknown):
            lane.failed(self._now)
            return False
        except Rejected as no:
            lane.failed(self._now)
            try:
                if no.code == NO_SUCH_ORDER:
                    await self._final(lane, venue_id)
            except (Transient, Rejected):
                lane.need(self._now)
            return False
        lane.drop(venue_id)
        return True

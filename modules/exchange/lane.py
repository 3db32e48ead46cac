"""One instrument of one live account: what is wanted, what stands, what is on its way, and the next step by priority. Pure.

Close before protect before cancel before place. A lane is asked for its next step, the executor carries it out and tells the lane what came
of it; nothing in here waits or sends.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from modules.exchange import pending, protect
from modules.exchange.guard import Guard, News
from modules.exchange.holdings import Held
from modules.exchange.pending import RETRY_FIRST_NS, RETRY_MOST_NS, Phase, Write
from modules.exchange.protect import Amend, Recipe, Standing, Sweep, Wanted
from modules.exchange.reports import PROTECTIVE, ZERO, OrderReport, OrderStatus, PositionReport
from modules.exchange.steps import Ask, CancelEntry, CancelExit, EndClose, Entry, Guarding, Limits, ReadVenue, SendClose, SendEntry, Step
from modules.exchange.tracker import Tracker
from state.instruments import Instrument
from state.intents import Approved
from utils.clock import MS, SECOND

PARTIAL_WAIT_NS = 300 * MS
"""A resting spot entry that filled in part may complete for so long before the rest is taken back."""
LOOK_NS = 500 * MS
"""An order that should end at once is asked about after this."""
REST_LOOK_NS = 10 * SECOND
RECANCEL_NS = 2 * SECOND
SWEEP_WAIT_NS = 300 * MS
"""After the position is gone: the venue takes the siblings back by itself."""
AUDIT_NS = 10 * SECOND
"""While something is held, the venue's orders are read at least so often."""
MOVE_MOST_NS = 60 * SECOND
"""A move of a stop that the venue refuses is tried again after at most this; until then the old stop stands."""
GONE_ROOM = 200


class Lane:
    """The state of one instrument. Times are transport time (monotonic ns) unless they say venue."""

    def __init__(self, key: str, instrument: Instrument, recipe: Recipe, tracker: Tracker, prefix: str, limits: Limits) -> None:
        self.key, self.instrument, self.recipe, self.limits = key, instrument, recipe, limits
        self._tracker, self._prefix = tracker, prefix
        self.entry: Entry | None = None
        self.entering = False
        """Somebody works on the entry."""
        self.closes: list[Write] = []
        self.guard = Guard(instrument, recipe, limits.protect_ms)
        self.levels: set[Decimal] = set()
        """Prices ever wanted for this position: by them the venue's own exit orders are known as ours."""
        self.orders: dict[str, OrderReport] = {}
        self._heard_ns: dict[str, int] = {}
        self._gone: dict[str, None] = {}
        self.position: PositionReport | None = None
        self.view_ns = -1
        """When the last reading of the venue began; -1 = never."""
        self.need_ns = -1
        """A reading must have begun at or after this before a stop counts as missing."""
        self.read_after_ns = 0
        self.blind = False
        """Found at start and not read yet."""
        self.found_ns = -1
        """Restored then: a reading begun since comes before everything else; -1 = nothing was restored."""
        self.absent = False
        """That no stop stands is known, because it was taken back here."""
        self.wrote_ns = -SECOND * 3600
        self.again_ns = 0
        """Protective work failed: not before."""
        self.failures = 0
        self.stop_id = ""
        """Client id of a stop order whose creation is not settled."""
        self.flat_ns: int | None = None
        self.done_ns: int | None = None
        """When the last entry ended."""

    # --- what is asked for ---------------------------------------------------------------------------------------------------------

    def place(self, approved: Approved) -> None:
        """An entry to send."""
        exits = approved.intent.exits
        self.levels = set()  # entries come to flat seats: what is held here is dust of an earlier position, whose levels are over
        self.guard.forget()
        self.guard.want(int(approved.intent.side), exits.stop, exits.target)
        self._remember_levels()
        self.entry = Entry(write=Write(order_id=approved.order_id), approved=approved)

    def want(self, side: int, stop: int, target: int) -> None:
        """The protection the position shall have; a stop that is worse than before is not taken."""
        before = (self.guard.stop, self.guard.target)
        self.guard.want(side, stop, target)
        if (self.guard.stop, self.guard.target) != before:
            self.failures = self.again_ns = 0
        self._remember_levels()

    def _remember_levels(self) -> None:
        self.levels |= {self.instrument.price(ticks) for ticks in (self.guard.stop, self.guard.target) if ticks}

    def close(self, order_id: str) -> None:
        """A close to carry out."""
        if all(write.order_id != order_id for write in self.closes):
            self.closes.append(Write(order_id=order_id))

    @property
    def held(self) -> Held:
        """What is held, as the engine was told."""
        return self._tracker.held(self.key)

    # --- what is heard -------------------------------------------------------------------------------------------------------------

    def hear(self, report: OrderReport, now_ns: int) -> None:
        """An order's report: protective orders of ours are kept as they stand."""
        if report.venue_id in self._gone or not self.ours(report):
            return
        if report.status.final:
            self.drop(report.venue_id)
            return
        known = self.orders.get(report.venue_id)
        if known is None or report.ts >= known.ts:
            self.orders[report.venue_id] = report
        self._heard_ns[report.venue_id] = now_ns

    def hear_position(self, report: PositionReport) -> None:
        """The perpetual position as the venue shows it."""
        if self.position is None or report.ts >= self.position.ts or not report.ts:
            self.position = report

    def drop(self, venue_id: str) -> None:
        """A protective order is gone for good."""
        self.orders.pop(venue_id, None)
        self._heard_ns.pop(venue_id, None)
        self._gone[venue_id] = None
        if len(self._gone) > GONE_ROOM:
            del self._gone[next(iter(self._gone))]

    def view(self, began_ns: int, orders: Iterable[OrderReport], position: PositionReport | None, now_ns: int) -> None:
        """A full reading that began at `began_ns`: what it does not show and was not heard of since is gone."""
        shown = {one.venue_id: one for one in orders}
        for one in shown.values():
            self.hear(one, now_ns)
        for venue_id in [name for name, heard in self._heard_ns.items() if name not in shown and heard < began_ns]:
            self.drop(venue_id)
        if self.recipe.by_position and (position is None or self.position is None):
            self.position = position
        elif self.recipe.by_position and position is not None:
            self.hear_position(position)
        self.view_ns = max(self.view_ns, began_ns)
        if self.view_ns >= self.found_ns:
            self.blind = False
            self._answered({one.link_id for one in shown.values()}, now_ns)

    def _answered(self, shown: set[str], now_ns: int) -> None:
        """Orders that a reading shows need not be asked about one by one."""
        entry = self.entry
        resting = entry.write if entry is not None and entry.resting and not entry.cancel_ns else None
        for write in (*self.closes, *((entry.write,) if entry is not None else ())):
            if write.order_id in shown and (write.found or write is resting):
                pending.working(write, now_ns, REST_LOOK_NS if write is resting else LOOK_NS)

    def ours(self, report: OrderReport) -> bool:
        """Whether a protective order is this bot's: by its id, by having been ours, or by standing at a level we wanted."""
        if report.venue_id in self.orders:
            return True
        if report.link_id.startswith(self._prefix):
            return report.link_id.rpartition("-")[2][:1] == "s"
        if report.kind not in PROTECTIVE:
            return False
        if self.recipe.by_position:
            return report.kind in protect.LEGS
        return bool({report.trigger, report.stop, report.target} - {ZERO} & self.levels)

    @property
    def standing(self) -> Standing:
        """What stands on the venue, as far as is known."""
        return Standing(orders=tuple(self.orders.values()), position=self.position)

    @property
    def wanted(self) -> Wanted:
        """What is held with the protection it shall have."""
        held = self.held
        return Wanted(side=held.side or self.guard.side, steps=held.steps, stop=self.guard.stop, target=self.guard.target)

    def look(self, now_ns: int) -> News | None:
        """News of the position's protection, and its clock; to be called before `next_step`."""
        self._tidy(now_ns)
        if self.blind:
            return None
        flat = self.entry is None and not self._tracker.entering(self.key)
        before = self.guard.naked_ns
        news = self.guard.look(self.wanted, self.standing, now_ns, closing=bool(self.closes), flat=flat)
        if before is None and self.guard.naked_ns is not None:
            self.failures = self.again_ns = 0  # what was put off may not be put off any more
        return news

    def failed(self, now_ns: int) -> None:
        """Protective work did not go through: again after a growing pause."""
        self.failures += 1
        self.again_ns = now_ns + min(RETRY_MOST_NS, RETRY_FIRST_NS << min(self.failures - 1, 8))

    def refused(self, now_ns: int) -> None:
        """The venue would not have it: soon again while nothing else protects; a mere move is not worth the churn."""
        self.failed(now_ns)
        if self.guard.naked_ns is None:
            self.again_ns = now_ns + min(MOVE_MOST_NS, RETRY_MOST_NS << min(self.failures - 1, 6))

    @property
    def unsettled(self) -> bool:
        """Something is on its way whose outcome will change what is held: lockstep waits for it."""
        entry = self.entry
        return (
            bool(self.closes)
            or self.guard.naked_ns is not None
            or (entry is not None and not (entry.resting and entry.write.phase is Phase.WORKING))
        )

    # --- what comes next -----------------------------------------------------------------------------------------------------------

    def next_step(self, now_ns: int, venue_ms: int, *, guarded: bool = False) -> tuple[Step | None, int | None]:
        """The next write or question, or when (ns) to ask again; (None, None) = nothing until something is heard.

        `guarded`: somebody works on the protection or the close already; while `entering`, on the entry.
        """
        self._tidy(now_ns)
        wakes: list[int] = []
        if not guarded:
            for found in (self._found_step(now_ns), self._close_step(now_ns), self._protect_step(now_ns)):
                if isinstance(found, int):
                    wakes.append(found)
                elif found is not None:
                    return found, None
        last = self._entry_step(now_ns, venue_ms)
        if isinstance(last, int):
            wakes.append(last)
        elif last is not None:
            return last, None
        return None, min(wakes) if wakes else None

    def _tidy(self, now_ns: int) -> None:
        """Forget what is done; note when the position went."""
        if self.entry is not None and self._done(self.entry.write):
            self.entry, self.done_ns = None, now_ns
        while self.closes and self._done(self.closes[0]):
            self.closes.pop(0)
            self.need(now_ns)  # flat is verified by reading again
        if self.held.steps:
            self.flat_ns = None
        elif self.flat_ns is None:
            self.flat_ns, self.position, self.absent = now_ns, None, False

    def _done(self, write: Write) -> bool:
        tracked = self._tracker.order(write.order_id)
        return tracked is not None and tracked.done

    def need(self, now_ns: int, pause_ns: int = 0) -> None:
        """A reading that begins from now on is needed, after a pause in which the stream may tell."""
        self.need_ns, self.read_after_ns = now_ns, now_ns + pause_ns

    def _reading(self, now_ns: int) -> Step | int | None:
        if self.view_ns >= self.need_ns:
            return None
        due = max(self.read_after_ns, self.again_ns)
        return ReadVenue(self.need_ns) if now_ns >= due else due

    @property
    def _unread(self) -> bool:
        return self.view_ns < self.found_ns

    def _found_step(self, now_ns: int) -> Step | int | None:
        if not self._unread:
            return None
        return ReadVenue(self.found_ns) if now_ns >= self.again_ns else self.again_ns

    def _close_step(self, now_ns: int) -> Step | int | None:
        if not self.closes:
            return None
        write = self.closes[0]
        if write.found and self._unread:
            return None
        if now_ns < write.after_ns:
            return write.after_ns
        if write.phase is not Phase.READY:
            return Ask(write, entry=False)
        if not self.held.steps:
            return EndClose(write, "nothing is held")
        reading = self._reading(now_ns)
        if reading is not None and write.tries:  # it was refused for what binds the coin: look before the next try
            return reading
        if self.recipe.locks:
            selling = [one for one in self.orders.values() if one.status is OrderStatus.TRIGGERED]
            if selling:
                due = max(self.view_ns + LOOK_NS, self.again_ns)
                return ReadVenue(now_ns) if now_ns >= due else due
            standing = next(iter(self.orders), None)
            if standing is not None:
                return CancelExit(standing)
        return SendClose(write, self.held.steps)

    def _protect_step(self, now_ns: int) -> Step | int | None:
        wanted = self.wanted
        if self.closes and (self.recipe.locks or self.closes[0].phase is not Phase.READY):
            return None
        if not wanted.steps:
            return self._sweep_step(now_ns)
        if not wanted.stop:
            return None
        audit_ns = self.view_ns + AUDIT_NS
        if self.blind or now_ns >= max(audit_ns, self.again_ns):
            return ReadVenue(now_ns) if now_ns >= self.again_ns else self.again_ns
        action = protect.next_action(self.recipe, wanted, self.standing, self.instrument)
        if action is None:
            return audit_ns
        if now_ns < self.again_ns:
            return self.again_ns
        missing = protect.covered_steps(self.recipe, wanted, self.standing, self.instrument) == 0
        if missing and not self.absent:
            attach_ns = self._attached_until(now_ns)
            if now_ns < attach_ns:
                return attach_ns
            if self.need_ns < self.guard.since_ns:  # a stop counts as missing only in a reading begun after the fill
                self.need(max(self.guard.since_ns, self.done_ns or 0))
        reading = None if self.absent else self._reading(now_ns)
        if reading is not None:
            return reading
        may_ns = self.wrote_ns + self.limits.confirm_ms * MS
        urgent = missing or isinstance(action, Sweep) or (isinstance(action, Amend) and action.resizes)
        if now_ns < may_ns and not urgent:
            return may_ns
        return Guarding(action)

    def _attached_until(self, now_ns: int) -> int:
        """Until when the protection that the entry carries may still appear by itself."""
        if not self.recipe.attaches:
            return 0
        wait = self.limits.attach_wait_ms * MS
        if self.entry is not None and self.recipe.attaches_at_end:
            return now_ns + wait
        if self.done_ns is None and self.entry is None:
            return 0
        return max(self.done_ns or 0, self.guard.since_ns) + wait

    def _sweep_step(self, now_ns: int) -> Step | int | None:
        if self.entry is not None or self._tracker.entering(self.key):
            return None
        action = protect.sweep(self.orders.values())
        if action is None:
            return None
        due = max((self.flat_ns or 0) + SWEEP_WAIT_NS, self.again_ns)
        return Guarding(action) if now_ns >= due else due

    def _entry_step(self, now_ns: int, venue_ms: int) -> Step | int | None:
        entry = self.entry
        if entry is None or self.entering:
            return None
        write = entry.write
        if write.found and self._unread:
            return None
        if write.phase is Phase.WORKING and not write.found and self._to_cancel(entry, now_ns, venue_ms) and now_ns >= entry.cancel_ns:
            return CancelEntry(entry)
        if now_ns < write.after_ns:
            wake = write.after_ns
            if entry.partial_ns and not entry.cancel_ns:
                wake = min(wake, entry.partial_ns + PARTIAL_WAIT_NS)
            if entry.resting:
                wake = min(wake, now_ns + SECOND)  # its expiry is in venue time
            return max(wake, now_ns + MS)
        if write.phase is not Phase.READY:
            return Ask(write, entry=True)
        return None if self.closes else SendEntry(entry)  # a close whose end is not known could still close what the entry brings

    def _to_cancel(self, entry: Entry, now_ns: int, venue_ms: int) -> bool:
        tracked = self._tracker.order(entry.write.order_id)
        if tracked is not None and tracked.told and not entry.partial_ns:
            entry.partial_ns = now_ns
        if not entry.resting:
            return entry.cancel
        partial = self.recipe.attaches_at_end and entry.partial_ns and now_ns - entry.partial_ns >= PARTIAL_WAIT_NS
        expired = entry.approved is not None and venue_ms > entry.approved.intent.expires_ts
        return bool(entry.cancel or partial or expired or entry.approved is None)

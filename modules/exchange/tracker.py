"""What a venue says of one live account, in any order and any number of times, told to the engine once and in an order it can follow.

Executions are told once by their id, an order's fills before its end, exits only when what they shrink has been told. An end that speaks of
more than was told waits for its executions (`incomplete`). An execution off the grid is not lost: it keeps the cursor back (`untold`), so
that the next start, which reads the instruments anew, is told of it again. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from modules.exchange.children import Children
from modules.exchange.convert import fees_of, fill_of, money_up
from modules.exchange.holdings import Held, Holdings
from modules.exchange.reports import (
    PROTECTIVE,
    AccountItem,
    ExecutionKind,
    ExecutionReport,
    OrderKind,
    OrderReport,
    OrderStatus,
)
from state.accounts import Account, Domain
from state.instruments import Instrument
from state.intents import ExitReason
from state.messages import (
    AccountDown,
    AccountEvent,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    StopFilled,
)
from state.orders import Fill, Order
from utils.fixed import plain

MEMORY = 20_000
"""Execution ids remembered to recognise a repeat."""
ORDERS = 2_000
"""Orders remembered, to recognise a straggler of one that has ended: it comes within minutes."""
FOREIGN_ROOM = 100
OFF_GRID, FEE_COIN = "off_grid", "fee_coin"
"""Causes that only a restart ends: what was executed cannot be booked on the instruments of this life, or not its fee."""
_SEIZED = {ExecutionKind.LIQUIDATION: ExitReason.LIQUIDATION, ExecutionKind.ADL: ExitReason.ADL}


class Tracked(msgspec.Struct, kw_only=True):
    """An own order as far as it is known. `steps` is what was sent, `told` what was told of it."""

    order_id: str
    key: str
    steps: int
    entry: bool
    venue_id: str = ""
    told: int = 0
    accepted: bool = False
    ended: OrderReport | None = None
    """The venue's last word, waiting for its executions."""
    done: bool = False


class Tracker:
    """One per live account. `prefix` is what our client ids begin with; `seen` the execution ids that the engine has booked."""

    def __init__(self, account: Account, instruments: Mapping[str, Instrument], prefix: str, seen: Iterable[str] = ()) -> None:
        self.holdings = Holdings(instruments)
        self._children = Children(self.holdings, instruments)
        self._account, self._instruments, self._prefix = account, instruments, prefix
        self._seen: dict[str, None] = dict.fromkeys(seen)
        self._orders: dict[str, Tracked] = {}
        self._open: dict[str, Tracked] = {}
        """Those of them whose end was not told."""
        self._link_of: dict[str, str] = {}
        self._waiting: list[ExecutionReport] = []
        self._aside: list[ExecutionReport] = []
        self._foreign: dict[str, str] = {}
        self._odd_coins: set[str] = set()

    # --- what the executor says ----------------------------------------------------------------------------------------------------

    def expect(self, order_id: str, key: str, steps: int, *, entry: bool) -> None:
        """An own order is about to be sent (or sent again with another size)."""
        known = self._orders.get(order_id)
        if known is None:
            self._orders[order_id] = self._open[order_id] = Tracked(order_id=order_id, key=key, steps=steps, entry=entry)
            self._forget()
        else:
            known.steps = steps

    def restore(self, orders: Iterable[Order], held: Mapping[str, Held]) -> None:
        """Start from the engine's own state: its working orders and what it holds (and, on spot, the dust it keeps)."""
        for order in orders:
            self.expect(order.order_id, order.key, order.steps, entry=order.entry)
            self._orders[order.order_id].told = order.filled
        for key, one in held.items():
            self.holdings.restore(key, one)

    def accepted(self, order_id: str, venue_id: str, ts: int) -> list[AccountEvent]:
        """The venue answered a send with its id."""
        out: list[AccountEvent] = []
        self._alive(self._orders[order_id], venue_id, ts, out)
        return out

    def refused(self, order_id: str, ts: int, reason: str, kind: str = "") -> list[AccountEvent]:
        """An order that the venue refused or that never reached it; nothing when its end was told already. `kind`: see `OrderRejected`.

        One that was heard of as accepted before it was refused (a venue that takes an order and kills it at once) is cancelled.
        """
        own = self._orders[order_id]
        if own.done or own.told:
            return []
        self._finish(own)
        cancelled = OrderCancelled(ts, self._account, order_id, reason)
        out: list[AccountEvent] = [cancelled if own.accepted else OrderRejected(ts, self._account, order_id, reason, kind)]
        self._settle(out)
        return out

    def withdrawn(self, order_id: str, ts: int, reason: str) -> list[AccountEvent]:
        """An order that has nothing left to do (a close of what is gone); nothing when its end was told already."""
        own = self._orders[order_id]
        if own.done:
            return []
        self._finish(own)
        return [OrderCancelled(ts, self._account, order_id, reason)]

    # --- what the venue says -------------------------------------------------------------------------------------------------------

    def take(self, items: Iterable[AccountItem]) -> list[AccountEvent]:
        """The news in `items`, as events; positions, wallets and links are none of this file's business."""
        out: list[AccountEvent] = []
        for item in items:
            if isinstance(item, OrderReport):
                out += self.on_order(item)
            elif isinstance(item, ExecutionReport):
                out += self.on_execution(item)
        return out

    def on_order(self, report: OrderReport) -> list[AccountEvent]:
        """What an order's report means; nothing for orders that are not the engine's, and nothing after the end was told."""
        out: list[AccountEvent] = []
        own = self._own(report)
        if own is None and report.key in self._instruments:
            self._children.see(report)
            self._settle(out)
        if own is None or own.done:
            return out
        if not report.status.final:
            self._alive(own, report.venue_id, report.ts, out)
            return out
        if report.status is not OrderStatus.REJECTED:
            self._alive(own, report.venue_id, report.ts, out)
        # A cancel that came too late may be told after the fill; what filled more is the later truth.
        if own.ended is None or report.filled > own.ended.filled:
            own.ended = report
        self._link(own, report.venue_id)
        self._settle(out)
        return out

    def _alive(self, own: Tracked, venue_id: str, ts: int, out: list[AccountEvent]) -> None:
        self._link(own, venue_id)
        if not own.accepted and not own.done:
            own.accepted = True
            out.append(OrderAccepted(ts, self._account, own.order_id))

    def on_execution(self, report: ExecutionReport) -> list[AccountEvent]:
        """What an execution means; nothing when it was seen before. Its telling may release others that waited for it."""
        out: list[AccountEvent] = []
        if report.exec_id in self._seen:
            return out
        self._seen[report.exec_id] = None
        if len(self._seen) > MEMORY:
            del self._seen[next(iter(self._seen))]
        if report.key not in self._instruments:
            self._strange(report, "an execution on an instrument that is not traded here")
        elif report.kind is ExecutionKind.OTHER:
            self._strange(report, f"an execution of a kind that is not booked here ({report.said})")
        elif report.kind is ExecutionKind.FUNDING:
            out.append(FundingPaid(report.ts, self._account, report.key, money_up(report.fee), report.exec_id))
        else:
            self._waiting.append(report)
            self._settle(out)
        return out

    def _settle(self, out: list[AccountEvent]) -> None:
        """Tell whatever can be told now; each telling may allow another."""
        again = True
        while again:
            again = False
            for report in tuple(self._waiting):
                if self._tell(report, out):
                    self._waiting.remove(report)
                    again = True
            for own in tuple(self._open.values()):
                again |= self._end(own, out)

    def _tell(self, report: ExecutionReport, out: list[AccountEvent]) -> bool:
        """Tell one execution; False when it has to wait for others."""
        own = self._own(report)
        trigger = None if own is not None else self._trigger(report)
        order_id = own.order_id if own is not None else report.link_id or report.venue_id
        try:
            fill = fill_of(report, self._account, self._instruments[report.key], order_id)
        except ValueError as error:
            self._aside.append(report)
            reason = f"execution {report.exec_id} on {report.key} is off the grid: {error}"
            out.append(AccountDown(report.ts, self._account, OFF_GRID, reason))
            return True
        if own is not None and own.done:
            self._strange(report, f"order {own.order_id} executed after its end")
            return True
        if own is not None and own.entry:
            self._tell_order(own, fill, report, out)
            return True
        if own is None and self._made_by_venue(report):
            ours = self._children.ours(report.venue_id)
            if ours is None or (not ours and self.entering(report.key)):  # what it protects may not have been told yet
                return False
            if not ours:
                trigger = None
        if own is None and trigger is None:
            self._strange(report, "an execution of an order that is not ours")
            return True
        if not self.holdings.covers(fill.key, fill.side, fill.steps):
            if own is not None or self.entering(fill.key):
                return False
            self._strange(report, "an execution that closes more than is held")
            return True
        if own is not None:
            self._tell_order(own, fill, report, out)
        elif trigger is not None:
            left = self.holdings.book(fill)
            self._odd_fee(report, out)
            out.append(StopFilled(fill.ts, fill, trigger, left))
        return True

    def _tell_order(self, own: Tracked, fill: Fill, report: ExecutionReport, out: list[AccountEvent]) -> None:
        self._alive(own, report.venue_id, report.ts, out)
        own.told += fill.steps
        self.holdings.book(fill)
        self._odd_fee(report, out)
        out.append(OrderFilled(fill.ts, fill, max(0, own.steps - own.told)))
        if own.told >= own.steps:
            self._finish(own)

    def _end(self, own: Tracked, out: list[AccountEvent]) -> bool:
        """Tell an order's end once all of its fills were told."""
        if own.ended is None or self._lacks(own):
            return False
        self._finish(own)
        report, reason = own.ended, own.ended.reason or str(own.ended.status)
        if report.status is OrderStatus.REJECTED and not own.accepted:
            out.append(OrderRejected(report.ts, self._account, own.order_id, reason))
        else:
            out.append(OrderCancelled(report.ts, self._account, own.order_id, reason))
        return True

    def _lacks(self, own: Tracked) -> bool:
        return own.ended is not None and self._instruments[own.key].qty(own.told) < own.ended.filled

    def _trigger(self, report: ExecutionReport) -> ExitReason | None:
        """Why an execution that belongs to no order of the engine's closes a position; None = it is not ours at all."""
        if report.kind in _SEIZED:
            return _SEIZED[report.kind]
        nets = self._instruments[report.key].domain is not Domain.CRYPTO
        ours = report.link_id.startswith(self._prefix)
        if report.order_kind is OrderKind.TAKE_PROFIT:
            return ExitReason.TARGET
        if report.order_kind in {OrderKind.STOP_LOSS, OrderKind.TRAILING} or (ours and report.link_id.rpartition("-")[2][:1] == "s"):
            return ExitReason.STOP
        if report.order_kind in PROTECTIVE:
            return self._nearer(report)
        if ours or nets:  # an order of ours that the engine forgot, or somebody else's that shrinks the position
            return ExitReason.EXTERNAL
        return None

    def _made_by_venue(self, report: ExecutionReport) -> bool:
        """Protection of spot coins under an id of the venue's: ours, or the user's for coins of their own."""
        spot = self._instruments[report.key].domain is Domain.CRYPTO
        return spot and report.order_kind in PROTECTIVE and not report.link_id.startswith(self._prefix)

    def _nearer(self, report: ExecutionReport) -> ExitReason:
        held, instrument = self.holdings.of(report.key), self._instruments[report.key]
        to_target, to_stop = (abs(report.price - instrument.price(level)) for level in (held.target, held.stop))
        return ExitReason.TARGET if held.target and to_target < to_stop else ExitReason.STOP

    def _odd_fee(self, report: ExecutionReport, out: list[AccountEvent]) -> None:
        try:
            fees_of(report, self._instruments[report.key])
        except ValueError as error:
            if report.fee_coin not in self._odd_coins:
                self._odd_coins.add(report.fee_coin)
                out.append(AccountDown(report.ts, self._account, FEE_COIN, str(error)))

    # --- what is known -------------------------------------------------------------------------------------------------------------

    def incomplete(self) -> list[tuple[str, str, int]]:
        """Instrument key, venue id and venue time of creation of ended orders that lack executions: ask `executions_of`."""
        open_ = self._open.values()
        return [(own.key, own.venue_id, own.ended.created_ts) for own in open_ if own.ended and own.venue_id and self._lacks(own)]

    def unknown(self) -> list[tuple[str, str]]:
        """Instrument key and venue id of orders that executed and were never reported: look them up, then tell, or say `not_found`."""
        found = {one.venue_id: one.key for one in self._waiting if self._made_by_venue(one)}
        return [(key, venue_id) for venue_id, key in found.items() if self._children.ours(venue_id) is None]

    def not_found(self, venue_id: str) -> None:
        """The venue does not know an order that `unknown` named; after a few such answers its executions are nobody's."""
        self._children.missed(venue_id)
        self._settle([])  # what this can release is foreign, which is no event

    def foreign(self) -> tuple[str, ...]:
        """Executions that are nobody's here, and exits that wait for an entry nobody told of, in words."""
        return (*self._foreign.values(), *(f"an exit that shrinks nothing: {_words(one)}" for one in self._waiting))

    def untold(self) -> int | None:
        """Venue time (ms) of the oldest execution that is known and could not be told yet: after a restart it has to be read again."""
        return min((one.ts for one in (*self._waiting, *self._aside)), default=None)

    def forget_foreign(self) -> None:
        """Somebody has looked into them."""
        self._foreign.clear()

    def order(self, order_id: str) -> Tracked | None:
        """An own order by its client id."""
        return self._orders.get(order_id)

    def held(self, key: str) -> Held:
        """What is held, as told."""
        return self.holdings.of(key)

    def entering(self, key: str) -> bool:
        """Whether an entry on `key` may still bring something."""
        return any(own.entry and own.key == key for own in self._open.values())

    def _own(self, report: OrderReport | ExecutionReport) -> Tracked | None:
        return self._orders.get(report.link_id) or self._orders.get(self._link_of.get(report.venue_id, ""))

    def _link(self, own: Tracked, venue_id: str) -> None:
        if venue_id and not own.venue_id:
            own.venue_id = venue_id
            self._link_of[venue_id] = own.order_id

    def _strange(self, report: ExecutionReport, why: str) -> None:
        self._foreign[report.exec_id] = f"{why}: {_words(report)}"
        if len(self._foreign) > FOREIGN_ROOM:
            del self._foreign[next(iter(self._foreign))]

    def _finish(self, own: Tracked) -> None:
        own.done = True
        del self._open[own.order_id]

    def _forget(self) -> None:
        if len(self._orders) > ORDERS:
            oldest = next((own for own in self._orders.values() if own.done), None)
            if oldest is not None:
                del self._orders[oldest.order_id]
                self._link_of.pop(oldest.venue_id, None)


def _words(report: ExecutionReport) -> str:
    side = {1: "bought", -1: "sold"}.get(report.side, "moved")
    return f"{side} {plain(report.qty)} {report.key} at {plain(report.price)}, id {report.link_id or report.venue_id}"

"""The engine: one event in, the commands that follow out. Synchronous, without clock, I/O or chance.

Whoever awaits does not decide: runners feed events and carry out commands, here only state and arithmetic meet. The same journal fed to
a fresh engine gives the same commands, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from forex.sessions import open_ms
from modules.engine import candidates, choose, coins, control, execs, exits, live, option_exits
from modules.engine.hours import Hours
from modules.engine.mandate import Mandate
from state.booking import release
from state.books import OPEN
from state.conversion import turn_rates
from state.intents import ExitReason
from state.market import Candle, Quote
from state.messages import (
    AccountDown,
    AccountUp,
    BarsClosed,
    CashMoved,
    Command,
    Control,
    Event,
    FeedDown,
    FeedUp,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Protected,
    ProtectionFailed,
    Record,
    Report,
    StopFilled,
    SurfaceSeen,
    TargetTouched,
    Tick,
    VenueRead,
    VenueReset,
    encode_row,
)
from state.orders import TRANSITIONS, OrderState
from state.runtime import REASONS, SPREADS, RuntimeState
from strategy.base import DEMO
from strategy.ring import TOLD, watch_bars, watch_rate

DAY_MS = 86_400_000

EVIDENCE = frozenset({"trade", "equity", "verdict"})
"""Kinds of ledger rows that verdicts rest on."""


class Engine:
    """Owns the state and applies events to it, one at a time."""

    def __init__(self, state: RuntimeState, mandate: Mandate) -> None:
        self.state = state
        self.mandate = mandate
        self._held = {i for i in range(len(state.pos)) if state.pos[i]["status"] == OPEN}
        self._hours = Hours(state.inst)
        self._bar_ms = [state.bar_ms(m) for m in range(len(state.instruments))]
        self._converts = bool((state.inst["via"] >= 0).any())
        """Some prices are not in their account's currency."""
        self._slots = set(np.flatnonzero(state.inst["option"]).tolist())
        """Seats that hold options."""
        self._dirty = True
        """A fill happened since the accounts were last marked."""
        self._day = 0
        self._keeps_evidence = mandate.quotes
        """Replay over bars judges nothing."""
        self._handlers: dict[type, Callable[[Any, list[Command]], None]] = {
            BarsClosed: self._bars,
            Tick: self._tick,
            OrderFilled: self._order_filled,
            StopFilled: self._stop_filled,
            OrderAccepted: self._accepted,
            OrderCancelled: self._cancelled,
            OrderRejected: self._rejected,
            OrderUnknown: self._unknown,
            FundingPaid: self._funding,
            Protected: self._live,
            ProtectionFailed: self._live,
            TargetTouched: self._live,
            AccountDown: self._live,
            AccountUp: self._live,
            VenueRead: self._live,
            CashMoved: self._live,
            FeedDown: self._feed_down,
            FeedUp: self._feed_up,
            SurfaceSeen: self._surface_seen,
            VenueReset: self._venue_reset,
            Control: self._control,
        }

    def process(self, event: Event) -> list[Command]:
        """Apply `event`; returns the commands it leads to, in order. Invariant when the event contradicts the state."""
        out: list[Command] = []
        self._handlers[type(event)](event, out)
        state = self.state
        state.ts = max(state.ts, event.ts)
        if self._keeps_evidence:
            state.evidence.extend((one.kind, encode_row(one.row)) for one in out if isinstance(one, Record) and one.kind in EVIDENCE)
        return out

    # --- market -----------------------------------------------------------------------------------------------------------------

    def _bars(self, event: BarsClosed, out: list[Command]) -> None:
        state, mandate = self.state, self.mandate
        for funding in event.funding:
            m = state.market_row(funding.key)
            if state.inst[state.seats_of[m][0]]["on_margin"]:
                continue  # days of a calendar, no rate of a market
            watch_rate(state.observed, m, funding.ts, funding.rate_e8)
            state.inst["funding_e8"][list(state.seats_of[m])] = funding.rate_e8
        if event.quotes:
            self._spreads(event.quotes)
        signals: list[tuple[int, int, Candle]] = []
        held, seats_of, slots = self._held, state.seats_of, self._slots
        marks = {one.key: one.price for one in event.marks}
        self._hours.turn(state.inst, max(event.ts, state.ts))
        told: list[int] = []
        for candle, m, code, before in self._watched(event.candles):
            if mandate.quotes:
                self._count_bars(m, candle.ts, before)
            if code:
                signals.append((m, code, candle))
            if not held or candle.ts < before:  # what comes after its successor values nothing
                continue
            end = candle.ts + self._bar_ms[m]
            for i in seats_of[m]:
                # Bars from before the entry do not count; the bar of the entry does (a resting order fills at its bar's close in replay).
                if i in held and (not event.late or end >= state.pos["opened_ts"][i]):
                    if i not in slots:
                        told += (i, end, candle.high, candle.low, candle.close, marks.get(candle.key, 0))
                        continue
                    if told:
                        exits.bars_told(state, mandate, told, out)
                        told = []
                    option_exits.bar_told(state, mandate, i, end, candle, before + self._bar_ms[m], out)
        if told:
            exits.bars_told(state, mandate, told, out)
        if self._converts:
            turn_rates(state.inst, state.market)
        if held:
            exits.time_exits(state, self.mandate, event.ts, out)
        self._value(event.ts, out)
        if signals and not event.late:
            quotes = {quote.key: quote for quote in event.quotes}
            for m, code, candle in signals:
                for i in seats_of[m]:
                    candidates.confirmed(state, mandate, i, code, candle, event.ts, quotes.get(candle.key), out)

    def _watched(self, candles: tuple[Candle, ...]) -> Iterable[tuple[Candle, int, int, int]]:
        """Bars taken into their rows, all at once: each with its row, its confirmed signals, and `last_ts` as it was before it."""
        index, state = self.state.index, self.state
        rows = [index[one.key] for one in candles]
        numbers: list[int] = []
        for m, one in zip(rows, candles, strict=True):
            numbers += (m, one.ts, one.open, one.high, one.low, one.close)
        bars = np.array(numbers, np.int64)
        watch_bars(state.market, state.observed, self.mandate.params, bars, np.array([one.volume for one in candles], np.float64))
        found = bars.tolist()
        return zip(candles, rows, found[::TOLD], found[1::TOLD], strict=True)

    def _count_bars(self, m: int, ts: int, before: int) -> None:
        """For the error budget: a bar came for market `m`, and how many between it and the one `before` did not."""
        step, state = self._bar_ms[m], self.state
        if ts <= before:
            return
        missing = (ts - before) // step - 1 if before else 0
        if missing > 0 and state.inst[state.seats_of[m][0]]["session"]:
            missing = open_ms(before + step, ts) // step  # over a weekend nothing is missing
        for i in state.seats_of[m]:
            state.count(state.account_of(i), "bars")
            if missing:
                state.count(state.account_of(i), "missing_bars", missing)

    def _tick(self, event: Tick, out: list[Command]) -> None:
        state = self.state
        self._hours.turn(state.inst, max(event.ts, state.ts))
        if self._held:
            exits.time_exits(state, self.mandate, event.ts, out)
        self._value(event.ts, out)
        choose.go_on(state, self.mandate, event, out)
        for quote in event.quotes:
            for i in state.seats_of[state.index[quote.key]]:
                if DEMO in self.mandate.allowed[state.account_of(i)]:
                    candidates.on_cadence(state, self.mandate, i, event.ts, quote, out)

    def _spreads(self, quotes: tuple[Quote, ...]) -> None:
        state = self.state
        for quote in quotes:
            if not quote.crossed:
                m = state.index[quote.key]
                state.spreads[m, state.spread_n[m] % SPREADS] = quote.ask - quote.bid
                state.spread_n[m] += 1

    def _value(self, ts: int, out: list[Command]) -> None:
        """Mark the accounts whenever something could have changed: a position, a fill, the day. Late bars never turn the day back."""
        ts = max(ts, self.state.ts)
        day = ts // DAY_MS
        if self._held or self._dirty or day != self._day:
            self._dirty, self._day = False, day
            for a in range(len(self.state.accounts)):
                exits.value_account(self.state, self.mandate, a, ts, out)

    def _feed_down(self, event: FeedDown, out: list[Command]) -> None:
        if event.feed not in self.state.feeds_down:
            self.state.feeds_down[event.feed] = event.reason
            out.append(Report(ts=event.ts, what="feed", rule="down", text=f"feed {event.feed} lost: {event.reason}"))

    def _feed_up(self, event: FeedUp, out: list[Command]) -> None:
        if self.state.feeds_down.pop(event.feed, None) is not None:
            out.append(Report(ts=event.ts, what="feed", rule="up", text=f"feed {event.feed} is up"))

    def _surface_seen(self, event: SurfaceSeen, out: list[Command]) -> None:
        known = self.state.surfaces.get(event.surface.pair)
        # One from elsewhere than before counts, however old: who has put real quotes in place of made-up ones wants no made-up vols.
        if known is None or event.surface.ts >= known.ts or event.surface.source != known.source:
            self.state.surfaces[event.surface.pair] = event.surface

    # --- account ----------------------------------------------------------------------------------------------------------------

    def _order_filled(self, event: OrderFilled, out: list[Command]) -> None:
        fill = event.fill
        if execs.repeated(self.state, fill.account, fill.exec_id):
            return
        state, i = self.state, self.state.row_of(fill.account, fill.key)
        order = state.orders.get(fill.order_id)
        if order is None or not (order.entry or live.fits(state, i, fill)):
            live.stray(state, i, fill, out)
            if order is not None and event.left == 0:  # it is over all the same: nobody will speak of it again
                del state.orders[fill.order_id]
                state.pos[i]["closing"] = 0
            self._dirty = True
            return
        filled = order.filled + fill.steps
        state.orders[fill.order_id] = order.to(OrderState.FILLED if event.left == 0 else OrderState.PARTIAL, filled)
        if order.entry:
            exits.entry_filled(state, i, fill, out)
            if event.left == 0:
                self._entry_over(i, event.ts, out)
        else:
            reason = REASONS[int(state.pos[i]["closing"]) - 1] if state.pos[i]["closing"] else ExitReason.OPERATOR
            exits.exit_filled(state, self.mandate, i, fill, reason, out)
            if event.left == 0:
                live.write_off(state, self.mandate, i, fill.ts, out)
        self._settled(i, fill.order_id)

    def _stop_filled(self, event: StopFilled, out: list[Command]) -> None:
        fill = event.fill
        if execs.repeated(self.state, fill.account, fill.exec_id):
            return
        state, i = self.state, self.state.row_of(fill.account, fill.key)
        reason = event.trigger
        if not live.fits(state, i, fill):
            live.stray(state, i, fill, out)
            self._dirty = True
            return
        if reason is ExitReason.STOP and state.pos[i]["stop"] != state.pos[i]["initial_stop"]:
            reason = ExitReason.TRAIL
        exits.exit_filled(state, self.mandate, i, fill, reason, out)
        if event.left == 0:
            live.write_off(state, self.mandate, i, fill.ts, out)
        self._settled(i, "")
        if reason in live.SEIZED:
            live.seized(state, i, event.ts, reason, out)

    def _entry_over(self, i: int, ts: int, out: list[Command]) -> None:
        """Whatever was planned, nothing of the entry works any more; what it brought may be too little to be a position."""
        self.state.pos[i]["working"] = 0
        if self.state.pos[i]["status"] != OPEN:
            release(self.state.pos, i)
        elif coins.unsellable(self.state, i):
            live.write_off(self.state, self.mandate, i, ts, out)

    def _settled(self, i: int, order_id: str) -> None:
        """After a booking: the held set, and orders that need no longer be remembered."""
        state = self.state
        self._dirty = True
        if state.pos[i]["status"] == OPEN:
            self._held.add(i)
            if order_id and state.orders[order_id].done:
                del state.orders[order_id]
            return
        self._held.discard(i)
        account, key = state.account_of(i), state.instrument(i).key
        # An exit that raced with the venue's stop has nothing left to close; entries stay until their own end is known.
        gone = [
            name
            for name, order in state.orders.items()
            if order.key == key and order.account == account and (order.done or not order.entry)
        ]
        for name in gone:
            del state.orders[name]

    def _accepted(self, event: OrderAccepted, out: list[Command]) -> None:
        order = self.state.orders.get(event.order_id)
        if order is not None and order.state in {OrderState.IN_FLIGHT, OrderState.UNKNOWN}:
            self.state.orders[event.order_id] = order.to(OrderState.OPEN)

    def _unknown(self, event: OrderUnknown, out: list[Command]) -> None:
        order = self.state.orders.get(event.order_id)
        if order is not None and not order.done and order.state is not OrderState.UNKNOWN:
            self.state.orders[event.order_id] = order.to(OrderState.UNKNOWN)
            text = f"{order.key}: the venue did not say what became of an order; asking"
            out.append(Report(ts=event.ts, what="order", account=str(order.account), key=order.key, rule="unknown", text=text))

    def _cancelled(self, event: OrderCancelled, out: list[Command]) -> None:
        self._ended(event.order_id, OrderState.CANCELLED, event.ts, event.reason, out)

    def _rejected(self, event: OrderRejected, out: list[Command]) -> None:
        self.state.count(event.account, "rejects")
        self._ended(event.order_id, OrderState.REJECTED, event.ts, event.reason, out)

    def _ended(self, order_id: str, end: OrderState, ts: int, reason: str, out: list[Command]) -> None:
        state = self.state
        order = state.orders.pop(order_id, None)
        if order is None:
            return
        if end not in TRANSITIONS[order.state]:
            end = OrderState.CANCELLED  # a venue may refuse what it had accepted
        order.to(end)
        i = state.row_of(order.account, order.key)
        symbol = state.symbol_of(i)
        if order.entry:
            self._entry_over(i, ts, out)
        else:
            # A close that the venue would not take is asked for again at a later bar or tick; the venue's stop still stands.
            state.pos[i]["closing"] = 0
            if not order.filled:
                exits.close_refused(state, i, ts)
            live.write_off(state, self.mandate, i, ts, out)
        if state.pos[i]["status"] != OPEN:
            self._held.discard(i)
        self._dirty = True
        text = f"{'entry' if order.entry else 'close'} of {symbol} {end.lower()}: {reason}"
        out.append(Report(ts=ts, what="order", account=str(order.account), key=order.key, rule=end.lower(), text=text))

    def _live(self, event: live.LiveEvent, out: list[Command]) -> None:
        live.apply(self.state, self.mandate, event, out)
        self._held = {i for i in self._held if self.state.pos[i]["status"] == OPEN}
        self._dirty = True

    def _funding(self, event: FundingPaid, out: list[Command]) -> None:
        # Told from executions and from the list of cash movements, under one id; should it be two, an hour still settles a position once.
        again = execs.repeated(self.state, event.account, event.ref)
        if execs.repeated(self.state, event.account, execs.settlement(event.key, event.ts)) or again:
            return
        exits.funding_paid(self.state, event, out)
        self._dirty = True

    def _venue_reset(self, event: VenueReset, out: list[Command]) -> None:
        """A venue without memory: entries of ours are gone, protection is attached again, closes are asked for again."""
        state = self.state
        for order in [order for order in state.orders.values() if order.account == event.account]:
            if order.entry:
                self._ended(order.order_id, OrderState.CANCELLED, event.ts, "the paper venue restarted", out)
            else:
                del state.orders[order.order_id]
        for i in sorted(self._held):
            if state.account_of(i) != event.account:
                continue
            out.append(exits.protect(state, i))
            closing = int(state.pos[i]["closing"])
            if closing:
                state.pos[i]["closing"] = 0
                exits.close_position(state, i, event.ts, REASONS[closing - 1], out)

    def _control(self, event: Control, out: list[Command]) -> None:
        control.apply(self.state, self.mandate, event, out)
        self._dirty = True

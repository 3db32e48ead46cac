"""The engine: one event in, the commands that follow out. Synchronous, without clock, I/O or chance.

Whoever awaits does not decide: runners feed events and carry out commands, here only state and arithmetic meet. The same journal fed to
a fresh engine gives the same commands, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules.engine import control, decide, exits
from modules.engine.mandate import Mandate
from risk.stops import after_bar
from state.accounts import Account
from state.booking import release
from state.books import FLAT, OPEN
from state.intents import ExitReason, Side, Signal
from state.market import Candle, Quote
from state.messages import (
    BarsClosed,
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
    Report,
    StopFilled,
    Tick,
    VenueReset,
)
from state.orders import OrderState
from state.runtime import REASONS, SPREADS, RuntimeState
from strategy.base import DEMO, LONG, SHORT
from strategy.demo import demo_due, demo_side
from strategy.market import on_bar
from utils.errors import Invariant

SIDES = {LONG: Side.LONG, SHORT: Side.SHORT}
"""Side codes of the market kernel as nouns."""

CONFIRMED = 4
"""Strategies whose signals come from the market kernel, by their index."""

EXECS = 20_000
"""Execution ids remembered to recognise a repeat."""

DAY_MS = 86_400_000


class Engine:
    """Owns the state and applies events to it, one at a time."""

    def __init__(self, state: RuntimeState, mandate: Mandate) -> None:
        self.state = state
        self.mandate = mandate
        self._held = {i for i in range(len(state.pos)) if state.pos[i]["status"] == OPEN}
        self._min_amend_r = float(mandate.limits[0]["min_amend_r"])
        self._min_amend_ticks = int(mandate.limits[0]["min_amend_ticks"])
        self._dirty = True
        """A fill happened since the accounts were last marked."""
        self._day = 0
        self._handlers: dict[type, Callable[[Any, list[Command]], None]] = {
            BarsClosed: self._bars,
            Tick: self._tick,
            OrderFilled: self._order_filled,
            StopFilled: self._stop_filled,
            OrderAccepted: self._accepted,
            OrderCancelled: self._cancelled,
            OrderRejected: self._rejected,
            FundingPaid: self._funding,
            FeedDown: self._feed_down,
            FeedUp: self._feed_up,
            VenueReset: self._venue_reset,
            Control: self._control,
        }

    def process(self, event: Event) -> list[Command]:
        """Apply `event`; returns the commands it leads to, in order. Invariant when the event contradicts the state."""
        out: list[Command] = []
        self._handlers[type(event)](event, out)
        self.state.ts = max(self.state.ts, event.ts)
        return out

    # --- market -----------------------------------------------------------------------------------------------------------------

    def _bars(self, event: BarsClosed, out: list[Command]) -> None:
        state, mandate = self.state, self.mandate
        for funding in event.funding:
            state.inst[state.row_of(funding.key)]["funding_e8"] = funding.rate_e8
        if event.quotes:
            self._spreads(event.quotes)
        signals: list[tuple[int, int, Candle]] = []
        market, params, index, held = state.market, mandate.params, state.index, self._held
        for candle in event.candles:
            i = index[candle.key]
            code = on_bar(market, params, i, candle.ts, candle.open, candle.high, candle.low, candle.close, candle.volume)
            if code:
                signals.append((i, code, candle))
            # Bars from before the entry do not count; the bar of the entry does (a resting order fills at its bar's close in replay).
            if i in held and (not event.late or candle.ts + mandate.confirm_ms >= state.pos[i]["opened_ts"]):
                moved = after_bar(state.pos, i, candle.high, candle.low, candle.close, self._min_amend_r, self._min_amend_ticks)
                if moved:
                    out.append(exits.protect(state, i))
        if held:
            exits.time_exits(state, event.ts, out)
        self._value(event.ts, out)
        if signals and not event.late:
            quotes = {quote.key: quote for quote in event.quotes}
            for i, code, candle in signals:
                self._decide(i, code, candle, event.ts, quotes.get(candle.key), out)

    def _decide(self, i: int, code: int, candle: Candle, ts: int, quote: Quote | None, out: list[Command]) -> None:
        state = self.state
        allowed = self.mandate.allowed[state.account_of(i)]
        row = state.market[i]
        for s in range(CONFIRMED):
            side = (code >> (2 * s)) & 3
            if not side or s not in allowed or (side == SHORT and state.inst[i]["spot"]):
                continue
            signal = Signal(
                ts=ts,
                key=candle.key,
                strategy=s,
                side=SIDES[side],
                regime=int(row["regime"]),
                atr=float(row["atr"]),
                reference=candle.close,
            )
            turnover = float(row["median_turnover_ticks"]) * float(state.inst[i]["tick"])
            decide.decide(state, self.mandate, i, s, signal, quote, turnover, out)

    def _tick(self, event: Tick, out: list[Command]) -> None:
        state = self.state
        if self._held:
            exits.time_exits(state, event.ts, out)
        self._value(event.ts, out)
        for quote in event.quotes:
            i = state.index[quote.key]
            if DEMO in self.mandate.allowed[state.account_of(i)]:
                self._demo(i, event.ts, quote, out)

    def _demo(self, i: int, ts: int, quote: Quote, out: list[Command]) -> None:
        state, mandate = self.state, self.mandate
        idle = state.pos[i]["status"] == FLAT and not quote.crossed
        if not demo_due(ts, int(state.demo_ts[i]), idle, mandate.demo_every_ms):
            return
        state.demo_ts[i] = ts
        side = SIDES[demo_side(ts // mandate.demo_every_ms, bool(state.inst[i]["spot"]))]
        reference = quote.ask if side is Side.LONG else quote.bid
        signal = Signal(
            ts=ts, key=quote.key, strategy=DEMO, side=side, regime=0, atr=reference * mandate.demo_fraction, reference=reference
        )
        turnover = float(state.market[i]["median_turnover_ticks"]) * float(state.inst[i]["tick"])
        decide.decide(state, mandate, i, DEMO, signal, quote, turnover, out)

    def _spreads(self, quotes: tuple[Quote, ...]) -> None:
        state = self.state
        for quote in quotes:
            if not quote.crossed:
                i = state.index[quote.key]
                state.spreads[i, state.spread_n[i] % SPREADS] = quote.ask - quote.bid
                state.spread_n[i] += 1

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

    # --- account ----------------------------------------------------------------------------------------------------------------

    def _repeat(self, account: Account, execution: str) -> bool:
        """Whether this execution or settlement was booked before; streams and REST both tell of the same one."""
        execs = self.state.execs
        name = f"{account}/{execution}"
        if name in execs:
            return True
        execs[name] = None
        if len(execs) > EXECS:
            del execs[next(iter(execs))]
        return False

    def _order_filled(self, event: OrderFilled, out: list[Command]) -> None:
        fill = event.fill
        if self._repeat(fill.account, fill.exec_id):
            return
        state, i = self.state, self.state.row_of(fill.key)
        order = state.orders.get(fill.order_id)
        if order is None:
            raise Invariant(f"fill {fill.exec_id} names order {fill.order_id}, which this engine did not send")
        filled = order.filled + fill.steps
        state.orders[fill.order_id] = order.to(OrderState.FILLED if event.left == 0 else OrderState.PARTIAL, filled)
        if order.entry:
            exits.entry_filled(state, i, fill, out)
            if event.left == 0:
                state.pos[i]["working"] = 0  # whatever was planned, nothing works any more
        else:
            exits.exit_filled(state, self.mandate, i, fill, REASONS[int(state.pos[i]["closing"]) - 1], out)
        self._settled(i, fill.order_id)

    def _stop_filled(self, event: StopFilled, out: list[Command]) -> None:
        fill = event.fill
        if self._repeat(fill.account, fill.exec_id):
            return
        state, i = self.state, self.state.row_of(fill.key)
        reason = event.trigger
        if reason is ExitReason.STOP and state.pos[i]["stop"] != state.pos[i]["initial_stop"]:
            reason = ExitReason.TRAIL
        exits.exit_filled(state, self.mandate, i, fill, reason, out)
        self._settled(i, "")

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
        key = state.instruments[i].key
        # An exit that raced with the venue's stop has nothing left to close; entries stay until their own end is known.
        gone = [name for name, order in state.orders.items() if order.key == key and (order.done or not order.entry)]
        for name in gone:
            del state.orders[name]

    def _accepted(self, event: OrderAccepted, out: list[Command]) -> None:
        order = self.state.orders.get(event.order_id)
        if order is not None and order.state is OrderState.IN_FLIGHT:
            self.state.orders[event.order_id] = order.to(OrderState.OPEN)

    def _cancelled(self, event: OrderCancelled, out: list[Command]) -> None:
        self._ended(event.order_id, OrderState.CANCELLED, event.ts, event.reason, out)

    def _rejected(self, event: OrderRejected, out: list[Command]) -> None:
        self._ended(event.order_id, OrderState.REJECTED, event.ts, event.reason, out)

    def _ended(self, order_id: str, end: OrderState, ts: int, reason: str, out: list[Command]) -> None:
        state = self.state
        order = state.orders.pop(order_id, None)
        if order is None:
            return
        order.to(end)
        i = state.row_of(order.key)
        if not order.entry:
            # A close that the venue would not take is asked for again at the next bar or tick; the venue's stop still stands.
            state.pos[i]["closing"] = 0
        elif state.pos[i]["status"] == OPEN:
            state.pos[i]["working"] = 0
        else:
            release(state.pos, i)
        self._dirty = True
        text = f"{'entry' if order.entry else 'close'} of {state.instruments[i].symbol} {end.lower()}: {reason}"
        out.append(Report(ts=ts, what="order", account=str(order.account), key=order.key, rule=end.lower(), text=text))

    def _funding(self, event: FundingPaid, out: list[Command]) -> None:
        if self._repeat(event.account, event.ref):
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
        control.apply(self.state, event, out)
        self._dirty = True

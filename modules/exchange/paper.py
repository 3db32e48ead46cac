"""The paper venue: orders meet the live quotes and prints of the real feed (the quote model), in this process, in venue time.

The rules, also published in `docs/paper.md`:
- An order reaches the book `latency_ms` of venue time after its decision. It is judged by the quote that stands then: the newest since the
  decision, else the first that comes.
- A taking entry fills at the touch, at most what stands there; the rest is cancelled. Beyond its limit, or where its own stop or
  target has been passed, nothing fills.
- A resting entry fills at its price when a print or the touch goes through it by a tick, at most the size seen; it ends at its expiry.
- Stop and target trigger on the touch that a market close would get, or on a print; a perpetual's with `risk.trigger` mark on the mark
  price alone. Then the position is sold (bought back) quote by quote, at most what stands at the touch each time, until it is gone. The
  stop wins over the target.
- Fees: taker or maker rate on the value, in the account's currency, rounded up. No slippage is added: the touch is the real one.
- Funding of perpetuals, swap of currencies: what is held when a settlement comes pays or receives it (`modules/exchange/paper_funding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from modules.exchange.paper_funding import Holding
from modules.exchange.paper_swap import Swap
from risk.costs import entry_fee_ppm
from state.accounts import Account
from state.booking import fee_of
from state.books import Rows
from state.conversion import home_of
from state.intents import Approved, ExitReason, OrderType, Reduce
from state.market import Quote, Trade
from state.messages import (
    AccountEvent,
    Cancel,
    Close,
    Command,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    Place,
    Protect,
    StopFilled,
)
from state.orders import Fill
from utils.errors import Invariant


class _Entry(msgspec.Struct):
    order: Approved
    active_ts: int
    left: int
    resting: bool
    fills: int = 0
    accepted: bool = False
    standing: Quote | None = None
    """The newest quote between decision and arrival at the book."""


class _Held(msgspec.Struct):
    account: Account
    side: int
    steps: int
    stop: int
    target: int
    triggered: ExitReason | None = None
    close: Reduce | None = None
    close_ts: int = 0
    fills: int = 0


class PaperVenue:
    """One in-process venue for every paper account; `inst` are the engine's instrument rows (grids and fee rates)."""

    def __init__(
        self,
        inst: Rows,
        index: Mapping[str, int],
        latency_ms: int,
        patience_ms: int,
        swap: Swap | None = None,
        *,
        by_mark: bool = False,
    ) -> None:
        """`patience_ms`: a taking order that sees no quote for this long is cancelled; it was meant for the moment of its decision.

        `swap`: looks after the financing of currency pairs. `by_mark`: stops and targets trigger by the mark price alone (`on_mark`).
        """
        self._swap, self._by_mark = swap, by_mark
        self._inst, self._index = inst, index
        self._latency_ms, self._patience_ms = latency_ms, patience_ms
        self._entries: dict[str, _Entry] = {}
        self._held: dict[str, _Held] = {}

    def submit(self, command: Command) -> list[AccountEvent]:
        """Take a command; an order's answer comes with the quotes, a cancel is answered at once."""
        match command:
            case Place(order):
                intent = order.intent
                resting = intent.order_type is OrderType.MAKER
                self._entries[intent.key] = _Entry(order, intent.ts + self._latency_ms, intent.steps, resting)
            case Cancel(account, key, order_id):
                entry = self._entries.get(key)
                if entry is not None and entry.order.order_id == order_id:
                    del self._entries[key]
                    return [OrderCancelled(entry.order.intent.ts, account, order_id, "taken back")]
            case Protect(account, key, side, steps, stop, target):
                held = self._held.get(key)
                if held is None:
                    self._held[key] = _Held(account, side, steps, stop, target)
                else:
                    held.stop, held.target = stop, target
            case Close(reduce):
                held = self._held.get(reduce.key)
                if held is None:
                    return [OrderCancelled(reduce.ts, reduce.account, reduce.order_id, "nothing is held")]
                held.close, held.close_ts = reduce, reduce.ts + self._latency_ms
            case _:
                raise Invariant(f"a venue cannot carry out {type(command).__name__}")
        return []

    def holding(self, key: str) -> Holding | None:
        """What is held of an instrument at this moment."""
        held = self._held.get(key)
        return None if held is None else Holding(held.account, held.side, held.steps, self._index[key])

    def on_quote(self, quote: Quote) -> list[AccountEvent]:
        """What the touch does to orders and positions on its instrument."""
        events: list[AccountEvent] = []
        if quote.crossed:
            return events
        if self._swap is not None:
            events += self._swap.due(quote, self.holding(quote.key))
        entry = self._entries.get(quote.key)
        if entry is not None:
            if quote.ts >= entry.active_ts:
                self._judge_entry(entry, quote, events)
            elif quote.ts >= entry.order.intent.ts:
                entry.standing = quote
        held = self._held.get(quote.key)
        if held is not None:
            self._judge_held(held, quote, events)
        return events

    def take_back(self, key: str, ts: int, reason: str) -> list[AccountEvent]:
        """End the entry that waits on an instrument, if there is one."""
        events: list[AccountEvent] = []
        if key in self._entries:
            self._end(self._entries[key], ts, reason, events)
        return events

    def on_trade(self, trade: Trade) -> list[AccountEvent]:
        """What a print does: it fills a resting entry it goes through, and triggers stops and targets."""
        events: list[AccountEvent] = []
        entry = self._entries.get(trade.key)
        if entry is not None and not entry.accepted and entry.standing is not None and trade.ts >= entry.active_ts and entry.resting:
            self._arrive(entry, msgspec.structs.replace(entry.standing, ts=entry.active_ts), events)
            entry = self._entries.get(trade.key)
        if entry is not None and entry.resting and entry.accepted and trade.ts <= entry.order.intent.expires_ts:
            intent = entry.order.intent
            if int(intent.side) * (intent.limit - trade.price) >= 1:
                self._fill_entry(entry, intent.limit, min(entry.left, trade.steps), trade.ts, events)
        held = self._held.get(trade.key)
        if held is not None and held.triggered is None and not self._by_mark:
            held.triggered = _reached(held, trade.price)
        return events

    def on_mark(self, key: str, price: int) -> None:
        """The mark price moved (ticks): it may trigger a stop or a target; what that sells is sold to the next quotes."""
        held = self._held.get(key)
        if self._by_mark and held is not None and held.triggered is None:
            held.triggered = _reached(held, price)

    def _arrive(self, entry: _Entry, quote: Quote, events: list[AccountEvent]) -> bool:
        """The order reaches the book as it stands (`quote`); False when a resting one would have taken and is gone."""
        intent = entry.order.intent
        entry.accepted = True
        events.append(OrderAccepted(quote.ts, intent.account, entry.order.order_id))
        touch = quote.ask if intent.side > 0 else quote.bid
        if entry.resting and int(intent.side) * (intent.limit - touch) >= 0:
            self._end(entry, quote.ts, "a resting order would have taken", events)
            return False
        return True

    def _judge_entry(self, entry: _Entry, quote: Quote, events: list[AccountEvent]) -> None:
        intent = entry.order.intent
        if not entry.accepted:
            standing = quote if entry.standing is None else msgspec.structs.replace(entry.standing, ts=entry.active_ts)
            if not self._arrive(entry, standing, events):
                return
            if not entry.resting:
                quote = standing
        side = int(intent.side)
        touch, shown = (quote.ask, quote.ask_steps) if side > 0 else (quote.bid, quote.bid_steps)
        if entry.resting:
            if quote.ts > intent.expires_ts:
                self._end(entry, quote.ts, "not reached before its bar closed", events)
            elif side * (intent.limit - touch) >= 1:
                self._fill_entry(entry, intent.limit, min(entry.left, shown), quote.ts, events)
            return
        if quote.ts - entry.active_ts > self._patience_ms:
            self._end(entry, quote.ts, "no quote came in time", events)
        elif side * (touch - intent.limit) > 0:
            self._end(entry, quote.ts, f"the touch is {abs(touch - intent.limit) / intent.limit:.2%} beyond the limit", events)
        elif side * (touch - intent.exits.stop) <= 0 or side * (intent.exits.target - touch) <= 0:
            self._end(entry, quote.ts, "its stop or target has already been passed", events)
        elif shown == 0:
            self._end(entry, quote.ts, "nothing stands at the touch", events)
        else:
            self._fill_entry(entry, touch, min(entry.left, shown), quote.ts, events)
            if entry.left:
                self._end(entry, quote.ts, "the rest was not there", events)

    def _end(self, entry: _Entry, ts: int, reason: str, events: list[AccountEvent]) -> None:
        intent = entry.order.intent
        del self._entries[intent.key]
        events.append(OrderCancelled(ts, intent.account, entry.order.order_id, reason))

    def _fill_entry(self, entry: _Entry, price: int, steps: int, ts: int, events: list[AccountEvent]) -> None:
        if steps <= 0:
            return
        intent = entry.order.intent
        entry.left -= steps
        entry.fills += 1
        i = self._index[intent.key]
        value = home_of(self._inst, i, price * steps * int(self._inst[i]["unit"]))
        fee = fee_of(value, entry_fee_ppm(self._inst, i, int(intent.order_type)))
        exec_id = f"{entry.order.order_id}-{entry.fills}"
        fill = Fill(
            ts=ts,
            account=intent.account,
            key=intent.key,
            order_id=entry.order.order_id,
            exec_id=exec_id,
            side=int(intent.side),
            price=price,
            steps=steps,
            fee=fee,
            maker=entry.resting,
        )
        held = self._held.get(intent.key)
        if held is None:
            self._held[intent.key] = _Held(intent.account, int(intent.side), steps, intent.exits.stop, intent.exits.target)
        else:
            held.steps += steps
        if entry.left == 0:
            del self._entries[intent.key]
        events.append(OrderFilled(ts, fill, entry.left))

    def _judge_held(self, held: _Held, quote: Quote, events: list[AccountEvent]) -> None:
        exit_touch, shown = (quote.bid, quote.bid_steps) if held.side > 0 else (quote.ask, quote.ask_steps)
        if held.triggered is None and not self._by_mark:
            held.triggered = _reached(held, exit_touch)
        closing = held.close is not None and quote.ts >= held.close_ts
        steps = min(held.steps, shown)
        if (held.triggered is None and not closing) or steps == 0:
            return
        held.steps -= steps
        held.fills += 1
        i = self._index[quote.key]
        # What triggered first goes on under its own name: a close order after a triggered stop has nothing left to do.
        by_order = held.close if held.triggered is None else None
        order_id = by_order.order_id if by_order is not None else f"{quote.key}-{quote.ts:x}-s"
        fill = Fill(
            ts=quote.ts,
            account=held.account,
            key=quote.key,
            order_id=order_id,
            exec_id=f"{order_id}-{held.fills}",
            side=-held.side,
            price=exit_touch,
            steps=steps,
            fee=fee_of(home_of(self._inst, i, exit_touch * steps * int(self._inst[i]["unit"])), int(self._inst[i]["taker_ppm"])),
        )
        if held.steps == 0:
            del self._held[quote.key]
        if by_order is not None:
            events.append(OrderFilled(quote.ts, fill, held.steps))
        else:
            events.append(StopFilled(quote.ts, fill, held.triggered or ExitReason.STOP, held.steps))


def _reached(held: _Held, price: int) -> ExitReason | None:
    if held.side * (price - held.stop) <= 0:
        return ExitReason.STOP
    if held.side * (held.target - price) <= 0:
        return ExitReason.TARGET
    return None

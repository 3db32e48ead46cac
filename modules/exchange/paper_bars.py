"""The paper venue of replay: orders meet bars that are already history (the bar-fill model of `risk/fills.py`).

Two phases a bar, over all symbols in config order: what happens at the open (funding, closes, gaps, entries), then what happens inside
(resting entries, stop and target). Events of the first carry the bar's open time, those of the second its close time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
import numpy as np
import numpy.typing as npt

from modules.engine.option_prices import bid_candle, quoted, terms_of
from modules.exchange.paper_cut import paid_out
from modules.exchange.paper_funding import settlement_ref
from risk.costs import entry_fee_ppm, slipped
from risk.fills import BOTH, NONE, STOP, TARGET, entry_at_open, gap_exit, resolve_fine, resting_fills, touched, traded_at
from state.accounts import Account
from state.booking import fee_of, funding_of
from state.books import Rows
from state.conversion import home_of
from state.intents import Approved, ExitReason, OrderType, Reduce
from state.market import Candle
from state.messages import (
    AccountEvent,
    Cancel,
    Close,
    Command,
    FundingPaid,
    OrderCancelled,
    OrderFilled,
    Place,
    Protect,
    StopFilled,
)
from state.options import OptionContract, Surface
from state.orders import Fill
from utils.errors import Invariant

Ints = npt.NDArray[np.int64]
RESTING = int(OrderType.MAKER)


class FineBars(msgspec.Struct, frozen=True, eq=False):
    """Finer bars of one symbol in ticks: they decide when a bar holds both stop and target."""

    ts: Ints
    high: Ints
    low: Ints


class MarkBars(msgspec.Struct, frozen=True, eq=False):
    """Mark prices of one perpetual in ticks, bar by bar; 0 where there is none."""

    ts: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints


class Held(msgspec.Struct):
    """A position as this venue knows it."""

    i: int
    account: Account
    key: str
    side: int
    steps: int
    stop: int
    target: int
    since: int
    """Settlements up to then (ms UTC) are done, or came before it was there."""
    bar: Candle
    """The last bar of its premium, at first a flat one at its price; of use where it is an option."""
    contract: OptionContract | None = None
    """What is held, where it is an option: stop, target and bars are its premium."""
    close: Reduce | None = None
    low: int = 0
    """The level below; a bar wholly between `low` and `high` touches nothing."""
    high: int = 0
    """The level above."""

    def __post_init__(self) -> None:
        self.protect(self.stop, self.target)

    def protect(self, stop: int, target: int) -> None:
        """From now on these levels."""
        self.stop, self.target = stop, target
        self.low, self.high = (stop, target) if self.side > 0 else (target, stop)


def flat(key: str, ts: int, price: int) -> Candle:
    """A bar in which nothing moved."""
    return Candle(key, ts, price, price, price, price, 0.0)


class BarVenue:
    """Carries out commands against the next bar; `inst` are the engine's instrument rows (costs and grids)."""

    def __init__(
        self,
        inst: Rows,
        index: Mapping[str, int],
        confirm_ms: int,
        funding: Mapping[str, tuple[Ints, Ints]] | None = None,
        fine: Mapping[str, FineBars] | None = None,
        mark: Mapping[str, MarkBars] | None = None,
        *,
        by_mark: bool = False,
        surfaces: Mapping[str, Surface] = MappingProxyType({}),
    ) -> None:
        """Funding is paid at the `mark` where there is one; `by_mark`: stops and targets trigger by it, too.

        `surfaces`: pair -> the surface of the moment, as whoever feeds the bars keeps it; options are priced with it.
        """
        self._inst, self._index, self._confirm_ms = inst, index, confirm_ms
        self._funding = funding or {}
        self._fine = fine or {}
        self._mark, self._by_mark = mark or {}, by_mark
        self._surfaces = surfaces
        self._entries: dict[str, Approved] = {}
        self._held: dict[str, Held] = {}

    @property
    def idle(self) -> bool:
        """Nothing rests and nothing is held, so no bar can matter."""
        return not self._entries and not self._held

    def submit(self, command: Command) -> list[AccountEvent]:
        """Take a command; its answer comes with the next bars, a cancel is answered at once."""
        match command:
            case Place(order):
                self._entries[order.intent.key] = order
            case Cancel(account, key, order_id):
                entry = self._entries.pop(key, None)
                if entry is not None:
                    return [OrderCancelled(entry.intent.ts, account, order_id, "taken back")]
            case Protect(_, key, _, _, stop, target):
                self._held[key].protect(stop, target)
            case Close(reduce):
                self._held[reduce.key].close = reduce
            case _:
                raise Invariant(f"a venue cannot carry out {type(command).__name__}")
        return []

    def at_open(self, candles: Sequence[Candle]) -> list[AccountEvent]:
        """What happens at the open of these bars."""
        events: list[AccountEvent] = []
        held_by, entries, funded, by_mark = self._held, self._entries, self._funding, self._by_mark
        for told in candles:
            key = told.key
            held = held_by.get(key)
            if held is None:
                entry = entries.get(key)
                if entry is not None and entry.intent.order_type != RESTING:
                    self._enter_at_open(entry, told, events)
                continue
            if key in funded:
                self._settle(held, told, events)
            if held.contract is not None and told.ts >= held.contract.expiry_ts:
                self._deliver(held, held.contract, told, events)
                continue
            candle = told if held.contract is None else self._premium(held, held.contract, told)
            if held.close is not None:
                self._leave(held, candle.open, candle.ts, None, events)
                continue
            seen = self._seen(candle).open if by_mark else candle.open
            if not held.low < seen < held.high:
                self._leave(held, candle.open, candle.ts, gap_exit(held.side, held.stop, held.target, seen), events)
        return events

    def inside(self, candles: Sequence[Candle]) -> list[AccountEvent]:
        """What happens within these bars, known at their close."""
        events: list[AccountEvent] = []
        held_by, entries, by_mark = self._held, self._entries, self._by_mark
        for told in candles:
            key = told.key
            entry = entries.get(key) if entries else None
            if entry is not None and not self._rest(entry, told, events):
                continue
            held = held_by.get(key)
            if held is None:
                continue
            candle = told if held.contract is None else self._premium(held, held.contract, told)
            seen = self._seen(candle) if by_mark else candle
            if held.low < seen.low and seen.high < held.high:
                continue
            hit = touched(held.side, held.stop, held.target, seen.high, seen.low)
            if entry is not None:
                # The bar cannot tell whether its far end came after a resting entry filled: only the stop counts.
                hit &= STOP
            elif hit == BOTH:
                hit = self._finer(held, candle)
            if hit != NONE:
                level = traded_at(held.stop if hit == STOP else held.target, seen.open, candle.open, candle.high, candle.low)
                self._leave(held, level, candle.ts + self._confirm_ms, hit, events)
        return events

    def _seen(self, candle: Candle) -> Candle:
        """The bar that stops and targets look at where they go by the mark."""
        return self._marked(candle) or candle

    def _marked(self, candle: Candle) -> Candle | None:
        """The mark's bar beside a candle; None where there is none."""
        mark = self._mark.get(candle.key)
        if mark is None:
            return None
        k = bisect_left(mark.ts, candle.ts)
        if k == len(mark.ts) or mark.ts[k] != candle.ts or not mark.open[k]:
            return None
        return Candle(candle.key, candle.ts, int(mark.open[k]), int(mark.high[k]), int(mark.low[k]), int(mark.close[k]), 0.0)

    def _premium(self, held: Held, contract: OptionContract, candle: Candle) -> Candle:
        """The bar of a held option's bid beside a candle of its pair; without a surface it stays where it was."""
        if held.bar.ts != candle.ts:
            surface, last = self._surfaces.get(contract.pair), held.bar.close
            if surface is None:
                held.bar = flat(candle.key, candle.ts, last)
            else:
                held.bar = bid_candle(surface, contract, candle, self._confirm_ms)
        return held.bar

    def _deliver(self, held: Held, contract: OptionContract, candle: Candle, events: list[AccountEvent]) -> None:
        """The contract's own end: at the first open from its cut on it pays what it is worth there, without spread or fee."""
        del self._held[held.key]
        events.append(paid_out(contract, held.account, held.key, held.side, held.steps, candle.ts, candle.open, candle.ts))

    def _settle(self, held: Held, candle: Candle, events: list[AccountEvent]) -> None:
        times, rates = self._funding[candle.key]
        for at in range(bisect_right(times, held.since), bisect_right(times, candle.ts)):
            ts, price = int(times[at]), (self._marked(candle) or candle).open
            amount = funding_of(self._inst, held.i, held.side, held.steps, price, int(rates[at]))
            events.append(FundingPaid(ts, held.account, held.key, amount, settlement_ref(held.key, ts)))
        held.since = candle.ts

    def _enter_at_open(self, order: Approved, candle: Candle, events: list[AccountEvent]) -> None:
        intent = order.intent
        del self._entries[intent.key]
        if candle.ts >= intent.expires_ts:
            events.append(OrderCancelled(candle.ts, intent.account, order.order_id, "the bar it was meant for never came"))
            return
        i = self._index[intent.key]
        opened = candle.open if intent.contract is None else self._ask(intent.contract, candle)
        if opened == 0:
            events.append(OrderCancelled(candle.ts, intent.account, order.order_id, "no surface prices it"))
            return
        price = entry_at_open(
            int(intent.order_type),
            int(intent.side),
            intent.limit,
            intent.exits.stop,
            intent.exits.target,
            opened,
            int(self._inst[i]["slip_ppm"]),
        )
        if price == 0:
            reason = "the open, slippage included, lies beyond its limit, stop or target"
            events.append(OrderCancelled(candle.ts, intent.account, order.order_id, reason))
            return
        self._enter(order, i, price, candle.ts, events)

    def _ask(self, contract: OptionContract, candle: Candle) -> int:
        """What the contract is offered at at a candle's open, ticks; 0 without a surface."""
        surface = self._surfaces.get(contract.pair)
        if surface is None:
            return 0
        at = (contract.expiry_ts, candle.ts, candle.open, candle.open)
        return quoted(terms_of(surface), int(contract.right), contract.strike, *at)[1]

    def _rest(self, order: Approved, candle: Candle, events: list[AccountEvent]) -> bool:
        intent = order.intent
        close_ts = candle.ts + self._confirm_ms
        if candle.ts < intent.expires_ts and resting_fills(int(intent.side), intent.limit, candle.high, candle.low):
            del self._entries[intent.key]
            self._enter(order, self._index[intent.key], intent.limit, close_ts, events)
            return True
        if close_ts >= intent.expires_ts:
            del self._entries[intent.key]
            events.append(OrderCancelled(close_ts, intent.account, order.order_id, "not reached before its bar closed"))
        return False

    def _enter(self, order: Approved, i: int, price: int, ts: int, events: list[AccountEvent]) -> None:
        intent = order.intent
        value = home_of(self._inst, i, price * intent.steps * int(self._inst[i]["unit"]))
        fee = fee_of(value, entry_fee_ppm(self._inst, i, int(intent.order_type)))
        fill = Fill(
            ts=ts,
            account=intent.account,
            key=intent.key,
            order_id=order.order_id,
            exec_id=f"{order.order_id}-1",
            side=int(intent.side),
            price=price,
            steps=intent.steps,
            fee=fee,
            maker=intent.order_type is OrderType.MAKER,
        )
        self._held[intent.key] = Held(
            i=i,
            account=intent.account,
            key=intent.key,
            side=int(intent.side),
            steps=intent.steps,
            stop=intent.exits.stop,
            target=intent.exits.target,
            contract=intent.contract,
            bar=flat(intent.key, 0, price),
            since=ts - int(intent.order_type is OrderType.MAKER),  # filled within its bar it stands at the settlement of the next open
        )
        events.append(OrderFilled(ts, fill))

    def _leave(self, held: Held, level: int, ts: int, hit: int | None, events: list[AccountEvent]) -> None:
        """Close at `level` less slippage: by a close order (`hit` None), by the stop or by the target."""
        inst = self._inst[held.i]
        price = slipped(level, int(inst["slip_ppm"]), -held.side)
        fee = fee_of(home_of(self._inst, held.i, price * held.steps * int(inst["unit"])), int(inst["taker_ppm"]))
        order_id = held.close.order_id if hit is None and held.close is not None else f"{held.key}-{ts:x}-s"
        fill = Fill(
            ts=ts,
            account=held.account,
            key=held.key,
            order_id=order_id,
            exec_id=f"{order_id}-1",
            side=-held.side,
            price=price,
            steps=held.steps,
            fee=fee,
        )
        del self._held[held.key]
        if hit is None:
            events.append(OrderFilled(ts, fill))
        else:
            events.append(StopFilled(ts, fill, ExitReason.TARGET if hit == TARGET else ExitReason.STOP))

    def _finer(self, held: Held, candle: Candle) -> int:
        fine = self._fine.get(candle.key)
        if fine is None or self._by_mark:  # finer bars of the mark there are none
            return STOP
        first = int(np.searchsorted(fine.ts, candle.ts))
        last = int(np.searchsorted(fine.ts, candle.ts + self._confirm_ms))
        return resolve_fine(held.side, held.stop, held.target, fine.high, fine.low, first, last)

"""The paper venue of options: the pair's quotes become premiums, and those do what quotes do on paper; at the cut what is held is settled.

Whatever was ordered or is held on a slot has a contract: the order's own, after a restart the one that the engine's state knows. Each quote
of the pair becomes the contract's bid and ask by the newest surface (`forex/options_quotes.py`: half-spread the larger of 0.15 vol points
of vega and one pip); a model shows no sizes, so enough stands there. Without a surface nothing is bought, and what is to be sold waits.
Where nobody bids (the bid is 0) nothing is bought, and a stop or a close books at 0: what is held is worth nothing, over bars as here.

The cut pays the intrinsic value at the fixing, without spread or fee. The fixing is the first price from the cut on: the middle of a quote,
rounded against us to a tick, where one comes within a minute. A later quote (we were off, or the feed away) waits for the bars that were
missed: the open of the one at the cut is the fixing. Where there is none, it is the earliest price there is, and that is told loudly.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from modules.engine.option_exits import ON_TIME_MS
from modules.engine.option_prices import quoted, terms_of
from modules.exchange.paper import PaperVenue
from modules.exchange.paper_cut import paid_out
from state.market import Quote, Trade
from state.messages import AccountEvent, BarsClosed, Command, Place
from state.options import OptionContract
from state.runtime import RuntimeState
from utils.errors import Invariant

ENOUGH = 1 << 40
"""Steps that stand at a model's bid and ask."""
WAIT_BARS = 2
"""A quote that comes late waits so many bars' time for the missed bars: those are asked for when the feed is back, or at the next close."""
log = structlog.get_logger("paper options")


class PaperOptions(PaperVenue):
    """One in-process venue for the paper account of options; `state` is the engine's, and only read."""

    def __init__(self, state: RuntimeState, seats: Mapping[str, int], latency_ms: int, patience_ms: int) -> None:
        """`seats`: instrument key -> seat of the paper account; latency and patience (a bar's length) as at any paper venue."""
        super().__init__(state.inst, seats, latency_ms, patience_ms)
        self._state = state
        self._contracts: dict[str, OptionContract] = {}
        self._bars_ms = WAIT_BARS * patience_ms
        self._first: dict[str, Quote] = {}
        """Slot -> the first quote at or after the cut of what is held there."""
        self._told: set[str] = set()
        """Pairs whose missing surface has been told."""

    def submit(self, command: Command) -> list[AccountEvent]:
        """Take a command; an entry comes with its contract."""
        if isinstance(command, Place):
            intent = command.order.intent
            if intent.contract is None:
                raise Invariant(f"an entry on {intent.key} names no contract")
            self._contracts[intent.key] = intent.contract
        return super().submit(command)

    def on_quote(self, quote: Quote) -> list[AccountEvent]:
        """What the pair's quote does to the contract on its slot."""
        contract = self._contract(quote.key)
        if contract is None or quote.crossed:
            return []
        if quote.ts >= contract.expiry_ts:
            return self._at_cut(contract, quote)
        surface = self._state.surfaces.get(contract.pair)
        if surface is None:
            self._say_missing(contract.pair)
            return self.take_back(quote.key, quote.ts, f"no volatility surface of {contract.pair} prices it")
        self._told.discard(contract.pair)
        terms, right, expiry_ts = terms_of(surface), int(contract.right), contract.expiry_ts
        bid, ask = quoted(terms, right, contract.strike, expiry_ts, quote.ts, quote.bid, quote.ask)
        premium = Quote(quote.key, quote.ts, bid, ask, ENOUGH, ENOUGH)
        if bid > 0:
            return super().on_quote(premium)
        events = self.take_back(quote.key, quote.ts, f"nobody bids for {contract.symbol}")
        if quote.key in self._held:
            self._judge_held(self._held[quote.key], premium, events)
        return events

    def on_bars(self, event: BarsClosed) -> list[AccountEvent]:
        """Closed bars of the slots: the first that opens at or after the cut of what is still held has its fixing, or none is to come."""
        events: list[AccountEvent] = []
        for candle in event.candles:
            contract = self._contract(candle.key)
            if contract is None or candle.ts < contract.expiry_ts:
                continue
            first = self._first.get(candle.key)
            if first is not None and first.ts < candle.ts:
                events += self._settle(contract, candle.key, event.ts, _fixing(contract, first), first.ts)
            else:
                events += self._settle(contract, candle.key, event.ts, candle.open, candle.ts)
        return events

    def on_trade(self, trade: Trade) -> list[AccountEvent]:
        """A print of the pair is none of an option."""
        return []

    def _contract(self, key: str) -> OptionContract | None:
        """What is ordered or held on a slot; None where there is nothing."""
        if key not in self._entries and key not in self._held:
            self._contracts.pop(key, None)
            return None
        if key not in self._contracts:
            known = self._state.contract_of(self._index[key])
            if known is None:
                raise Invariant(f"{key} is held on paper, and nobody knows which contract it is")
            self._contracts[key] = known
        return self._contracts[key]

    def _at_cut(self, contract: OptionContract, quote: Quote) -> list[AccountEvent]:
        """A quote at or after the cut: a prompt one fixes, a late one waits for the missed bars first."""
        first = self._first.setdefault(quote.key, quote)
        if first.ts - contract.expiry_ts > ON_TIME_MS and quote.ts - first.ts < self._bars_ms and quote.key in self._held:
            return self.take_back(quote.key, quote.ts, f"{contract.symbol} has expired")
        return self._settle(contract, quote.key, quote.ts, _fixing(contract, first), first.ts)

    def _settle(self, contract: OptionContract, key: str, ts: int, fixing: int, fixing_ts: int) -> list[AccountEvent]:
        """The cut has come: an entry is too late, what is held is paid out."""
        events = self.take_back(key, ts, f"{contract.symbol} has expired")
        held = self._held.pop(key, None)
        self._first.pop(key, None)
        self._contracts.pop(key, None)
        if held is None:
            return events
        events.append(paid_out(contract, held.account, key, held.side, held.steps, ts, fixing, fixing_ts, held.fills + 1))
        return events

    def _say_missing(self, pair: str) -> None:
        if pair not in self._told:
            self._told.add(pair)
            log.warning("no volatility surface: nothing is bought, exits wait", pair=pair)


def _fixing(contract: OptionContract, quote: Quote) -> int:
    """The middle of a quote, rounded against the holder to a tick."""
    return contract.right * ((contract.right * (quote.bid + quote.ask)) // 2)

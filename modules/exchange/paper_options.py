"""The paper venue of options: the pair's quotes become premiums, and those do what quotes do on paper; at the cut what is held is settled.

Whatever was ordered or is held on a slot has a contract: the order's own, after a restart the one that the engine's state knows. Each quote
of the pair becomes the contract's bid and ask by the newest surface (`forex/options_quotes.py`: half-spread the larger of 0.15 vol points
of vega and one pip); a model shows no sizes, so enough stands there. The first quote at or after expiry is the fixing: its middle, rounded
against us to a tick, pays the intrinsic value, without spread or fee. Without a surface, and where nobody bids, nothing is bought, and
what is to be sold waits.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from modules.engine.option_prices import quoted, settlement, terms_of
from modules.exchange.paper import PaperVenue
from state.intents import ExitReason
from state.market import Quote, Trade
from state.messages import AccountEvent, Command, Place, StopFilled
from state.options import OptionContract
from state.orders import Fill
from state.runtime import RuntimeState
from utils.errors import Invariant

ENOUGH = 1 << 40
"""Steps that stand at a model's bid and ask."""
log = structlog.get_logger("paper options")


class PaperOptions(PaperVenue):
    """One in-process venue for the paper account of options; `state` is the engine's, and only read."""

    def __init__(self, state: RuntimeState, seats: Mapping[str, int], latency_ms: int, patience_ms: int) -> None:
        """`seats`: instrument key -> seat of the paper account; latency and patience as at any paper venue."""
        super().__init__(state.inst, seats, latency_ms, patience_ms)
        self._state = state
        self._contracts: dict[str, OptionContract] = {}
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
            return self._settle(contract, quote)
        surface = self._state.surfaces.get(contract.pair)
        if surface is None:
            self._say_missing(contract.pair)
            return self.take_back(quote.key, quote.ts, f"no volatility surface of {contract.pair} prices it")
        self._told.discard(contract.pair)
        terms, right, expiry_ts = terms_of(surface), int(contract.right), contract.expiry_ts
        bid, ask = quoted(terms, right, contract.strike, expiry_ts, quote.ts, quote.bid, quote.ask)
        if bid <= 0:
            return self.take_back(quote.key, quote.ts, f"nobody bids for {contract.symbol}")
        return super().on_quote(Quote(quote.key, quote.ts, bid, ask, ENOUGH, ENOUGH))

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

    def _settle(self, contract: OptionContract, quote: Quote) -> list[AccountEvent]:
        """The cut has come: an entry is too late, what is held is paid out."""
        key, ts = quote.key, quote.ts
        events = self.take_back(key, ts, f"{contract.symbol} has expired")
        held = self._held.pop(key, None)
        if held is None:
            return events
        fixing = contract.right * ((contract.right * (quote.bid + quote.ask)) // 2)
        price = settlement(int(contract.right), contract.strike, fixing)
        order_id = f"{key}-{ts:x}-s"
        fill = Fill(
            ts=ts,
            account=held.account,
            key=key,
            order_id=order_id,
            exec_id=f"{order_id}-{held.fills + 1}",
            side=-held.side,
            price=price,
            steps=held.steps,
            fee=0,
            fixing=fixing,
        )
        events.append(StopFilled(ts, fill, ExitReason.EXERCISED if price > 0 else ExitReason.EXPIRED))
        return events

    def _say_missing(self, pair: str) -> None:
        if pair not in self._told:
            self._told.add(pair)
            log.warning("no volatility surface: nothing is bought, exits wait", pair=pair)

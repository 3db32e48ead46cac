"""What one live account holds per instrument, counted from the executions as they are told: steps, side, and on spot the exact own coins.

On spot the position is floor(own coins / step), own coins being fills less the fees taken in the coin; what is below a step stays and is
taken into the next position (as in `modules/engine/coins.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from modules.exchange.reports import ZERO
from state.accounts import Domain
from state.instruments import Instrument
from state.orders import Fill


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A position as the engine has it: `side` +1, -1 or 0 for none, protection in ticks (0 = none known)."""

    side: int = 0
    steps: int = 0
    stop: int = 0
    target: int = 0
    coins: Decimal = ZERO
    """Spot: own coins in base units, dust included; 0 = exactly `steps`."""


NOTHING = Held()


class Holdings:
    """The positions of one account. Keys it has no instrument for are the caller's to keep out."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._held: dict[str, Held] = {}
        self._levels: dict[str, set[int]] = {}

    def restore(self, key: str, held: Held) -> None:
        """Start from what the engine holds."""
        if self._instruments[key].domain is Domain.CRYPTO and not held.coins:
            held = msgspec.structs.replace(held, coins=self._instruments[key].qty(held.steps))
        self._held[key] = held
        self._levels[key] = {held.stop, held.target} - {0}

    def of(self, key: str) -> Held:
        """What is held; `NOTHING` when nothing ever was."""
        return self._held.get(key, NOTHING)

    def want(self, key: str, stop: int, target: int) -> None:
        """Remember the protection last wanted (ticks)."""
        if not self.of(key).steps:
            self._levels[key] = set()
        self._levels.setdefault(key, set()).update({stop, target} - {0})
        self._held[key] = msgspec.structs.replace(self.of(key), stop=stop, target=target)

    def levels(self, key: str) -> frozenset[int]:
        """Every level (ticks) at which protection was wanted for what is held: the venue may show an earlier one for a while."""
        return frozenset(self._levels.get(key, ()))

    def covers(self, key: str, side: int, steps: int) -> bool:
        """Whether an execution of `side` and `steps` only shrinks what is held."""
        held = self.of(key)
        return held.side == -side and steps <= held.steps

    def book(self, fill: Fill) -> int:
        """Add an execution; returns the steps held after it."""
        instrument, held = self._instruments[fill.key], self.of(fill.key)
        if instrument.domain is Domain.CRYPTO:
            coins = held.coins + fill.side * instrument.qty(fill.steps) - fill.base_fee
            signed = max(0, instrument.steps(coins))
        else:
            coins, signed = ZERO, held.side * held.steps + fill.side * fill.steps
        side = (signed > 0) - (signed < 0)
        self._held[fill.key] = msgspec.structs.replace(held, side=side, steps=abs(signed), coins=coins)
        return abs(signed)

    def keys(self) -> tuple[str, ...]:
        """Instruments on which something is held."""
        return tuple(key for key, held in self._held.items() if held.steps)

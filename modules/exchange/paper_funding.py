"""What paper positions owe at a funding settlement: noted when it comes, paid when its rate and the mark price are known. Pure.

The figures of a settlement come a moment after it, so what was held then is kept in mind: a position that is closed meanwhile still pays,
one that was opened meanwhile does not. Each settlement has one name, by which the engine books it once, whatever happens in between.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from state.accounts import Account
from state.booking import funding_of
from state.books import Rows
from state.market import FundingRate
from state.messages import FundingPaid

Booked = Callable[[Account, str], bool]
"""Whether the engine has booked an account's settlement of that name."""


def settlement_ref(key: str, ts: int) -> str:
    """The name of the settlement of `key` at `ts`: one a position and time."""
    return f"{key}-{ts:x}-f"


class Holding(msgspec.Struct, frozen=True):
    """A paper position in one instrument: `side` +1 or -1, `seat` its row of INST."""

    account: Account
    side: int
    steps: int
    seat: int


class _Note(msgspec.Struct, frozen=True):
    since: int
    held: Holding | None


class Owed:
    """By instrument what was held from which venue time on; times only grow. `inst` are the engine's instrument rows."""

    def __init__(self, booked: Booked, inst: Rows) -> None:
        self._booked = booked
        self._inst = inst
        self._notes: dict[str, list[_Note]] = {}

    def note(self, key: str, since: int, held: Holding | None) -> None:
        """From the settlement at `since` on (ms UTC) this is held, until the next note; one for the past replaces those after it."""
        kept = [one for one in self._notes.get(key, ()) if one.since < since]
        self._notes[key] = [*kept, _Note(since, held)]

    def since(self, key: str) -> int | None:
        """The earliest time from which something may be owed on `key`; None when nothing is."""
        return min((one.since for one in self._notes.get(key, ()) if one.held is not None), default=None)

    def wants(self, rate: FundingRate) -> bool:
        """Whether this settlement is still to be paid or received."""
        held = self._held(rate)
        return held is not None and not self._booked(held.account, settlement_ref(rate.key, rate.ts))

    def settle(self, rate: FundingRate, mark: int) -> list[FundingPaid]:
        """The settlement `rate` at the `mark` price (ticks) as the account is told of it; what was held before it is forgotten."""
        held, wanted = self._held(rate), self.wants(rate)
        self.forget(rate.key, rate.ts)
        if held is None or not wanted:
            return []
        amount = funding_of(self._inst, held.seat, held.side, held.steps, mark, rate.rate_e8)
        return [FundingPaid(rate.ts, held.account, rate.key, amount, settlement_ref(rate.key, rate.ts))]

    def forget(self, key: str, ts: int) -> None:
        """Everything on `key` up to the settlement at `ts` is done."""
        notes = self._notes.get(key, [])
        last = next((one for one in reversed(notes) if one.since <= ts), None)
        later = [one for one in notes if one.since > ts]
        if last is not None:
            self._notes[key] = [_Note(ts + 1, last.held), *later]

    def _held(self, rate: FundingRate) -> Holding | None:
        return next((one.held for one in reversed(self._notes.get(rate.key, [])) if one.since <= rate.ts), None)

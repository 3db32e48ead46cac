"""What a venue's own list of cash movements has told of a wallet: how far it was read, which rows are known, which wait to be explained.

Movements are those that no execution told of: transfers, deposits, interest, bonuses. Rows say why a wallet changed; whose money it was
is said by the next reading that shows what is left (`modules/engine/transfers.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from state.accounts import Account

OVERLAP_MS = 600_000
"""Venue time before the cursor that is read again: a list may lag behind the wallet."""


class Movement(msgspec.Struct, frozen=True):
    """One row: `amount` in money units, signed; `kind` the venue's word in lower case; `own` = what came counts as the bot's."""

    ref: str
    ts: int
    kind: str
    amount: int
    own: bool = False


class CashLog(msgspec.Struct, kw_only=True):
    """The list of one wallet. Times are the venue's, ms."""

    since: int
    """What happened up to here was in the wallet when it was opened."""
    cursor: int = 0
    """Every row before this time has been told."""
    seen: dict[str, int] = {}
    """Ids of rows that the overlap may show again -> their time."""
    waiting: list[Movement] = []
    """Told, and no reading has shown yet whose money it was; oldest first."""

    def note(self, row: Movement) -> bool:
        """Take a row in; False when it is known, or older than the wallet."""
        if row.ts <= self.since or row.ref in self.seen:
            return False
        self.seen[row.ref] = row.ts
        self.waiting.append(row)
        return True

    def advance(self, cursor: int) -> None:
        """Every row before `cursor` has been told; ids that cannot come again are forgotten."""
        self.cursor = max(self.cursor, cursor)
        last = self.cursor - 2 * OVERLAP_MS
        if any(ts < last for ts in self.seen.values()):
            self.seen = {ref: ts for ref, ts in self.seen.items() if ts >= last}


def wallet_name(account: Account, sharing: Iterable[Account] = ()) -> str:
    """The name of the wallet in which `account` lives, alone or with those that share its key."""
    return "+".join(sorted({str(account), *map(str, sharing)}))

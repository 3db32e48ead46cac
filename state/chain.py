"""Snapshot, journal and ledger as one chain: opened together, saved in the order that no crash can break.

`Chain.open` yields a snapshot, the journal entries after it, and a ledger that tells of nothing later. The engine replays the entries on
the snapshot, re-emitting ledger rows (those stored already are ignored), and stands where it stood. `checkpoint` saves in the
order journal, ledger, snapshot: a snapshot never knows more than the other two have on the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from state.journal import Journal
from state.ledger import Ledger
from state.store import Migration, Snapshot, StateStore
from utils.errors import BotError

JOURNAL_KEEP_BYTES = 64 << 20
"""Journal kept for observers and replays beyond what recovery needs."""


class Chain:
    """The durable state of one folder, owned by one writer (who holds its `DirectoryLock`)."""

    def __init__(self, store: StateStore, journal: Journal, ledger: Ledger, snapshot: Snapshot | None, warnings: tuple[str, ...]) -> None:
        self.store = store
        self.journal = journal
        self.ledger = ledger
        self.snapshot = snapshot
        """Where the journal starts from; None = from nothing."""
        self.warnings = warnings
        """What recovery did; empty after a clean stop or a plain kill."""

    @classmethod
    def open(cls, folder: Path, schema: int, migrations: Mapping[int, Migration] | None = None, *, durable: bool = True) -> Self:
        """Open `runtime_state.json`, `journal/` and `ledger/` in `folder`, set damage aside and say so in `warnings`.

        `Refusal`: NO_STATE_CHAIN when snapshot and journal do not join or no snapshot is whole (then also no journal that begins at 1
        is used: what the snapshot knew is not guessed), USAGE when a newer program wrote the state.
        """
        store = StateStore(folder, schema, migrations)
        loaded = store.load()
        after = loaded.snapshot.seq if loaded.snapshot else 0
        journal, journal_recovery = Journal.open(folder / "journal", after_seq=after, durable=durable)
        try:
            ledger, ledger_recovery = Ledger.open(folder / "ledger", last_seq=journal.last_seq, durable=durable)
        except BotError:
            journal.close()
            raise
        return cls(store, journal, ledger, loaded.snapshot, (*loaded.warnings, *journal_recovery.lines, *ledger_recovery.lines))

    def checkpoint(self, snapshot: Snapshot, keep_bytes: int = JOURNAL_KEEP_BYTES) -> None:
        """Save the snapshot, then drop journal files that neither recovery needs nor `keep_bytes` spares.

        May run in another thread while the engine goes on; then call `journal.rotate()` where the snapshot is taken, so that
        a file begins with the entry after it. OSError when the disk refuses: the last snapshot stands.
        """
        self.journal.rotate()
        self.journal.sync()
        self.ledger.sync()
        self.store.save(snapshot)
        self.journal.prune(self.store.oldest_seq + 1, keep_bytes)
        self.snapshot = snapshot

    def close(self) -> None:
        """Sync and close journal and ledger."""
        self.journal.close()
        self.ledger.close()

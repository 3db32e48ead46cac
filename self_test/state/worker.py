"""A toy engine that lives on a chain and is killed for a living: one event a step, its state is the sum of what it saw.

Run as `python -m self_test.state.worker FOLDER`: recovers, checks that it stands where it should, then works until it is killed. Every
line on stdout is the number of an entry that is durable.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from state.chain import Chain
from state.ledger import Ref, RowKind
from state.store import Blob, Snapshot
from utils.files import DirectoryLock


def amount(seq: int) -> int:
    """What entry `seq` adds to the balance."""
    return seq * 7 % 11


def balance(seq: int) -> int:
    """The balance after entry `seq`."""
    return sum(amount(n) for n in range(1, seq + 1))


class Worker:
    """Its decisions are pure: event in, command and ledger rows out."""

    def __init__(self, folder: Path) -> None:
        self.chain = Chain.open(folder, schema=1)
        self.total, self.seq = 0, 0
        if self.chain.snapshot:
            self.seq = self.chain.snapshot.seq
            self.total = msgspec.json.decode(self.chain.snapshot.state)["balance"]
            assert self.chain.snapshot.blobs["rows"].data == b"%d," % self.seq * 1000
        for seq, event, commands in self.chain.journal.entries(self.seq):
            assert seq == self.seq + 1, "a number is missing"
            assert commands == self.process(seq, msgspec.json.decode(event)["amount"]), "another decision on replay"

    def process(self, seq: int, value: int) -> bytes:
        """Apply an event; book two rows for every third one."""
        self.total, self.seq = self.total + value, seq
        if seq % 3 == 0:
            self.chain.ledger.append(RowKind.FILL, Ref(seq, 0), b'{"balance":%d}' % self.total)
            self.chain.ledger.append(RowKind.CASH, Ref(seq, 1), b'{"amount":%d}' % value)
        return b'[{"total":%d}]' % self.total

    def step(self) -> None:
        """One event, journalled like in the engine: recorded with its commands once it was decided."""
        seq = self.chain.journal.last_seq + 1
        commands = self.process(seq, amount(seq))
        self.chain.journal.record(b'{"amount":%d}' % amount(seq), commands)

    def snapshot(self) -> Snapshot:
        """All it knows now."""
        state = msgspec.Raw(b'{"balance":%d}' % self.total)
        blobs = {"rows": Blob("text", b"%d," % self.seq * 1000)}
        return Snapshot(schema=1, seq=self.seq, ts=self.seq, state=state, blobs=blobs)

    def checkpoint(self) -> None:
        """Save all."""
        self.chain.checkpoint(self.snapshot(), keep_bytes=0)

    def check(self) -> None:
        """State and ledger are what the numbers say, nothing lost, nothing doubled."""
        assert self.total == balance(self.seq)
        refs = [(row.ref.seq, row.ref.index) for row in self.chain.ledger.rows()]
        assert refs == [(seq, index) for seq in range(3, self.seq + 1, 3) for index in (0, 1)]


def main(folder: Path) -> None:
    """Work until killed."""
    with DirectoryLock(folder):
        worker = Worker(folder)
        worker.check()
        while True:
            worker.step()
            if worker.seq % 5 == 0:
                sys.stdout.write(f"{worker.chain.journal.sync()}\n")
                sys.stdout.flush()
            elif worker.seq % 7 == 0:
                worker.chain.ledger.flush()  # before the journal: the wrong order, on purpose
            if worker.seq % 40 == 0:
                worker.checkpoint()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

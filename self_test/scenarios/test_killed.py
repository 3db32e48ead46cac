"""Playbook of a process that is killed in the middle of anything: between two writes, between two commands.

A life ends at the n-th thing it does to its files or to its venue; what a kill leaves is what was handed to the operating
system, so the next life begins with a copy of the folder as it is at that very moment. The paper venue forgets everything each time.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modules.boot import recover
from modules.engine.migrations import open_chain
from self_test.fakes.stored import Played
from state.books import OPEN
from state.journal import read_journal
from state.ledger import read_ledger
from state.messages import Command, Record, decode_commands
from utils.fixed import money

LIVES = 6
STEPS = 1_500
"""The most a life does."""


class Killed(Exception):
    """Nothing after this happens."""


class Mortal(Played):
    """A bot that dies at its `last`-th step and leaves its folder in `grave`."""

    left = 0
    """Steps to live; while it starts nothing is counted."""

    def __init__(self, folder: Path, grave: Path, last: int) -> None:
        super().__init__(folder)
        self.grave, self.left = grave, last
        journal, ledger = self.chain.journal, self.chain.ledger
        for one, names in ((journal, ("record", "sync", "flush")), (ledger, ("append", "flush", "sync"))):
            for name in names:
                setattr(one, name, self.step(getattr(one, name)))

    def step(self, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                shutil.copytree(self.folder, self.grave)
                raise Killed
            return do(*args)

        return done

    def _dispatch(self, command: Command) -> None:
        journal = self.chain.journal
        assert journal.synced_seq == journal.last_seq, "a command leaves before it is on the disk"
        self.step(super()._dispatch)(command)


def cash(folder: Path, kind: str, field: str) -> Decimal:
    rows = [msgspec.json.decode(row.row) for row in read_ledger(folder / "ledger") if row.kind == kind]
    return sum((Decimal(row[field]) for row in rows), Decimal(0))


@pytest.mark.parametrize("seed", [1, 2])
def test_whenever_it_is_killed_the_books_are_whole(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a kill, unlike a loss of power, does not ask whether the disk has it
    chance = random.Random(seed)
    folder = tmp_path / "life0"
    for life in range(1, LIVES):
        grave = tmp_path / f"life{life}"
        bot = Mortal(folder, grave, chance.randrange(1, STEPS))
        with pytest.raises(Killed):
            for _ in range(600):
                bot.minutes(1)
                if chance.random() < 0.03:
                    bot.runner.checkpoint()
        bot.crash()  # only so that no file stays open: the grave was filled before
        folder = grave
        chain = open_chain(folder)
        replayed = recover(chain).replayed
        chain.close()
        assert replayed is not None and replayed.differing == 0
    last = Played(folder)
    last.minutes(5)
    last.chain.close()

    wanted = [
        (seq, index, command.kind, msgspec.json.encode(command.row))
        for seq, _, commands in read_journal(folder / "journal")
        for index, command in enumerate(decode_commands(commands))
        if isinstance(command, Record)
    ]
    found = [(row.ref.seq, row.ref.index, str(row.kind), bytes(row.row)) for row in read_ledger(folder / "ledger")]
    assert found == wanted
    assert len([kind for _, _, kind, _ in found if kind == "trade"]) > 30

    state = last.engine.state
    held = state.pos[state.pos["status"] == OPEN]
    wallet = money(int(state.acct[0]["cash"]))
    assert cash(folder, "cash", "amount") == wallet
    paid_for_open = sum((money(int(pos["value"] + pos["fees"] + pos["funding"])) for pos in held), Decimal(0))
    assert abs(wallet + paid_for_open - Decimal(1_000) - cash(folder, "trade", "pnl")) <= Decimal("1e-8")
    assert state.realised == [int(cash(folder, "trade", "pnl") * 10**10)]

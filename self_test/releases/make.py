"""`python -m self_test.releases.make`: the state of today's version as an archive of `backup`, made when it is released.

A made-up market, a bot that trades it, and an end as by a kill: snapshot, journal after it, ledger, an open position.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msgspec

from modules.backup import back_up
from modules.version import VERSION
from self_test.fakes.stored import START, Played

FOLDER = Path(__file__).parent


class Found(msgspec.Struct, frozen=True):
    """What whoever opens the state must find."""

    ts: int
    seq: int
    closed_trades: list[int]
    equity: list[int]
    held: int
    ledger_rows: int


def found(bot: Played) -> Found:
    """What `bot` knows now."""
    state = bot.engine.state
    held = sum(int(row["status"]) != 0 for row in state.pos)
    equity = [int(row["equity"]) for row in state.acct]
    return Found(state.ts, bot.chain.journal.last_seq, list(state.closed_trades), equity, held, bot.chain.ledger.count)


def _warn(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def make(target: Path) -> Found:
    """Write the archive to `target` and, beside it, what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "simulated"
        bot = Played(place)
        bot.minutes(45)
        bot.runner.checkpoint()
        bot.minutes(20)
        while not found(bot).held:
            bot.minutes(1)
        known = found(bot)
        bot.crash()
        back_up(place, "simulated", target, START, _warn)
    target.with_name(target.name.replace(".tar.gz", ".json")).write_bytes(msgspec.json.format(msgspec.json.encode(known)) + b"\n")
    return known


if __name__ == "__main__":
    sys.stdout.write(f"{make(FOLDER / f'state-{VERSION}.tar.gz')}\n")

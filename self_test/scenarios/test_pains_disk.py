"""The pains of what must survive: a file torn at any byte, and breakers that a crash must not set back."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from modules.boot import checkpoint, recover
from modules.engine.core import Engine
from modules.engine.migrations import open_chain
from modules.engine.recovery import restore, snapshot_of
from modules.settings import Risk
from self_test.fakes.stored import Played
from self_test.scenarios.desk import Desk, kinds, refused, reports
from self_test.scenarios.test_breakers import BOLD, SYMBOLS
from state.ledger import read_ledger
from state.messages import Close, Command, Place, decode_event

FALL = (9_950, 9_560, 9_600, 9_150, 9_600, 8_750, 9_300, 8_450, 8_440)
"""Closes on the way down: the day's stop, half size, no entries, the halt."""


def print_of(engine: Engine, seq: int) -> str:
    """What a snapshot of the engine would hold, as a hash."""
    stored = snapshot_of(engine, seq)
    blobs = [name.encode() + blob.data for name, blob in sorted(stored.blobs.items())]
    return hashlib.sha256(b"".join([bytes(stored.state), *blobs])).hexdigest()


@pytest.mark.parametrize("damage", ["cut", "nulls"])
def test_pain_38_a_journal_torn_at_any_byte_is_a_shorter_journal(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was written last: cut there, or nulls from there on, as a loss of power leaves them."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # here power does not fail again
    bot = Played(tmp_path / "whole")
    bot.minutes(44)
    bot.runner.checkpoint()
    bot.minutes(2)
    bot.crash()
    chain = open_chain(_copy(tmp_path / "whole", tmp_path / "told"))
    assert chain.snapshot is not None
    engine = restore(chain.snapshot)
    known = {print_of(engine, 0)}
    for _, event, _ in chain.journal.entries(chain.snapshot.seq):
        engine.process(decode_event(event))
        known.add(print_of(engine, 0))
    chain.close()
    [*_, last] = sorted((tmp_path / "whole" / "journal").iterdir())
    whole = last.read_bytes()
    seen: set[int] = set()
    for at in range(len(whole) - 1, max(-1, len(whole) - 900), -5 if damage == "nulls" else -3):
        folder = _copy(tmp_path / "whole", tmp_path / "torn")
        left = whole[:at] + (b"" if damage == "cut" else bytes(len(whole) - at))
        (folder / "journal" / last.name).write_bytes(left)
        chain = open_chain(folder)
        stored = recover(chain)
        assert stored.state is not None and chain.snapshot is not None
        found = print_of(Engine(stored.state, restore(chain.snapshot).mandate), 0)
        chain.close()
        assert found in known, f"at byte {at}: a state that never was"
        seen.add(len(list(read_ledger(folder / "ledger"))))
        assert stored.warnings or left.endswith(b"\n"), f"at byte {at}: a loss that nobody tells"
    assert len(known) > 3 and len(seen) > 1


@pytest.mark.parametrize("damage", ["nulls", "half", "gone"])
def test_pain_38_a_snapshot_that_became_nulls_costs_nothing(tmp_path: Path, damage: str) -> None:
    bot = Played(tmp_path / "whole")
    bot.minutes(3)
    bot.runner.checkpoint()
    bot.minutes(3)
    bot.runner.checkpoint()
    bot.minutes(2)
    expected = print_of(bot.engine, 0)
    bot.crash()
    files = [*(tmp_path / "whole").glob("runtime_state*.json"), *(tmp_path / "whole").glob("rows-*.bin")]
    assert len(files) == 4, "two pairs"
    for one in files:
        folder = _copy(tmp_path / "whole", tmp_path / "torn")
        place = folder / one.relative_to(tmp_path / "whole")
        size = place.stat().st_size
        if damage == "gone":
            place.unlink()
        else:
            place.write_bytes(bytes(size) if damage == "nulls" else place.read_bytes()[: size // 2])
        chain = open_chain(folder)
        stored = recover(chain)
        assert stored.state is not None
        assert print_of(Engine(stored.state, bot.engine.mandate), 0) == expected, one.name
        chain.close()


def _copy(whole: Path, place: Path) -> Path:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place)
    return place


def _again(desk: Desk, folder: Path) -> None:
    """The process dies and starts again from its folder."""
    chain = open_chain(folder)
    checkpoint(desk.engine, chain)
    chain.close()
    chain = open_chain(folder)
    stored = recover(chain).state
    chain.close()
    assert stored is not None
    desk.engine = Engine(stored, desk.engine.mandate)


def _fall(folder: Path | None, crash: int) -> tuple[list[list[tuple[str, str]]], list[Command], str]:
    """What is reported at each bar of the fall, what is closed, and why an entry is refused at the end; with a crash before bar `crash`."""
    desk = Desk(*SYMBOLS, risk=BOLD)
    desk.open()
    told, closes = [], list[Command]()
    for number, level in enumerate(FALL):
        if number == crash and folder is not None:
            _again(desk, folder)
        commands = desk.bar(level)
        told.append([one for one in reports(commands) if one[0] == "breaker"])
        closes += kinds(commands, Close)
    return told, closes, refused(desk.signal(1))


@pytest.mark.parametrize("crash", range(len(FALL)))
def test_pain_39_a_crash_in_the_middle_of_a_drawdown_moves_no_trip_point(tmp_path: Path, crash: int) -> None:
    told, closes, why = _fall(None, -1)
    assert {one for bar in told for one in bar} == {("breaker", "drawdown"), ("breaker", "daily_loss")} and closes and why == "halted"
    assert _fall(tmp_path, crash) == (told, closes, why)


@pytest.mark.parametrize("crash", range(6))
def test_pain_39_a_run_of_losses_is_counted_across_a_crash(tmp_path: Path, crash: int) -> None:
    def play(folder: Path | None) -> list[tuple[str, str]]:
        desk, found = Desk(risk=Risk(streak_low=3, streak_high=3)), list[tuple[str, str]]()
        for number in range(6):
            if number == crash and folder is not None:
                _again(desk, folder)
            commands = desk.later(60_000).signal()
            found += reports(commands)
            for place in kinds(commands, Place):
                desk.filled(place.order)
                found += reports(desk.later(60_000).stopped(9_700))
            desk.bar()
        return found

    told = play(None)
    assert ("cooldown", "") in told and ("refused", "cooldown") in told
    assert play(tmp_path) == told

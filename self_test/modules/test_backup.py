"""What a backup holds, and what it does when the state moves or is broken."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modules import backup
from modules.backup import MANIFEST, STAGING, Manifest, back_up
from modules.restore import check, restore_backup
from self_test.fakes.stored import Played
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock, atomic_write

TS = 1_700_000_000_000


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Played]:
    """A bot that goes on running, some minutes after its last snapshot."""
    place = tmp_path / "var" / "simulated"
    place.mkdir(parents=True)
    found = Played(place)
    found.minutes(20)
    yield found
    found.crash()


def restored(archive: Path) -> Played:
    """A bot that went on from an archive, and has ended; nothing had to be repaired."""
    again = Played(restore_backup(archive, archive.with_suffix(".var"))[1])
    again.crash()
    assert again.chain.warnings == ()
    return again


def taken(place: Path, target: Path) -> Manifest:
    return back_up(place, "simulated", target, TS, lambda _line: None)


def test_an_archive_of_a_running_bot_is_whole_and_its_owners_alone(bot: Played, tmp_path: Path) -> None:
    place, target = tmp_path / "var" / "simulated", tmp_path / "one.tar.gz"
    for name in ("lock", "asked", "daemon.json", ".x.tmp"):
        (place / name).touch()
    (place / "elsewhere").symlink_to(tmp_path)
    (place / "data").mkdir()
    (place / "data" / "day.parquet").write_bytes(b"candles" * 100_000)
    with DirectoryLock(place):
        made = taken(place, target)
    assert check(target) == made and made.made_ts == TS and made.env == "simulated"
    with tarfile.open(target) as found:
        names = found.getnames()
    assert names[-1] == f"simulated/{MANIFEST}" and "simulated/data/day.parquet" in names
    assert {name.split("/")[1] for name in names} == {"data", "journal", "ledger", "runtime_state.json", MANIFEST} | {
        path.name for path in place.glob("rows-*")
    } | {path.name for path in place.glob("runtime_state.prev.json")}
    assert target.stat().st_mode & 0o777 == 0o600
    assert not (place / STAGING).exists() and {path.name for path in tmp_path.iterdir()} == {"var", "one.tar.gz"}


def test_what_a_log_gains_later_is_not_in_it_nor_half_a_line(bot: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "var" / "simulated"
    seq = bot.chain.journal.last_seq
    link = backup._link

    def half_a_line_then_more(*args: Path) -> dict[str, int]:
        (log,) = (place / "journal").glob("*.log")
        with log.open("ab") as file:
            file.write(b'0badcafe {"n":')
        sizes = link(*args)
        with log.open("ab") as file:
            file.write(b"and the rest}\n" * 100_000)
        return sizes

    monkeypatch.setattr(backup, "_link", half_a_line_then_more)
    taken(place, tmp_path / "one.tar.gz")
    again = restored(tmp_path / "one.tar.gz")
    assert again.chain.journal.last_seq >= seq
    assert again.engine.state.closed_trades == bot.engine.state.closed_trades


def saves(bot: Played, times: int) -> Callable[..., Any]:
    """`os.link` of a machine on which the bot saves a snapshot while the first files are linked."""
    link, left = os.link, [times]

    def linking(source: Path, copy: Path) -> None:
        if left[0] and source.name.startswith("rows-"):
            left[0] -= 1
            bot.minutes(5)
            bot.runner.checkpoint()
            bot.minutes(5)
            bot.runner.checkpoint()
        link(source, copy)

    return linking


def test_a_moment_in_which_the_bot_saves_is_taken_again(bot: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "var" / "simulated"
    bot.runner.checkpoint()
    monkeypatch.setattr(os, "link", saves(bot, 3))
    taken(place, tmp_path / "one.tar.gz")
    assert restored(tmp_path / "one.tar.gz").engine.state.ts == bot.engine.state.ts
    monkeypatch.setattr(os, "link", saves(bot, 1000))
    with pytest.raises(Refusal, match="no whole state could be taken") as refused:
        taken(place, tmp_path / "two.tar.gz")
    assert refused.value.code is ExitCode.NO_STATE_CHAIN and not (place / STAGING).exists()


def test_no_state_a_broken_one_a_name_that_is_taken_and_a_second_backup_are_refused(bot: Played, tmp_path: Path) -> None:
    place, target = tmp_path / "var" / "simulated", tmp_path / "one.tar.gz"
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refusal, match="nothing is stored"):
        taken(tmp_path / "empty", target)
    with DirectoryLock(place / STAGING), pytest.raises(Refusal) as refused:
        taken(place, target)
    assert refused.value.code is ExitCode.ALREADY_RUNNING
    with pytest.raises(Refusal, match="cannot back "):
        taken(place, tmp_path / "nowhere" / "one.tar.gz")
    atomic_write(target, b"mine")
    with pytest.raises(Refusal, match="exists already"):
        taken(place, target)
    assert target.read_bytes() == b"mine"
    for path in place.glob("runtime_state*"):
        path.write_bytes(b"rotten")
    with pytest.raises(Refusal, match="no whole snapshot") as refused:
        taken(place, tmp_path / "two.tar.gz")
    assert refused.value.code is ExitCode.NO_STATE_CHAIN and not (tmp_path / "two.tar.gz").exists()

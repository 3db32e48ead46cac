from __future__ import annotations

import errno
import os
import resource
import threading
from pathlib import Path

import pytest

from utils.errors import Invariant
from utils.linelog import LineLog
from utils.linescan import Recovery


def fill(folder: Path, count: int, segment_bytes: int = 100) -> LineLog:
    log, _ = LineLog.open(folder, "log", segment_bytes=segment_bytes, durable=False)
    for number in range(1, count + 1):
        assert log.append(b"line %d" % number) == number
    return log


def numbers(log: LineLog, after_seq: int = 0) -> list[int]:
    return [seq for seq, payload in log.entries(after_seq) if payload == b"line %d" % seq]


def test_numbers_run_on_over_files_and_restarts(tmp_path: Path):
    log = fill(tmp_path, 20)
    assert numbers(log) == list(range(1, 21))
    log.close()
    log, recovery = LineLog.open(tmp_path, "log", segment_bytes=100, durable=False)
    assert recovery == Recovery()
    assert (log.first_seq, log.next_seq) == (1, 21)
    assert log.append(b"line 21") == 21
    assert numbers(log) == list(range(1, 22))
    assert len(list(tmp_path.iterdir())) > 3
    log.close()


@pytest.mark.parametrize("after", range(13))
def test_entries_begin_after_any_number(tmp_path: Path, after: int):
    log = fill(tmp_path, 12)
    assert numbers(log, after) == list(range(after + 1, 13))
    log.close()


def test_a_newline_is_refused_and_costs_no_number(tmp_path: Path):
    log = fill(tmp_path, 1)
    with pytest.raises(ValueError, match="newline"):
        log.append(b"two\nlines")
    assert log.append(b"line 2") == 2
    assert numbers(log) == [1, 2]
    log.close()


def test_flush_hands_lines_over_and_sync_counts_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log, _ = LineLog.open(tmp_path, "log")
    calls: list[int] = []
    real = os.fsync

    def counted(descriptor: int) -> None:
        calls.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    log.append(b"one")
    calls.clear()
    log.append(b"two")
    assert log.synced_seq == 0
    log.flush()
    assert next(tmp_path.iterdir()).read_bytes().count(b"\n") == 2
    assert (log.sync(), len(calls)) == (2, 1)
    assert (log.sync(), len(calls)) == (2, 1)
    log.append(b"three")
    assert (log.sync(), len(calls)) == (3, 2)
    log.close()
    log, _ = LineLog.open(tmp_path, "log")
    calls.clear()
    assert log.synced_seq == 0, "a killed writer may have left lines that are not on the disk yet"
    assert (log.sync(), len(calls)) == (3, 1)
    log.close()


def test_a_log_that_is_not_durable_never_calls_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("fsync"))
    log = fill(tmp_path, 20)
    assert log.sync() == 20
    log.close()


def test_sync_in_another_thread_while_lines_are_written(tmp_path: Path):
    log, _ = LineLog.open(tmp_path, "log", segment_bytes=2000)
    written, synced = threading.Event(), []

    def sync() -> None:
        while not written.is_set():
            synced.append(log.sync())
        synced.append(log.sync())

    thread = threading.Thread(target=sync)
    thread.start()
    for number in range(1, 3001):
        log.append(b"line %d" % number)
    written.set()
    thread.join()
    assert synced == sorted(synced)
    assert synced[-1] == 3000
    assert numbers(log) == list(range(1, 3001))
    log.close()


def test_rotate_begins_a_file_with_the_next_line_once(tmp_path: Path):
    log, _ = LineLog.open(tmp_path, "log", durable=False)
    log.rotate()
    log.append(b"line 1")
    log.append(b"line 2")
    log.rotate()
    log.rotate()
    log.append(b"line 3")
    log.append(b"line 4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log-000000000001.log", "log-000000000003.log"]
    assert numbers(log) == [1, 2, 3, 4]
    log.close()


def test_prune_drops_whole_old_files_only(tmp_path: Path):
    log = fill(tmp_path, 40)
    files = sorted(tmp_path.iterdir())
    firsts = [int(path.stem[4:]) for path in files]
    assert log.prune(firsts[2] - 1) == 1
    assert log.first_seq == firsts[1]
    assert numbers(log) == list(range(firsts[1], 41))
    assert log.prune(firsts[2], keep_bytes=1_000_000) == 0
    total = sum(path.stat().st_size for path in files[1:])
    assert log.prune(41, keep_bytes=total - 1) == 1
    assert log.first_seq == firsts[2]
    assert log.prune(10_000) == len(files) - 3
    assert log.append(b"line 41") == 41
    log.close()
    log, recovery = LineLog.open(tmp_path, "log", after_seq=39, durable=False)
    assert recovery == Recovery()
    assert numbers(log, 39) == [40, 41]
    log.close()


@pytest.mark.parametrize("seq", range(15))
def test_cut_after_sets_aside_what_follows_and_goes_on_there(tmp_path: Path, seq: int):
    log = fill(tmp_path, 14)
    log.flush()
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    report = log.cut_after(seq, "not known")
    assert bool(report) == (seq < 14)
    assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.suffix != ".reason") == size
    assert numbers(log) == list(range(1, seq + 1))
    assert log.append(b"line %d" % (seq + 1)) == seq + 1
    log.close()
    log, recovery = LineLog.open(tmp_path, "log", durable=False)
    assert recovery == Recovery()
    assert numbers(log) == list(range(1, seq + 2))
    log.close()


@pytest.mark.parametrize("lines", [1, 100])  # refused when flushed; refused when the buffer overflows
def test_a_full_disk_closes_the_log_and_keeps_what_was_whole(tmp_path: Path, lines: int):
    log, _ = LineLog.open(tmp_path, "log", durable=False)
    log.append(b"line 1")
    log.flush()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            for _ in range(lines):
                log.append(b"x" * 4000)
            log.flush()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(Invariant, match="a write failed"):
        log.append(b"line 2")
    with pytest.raises(Invariant, match="a write failed"):
        log.sync()
    log.close()
    log, recovery = LineLog.open(tmp_path, "log", durable=False)
    assert numbers(log) == [1]
    assert "torn last line 2" in recovery.lines[0]
    assert log.append(b"line 2") == 2
    log.close()


def test_a_refused_fsync_is_never_taken_for_done_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log, _ = LineLog.open(tmp_path, "log")
    log.append(b"line 1")

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="input/output"):
            log.sync()
    assert log.synced_seq == 0
    with pytest.raises(Invariant):
        log.sync()
    log.close()


def test_a_closed_log_takes_no_more_lines(tmp_path: Path):
    log = fill(tmp_path, 3)
    log.close()
    log.close()
    with pytest.raises(Invariant, match="the program closed it"):
        log.append(b"line 4")

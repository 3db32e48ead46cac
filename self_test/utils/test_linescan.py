from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils import linescan
from utils.errors import ExitCode, Refusal
from utils.files import Damaged
from utils.linelog import LineLog
from utils.linescan import Recovery, encode_line, numbered, read, unread

PAYLOADS = [b'{"n":%d,"e":"%b"}' % (n, b"x" * (n * 7 % 13)) for n in range(1, 31)]
LAST_LINE = encode_line(len(PAYLOADS), PAYLOADS[-1])


def build(folder: Path) -> list[Path]:
    """A log of 30 lines in several files, which start at 1, 8, 15 ... or so."""
    log, recovery = LineLog.open(folder, "log", segment_bytes=200, durable=False)
    assert recovery == Recovery()
    assert [log.append(payload) for payload in PAYLOADS] == list(range(1, 31))
    log.close()
    files = sorted(folder.iterdir())
    assert len(files) >= 4
    return files


def reopen(folder: Path, after_seq: int = 0) -> tuple[list[tuple[int, bytes]], Recovery]:
    log, recovery = LineLog.open(folder, "log", after_seq=after_seq, segment_bytes=200, durable=False)
    entries = list(log.entries(after_seq))
    log.close()
    return entries, recovery


def everything(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".reason")


def first_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


EXPECTED = list(enumerate(PAYLOADS, 1))


@pytest.mark.parametrize("kept", range(len(LAST_LINE)))
def test_a_write_torn_at_any_byte_costs_that_line_only(tmp_path: Path, kept: int):
    last = build(tmp_path)[-1]
    whole = last.read_bytes()
    assert whole.endswith(LAST_LINE)
    last.write_bytes(whole[: len(whole) - len(LAST_LINE) + kept])
    assert list(read(tmp_path, "log")) == EXPECTED[:-1]
    entries, recovery = reopen(tmp_path)
    assert entries == EXPECTED[:-1]
    assert not recovery.damaged
    assert len(recovery.lines) == (1 if kept else 0)
    if kept:
        assert (tmp_path / f"{last.name}.quarantine-1").read_bytes() == LAST_LINE[:kept]
        assert "torn last line 30" in recovery.lines[0]
    again, log_recovery = reopen(tmp_path)
    assert (again, log_recovery) == (EXPECTED[:-1], Recovery())
    log, _ = LineLog.open(tmp_path, "log", durable=False)
    assert log.append(PAYLOADS[-1]) == 30
    log.close()
    assert reopen(tmp_path)[0] == EXPECTED


def test_a_tail_of_zeros_after_a_power_loss_is_a_torn_line(tmp_path: Path):
    last = build(tmp_path)[-1]
    last.write_bytes(last.read_bytes() + bytes(4096))
    entries, recovery = reopen(tmp_path)
    assert entries == EXPECTED
    assert not recovery.damaged
    assert (tmp_path / f"{last.name}.quarantine-1").read_bytes() == bytes(4096)


@given(st.data())
def test_any_changed_byte_ends_the_chain_there_and_nothing_is_lost_or_invented(data: st.DataObject):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = data.draw(st.sampled_from(build(folder)))
        content = bytearray(path.read_bytes())
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        size = everything(folder)
        good = first_of(path) - 1 + path.read_bytes()[:position].count(b"\n")
        assert list(read(folder, "log")) == EXPECTED[:good]
        entries, recovery = reopen(folder)
        assert entries == EXPECTED[:good]
        assert recovery.lines
        assert everything(folder) == size
        assert reopen(folder) == (EXPECTED[:good], Recovery())


@pytest.mark.parametrize("how", ["lost", "doubled", "swapped"])
def test_whole_lines_that_moved_are_found(tmp_path: Path, how: str):
    path = build(tmp_path)[1]
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {"lost": [lines[0], *lines[2:]], "doubled": [lines[0], *lines], "swapped": [lines[0], lines[2], lines[1], *lines[3:]]}[how]
    path.write_bytes(b"".join(changed))
    entries, recovery = reopen(tmp_path)
    assert entries == EXPECTED[: first_of(path)]
    assert recovery.damaged


def test_a_lost_file_ends_the_chain_before_it(tmp_path: Path):
    files = build(tmp_path)
    files[1].unlink()
    entries, recovery = reopen(tmp_path)
    assert entries == EXPECTED[: first_of(files[1]) - 1]
    assert len(recovery.lines) == len(files) - 2
    assert {path.name for path in tmp_path.glob("*.quarantine-1")} == {f"{path.name}.quarantine-1" for path in files[2:]}


def test_damage_older_than_the_snapshot_costs_nothing_newer(tmp_path: Path):
    files = build(tmp_path)
    content = bytearray(files[1].read_bytes())
    content[20] ^= 1
    files[1].write_bytes(content)
    after = first_of(files[2]) - 1
    assert list(read(tmp_path, "log", after)) == EXPECTED[after:]
    entries, recovery = reopen(tmp_path, after)
    assert entries == EXPECTED[after:]
    assert recovery.damaged
    assert sorted(path.name for path in tmp_path.glob("*.log")) == [path.name for path in files[2:]]


def test_a_log_that_begins_too_late_is_refused_untouched(tmp_path: Path):
    files = build(tmp_path)
    files[0].unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(Refusal, match=f"begins at {first_of(files[1])}, but 1 is needed") as caught:
        reopen(tmp_path)
    assert caught.value.code == ExitCode.NO_STATE_CHAIN
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert list(read(tmp_path, "log")) == []


def test_a_log_that_ends_before_the_snapshot_starts_anew_after_it(tmp_path: Path):
    files = build(tmp_path)
    size = everything(tmp_path)
    assert reopen(tmp_path, 30) == ([], Recovery())
    entries, recovery = reopen(tmp_path, 40)
    assert entries == []
    assert recovery.damaged
    assert len(recovery.lines) == len(files)
    assert everything(tmp_path) == size
    log, _ = LineLog.open(tmp_path, "log", after_seq=40, durable=False)
    assert log.append(b"on") == 41
    log.close()


def test_an_empty_last_file_and_foreign_files_are_no_damage(tmp_path: Path):
    build(tmp_path)
    (tmp_path / "log-000000000031.log").write_bytes(b"")
    (tmp_path / "log-notes.log").write_bytes(b"mine")
    (tmp_path / "other-000000000001.log").write_bytes(b"mine too")
    assert reopen(tmp_path) == (EXPECTED, Recovery())


def test_reading_nothing(tmp_path: Path):
    assert list(read(tmp_path / "none", "log")) == []


def test_rot_after_opening_is_told_not_read(tmp_path: Path):
    path = build(tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(Damaged, match="no longer checks"):
        list(numbered(path, 1, 1 + content.count(b"\n"), 0))


# --- what a reader leaves out -----------------------------------------------------------------------------------------------------


def test_of_a_whole_log_and_of_one_that_is_being_written_nothing_is_left_out(tmp_path: Path):
    assert unread(tmp_path / "nowhere", "log") == unread(tmp_path, "log") == ()
    last = build(tmp_path)[-1]
    assert unread(tmp_path, "log") == ()
    last.write_bytes(last.read_bytes() + LAST_LINE[:9])
    assert unread(tmp_path, "log") == (), "its writer is at it"


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_bad_line_is_named_with_its_file_its_number_and_what_it_costs(tmp_path: Path, which: int):
    files = build(tmp_path)
    bad, first = files[which], first_of(files[which])
    content = bytearray(bad.read_bytes())
    content[12] ^= 1
    bad.write_bytes(content)
    said = unread(tmp_path, "log")
    after = content.count(b"\n") - 1
    more = f" and {after} after it" if after else ""
    assert said[0] == f"{bad}: line {first} at byte 0 does not check; it{more} and all that follows is not counted"
    rest = files[which + 1 :] if which >= 0 else []
    assert said[1:] == tuple(f"{path}: not counted, from line {first_of(path)} on" for path in rest)
    assert len(list(read(tmp_path, "log"))) == first - 1, "and that is what a reader gets"


def test_a_file_that_is_gone_is_told(tmp_path: Path):
    files = build(tmp_path)
    files[1].unlink()
    assert (
        unread(tmp_path, "log")[0]
        == f"{files[0]}: line {first_of(files[1])} should follow and does not; all that comes after it is not counted"
    )
    assert [line.partition(":")[0] for line in unread(tmp_path, "log")[1:]] == [str(path) for path in files[2:]]
    files[0].unlink()
    (said,) = unread(tmp_path, "log")
    assert said == f"{files[2]}: the log begins at line {first_of(files[2])}, what came before is missing; no line is counted"


@given(st.integers(0, 5_000), st.integers(1, 255))
def test_wherever_a_byte_rots_a_reader_who_gets_less_is_told_so(position: int, change: int):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = build(folder)
        size = sum(path.stat().st_size for path in files)
        at = position % size
        for path in files:
            if at < path.stat().st_size:
                content = bytearray(path.read_bytes())
                content[at] ^= change
                path.write_bytes(content)
                break
            at -= path.stat().st_size
        less = len(list(read(folder, "log"))) < len(PAYLOADS)
        torn_end = path == files[-1] and b"\n" not in content[-len(LAST_LINE) :]
        assert less
        assert bool(unread(folder, "log")) is not torn_end


def test_what_is_written_between_two_looks_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer looks at the log of a daemon that goes on writing."""
    files = build(tmp_path)
    look = linescan.scan

    def scan_and_write(path: Path, first: int) -> linescan.Segment:
        found = look(path, first)
        if path == files[-1]:
            with path.open("ab") as log:
                log.write(encode_line(found.end, b"{}") + encode_line(found.end + 1, b"{}"))
        return found

    monkeypatch.setattr(linescan, "scan", scan_and_write)
    assert unread(tmp_path, "log") == ()

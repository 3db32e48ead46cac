from __future__ import annotations

import errno
import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.store import CURRENT, PREVIOUS, Blob, Snapshot, StateStore
from utils.errors import ExitCode, Invariant, Refusal
from utils.files import atomic_write

STATE = b'{"stage":1,"balances":{"CRYPTO/PAPER":"1000.10"},"positions":[],"pi":3.140,"text":"a b: c"}'


def snapshot(seq: int, schema: int = 2, rows: bytes | None = None) -> Snapshot:
    blobs = {"market": Blob("v1", rows or bytes([seq % 256]) * 500), "pos": Blob("v2", b"\n\0" * seq), "none": Blob("", b"")}
    state = msgspec.Raw(b'{"n":%d,"state":%b}' % (seq, STATE))
    return Snapshot(schema=schema, seq=seq, ts=1_740_787_200_000 + seq, state=state, blobs=blobs)


def plain(value: Snapshot | None) -> object:
    return value and (value.schema, value.seq, value.ts, bytes(value.state), dict(value.blobs))


def saved(folder: Path, *seqs: int) -> StateStore:
    store = StateStore(folder, 2)
    assert store.load().snapshot is None or seqs
    for seq in seqs:
        store.save(snapshot(seq))
    return store


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def rows_of(path: Path) -> str:
    return str(json.loads(path.read_bytes())["rows"]["file"])


def test_nothing_there_is_none(tmp_path: Path):
    loaded = StateStore(tmp_path, 2).load()
    assert (loaded.snapshot, loaded.warnings) == (None, ())


def test_a_snapshot_comes_back_whole_and_the_file_is_readable(tmp_path: Path):
    saved(tmp_path, 5, 9)
    loaded = StateStore(tmp_path, 2).load()
    assert plain(loaded.snapshot) == plain(snapshot(9))
    assert loaded.warnings == ()
    text = (tmp_path / CURRENT).read_text()
    assert json.loads(text)["state"] == {"n": 9, "state": json.loads(STATE)}
    assert len(text.splitlines()) > 10
    assert text.startswith('{\n  "checksum": "')
    assert set(contents(tmp_path)) == {CURRENT, PREVIOUS, rows_of(tmp_path / CURRENT), rows_of(tmp_path / PREVIOUS)}


def test_without_arrays_there_is_no_rows_file(tmp_path: Path):
    store = StateStore(tmp_path, 2)
    bare = msgspec.structs.replace(snapshot(1), blobs={})
    store.save(bare)
    assert set(contents(tmp_path)) == {CURRENT}
    assert plain(StateStore(tmp_path, 2).load().snapshot) == plain(bare)


def test_two_pairs_are_kept_and_older_rows_removed(tmp_path: Path):
    store = saved(tmp_path, 1, 2, 3)
    assert store.oldest_seq == 2
    assert sorted(path.name.split("-")[1] for path in tmp_path.glob("rows-*")) == ["2", "3"]
    fresh = StateStore(tmp_path, 2)
    fresh.load()
    assert fresh.oldest_seq == 2
    fresh.save(snapshot(4))
    assert sorted(path.name.split("-")[1] for path in tmp_path.glob("rows-*")) == ["3", "4"]


def test_saving_one_moment_twice_keeps_the_older_one_as_previous(tmp_path: Path):
    store = saved(tmp_path, 1, 2)
    store.save(snapshot(2, rows=b"other"))
    assert store.oldest_seq == 1
    loaded = StateStore(tmp_path, 2).load()
    assert loaded.snapshot is not None
    assert loaded.snapshot.blobs["market"].data == b"other"


def test_an_older_snapshot_or_another_schema_is_a_bug(tmp_path: Path):
    store = saved(tmp_path, 5)
    before = contents(tmp_path)
    with pytest.raises(Invariant, match="newer 5"):
        store.save(snapshot(4))
    with pytest.raises(Invariant, match="schema 1"):
        store.save(snapshot(6, schema=1))
    with pytest.raises(msgspec.DecodeError):
        store.save(msgspec.structs.replace(snapshot(6), state=msgspec.Raw(b"{")))
    assert contents(tmp_path) == before


@given(st.data())
def test_any_changed_byte_is_noticed_and_the_previous_pair_used(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    folder = tmp_path_factory.mktemp("state")
    saved(folder, 1, 2)
    rows = rows_of(folder / CURRENT)
    victim = folder / data.draw(st.sampled_from([CURRENT, rows]))
    flip(victim, data.draw(st.integers(0, victim.stat().st_size - 1)))
    before = contents(folder)
    peeked = StateStore(folder, 2).peek()
    assert contents(folder) == before
    store = StateStore(folder, 2)
    loaded = store.load()
    assert plain(loaded.snapshot) == plain(peeked.snapshot) == plain(snapshot(1))
    assert len(loaded.warnings) == len(peeked.warnings) == 1
    assert f"moved aside as {CURRENT}.quarantine-1" in loaded.warnings[0]
    assert (folder / f"{CURRENT}.quarantine-1").read_bytes() == before[CURRENT]
    assert (folder / f"{rows}.quarantine-1").read_bytes() == before[rows]
    store.save(snapshot(3))
    assert store.oldest_seq == 1
    assert plain(StateStore(folder, 2).load().snapshot) == plain(snapshot(3))
    assert (folder / f"{rows}.quarantine-1").exists()


@pytest.mark.parametrize("cut", [0, 1, 17, 80, 83, -2, -1])
def test_a_torn_current_file_falls_back(tmp_path: Path, cut: int):
    saved(tmp_path, 1, 2)
    path = tmp_path / CURRENT
    path.write_bytes(path.read_bytes()[:cut])
    assert plain(StateStore(tmp_path, 2).load().snapshot) == plain(snapshot(1))


def test_missing_rows_or_a_missing_current_file_fall_back_with_a_warning(tmp_path: Path):
    saved(tmp_path, 1, 2)
    (tmp_path / rows_of(tmp_path / CURRENT)).unlink()
    loaded = StateStore(tmp_path, 2).load()
    assert plain(loaded.snapshot) == plain(snapshot(1))
    assert "No such file" in loaded.warnings[0]
    again = StateStore(tmp_path, 2).load()
    assert plain(again.snapshot) == plain(snapshot(1))
    assert again.warnings == (f"{tmp_path / CURRENT} is missing; the previous snapshot is used",)


def test_a_damaged_previous_file_is_set_aside_while_the_current_one_serves(tmp_path: Path):
    saved(tmp_path, 1, 2)
    flip(tmp_path / PREVIOUS, 100)
    store = StateStore(tmp_path, 2)
    loaded = store.load()
    assert plain(loaded.snapshot) == plain(snapshot(2))
    assert f"{PREVIOUS}.quarantine-1" in loaded.warnings[0]
    assert store.oldest_seq == 0


def test_two_damages_in_a_row_get_two_quarantine_names(tmp_path: Path):
    store = saved(tmp_path, 1, 2)
    bad = []
    for seq in (3, 4):
        flip(tmp_path / CURRENT, 200)
        bad.append((tmp_path / CURRENT).read_bytes())
        store = StateStore(tmp_path, 2)
        store.load()
        store.save(snapshot(seq))
    assert [(tmp_path / f"{CURRENT}.quarantine-{n}").read_bytes() for n in (1, 2)] == bad


def test_nothing_valid_is_refused_each_time_and_nothing_is_touched(tmp_path: Path):
    saved(tmp_path, 1, 2)
    flip(tmp_path / CURRENT, 100)
    flip(tmp_path / rows_of(tmp_path / PREVIOUS), 300)
    before = contents(tmp_path)
    for _ in range(2):
        with pytest.raises(Refusal, match="no whole snapshot") as caught:
            StateStore(tmp_path, 2).load()
        assert caught.value.code == ExitCode.NO_STATE_CHAIN
    assert contents(tmp_path) == before


@pytest.mark.parametrize("left", [f"{CURRENT}.quarantine-1", "rows-7-abc.bin"])
def test_remains_of_a_state_are_not_taken_for_a_fresh_start(tmp_path: Path, left: str):
    (tmp_path / left).write_bytes(b"")
    with pytest.raises(Refusal, match=left) as caught:
        StateStore(tmp_path, 2).load()
    assert caught.value.code == ExitCode.NO_STATE_CHAIN


def test_a_state_of_a_newer_program_is_refused(tmp_path: Path):
    newer = StateStore(tmp_path, 3)
    newer.save(snapshot(1, schema=3))
    before = contents(tmp_path)
    with pytest.raises(Refusal, match="its schema is 3, this one knows 2") as caught:
        StateStore(tmp_path, 2).load()
    assert caught.value.code == ExitCode.USAGE
    assert contents(tmp_path) == before


def test_an_older_state_is_led_up_step_by_step(tmp_path: Path):
    def step(value: Snapshot) -> Snapshot:
        return msgspec.structs.replace(value, schema=value.schema + 1, state=msgspec.Raw(b'{"was":%b}' % bytes(value.state)))

    saved(tmp_path, 1)
    store = StateStore(tmp_path, 4, {2: step, 3: step})
    found = store.load().snapshot
    assert found is not None
    assert (found.schema, bytes(found.state)) == (4, b'{"was":{"was":%b}}' % bytes(snapshot(1).state))
    store.save(msgspec.structs.replace(found, seq=2))
    assert json.loads((tmp_path / PREVIOUS).read_bytes())["schema"] == 2
    with pytest.raises(Refusal, match="nothing leads from schema 2 to 4"):
        saved_again = StateStore(tmp_path, 4, {3: step})
        (tmp_path / CURRENT).unlink()
        saved_again.load()
    with pytest.raises(Invariant, match="led to 2"):
        StateStore(tmp_path, 4, {2: lambda value: value}).load()


def test_a_checksummed_file_that_is_no_snapshot_is_damaged(tmp_path: Path):
    store = saved(tmp_path, 1, 2)
    rest = b'  "schema": "two"\n}\n'
    (tmp_path / CURRENT).write_bytes(b'{\n  "checksum": "%b",\n' % sha256(rest).hexdigest().encode() + rest)
    assert plain(store.load().snapshot) == plain(snapshot(1))


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("seqs", [(1,), (1, 2), (1, 2, 3)])
@pytest.mark.parametrize("survived", range(5))
def test_a_crash_between_any_two_writes_of_a_save_leaves_a_whole_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seqs: tuple[int, ...], survived: int
):
    store = saved(tmp_path, *seqs)
    done, unlink = 0, Path.unlink

    def one_more() -> None:
        nonlocal done
        if done == survived:
            raise Crash
        done += 1

    def write(path: Path, data: bytes) -> None:
        one_more()
        atomic_write(path, data)

    def remove(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".bin":
            one_more()
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr("state.store.atomic_write", write)
        patch.setattr(Path, "unlink", remove)
        with suppress(Crash):
            store.save(snapshot(9))
    assert done == min(survived, 3 + (len(seqs) > 1))  # rows, previous, current, and the removal where there is something to remove
    loaded = StateStore(tmp_path, 2).load()
    assert loaded.warnings == ()
    assert plain(loaded.snapshot) in (plain(snapshot(seqs[-1])), plain(snapshot(9)))


def test_a_full_disk_leaves_the_last_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = saved(tmp_path, 1)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr("state.store.atomic_write", refuse)
        with pytest.raises(OSError, match="no space"):
            store.save(snapshot(2))
    store.save(snapshot(3))
    assert plain(StateStore(tmp_path, 2).load().snapshot) == plain(snapshot(3))


def test_a_file_that_may_not_be_read_is_named_not_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    saved(tmp_path, 1, 2)
    before = contents(tmp_path)

    def forbid(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", forbid)
        with pytest.raises(Refusal, match=f"cannot read .*{CURRENT}"):
            StateStore(tmp_path, 2).load()
    assert contents(tmp_path) == before

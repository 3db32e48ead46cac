from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.boot import recover
from modules.engine.migrations import open_chain, snapshots
from modules.offline import apply_offline, stored_state
from modules.stage_request import remembered
from self_test.fakes.books import SPOT
from self_test.fakes.stored import Played
from self_test.telemetry.ledgers import HASH, stream
from self_test.telemetry.ledgers import START as LEDGER_START
from state.accounts import Domain
from state.ledger import Ref, RowKind
from state.messages import Control
from state.standing import Level
from state.store import Blob
from strategy.base import C1
from telemetry.ledger_rows import DAY_MS
from utils.errors import ExitCode, Refusal
from utils.files import DirectoryLock


def played(folder: Path, minutes: int = 30) -> Played:
    bot = Played(folder)
    bot.minutes(minutes)
    bot.crash()
    return bot


def prints(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_looking_shows_the_end_of_the_journal_and_changes_nothing(tmp_path: Path) -> None:
    bot = played(tmp_path)
    before = prints(tmp_path)
    state = stored_state(tmp_path)
    assert state.ts == bot.engine.state.ts and state.closed_trades == bot.engine.state.closed_trades
    assert (state.pos == bot.engine.state.pos).all() and (state.acct == bot.engine.state.acct).all()
    assert prints(tmp_path) == before


def test_looking_past_damage_changes_nothing_either(tmp_path: Path) -> None:
    bot = played(tmp_path)
    (log,) = (tmp_path / "journal").glob("*.log")
    with log.open("ab") as file:
        file.write(b"0badcafe {torn")
    current = tmp_path / "runtime_state.json"
    Played(tmp_path).close()
    current.write_bytes(current.read_bytes()[:-9])
    before = prints(tmp_path)
    assert stored_state(tmp_path).closed_trades == bot.engine.state.closed_trades
    assert prints(tmp_path) == before


@pytest.mark.parametrize("made", [False, True])
def test_no_state_is_a_refusal_and_leaves_none(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "simulated"
    if made:
        folder.mkdir()
    with pytest.raises(Refusal, match="no state in") as refused:
        stored_state(folder)
    assert refused.value.code is ExitCode.USAGE
    with pytest.raises(Refusal, match="no state in"):
        apply_offline(folder, "pause", {}, CONFIG)
    assert folder.exists() is made


def test_a_request_is_journalled_and_found_by_the_next_start(tmp_path: Path) -> None:
    played(tmp_path)
    assert apply_offline(tmp_path, "pause", {}, CONFIG) == ["entries paused by command line"]
    assert stored_state(tmp_path).toggles.paused
    bot = Played(tmp_path)
    assert bot.engine.state.toggles.paused
    bot.close()


def test_flatten_leaves_the_closing_to_the_next_start(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    while not bot.engine._held:
        bot.minutes(1)
    bot.crash()
    said = apply_offline(tmp_path, "flatten", {"account": "all"}, CONFIG)
    assert said[0] == "CRYPTO/PAPER: flatten: entries off, everything is to be closed"
    assert any("flatten" in line for line in said)
    assert stored_state(tmp_path).halted
    again = Played(tmp_path)
    again.minutes(2)
    assert not again.engine._held and again.engine.state.halted
    closed = again.engine.state.closed_trades[0]
    again.minutes(12)
    assert again.engine.state.closed_trades[0] == closed, "entries are off"
    again.close()


def test_a_request_meets_the_lock_and_unknown_words_change_nothing(tmp_path: Path) -> None:
    played(tmp_path)
    with DirectoryLock(tmp_path), pytest.raises(Refusal) as refused:
        apply_offline(tmp_path, "pause", {}, CONFIG)
    assert refused.value.code is ExitCode.ALREADY_RUNNING
    before = prints(tmp_path / "journal")
    with pytest.raises(Refusal, match="--account: 'X' is not one of CRYPTO/PAPER"):
        apply_offline(tmp_path, "resume", {"account": "X"}, CONFIG)
    assert prints(tmp_path / "journal") == before


def offering(folder: Path) -> None:
    """A bot that was killed in the minutes after the midnight whose verdict offered real money, its last snapshot from before."""
    bot = Played(folder)
    terms = {"allowed": {SPOT: frozenset({C1})}, "lives": {Domain.CRYPTO: frozenset({C1})}, "procedures": {"CRYPTO/swing": HASH}}
    bot.engine.mandate = msgspec.structs.replace(bot.engine.mandate, **terms)
    midnight = (bot.now // DAY_MS + 1) * DAY_MS
    shift, ledger = midnight - 90 * DAY_MS - LEDGER_START, bot.chain.ledger
    for kind, text in stream(89, per_day=1.5, win_rate=0.80, style="swing"):
        row = msgspec.json.decode(text)
        row |= {name: row[name] + shift for name in ("ts", "entry_ts", "exit_ts") if name in row}
        row |= {"day": row["day"] + shift // DAY_MS} if kind == "equity" else {}
        ledger.append(RowKind(kind), Ref(ledger.last_ref.seq, ledger.last_ref.index + 1), msgspec.json.encode(row))
        bot.engine.state.evidence.append((kind, msgspec.json.encode(row)))
    bot.engine.state.samples["CRYPTO/PAPER/swing"] = HASH
    bot.now = midnight - 10 * 60_000
    bot.minutes(5)
    bot.runner.checkpoint()
    bot.minutes(10)
    bot.crash()
    assert bot.engine.state.standings["CRYPTO/swing"].offered_ts == midnight


def test_an_offer_made_after_the_last_snapshot_is_there_for_whoever_looks_and_confirms(tmp_path: Path) -> None:
    offering(tmp_path)
    assert stored_state(tmp_path).standings["CRYPTO/swing"].offered_ts
    said = apply_offline(tmp_path, "promote", {"style": "CRYPTO/swing"}, CONFIG)
    assert "CRYPTO/swing: paper -> canary, confirmed by command line" in said
    assert stored_state(tmp_path).standings["CRYPTO/swing"].level is Level.CANARY
    assert remembered(tmp_path).earned == 2, "and the next start may be asked for stage 2"


def test_reset_of_a_flat_wallet_starts_over(tmp_path: Path) -> None:
    bot = Played(tmp_path)
    bot.minutes(30)
    bot.runner.apply([Control(bot.now, "pause", {}, "me")])
    while bot.engine._held or bot.engine.state.orders:
        bot.minutes(1)
    bot.crash()
    apply_offline(tmp_path, "reset", {"account": "CRYPTO/PAPER"}, CONFIG)
    state = stored_state(tmp_path)
    assert int(state.acct[0]["cash"]) == 1_000 * 10**10 and state.closed_trades == [0]


@pytest.mark.parametrize("change", ["rows", "no rows", "terms"])
def test_a_state_of_another_version_is_refused_and_left(tmp_path: Path, change: str) -> None:
    """Whole by its checksum, but not ours: said in one line, nothing touched."""
    played(tmp_path)
    store = snapshots(tmp_path)
    snapshot = store.load().snapshot
    assert snapshot is not None
    blobs = dict(snapshot.blobs)
    if change == "rows":
        blobs["pos"] = Blob(blobs["pos"].dtype.replace("'status'", "'standing'"), blobs["pos"].data)
    elif change == "no rows":
        del blobs["pos"]
    state = msgspec.Raw(bytes(snapshot.state).replace(b'"terms"', b'"words"')) if change == "terms" else snapshot.state
    store.save(msgspec.structs.replace(snapshot, state=state, blobs=blobs))
    before = prints(tmp_path)
    with pytest.raises(Refusal, match="another layout than this version") as refused:
        stored_state(tmp_path)
    assert refused.value.code is ExitCode.NO_STATE_CHAIN
    with closing(open_chain(tmp_path)) as chain, pytest.raises(Refusal, match="another layout than this version"):
        recover(chain)
    assert prints(tmp_path) == before

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from self_test.state.worker import Worker
from utils.errors import ExitCode, Refusal
from utils.linelog import LineLog

REPO = Path(__file__).resolve().parents[2]


def worked(folder: Path, steps: int, checkpoints: tuple[int, ...]) -> None:
    """A folder after a clean stop."""
    worker = Worker(folder)
    for _ in range(steps):
        worker.step()
        if worker.seq in checkpoints:
            worker.checkpoint()
    worker.chain.close()


def recovered(folder: Path) -> Worker:
    """Recovery, and the proof that it is whole."""
    worker = Worker(folder)
    worker.check()
    return worker


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def live_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("steps, checkpoints", [(0, ()), (10, ()), (10, (4,)), (10, (4, 8)), (10, (4, 10)), (30, (5, 15, 25))])
def test_a_clean_stop_loses_nothing_and_warns_of_nothing(tmp_path: Path, steps: int, checkpoints: tuple[int, ...]):
    worked(tmp_path, steps, checkpoints)
    worker = recovered(tmp_path)
    assert (worker.seq, worker.chain.warnings) == (steps, ())
    worker.chain.close()


def test_kill_at_a_random_moment_ten_times(tmp_path: Path):
    chance = random.Random(20250304)
    last = 0
    for _ in range(10):
        command = [sys.executable, "-m", "self_test.state.worker", str(tmp_path)]
        acknowledged = last
        with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            for _ in range(chance.randrange(1, 60)):
                line = child.stdout.readline()
                assert line, child.stderr.read().decode()
                acknowledged = int(line)
            child.kill()
            rest = child.stdout.read().split(b"\n")[:-1]
            child.wait(timeout=20)
        acknowledged = int(rest[-1]) if rest else acknowledged
        worker = recovered(tmp_path)
        assert worker.seq >= acknowledged, "an entry that was synced is gone"
        assert acknowledged > last, "the child made no progress"
        last = worker.seq
        worker.chain.close()
    assert not list(tmp_path.glob("runtime_state*.quarantine-*"))


def test_a_damaged_snapshot_falls_back_to_the_previous_one_and_the_journal(tmp_path: Path):
    worked(tmp_path, 30, (5, 15, 25))
    flip(tmp_path / "runtime_state.json", 150)
    worker = recovered(tmp_path)
    assert worker.seq == 30
    assert worker.chain.snapshot is not None
    assert worker.chain.snapshot.seq == 15
    assert len(worker.chain.warnings) == 1
    worker.chain.close()


def test_pruning_keeps_what_the_previous_snapshot_needs_while_work_goes_on(tmp_path: Path):
    worker = Worker(tmp_path)
    for _ in range(3):  # a snapshot every 10 entries, saved 4 entries later, as by another thread
        for _ in range(10):
            worker.step()
        taken = worker.snapshot()
        worker.chain.journal.rotate()
        for _ in range(4):
            worker.step()
        worker.chain.checkpoint(taken, keep_bytes=0)
    assert worker.chain.journal.first_seq == 25  # snapshots were taken at 10, 24 and 38
    worker.chain.close()
    flip(tmp_path / "runtime_state.json", 150)
    again = recovered(tmp_path)
    assert again.seq == 42
    again.chain.close()


def test_damage_in_the_journal_before_the_snapshot_costs_nothing(tmp_path: Path):
    worked(tmp_path, 30, (5, 15, 25))
    flip(min((tmp_path / "journal").iterdir()), 30)
    worker = recovered(tmp_path)
    assert worker.seq == 30
    assert worker.chain.warnings
    worker.chain.close()


def test_damage_after_the_snapshot_shortens_journal_and_ledger_alike(tmp_path: Path):
    worked(tmp_path, 30, (5, 15))
    newest = max((tmp_path / "journal").iterdir())
    flip(newest, newest.read_bytes().index(b'"n":22'))
    worker = recovered(tmp_path)  # check() compares the ledger with the state
    assert worker.seq == 21
    assert len(worker.chain.warnings) == 2
    worker.step()
    worker.check()
    worker.chain.close()
    again = recovered(tmp_path)
    assert (again.seq, again.chain.warnings) == (22, ())
    again.chain.close()


def test_a_journal_that_ends_before_the_snapshot_goes_on_after_it(tmp_path: Path):
    worked(tmp_path, 20, (10, 20))
    for path in (tmp_path / "journal").iterdir():
        path.unlink()
    log, _ = LineLog.open(tmp_path / "journal", "journal")
    log.append(b'{"n":1,"e":{},"c":[]}')
    log.close()
    worker = recovered(tmp_path)
    assert worker.seq == 20
    worker.step()
    worker.check()
    assert worker.chain.journal.first_seq == 21
    worker.chain.close()


def test_snapshot_and_journal_that_do_not_join_are_refused_untouched(tmp_path: Path):
    worked(tmp_path, 30, (5, 15, 25))
    for path in sorted((tmp_path / "journal").iterdir())[:-1]:
        path.unlink()
    flip(tmp_path / "runtime_state.json", 150)
    before = live_bytes(tmp_path / "journal") | live_bytes(tmp_path / "ledger")
    with pytest.raises(Refusal, match="begins at 26, but 16 is needed") as caught:
        Worker(tmp_path)
    assert caught.value.code == ExitCode.NO_STATE_CHAIN
    assert live_bytes(tmp_path / "journal") | live_bytes(tmp_path / "ledger") == before


def test_a_lost_ledger_beginning_is_refused(tmp_path: Path):
    worked(tmp_path, 10, ())
    ledger = next((tmp_path / "ledger").iterdir())
    ledger.rename(ledger.with_name("ledger-000000000004.log"))
    with pytest.raises(Refusal) as caught:
        Worker(tmp_path)
    assert caught.value.code == ExitCode.NO_STATE_CHAIN

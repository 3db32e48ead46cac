from __future__ import annotations

import multiprocessing
import resource
from pathlib import Path
from typing import Any

import optuna

from modules.learning.journal import SafeJournal


def study(path: Path) -> optuna.Study:
    storage = optuna.storages.JournalStorage(SafeJournal(path))
    return optuna.create_study(storage=storage, study_name="s", load_if_exists=True)


def test_a_line_that_a_kill_cut_off_is_gone_before_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    study(path).tell(study(path).ask(), 1.0)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":4,"worker_id"')
    again = study(path)
    again.tell(again.ask(), 2.0)
    assert path.read_bytes().startswith(whole + b"{")
    assert sorted(one.value or 0 for one in study(path).trials) == [1.0, 2.0]


def test_a_file_that_is_one_torn_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    path.write_bytes(b"{" * 200_000)
    backend = SafeJournal(path)
    backend.append_logs([{"op_code": 9}])
    assert list(backend.read_logs(0)) == [{"op_code": 9}]


def _fill(path: Path, pipe: Any) -> None:
    own = study(path)
    size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2_000, size + 2_000))
    told = 0
    try:
        while True:
            own.tell(own.ask(), 1.0)
            told += 1
    except OSError as error:
        pipe.send((told, error.strerror))


def test_a_full_disk_costs_no_finished_trial_and_the_study_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    study(path).tell(study(path).ask(), 1.0)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_fill, args=(path, theirs))
    process.start()
    process.join(60)
    told, why = ours.recv()
    assert told > 0 and why == "File too large"
    assert path.read_bytes().endswith(b"\n")
    again = study(path)
    again.tell(again.ask(), 2.0)
    assert sum(one.state.is_finished() for one in study(path).trials) == told + 2

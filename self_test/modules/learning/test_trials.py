from __future__ import annotations

import multiprocessing
import resource
from pathlib import Path

import pytest

from modules.learning.trials import Ledger, TrialLine
from utils.errors import Refusal


def line(number: int, kind: str = "search", state: str = "complete") -> TrialLine:
    return TrialLine(study="S", number=number, strategy="C4", profile="spot", kind=kind, state=state, values={"stop": 1.0}, release="1")


def test_every_trial_counts_once_whatever_became_of_it(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    assert one.tell([line(0), line(1, state="pruned"), line(2, state="fail"), line(0)]) == 3
    assert one.tell([line(2, state="fail"), line(7, kind="manual")]) == 1
    assert Ledger(tmp_path).count("C4", "spot") == 4
    assert (one.count("C4", "perp"), one.count("C1", "spot")) == (0, 0)


def test_an_opening_is_no_trial_and_is_found_by_release(tmp_path: Path) -> None:
    one = Ledger(tmp_path)
    one.tell([line(0, kind="opened")])
    assert one.count("C4", "spot") == 0
    assert one.opened("C4", "spot", "1") is not None
    assert one.opened("C4", "spot", "2") is None


def _tell(folder: Path, first: int) -> None:
    for k in range(first, first + 20):
        Ledger(folder).tell([line(k), line(10)])


def test_two_processes_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_tell, args=(tmp_path, first)) for first in (0, 10)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert sorted(one.number for one in Ledger(tmp_path).lines()) == list(range(30))


def test_a_ledger_that_lost_lines_is_not_counted_on(tmp_path: Path) -> None:
    Ledger(tmp_path).tell([line(k) for k in range(3)])
    (file,) = tmp_path.glob("trials-*.log")
    data = bytearray(file.read_bytes())
    data[5] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(Refusal, match="has lost lines"):
        Ledger(tmp_path).count("C4", "spot")


def _full(folder: Path, pipe: object) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    try:
        Ledger(folder).tell([line(k) for k in range(50)])
    except Refusal as refusal:
        pipe.send(str(refusal))  # type: ignore[attr-defined]


def test_a_full_disk_is_said_and_what_was_told_before_stays(tmp_path: Path) -> None:
    Ledger(tmp_path).tell([line(0)])
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_full, args=(tmp_path, theirs))
    process.start()
    process.join(60)
    assert ours.poll(0) and "cannot be written: File too large" in ours.recv()
    assert line(0) in Ledger(tmp_path).lines()
    assert Ledger(tmp_path).tell([line(99)]) == 1

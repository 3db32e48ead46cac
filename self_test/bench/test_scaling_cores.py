"""What several processes did together is added up; real ones sweep and end."""

from __future__ import annotations

import multiprocessing

import pytest

from bench.scaling_cores import Share, measured, summed


def test_shares_are_added_and_rounds_are_medians() -> None:
    found = summed(2, [[Share(100, 1.0, 2.0), Share(100, 1.0, 2.0)], [Share(400, 2.0, 2.0), Share(0, 2.0, 2.0)], [Share(1, 1, 1)] * 2])
    assert (found.processes, found.lowest, found.highest) == (2, 2.0, 200.0)
    assert found.bars_s == 100.0 and found.cores_used == 2.0
    assert found.bars_a_core_s == pytest.approx(100.0)


def test_processes_sweep_and_end() -> None:
    (one,) = measured(1, 2, 0.01, 3)
    assert one.processes == 1 and one.highest >= one.bars_s >= one.lowest > 0
    assert multiprocessing.active_children() == []

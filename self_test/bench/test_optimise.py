from __future__ import annotations

from bench.optimise import optimise_row


def test_the_measurement_measures() -> None:
    row = optimise_row(quick=True)
    assert row.median > 0 and row.goal is None
    assert row.note.startswith("40 trials of C4 over 950400 bars in ")

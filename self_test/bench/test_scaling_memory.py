"""Memory as the kernel tells it, of a process of its own."""

from __future__ import annotations

import pytest

from bench.scaling_memory import Memory, measured, own_mb, status_mb


def memory(read_peak: float, swept_peak: float) -> Memory:
    return Memory(
        symbol_years=10.0,
        bars=1,
        trades=1,
        before_mb=100.0,
        read_peak_mb=read_peak,
        held_mb=150.0,
        swept_peak_mb=swept_peak,
        swapped_mb=0.0,
        major_faults=0,
        read_s=1.0,
        sweep_s=1.0,
    )


def test_the_kernels_words_are_read() -> None:
    assert status_mb("VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n", "VmHWM") == 2.0
    with pytest.raises(ValueError, match="VmSwap"):
        status_mb("VmHWM:\t 2048 kB\n", "VmSwap")
    assert own_mb("VmRSS") > 10.0


@pytest.mark.parametrize("read, swept, each", [(200.0, 180.0, 10.0), (160.0, 190.0, 9.0)])
def test_a_symbol_year_is_what_the_worst_moment_needed(read: float, swept: float, each: float) -> None:
    assert memory(read, swept).mb_a_symbol_year == each


def test_a_process_of_its_own_reads_and_sweeps() -> None:
    found = measured(2, 40)
    assert found.bars == 2 * 40 * 288
    assert 0 < found.before_mb <= found.held_mb <= found.read_peak_mb

"""What a hundred symbol-years cost in memory: stored candles read and swept in a process of its own, whose peaks the kernel knows.

The candles are made and written by another process, so that nothing of the making is counted. Run as the child: python -m
bench.scaling_memory write|sweep FOLDER SYMBOLS DAYS.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.markets import random_grid, write_root
from bench.scaling_work import ALL
from config import CONFIG
from dataio.archive import open_archive
from modules.engine.grid import load
from modules.learning.research import sweep_trades
from state.accounts import Domain

MB = 1 << 20
YEAR_D = 365.0
ROOT = Path(__file__).resolve().parent.parent


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """One run; megabytes are resident ones of its process."""

    symbol_years: float
    bars: int
    trades: int
    before_mb: float
    """Program, compiled kernels and libraries loaded, nothing read."""
    read_peak_mb: float
    """While the candles were read."""
    held_mb: float
    """With the grid."""
    swept_peak_mb: float
    """While it was swept."""
    swapped_mb: float
    major_faults: int
    """Pages that came back from a disk, the loading of programs included."""
    read_s: float
    sweep_s: float

    @property
    def peak_mb(self) -> float:
        """The worst moment."""
        return max(self.read_peak_mb, self.swept_peak_mb)

    @property
    def mb_a_symbol_year(self) -> float:
        """What the worst moment needed beyond the program itself."""
        return (self.peak_mb - self.before_mb) / self.symbol_years


def status_mb(text: str, name: str) -> float:
    """A line of /proc/PID/status in MiB; ValueError where there is none."""
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / MB
    raise ValueError(f"no {name}: the process is gone")


def own_mb(name: str) -> float:
    """Of this process."""
    return status_mb(Path("/proc/self/status").read_text(), name)


def forget_peak() -> None:
    """From here on the peak is counted anew."""
    Path("/proc/self/clear_refs").write_text("5")


def write(folder: Path, symbols: int, days: int) -> None:
    """Candles of generated markets as a data root."""
    write_root(folder, random_grid(symbols, days))


def swept(folder: Path, symbols: int, days: int) -> Memory:
    """Read them all and sweep them once, all strategies, in this process."""
    sweep_trades(random_grid(1, 2), CONFIG, ALL)  # kernels are loaded before anything is counted
    names = [f"X{i:02d}USDT" for i in range(symbols)]
    before = own_mb("VmRSS")
    forget_peak()
    begin = time.perf_counter()
    grid = load(open_archive(folder), Domain.CRYPTO, names, CONFIG.domains[Domain.CRYPTO], (None, None))
    read_s, read_peak, held = time.perf_counter() - begin, own_mb("VmHWM"), own_mb("VmRSS")
    forget_peak()
    begin = time.perf_counter()
    trades, _ = sweep_trades(grid, CONFIG, ALL)
    return Memory(
        symbol_years=symbols * days / YEAR_D,
        bars=grid.bars,
        trades=len(trades),
        before_mb=before,
        read_peak_mb=read_peak,
        held_mb=held,
        swept_peak_mb=own_mb("VmHWM"),
        swapped_mb=own_mb("VmSwap"),
        major_faults=resource.getrusage(resource.RUSAGE_SELF).ru_majflt,
        read_s=read_s,
        sweep_s=time.perf_counter() - begin,
    )


def measured(symbols: int, days: int) -> Memory:
    """Both processes, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        for what in ("write", "sweep"):
            words = [sys.executable, "-m", "bench.scaling_memory", what, folder, str(symbols), str(days)]
            answer = subprocess.run(words, cwd=ROOT, env=os.environ, check=True, stdout=subprocess.PIPE)  # noqa: S603  ourselves  # nosec B603
    return msgspec.json.decode(answer.stdout, type=Memory)


def main(arguments: list[str]) -> int:
    """The child's part."""
    what, folder, symbols, days = arguments
    if what == "write":
        write(Path(folder), int(symbols), int(days))
    else:
        sys.stdout.buffer.write(msgspec.json.encode(swept(Path(folder), int(symbols), int(days))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

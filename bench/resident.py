"""Resident memory of the daemon, twenty symbols, over a compressed day of the built-in exchange, and whether it still grows at its end.

The symbols trade on spot with every strategy, learning and panel as they are by default; the market runs as fast as the bot keeps up (the
exchange waits for it). Alone: python -m bench.resident
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from bench.bot import no_leftovers, started
from bench.measure import Row, table, took
from bench.training_lag import rss_kb
from modules.cli_chaos import LISTED

SYMBOLS, SPEED, HOURS = 20, 6000, 24.0
MOST_MB = 350.0
LOOK_S, LIMIT_S = 0.5, 240.0
WORDS = ("--symbols", ",".join(LISTED[:SYMBOLS]), "--speed", str(SPEED))


def venue_ms(state_dir: Path) -> int:
    """The exchange's time."""
    control = json.loads((state_dir / "simulated" / "simulator.json").read_text())["control"]
    with urllib.request.urlopen(f"{control}/clock", timeout=20) as answer:  # noqa: S310  our own simulator  # nosec B310
        return int(json.loads(answer.read())["now"])


def slope(samples: list[tuple[float, float]]) -> float:
    """Of the second half of (hours, MB) by least squares, MB an hour; 0 with fewer than three samples."""
    late = samples[len(samples) // 2 :]
    if len(late) < 3:
        return 0.0
    mean_h, mean_mb = (sum(one[at] for one in late) / len(late) for at in (0, 1))
    spread = sum((hour - mean_h) ** 2 for hour, _ in late)
    return sum((hour - mean_h) * (mb - mean_mb) for hour, mb in late) / spread if spread else 0.0


def resident_rows(folder: Path, hours: float = HOURS) -> list[Row]:
    """When ready, and after the day, the highest seen in the note."""
    samples: list[tuple[float, float]] = []
    pause = threading.Event()
    with no_leftovers(folder / "day") as state_dir, started(state_dir, *WORDS) as bot:
        bot.ready()
        first, end = venue_ms(state_dir), time.monotonic() + LIMIT_S
        while not samples or (samples[-1][0] < hours and time.monotonic() < end):
            samples.append(((venue_ms(state_dir) - first) / 3_600_000, rss_kb(bot) / 1024))
            pause.wait(LOOK_S)
        bot.stop()
    reached, last = samples[-1]
    note = f"highest {max(mb for _, mb in samples):.0f} MB; second half {slope(samples):+.2f} MB an hour of the market"
    return [
        took(f"resident memory, {SYMBOLS} symbols, ready", "MB", [samples[0][1]]),
        took(f"resident memory, {SYMBOLS} symbols, after {reached:.0f} h", "MB", [last], MOST_MB, note),
    ]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(resident_rows(Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a running bot costs at a moment: memory, handles, tasks, files on disk, how late its loop is; read from outside."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

MB = 1e6
PAGE = os.sysconf("SC_PAGE_SIZE")
ANSWER_S = 20.0
SLOW_LE = "0.1"
"""Bucket of the loop's lag above which a wake-up counts as late, seconds."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One look. Counters count from the bot's start."""

    wall_s: float
    """Since the first look."""
    venue_h: float
    """Since the first look, venue time."""
    rss_mb: float
    simulator_rss_mb: float
    children: int
    """Processes that the bot has started and that run now (trainer, reports)."""
    fds: int
    threads: int
    tasks: int
    """Of the event loop, supervised or not."""
    supervised: int
    out: int
    """Supervised tasks that failed and have not recovered."""
    inbox: int
    lag_s: float
    """Sum over all wake-ups."""
    wakes: int
    late: int
    """Wake-ups that came more than 0.1 s late."""
    cpu_s: float
    trades: int
    """Closed, in the ledger."""
    journal_b: int
    ledger_b: int
    data_b: int
    """The environment's folder without journal, ledger, and what is the exchange's own."""


def figures(text: str) -> dict[str, float]:
    """Series of an exposition -> value, labels as they stand there; comments left out."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


def scrape(url: str) -> dict[str, float]:
    """What `/metrics` of the bot at `url` says now. OSError when it does not answer."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=ANSWER_S) as answer:  # noqa: S310  loopback  # nosec B310
        return figures(answer.read().decode())


def rss_mb(pid: int) -> float:
    """Resident memory of a process, MB; 0 when it is gone."""
    with suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MB
    return 0.0


def threads(pid: int) -> int:
    """Threads of a process; 0 when it is gone."""
    with suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
    return 0


def children(pid: int) -> tuple[int, ...]:
    """Processes that a process has started and that run."""
    with suppress(OSError):
        return tuple(int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return ()


def size(paths: Iterable[Path]) -> int:
    """Bytes of files, and of folders with all that is in them; what vanishes meanwhile counts nothing."""
    total = 0
    for path in paths:
        for one in path.rglob("*") if path.is_dir() else (path,):
            with suppress(OSError):
                total += one.stat().st_size if one.is_file() else 0
    return total


def own_files(folder: Path) -> list[Path]:
    """The bot's own in an environment's folder, journal and ledger apart."""
    return [one for one in folder.iterdir() if one.name not in {"journal", "ledger", "venue"} and not one.name.startswith("simulator.")]


def closed_trades(folder: Path) -> int:
    """Trades in the ledger of an environment's folder."""
    return sum(path.read_bytes().count(b'{"kind":"trade"') for path in (folder / "ledger").glob("*.log"))


def look(pid: int, simulator: int | None, folder: Path, url: str, *, wall_s: float, venue_h: float) -> Sample:
    """One sample of the bot `pid` on `folder`, whose figures are told at `url`. OSError when it does not answer."""
    told = scrape(url)
    wakes = told["bot_event_loop_lag_seconds_count"]
    return Sample(
        wall_s=round(wall_s, 2),
        venue_h=round(venue_h, 4),
        rss_mb=round(rss_mb(pid), 2),
        simulator_rss_mb=round(rss_mb(simulator), 2) if simulator else 0.0,
        children=len([one for one in children(pid) if one != simulator]),
        fds=int(told["process_open_fds"]),
        threads=threads(pid),
        tasks=int(told["bot_loop_tasks"]),
        supervised=int(told["bot_supervised_tasks"]),
        out=int(told["bot_task_outages"]),
        inbox=int(told["bot_inbox_depth"]),
        lag_s=round(told["bot_event_loop_lag_seconds_sum"], 4),
        wakes=int(wakes),
        late=int(wakes - told[f'bot_event_loop_lag_seconds_bucket{{le="{SLOW_LE}"}}']),
        cpu_s=round(told["process_cpu_seconds_total"], 2),
        trades=closed_trades(folder),
        journal_b=size([folder / "journal"]),
        ledger_b=size([folder / "ledger"]),
        data_b=size(own_files(folder)),
    )

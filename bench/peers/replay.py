"""The common rule by every tool, each in its own environment and process, in turns; and apart, all our rules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.peers import prices
from bench.peers.compare import Contest, Entry, Run, explained, number
from bench.peers.environments import REPO, Missing, polite, python_of, reason
from dataio.bars import utc_text

WIDTH, STOP_PPM, TARGET_PPM, FEE_PPM = 480, 20_000, 40_000, 1_000
LIMIT_S = 600
OURS = "110"


class Tool(NamedTuple):
    """A peer: what it is called, the switches that make our rule be its, and why they differ."""

    name: str
    title: str
    flags: str
    why: str = ""


TOOLS = (
    Tool("vectorbt", "vectorbt", "100", "the bar of the entry cannot close it"),
    Tool(
        "nautilus",
        "nautilus_trader",
        "001",
        "filled at the close that gave the signal, so legs count from there and act from the next bar on",
    ),
    Tool("backtesting", "backtesting.py", "010", "legs are named before the fill, so from the signal's close"),
    Tool("freqtrade", "freqtrade", OURS, "its target is net of fees and was turned into a price"),
)
WORDS = (
    f"Close above the highest high of the {WIDTH} bars before: long at the next open; stop {STOP_PPM / 1e4:g} %, target "
    f"{TARGET_PPM / 1e4:g} %, the stop first where a bar holds both, one position, {FEE_PPM / 1e4:g} % taker fee a side. Each tool in a "
    "process of its own, in turns. Counted is the processor's time of the run from candles in memory to closed trades (range, signals, "
    "fills, fees), so that a busy machine does not weigh on the longer runs; what compiles had a run before. By the wall clock, beside it: "
    "that run, the first one, import, load. vectorbt runs on its Rust "
    "engine. Ours does the least of all here: no orders, no events, no statistics."
)


def asked(python: Path, module: str, *words: str | Path) -> bytes:
    """What a tool's script prints; Missing when it fails."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"}
    command = polite(python, "-m", f"bench.peers.tools.{module}", *words)
    try:
        done = subprocess.run(  # noqa: S603  our own scripts  # nosec B603
            command, capture_output=True, timeout=LIMIT_S, check=False, cwd=REPO, env=env
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"more than {LIMIT_S} s") from error
    if done.returncode:
        raise Missing(reason(done.stderr.decode(errors="replace")) or f"exit code {done.returncode}")
    return done.stdout.splitlines()[-1]


def replay(data: Path, folder: Path, rounds: int, only: str | None) -> list[Contest]:
    """The contest of the common rule, and ours with all rules."""
    bars = prices.stored(data)
    path = folder / "bars.parquet"
    prices.write(path, bars)
    numbers = ("--width", WIDTH, "--stop-ppm", STOP_PPM, "--target-ppm", TARGET_PPM, "--fee-ppm", FEE_PPM, "--folder", folder)
    words = [str(path), *map(str, numbers)]
    pythons: dict[str, Path] = {"ours": Path(sys.executable)}
    skipped: dict[str, str] = {}
    for tool in TOOLS:
        if only in (None, "replay", tool.name):
            try:
                pythons[tool.name] = python_of(tool.name)
            except Missing as missing:
                skipped[tool.name] = str(missing)
    runs: dict[str, list[Run]] = {name: [] for name in pythons}
    for number_ in range(rounds):
        for name, python in pythons.items():
            if name in skipped:
                continue
            sys.stderr.write(f"round {number_ + 1} of {rounds}: {name} ...\n")
            try:
                runs[name].append(msgspec.json.decode(asked(python, f"with_{name}", *words), type=Run))
            except Missing as missing:
                skipped[name] = str(missing)
    if not runs["ours"]:
        raise Missing(skipped["ours"])
    return [
        common(runs, skipped, f"{utc_text(int(bars.ts[0]))} to {utc_text(bars.end_ms)}"),
        *(all_rules(data, rounds) if only in (None, "replay") else ()),
    ]


def common(runs: dict[str, list[Run]], skipped: dict[str, str], when: str) -> Contest:
    """The runs of every tool beside ours."""
    ours = runs["ours"]
    conventions = ours[0].conventions
    entries = [Entry(who="ours", rates=_rates(ours), note=f"{len(ours[0].trades)} trades; {_beside(ours)}")]
    for tool in TOOLS:
        found = runs.get(tool.name, [])
        if not found and tool.name not in skipped:
            continue
        if not found or tool.name in skipped:
            entries.append(Entry(who=tool.title, rates=[], skipped=skipped.get(tool.name, "")))
            continue
        said = explained(found[0].trades, tool.flags, tool.why, conventions, OURS)
        note = f"{len(found[0].trades)} trades: {said}; {_beside(found)}"
        entries.append(Entry(who=tool.title, version=found[0].version, rates=_rates(found), note=note))
    words = f"{WORDS} {prices.SYMBOL} spot, {ours[0].bars:,} bars of 15 minutes without a hole, {when}."
    return Contest(name="Replay of one common rule", unit="bars/s", entries=entries, words=words)


def _rates(runs: list[Run]) -> list[float]:
    return [run.bars / run.seconds["processor"] for run in runs]


def _beside(runs: list[Run]) -> str:
    """Import, load, first run, memory: the middle round's."""
    middle = sorted(runs, key=lambda run: run.seconds["processor"])[len(runs) // 2]
    seconds = {name: number(value) for name, value in middle.seconds.items()}
    return (
        f"run {seconds['run']} s, first run {seconds['first']} s, import {seconds['import']} s, load {seconds['load']} s, "
        f"{middle.peak_mib:,.0f} MiB"
    )


class _Row(msgspec.Struct):
    name: str
    bars: int
    trades: int
    processor: float


class _AllRules(msgspec.Struct):
    rows: list[_Row]
    peak_mib: float


def all_rules(data: Path, rounds: int) -> list[Contest]:
    """Ours with everything it does, on half a year of five-minute bars of the same symbol: beside nobody."""
    told: list[_AllRules] = []
    try:
        for number_ in range(rounds):
            sys.stderr.write(f"round {number_ + 1} of {rounds}: all our rules ...\n")
            told.append(msgspec.json.decode(asked(Path(sys.executable), "with_all_rules", data), type=_AllRules))
    except Missing as missing:
        return [Contest(name="All our rules", unit="bars/s", entries=[Entry(who="ours", rates=[], skipped=str(missing))])]
    entries = []
    for k, row in enumerate(told[0].rows):
        rates = [one.rows[k].bars / one.rows[k].processor for one in told]
        entries.append(Entry(who=row.name, rates=rates, note=f"{row.trades} trades of {row.bars:,} bars; {told[0].peak_mib:,.0f} MiB"))
    words = (
        "Every strategy of spot on its timeframes, regimes, costs, sizing, risk limits, trailing exits, a wallet: what the bot decides by, "
        "not the rule above, so no ratio to the tools follows from it. Five-minute bars of the same symbol, January to June 2025; making a "
        "fresh engine and its tables is inside the time, which weighs more on one symbol and half a year than on ten symbols and years "
        "(`make bench`)."
    )
    return [Contest(name="Ours with all rules", unit="bars/s", entries=entries, words=words, alone=True)]

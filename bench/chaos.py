"""Proof by trouble: twenty seeds of chaos; on paper, twenty seeds of the demonstration run, or a bot killed again and again.

    python -m bench.chaos                       chaos, seeds 1 to 20, 2 minutes and 10 kills each, then one without faults and with at
                                                least 50 positions open: no broken invariant, ready in 3 s (about 50 minutes)
    python -m bench.chaos --paper               seeds 1 to 20, `--speed 6000 --duration 90`: exit 0, at least 3 closed trades, books right
    python -m bench.chaos --paper --kills 20    kill -9 at random moments: nothing lost, nothing doubled, every restart goes on

Ends with one JSON document on stdout; exit 0 when everything held. Progress goes to stderr. No process outlives it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.audit import audit, replayed, rows_of
from bench.bot import Late, end_simulators, no_leftovers, run, started, status_of

LEAST_TRADES = 3
SPARE_S = 180.0
"""Start, warm-up and end of a run, on a busy machine."""
DEMO = ("--strategies", "demo", "--speed", "600")
REAL = ("--speed", "20000")
KINDS = (DEMO, DEMO, REAL)
DIES_STARTING = 0.25
"""Share of kills that meet the bot before it is ready."""

RECOVERY_S = 3.0
"""From a kill to ready, where no fault met the start; what a fault adds to it is told and not judged."""
MANY = 50
"""Positions that are open while the many are killed."""
PORTFOLIO = ("--symbols", "25", "--faults-per-minute", "0", "--set", "risk.portfolio=1", "--set", "risk.pair=1")
"""Caps lifted, and each symbol on spot and as a perpetual."""

Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
    """One line of progress, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def run_seed(seed: int, speed: float, duration_s: float, place: Path) -> dict[str, Any]:
    """One demonstration run to its end; `wrong` lists what did not hold."""
    begun = time.monotonic()
    state_dir = place / f"seed-{seed}"
    wrong: list[str] = []
    found: dict[str, Any] = {"seed": seed}
    words = ("--seed", str(seed), "--speed", f"{speed:g}", "--duration", f"{duration_s:g}")
    with no_leftovers(state_dir), started(state_dir, *words) as bot:
        try:
            code = bot.ended(duration_s + SPARE_S)
            status = bot.status()
        except (Late, AssertionError) as error:
            return found | {"wrong": [str(error)], "wall_s": round(time.monotonic() - begun, 1)}
        if code:
            wrong.append(f"exit code {code}: {bot.said[-500:]}")
        wrong += audit(rows_of(bot.folder), status["accounts"])
    closed = sum(view["closed_trades"] for view in status["accounts"].values())
    if closed < LEAST_TRADES:
        wrong.append(f"{closed} closed trades, at least {LEAST_TRADES} wanted")
    equity = {account: view["equity"] for account, view in status["accounts"].items()}
    return found | {"exit": code, "closed": closed, "equity": equity, "wrong": wrong, "wall_s": round(time.monotonic() - begun, 1)}


def run_chaos(seed: int, minutes: float, kills: int, place: Path, more: Sequence[str] = ()) -> dict[str, Any]:
    """One run of the `chaos` command, with `more` words; its document, with what is broken and what is too slow in `wrong`."""
    begun = time.monotonic()
    document = place / f"chaos-{seed}.json"
    words = ("--seed", str(seed), "--minutes", f"{minutes:g}", "--kills", str(kills), "--json", str(document), *more)
    done = run("chaos", *words, limit_s=minutes * 60 + 2 * SPARE_S)
    try:
        found: dict[str, Any] = json.loads(document.read_text())
    except (OSError, ValueError):
        found = {"seed": seed, "broken": [f"exit code {done.returncode}: {done.stderr[-500:]}"]}
    wrong = found.pop("broken") or ([f"exit code {done.returncode}"] if done.returncode else [])
    slowest = found.get("recovery_spared_max_s")
    if slowest is not None and slowest > RECOVERY_S:
        wrong.append(f"ready {slowest:.2f} s after a kill that no fault met, limit {RECOVERY_S:g} s")
    return found | {"wrong": wrong, "wall_s": round(time.monotonic() - begun, 1)}


def chaos_seeds(seeds: Sequence[int], minutes: float, kills: int, place: Path, say: Say) -> list[dict[str, Any]]:
    """Every seed, one after the other: each is a bot and an exchange, and the figures are those of an idle machine."""
    runs = []
    for seed in seeds:
        runs.append(run_chaos(seed, minutes, kills, place))
        say(f"seed {seed:3}  {_told(runs[-1])}")
    return runs


def portfolio(seed: int, minutes: float, kills: int, place: Path, say: Say) -> dict[str, Any]:
    """Kills alone, with `MANY` positions open."""
    found = run_chaos(seed, minutes, kills, place, PORTFOLIO)
    if (most := found.get("most_open", 0)) < MANY:
        found["wrong"].append(f"at most {most} positions were open, {MANY} wanted")
    say(f"{most:4} open {_told(found)}")
    return found


def _told(found: dict[str, Any]) -> str:
    orders, slowest, spared = (found.get(name, "-") for name in ("orders_sent", "recovery_max_s", "recovery_spared_max_s"))
    told = f"{orders!s:>5} orders  recovery {slowest!s:>5} s, without faults {spared!s:>5} s  {found['wall_s']:6.1f} s"
    return f"{told}  {'; '.join(found['wrong']) or 'ok'}"


def run_seeds(seeds: Sequence[int], speed: float, duration_s: float, place: Path, jobs: int, say: Say) -> list[dict[str, Any]]:
    """Every seed, `jobs` at a time, in the order of `seeds`."""

    def one(seed: int) -> dict[str, Any]:
        found = run_seed(seed, speed, duration_s, place)
        verdict = "; ".join(found["wrong"]) or "ok"
        say(f"seed {seed:3}  {found.get('closed', '-')!s:>3} closed  {found['wall_s']:6.1f} s  {verdict}")
        return found

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, seeds))


def kill_rounds(place: Path, kills: int, rng: random.Random, say: Say, kinds: Sequence[Sequence[str]] = KINDS) -> list[dict[str, Any]]:
    """One state directory, killed `kills` times; after each kill the books and the journal are examined, at the end it stops in order."""
    state_dir = place / "killed"
    rounds: list[dict[str, Any]] = []
    with no_leftovers(state_dir):
        before: list[bytes] = []
        for number in range(kills):
            found = _kill(state_dir, number, rng, kinds[number % len(kinds)])
            rows = [bytes(row.row) for row in rows_of(state_dir / "simulated")]
            found["wrong"] += _examine(state_dir, before, rows, live_expected=False)
            before = rows
            rounds.append(found)
            say(f"kill {number + 1:3}  {found['moment']:<22}  {len(rows):5} ledger rows  {'; '.join(found['wrong']) or 'ok'}")
        rounds.append(_last(state_dir, before, kinds[0]))
        say(f"clean end  {'; '.join(rounds[-1]['wrong']) or 'ok'}")
    return rounds


def _kill(state_dir: Path, number: int, rng: random.Random, words: Sequence[str]) -> dict[str, Any]:
    """Start it, kill it somewhere; now and then the simulator dies with it."""
    pause = threading.Event()
    with started(state_dir, *words, output=state_dir.parent / f"round-{number}.out") as bot:
        if number and rng.random() < DIES_STARTING:
            after_s = rng.uniform(0.2, 4.0)
            pause.wait(after_s)
            moment = f"{after_s:.2f} s after start"
        else:
            bot.ready()
            after_s = rng.uniform(0.1, 4.0)
            pause.wait(after_s)
            moment = f"{after_s:.2f} s after ready"
        ended = bot.process.poll()
        wrong = [] if ended is None else [f"it had ended with {ended}: {bot.said[-500:]}"]
        bot.kill()
    if rng.random() < 1 / 3:
        end_simulators(state_dir)
        moment += ", both"
    return {"kill": number + 1, "moment": moment, "wrong": wrong}


def _examine(state_dir: Path, before: Sequence[bytes], rows: Sequence[bytes], *, live_expected: bool) -> list[str]:
    """What is wrong with a stopped bot's state: its books, its history, its journal."""
    folder = state_dir / "simulated"
    try:
        status = status_of(state_dir)
    except AssertionError as error:
        return [str(error)]
    wrong = audit(rows_of(folder), status["accounts"])
    if list(rows[: len(before)]) != list(before):
        wrong.append("rows that were in the ledger before have changed or gone")
    if status["live"] is not live_expected:
        wrong.append(f"live is {status['live']}")
    again = replayed(folder, state_dir.parent / "replayed")
    if again.differing:
        wrong.append(f"{again.differing} of {again.events} events are decided differently in a replay")
    return wrong


def _last(state_dir: Path, before: Sequence[bytes], words: Sequence[str]) -> dict[str, Any]:
    """A last run that ends in order."""
    with started(state_dir, *words, "--duration", "2", output=state_dir.parent / "last.out") as bot:
        code = bot.ended(SPARE_S)
    rows = [bytes(row.row) for row in rows_of(state_dir / "simulated")]
    wrong = _examine(state_dir, before, rows, live_expected=False)
    if code:
        wrong.append(f"exit code {code}: {bot.said[-500:]}")
    trades = sum(row.kind == "trade" for row in rows_of(state_dir / "simulated"))
    return {"exit": code, "rows": len(rows), "trades": trades, "wrong": wrong}


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description="Proof by trouble.")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="seeds 1 to N (default 20)")
    parser.add_argument("--minutes", type=float, default=2.0, metavar="M", help="of chaos, wall time (default 2)")
    parser.add_argument("--kills", type=int, metavar="N", help="of chaos (default 10); with --paper instead: kill -9 one bot N times")
    parser.add_argument("--paper", action="store_true", help="the demonstration run instead of chaos")
    parser.add_argument("--speed", type=float, default=6000.0, metavar="X", help="of --paper")
    parser.add_argument("--duration", type=float, default=90.0, metavar="SECONDS", help="of --paper")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="runs at a time, of --paper (default 2)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the moments of the kills of --paper (default 1)")
    args = parser.parse_args(arguments)
    seeds = range(1, args.seeds + 1)
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        if not args.paper:
            what, kills = "faults and kills", 10 if args.kills is None else args.kills
            runs = chaos_seeds(seeds, args.minutes, kills, Path(place), say_on_stderr)
            runs.append(portfolio(args.seeds + 1, args.minutes, kills, Path(place), say_on_stderr))
        elif args.kills is None:
            what, runs = "seeds", run_seeds(seeds, args.speed, args.duration, Path(place), args.jobs, say_on_stderr)
        else:
            what, runs = "kills", kill_rounds(Path(place), args.kills, random.Random(args.seed), say_on_stderr)
    failed = sum(bool(one["wrong"]) for one in runs)
    print(json.dumps({"chaos": what, "runs": runs, "failed": failed}, indent=1))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

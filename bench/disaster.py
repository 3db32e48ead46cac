"""The worst day in figures: kill -9 to ready with fifty positions open, and a flatten without the bot while a fifth of all requests fails.

A demonstration of thirty symbols on spot and as perpetuals (both accounts of the built-in exchange are live ones, caps lifted). Each kill
comes when at least fifty positions are open; the last leaves the bot dead, a fifth of the requests to the exchange is answered with 503 or
loses its reply or its connection, and `flatten --yes` acts over the venues until it has seen every account flat. About a minute and a half.
Alone: python -m bench.disaster
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.bot import Bot, no_leftovers, run, started
from bench.measure import Row, table, took
from modules.cli_chaos import LISTED

MANY, SYMBOLS, SPEED = 50, 30, 5.0
RECOVERY_S, FLAT_S = 3.0, 15.0
FAULTS = (
    {"kind": "http_status", "status": 503, "probability": 0.07},
    {"kind": "lose_reply", "probability": 0.07},
    {"kind": "drop", "probability": 0.06},
)
"""Together a fifth of what is asked."""
WORDS = (
    *("--stage", "4", "--override-gates", "--profile", "spot+perp", "--strategies", "demo", "--speed", f"{SPEED:g}"),
    *("--symbols", ",".join(LISTED[:SYMBOLS]), "--set", "risk.portfolio=1", "--set", "risk.pair=1"),
)
FILLED_S = 180.0


def open_positions(bot: Bot) -> int:
    """Held now, on all accounts."""
    return sum(len(view["open_positions"]) for view in bot.status()["accounts"].values())


def filled(bot: Bot) -> int:
    """Wait until so many are open; how many."""
    found: int = bot.until(f"{MANY} positions", lambda: count if (count := open_positions(bot)) >= MANY else 0, FILLED_S)
    return found


def strike(control: str) -> None:
    """From now on a fifth of the requests fails."""
    for one in FAULTS:
        body = json.dumps({**one, "match": "/v5/", "count": 0}).encode()
        request = urllib.request.Request(f"{control}/faults", data=body, method="POST")  # noqa: S310  our own simulator
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  same  # nosec B310
            answer.read()


def flattened(state_dir: Path) -> float:
    """Seconds that `flatten --yes` takes without the bot; AssertionError when it does not end flat."""
    begin = time.perf_counter()
    done = run("flatten", "--yes", "--env", "simulated", "--state-dir", str(state_dir), limit_s=120.0)
    took_s = time.perf_counter() - begin
    if done.returncode != 0 or "flat, seen at the venue" not in done.stdout:
        raise AssertionError(f"flatten ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return took_s


def disaster_rows(folder: Path, kills: int) -> list[Row]:
    """Both rows."""
    found, held = [], []
    with no_leftovers(folder / "var") as state_dir:
        for number in range(kills + 1):
            begin = time.perf_counter()
            with started(state_dir, *WORDS, output=folder / f"life-{number}.out") as bot:
                bot.ready()
                if number:  # the first start is not after a kill
                    found.append(time.perf_counter() - begin)
                held.append(filled(bot))
                bot.kill()
        control = json.loads((state_dir / "simulated" / "simulator.json").read_text())["control"]
        strike(control)
        flat = flattened(state_dir)
    note = f"{min(held)} to {max(held)} positions open; the exchange lives on"
    return [
        took("kill -9 to ready, 50 positions", "s", found, RECOVERY_S, note),
        took("flatten without the bot, 20 % faults", "s", [flat], FLAT_S, f"{held[-1]} positions, seen flat at the venue"),
    ]


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(disaster_rows(Path(folder), 3)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

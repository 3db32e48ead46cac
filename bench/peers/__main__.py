"""`make bench-peers`: what a user would pick instead, beside ours, in one run; a table, JSON, and the page of documentation.

python -m bench.peers [--only NAME] [--rounds N] [--data DIR] [--json FILE] [--doc FILE]
A run of one part keeps the others as they stand in the JSON file, so that the page can be made part by part.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench.peers.compare import Contest, merged, text
from bench.peers.document import page
from bench.peers.environments import Missing
from bench.peers.frames import frames
from bench.peers.indicators import indicators
from bench.peers.replay import TOOLS, replay
from bench.peers.storage import storage
from utils.errors import ExitCode, Refusal

PARTS = ("replay", "frames", "storage", "indicators")


class Told(msgspec.Struct):
    """Of the JSON that is written, what a later run of one part keeps."""

    contests: list[Contest]


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "msgspec", "pandas", "pyarrow")},
    }


def measured(only: str | None, data: Path, rounds: int) -> list[Contest]:
    """The contests asked for, one part after the other."""
    found: list[Contest] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if only in (None, "replay", *(tool.name for tool in TOOLS)):
            try:
                found += replay(data, folder, rounds, only)
            except (Missing, Refusal) as missing:
                sys.stderr.write(f"the replay is left out: {missing}\n")
        if only in (None, "frames"):
            sys.stderr.write("frames ...\n")
            found += frames(rounds)
        if only in (None, "storage"):
            sys.stderr.write("storage ...\n")
            found += storage(folder, rounds)
        if only in (None, "indicators"):
            sys.stderr.write("indicators ...\n")
            found += indicators(rounds)
    return found


def before(path: Path) -> list[Contest]:
    """The contests of an earlier run's file; none when there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Told).contests if path.exists() else []


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Ours beside what a user would pick instead.")
    parser.add_argument(
        "--only", choices=(*PARTS, *(tool.name for tool in TOOLS)), metavar="NAME", help="one part, or one tool beside ours"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: $BOT_MARKET_DATA, else ../shared/data")
    parser.add_argument("--json", type=Path, default=Path("var/peers.json"), metavar="FILE")
    parser.add_argument("--doc", type=Path, metavar="FILE", help="also write the page of documentation")
    args = parser.parse_args(arguments)
    data: Path = args.data or Path(os.environ.get("BOT_MARKET_DATA", "../shared/data"))
    if args.rounds < 3:
        parser.error("--rounds: at least 3, or a median says nothing")
    contests = measured(args.only, data, args.rounds)
    if not contests:
        return ExitCode.USAGE
    args.json.parent.mkdir(parents=True, exist_ok=True)
    every = merged(before(args.json), contests) if args.only in PARTS else contests
    told = {"machine": machine(), "rounds": args.rounds, "contests": every}
    args.json.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
    if args.doc is not None:
        args.doc.write_text(page(machine(), every, args.rounds))
    sys.stdout.write(text(contests) + f"\nwritten to {args.json}{f' and {args.doc}' if args.doc else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

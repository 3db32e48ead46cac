"""`python main.py chaos`: its words, the folder it lives in, what it prints, how it ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import ExitCode, Refusal, Transient
from utils.files import atomic_write, ensure_writable

if TYPE_CHECKING:
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]

FASTEST = 10.0
"""Above it the simulator waits for the bot, and a slow bot could hide."""
BOTH = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "BNBUSDT", "LINKUSDT")
LISTED = (*BOTH, *(f"SIM{number:02}USDT" for number in range(1, 41)))
"""What the generated market has on spot and as a perpetual."""


def chosen(text: str) -> tuple[str, ...]:
    """`10` or `BTCUSDT,ETHUSDT` as symbols."""
    if text.isascii() and text.isdigit():
        if not 1 <= int(text) <= len(LISTED):
            raise argparse.ArgumentTypeError(f"{text} is not between 1 and {len(LISTED)}")
        return LISTED[: int(text)]
    found = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))
    if unknown := [name for name in found if name not in LISTED] or ([] if found else ["nothing"]):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not listed on spot and as a perpetual; there are {', '.join(LISTED)}")
    return found


def number(text: str, lowest: float, highest: float, *, above: bool = False) -> float:
    """A number in a range; `above`: the lowest itself is out."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest or (above and value == lowest):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number {'above' if above else 'from'} {lowest:g} {'up ' if above else ''}to {highest:g}"
        )
    return value


def whole(text: str) -> int:
    """A whole number from 0 on."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def add_arguments(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `chaos` command."""
    words = "the whole bot against the simulator: random faults, random kills, then both ledgers compared"
    found = subparsers.add_parser("chaos", help=words, description=words)
    add = found.add_argument
    add("--seed", type=whole, default=1, metavar="N", help="of market, faults and kills (default 1)")
    add("--minutes", type=lambda text: number(text, 0, 1440, above=True), default=2.0, metavar="M", help="wall time (default 2)")
    add("--kills", type=whole, metavar="K", help="how often the bot is killed (default 5 a minute)")
    add("--speed", type=lambda text: number(text, 0, FASTEST, above=True), default=FASTEST, metavar="X", help="venue speed, at most 10")
    add("--symbols", type=chosen, default=LISTED[:10], metavar="n|A,B", help="how many, or which (default 10)")
    add("--faults-per-minute", type=lambda text: number(text, 0, 600), default=60.0, metavar="F", help="on average (default 60)")
    add("--stage", type=int, choices=(1, 2, 3, 4), default=4, help="of the bot (default 4: spot and perpetuals live)")
    add("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="for the bot, e.g. lifted caps (may be repeated)")
    add("--json", type=Path, metavar="FILE", help="write the JSON document there too")
    add("--keep", type=Path, metavar="DIR", help="keep state, ledgers and output there (a new or empty folder)")
    found.set_defaults(handler=chaos)


def chaos(args: argparse.Namespace, _load: Load) -> ExitCode:
    """DONE when every invariant held, INTERNAL (70) when one did not: that is a bug of ours. Refusal when the simulator fails."""
    import msgspec

    from modules.chaos.report import table
    from modules.chaos.run import ChaosOptions, run

    options = ChaosOptions(
        seed=args.seed,
        minutes=args.minutes,
        kills=round(5 * args.minutes) if args.kills is None else args.kills,
        speed=args.speed,
        symbols=args.symbols,
        faults_per_minute=args.faults_per_minute,
        stage=args.stage,
        overrides=tuple(args.set),
    )
    if options.kills > args.minutes * 60:
        raise Refusal(f"--kills: {options.kills} is more than one a second")
    with _place(args.keep) as place:
        try:
            found = run(options, Path(place), _say)
        except Transient as error:
            raise Refusal(f"chaos: {error}", ExitCode.UNREACHABLE) from error
    document = msgspec.json.encode(found)
    if args.json is not None:
        try:
            atomic_write(args.json.absolute(), document)
        except OSError as error:
            raise Refusal(f"--json: {args.json} cannot be written: {error.strerror}") from error
    sys.stdout.write(table(found) + document.decode() + "\n")
    return ExitCode.INTERNAL if found.broken else ExitCode.DONE


def _place(keep: Path | None) -> AbstractContextManager[str]:
    if keep is None:
        from tempfile import TemporaryDirectory

        return TemporaryDirectory(prefix="chaos-")
    folder = keep.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(f"--keep: {keep} is not a new or empty folder")
    ensure_writable(folder)
    return nullcontext(str(folder))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

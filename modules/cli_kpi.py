"""The command `kpi`: key figures and verdicts from the ledger on disk, for people or as JSON. It changes nothing and needs no daemon."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules.cli_run import ENVIRONMENTS
from modules.cli_state import place_of
from modules.state_place import add_state_dir
from utils.errors import ExitCode, Refusal

if TYPE_CHECKING:
    from modules.settings import BotConfig
    from telemetry.ledger_rows import Book

Load = Callable[[], "BotConfig"]
LEDGER = "ledger"


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    words = "key figures of every account, style and standing, and what the gates say"
    found = commands.add_parser("kpi", help=words, description=words)
    found.add_argument("--env", choices=ENVIRONMENTS, help="default: the one used last")
    add_state_dir(found)
    found.add_argument("--account", default="all", help="e.g. CRYPTO/PAPER (default all)")
    found.add_argument("--all", action="store_true", help="also every statistic there is, on each row's sample")
    found.add_argument("--json", action="store_true", help="one JSON document")
    found.set_defaults(handler=kpi)


def stored_rows(place: Path) -> tuple[list[tuple[str, bytes]], tuple[str, ...]]:
    """The rows as stored, and what stands in the ledger and cannot be read, in words; Refusal when there is no ledger."""
    from state.ledger import lost_rows, read_ledger
    from utils.files import Damaged

    if not (place / LEDGER).is_dir():
        raise Refusal(f"no ledger in {place}; start the bot there first, or name another --state-dir")
    rows: list[tuple[str, bytes]] = []
    lost: tuple[str, ...] = ()
    try:
        rows.extend((str(row.kind), bytes(row.row)) for row in read_ledger(place / LEDGER))
    except Damaged as error:  # it checks by its sum and is no row, or it rotted while it was read
        lost = (str(error),)
    return rows, (*lost, *lost_rows(place / LEDGER))


def warn(lost: Sequence[str]) -> ExitCode:
    """Say on stderr what is not counted; the exit code that goes with it."""
    for line in lost:
        sys.stderr.write(f"THE LEDGER IS DAMAGED: {line}\n")
    if lost:
        sys.stderr.write("figures tell of less than happened and no gate passes on them; the next start mends what the journal still has\n")
    return ExitCode.NO_STATE_CHAIN if lost else ExitCode.DONE


def newest(book: Book) -> int:
    """The time of the newest row: what "now" is for a ledger whose venue time may be years from ours."""
    times = [trade.exit_ts for trade in book.trades]
    for rows in (book.fills, book.cash, book.days, book.starts):
        times += [row.ts for row in rows]
    return max(times, default=0)


def stored_figures(place: Path) -> dict[str, Any]:
    """The key figures of everything stored in `place`, as in the document of `--json`; Refusal when there is no ledger."""
    import msgspec

    from telemetry.kpi import kpi_of, slices
    from telemetry.ledger_rows import read_rows

    book = read_rows(*stored_rows(place))
    now = newest(book)
    return {"ts": now, "kpi": msgspec.to_builtins([kpi_of(part) for part in slices(book, now, None)])}


def kpi(args: argparse.Namespace, load: Load) -> ExitCode:
    """Print the figures."""
    import msgspec

    from modules.overrides import in_force
    from telemetry.gates import evaluate
    from telemetry.kpi import ALL, kpi_of, slices
    from telemetry.kpi_all import every_statistic
    from telemetry.kpi_table import every_table, table
    from telemetry.ledger_rows import read_rows
    from telemetry.sample import asked_for, sample_of
    from telemetry.verdict_words import words

    env, place = place_of(args)
    rows, lost = stored_rows(place)
    book = read_rows(rows, lost)
    wanted = account_of(args.account, book)
    now = newest(book)
    gate = in_force(load(), place, os.environ).gates
    parts = slices(book, now, wanted)
    found = [kpi_of(part) for part in parts]
    judged = sorted({(start.account, start.style) for start in book.starts if wanted in {None, start.account}})
    samples = [sample_of(book, account, style, env, now, asked_for(book, account, style)) for account, style in judged]
    verdicts = [evaluate(sample, gate, now) for sample in samples]
    every = [every_statistic(part, 0.5 if part.style == ALL else gate.targets(part.style).win_rate) for part in parts] if args.all else []
    code = warn(lost)
    if args.json:
        figures: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in found]
        for row, values in zip(figures, every, strict=False):
            row["statistics"] = dict(values)
        damaged = [one.what for one in book.damaged]
        document = {"env": env, "ts": now, "damaged": damaged, "kpi": figures, "verdicts": msgspec.to_builtins(verdicts)}
        sys.stdout.write(json.dumps(document) + "\n")
        return code
    sys.stdout.write(f"{env.upper()}\n" + table(found))
    for part, values in zip(parts, every, strict=False):
        sys.stdout.write(every_table(f"{part.account} {part.style} {part.standing}", values) + "\n")
    for verdict in verdicts:
        sys.stdout.write("\n".join(words(verdict, gate)) + "\n")
    return code


def account_of(text: str, book: Book) -> str | None:
    """The account meant, None for all; Refusal, naming those there are, for another one."""
    if text == "all":
        return None
    name = text.upper()
    if name not in book.accounts():
        raise Refusal(f"--account {text}: no such account in the ledger; there are {', '.join(book.accounts()) or 'none yet'}")
    return name

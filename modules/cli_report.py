"""The command `report`: a daily, weekly or stage report from the ledger on disk, as files. It changes no state and needs no daemon."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from modules.cli_run import ENVIRONMENTS, moment
from modules.cli_state import place_of
from modules.state_place import add_state_dir, folder
from utils.errors import ExitCode, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]
LEARNING = "learning"
KINDS = ("daily", "weekly", "stage", LEARNING)
SHORTEST_DAY, LONGEST_DAY = "2000-01-01", "2100-01-01"


def day(text: str) -> int:
    """`2025-03-04` as days since 1970-01-01."""
    from modules.ui.periods import day_number

    try:
        found = day_number(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2025-03-04") from None
    if not day_number(SHORTEST_DAY) <= found < day_number(LONGEST_DAY):
        raise argparse.ArgumentTypeError(f"{text!r} is not between {SHORTEST_DAY} and {LONGEST_DAY}")
    return found


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    words = "what the ledger says about a day, a week or everything so far: JSON, Markdown, CSV and plots"
    found = commands.add_parser("report", help=words, description=words)
    add = found.add_argument
    add(
        "kind",
        choices=KINDS,
        metavar="|".join(KINDS),
        help="the newest day or week (UTC) that is over, or everything; learning: what was decided, by whom, and what it was worth",
    )
    add("--out", type=folder, metavar="DIR", help="where the report's folder is made (default reports/ in the state's folder)")
    add("--date", type=day, metavar="YYYY-MM-DD", help="that day, or the week it lies in, instead of the newest that is over")
    add("--env", choices=ENVIRONMENTS, help="default: the one used last")
    add_state_dir(found)
    add("--account", default="all", help="e.g. CRYPTO/PAPER (default all)")
    add("--data", type=folder, metavar="DIR", help="a data root: trades are drawn on its candles")
    add("--now", type=moment, metavar="T", help="venue time it is made at (default: of the ledger's newest row)")
    add("--json", action="store_true", help="print the report as one JSON document")
    found.set_defaults(handler=report)


def report(args: argparse.Namespace, load: Load) -> ExitCode:
    """Make the report and say where it is."""
    from modules.cli_kpi import account_of, newest, stored_rows, warn
    from modules.overrides import in_force
    from modules.stage_request import remembered
    from modules.ui import report_files, report_plots, reports
    from modules.ui.periods import Kind, chosen
    from telemetry.ledger_rows import read_rows
    from utils.clock import WallClock

    env, place = place_of(args)
    if args.kind == LEARNING:
        return learning(args, load, env, place)
    if args.kind == Kind.STAGE and args.date is not None:
        raise Refusal("--date: a stage report covers everything so far")
    rows, lost = stored_rows(place)
    book = read_rows(rows, lost)
    only = account_of(args.account, book)
    now, gate = max(newest(book), args.now or 0) or WallClock().now_ms(), in_force(load(), place, os.environ).gates
    find = report_files.stored_candles(args.data) if args.data is not None else report_plots.no_candles
    period = chosen(Kind(args.kind), now, reports.oldest(book), args.date)
    if period.from_ts > now:
        raise Refusal(f"--date: {period.name} lies after now, which is {reports.moment_text(now)}")
    found = reports.assemble(book, period, env=env, stage=remembered(place).stage, gate=gate, now=now, only=only)
    out = args.out if args.out is not None else place / "reports"
    files = report_files.write_report(out, found, rows, report_plots.pictures(book, found, find), gate, only=only)
    if args.json:
        sys.stdout.write(report_files.document(found).decode())
    else:
        notes = "".join(f"  {note}\n" for note in found.notes)
        sys.stdout.write(f"{reports.headline(found)}\n{notes}  {len(files)} files in {out / period.name}\n")
    return warn(lost)


def learning(args: argparse.Namespace, load: Load, env: str, place: Path) -> ExitCode:
    """Make the report on learning and say where it is."""
    from modules.cli_kpi import newest, stored_rows, warn
    from modules.offline import stored_state
    from modules.overrides import in_force
    from modules.ui import report_learning_files as files
    from modules.ui.report_learning_source import read_report
    from telemetry.ledger_rows import read_rows
    from utils.clock import WallClock

    for name in ("date", "data"):
        if getattr(args, name) is not None:
            raise Refusal(f"--{name}: a report on learning covers all decisions so far, with the candles that the bot kept")
    if args.account != "all":
        raise Refusal("--account: a report on learning is about domains; it has no accounts")
    state = stored_state(place)
    rows, lost = stored_rows(place)
    now = max(newest(read_rows(rows, lost)), state.ts, args.now or 0) or WallClock().now_ms()
    found, experiences = read_report(place, state, rows, in_force(load(), place, os.environ), env, now)
    out = args.out if args.out is not None else place / "reports"
    written = files.write_learning(out, found, experiences)
    if args.json:
        sys.stdout.write(files.document(found).decode())
    else:
        said = [*found.notes, *(f"{one.domain}: {words}" for one in found.domains if one.decisions for words in one.verdict)]
        words = "".join(f"  {one}\n" for one in said)
        sys.stdout.write(f"{files.headline(found)}\n{words}  {len(written)} files in {out / files.FOLDER}\n")
    return warn(lost)

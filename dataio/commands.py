"""`python main.py data import|verify|compact`: the words; what they do is in `dataio/actions.py`, loaded when one of them is run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from utils.errors import ExitCode, Refusal

if TYPE_CHECKING:
    from dataio.archive import Kind

    Group = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

DEFAULT_DATA_DIR = Path("var/data")
KINDS = ("spot", "perp", "fx")


def add_arguments(subparsers: Group) -> Group:
    """Add `data` and its commands. Returns the group of these, so that a command living elsewhere (`data download`) can join it."""
    data = subparsers.add_parser("data", help="market history on disk: import, verify, compact")
    group = data.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    bring = _command(group, "import", "bars from a data root or from one parquet or CSV file into the dataset")
    source = bring.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-root", type=Path, metavar="DIR", help="a folder with crypto_spot, crypto_perp or fx in it")
    source.add_argument("--file", type=Path, metavar="FILE", help="one file with a time column and open, high, low, close, volume")
    bring.add_argument("--series", metavar="VENUE/DOMAIN/SYMBOL/TIMEFRAME", help="where --file belongs, e.g. bybit/crypto/BTCUSDT/5m")
    bring.add_argument("--kind", choices=KINDS, action="append", help="only these markets of --from-root (may be repeated)")
    bring.add_argument("--symbols", metavar="A,B", help="only these symbols of --from-root")
    check = _command(group, "verify", "list damaged files, gaps, duplicates, stamps off the grid, impossible prices")
    check.add_argument("--symbols", metavar="A,B", help="only these symbols")
    pack = _command(group, "compact", "make or renew the fast cache of every series (day files stay as they are)")
    pack.add_argument("--symbols", metavar="A,B", help="only these symbols")
    return group


def run(args: argparse.Namespace, out: TextIO) -> ExitCode:
    """Do what was parsed and write about it to `out`. Refusal for what cannot be served; USAGE when bad data were found."""
    from dataio import actions  # noqa: PLC0415  pyarrow is slow to load, and `--help` needs none of it

    symbols = tuple(word.strip() for word in args.symbols.split(",") if word.strip()) if args.symbols else None
    command: str = args.data_command
    if command == "import":
        if args.file is not None and (args.kind or symbols):
            raise Refusal("--kind and --symbols go with --from-root, not with --file")
        kinds = cast("tuple[Kind, ...]", tuple(args.kind or KINDS))
        source = actions.Source(root=args.from_root, file=args.file, series=args.series, kinds=kinds, symbols=symbols)
        return actions.bring_in(args.data_dir, source, out, as_json=args.json)
    action = {"verify": actions.check, "compact": actions.pack}[command]
    return action(args.data_dir, symbols, out, as_json=args.json)


def _command(group: Group, name: str, words: str) -> argparse.ArgumentParser:
    parser = group.add_parser(name, help=words, description=words)
    parser.add_argument("--data-dir", type=Path, default=DEFAULT_DATA_DIR, metavar="DIR", help="the dataset (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document, nothing else")
    return parser

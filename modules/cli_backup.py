"""`backup FILE` and `restore FILE`: the state of one environment as one checked archive, and back."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from modules.cli_run import ENVIRONMENTS
from modules.cli_state import place_of
from modules.state_place import LAST_ENV, add_state_dir, folder
from utils.errors import ExitCode, Refusal
from utils.files import atomic_write

if TYPE_CHECKING:
    from modules.backup import Manifest
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two commands."""
    for name, words, handler in (
        ("backup", "write the state to an archive; the bot may run", backup),
        ("restore", "put an archive of backup back, where no state is", restore),
    ):
        found = commands.add_parser(name, help=words, description=words)
        if name == "backup":
            found.add_argument("file", type=folder, metavar="FILE|DIR", help="a new file, or a folder to put one into")
            found.add_argument("--env", choices=ENVIRONMENTS, help="default: the one used last")
        else:
            found.add_argument("file", type=folder, metavar="FILE", help="an archive that backup has made")
        add_state_dir(found)
        found.set_defaults(handler=handler)


def backup(args: argparse.Namespace, _load: Load) -> ExitCode:
    """Write the archive and say what it holds."""
    from modules.backup import back_up
    from utils.clock import WallClock

    env, place = place_of(args)
    if not place.is_dir():
        raise Refusal(f"no state in {place}; start the bot there first, or name another --env or --state-dir")
    now = WallClock().now_ms()
    target: Path = args.file
    if target.is_dir():
        target /= f"trading-bot-{env}-{_stamp(now)}.tar.gz"
    manifest = back_up(place, env, target, now, lambda line: print(line, file=sys.stderr))
    sys.stdout.write(f"{target}: {_told(manifest)}, {target.stat().st_size / 1e6:.1f} MB\n")
    return ExitCode.DONE


def restore(args: argparse.Namespace, _load: Load) -> ExitCode:
    """Put it back; the environment is then the one used last, where none was."""
    from modules.restore import restore_backup

    manifest, place = restore_backup(args.file, args.state_dir)
    last = args.state_dir / LAST_ENV
    if not last.exists():
        atomic_write(last, manifest.env.encode())
    made = datetime.fromtimestamp(manifest.made_ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    sys.stdout.write(f"{place}: {_told(manifest)}, as of {made}; the next start goes on from there\n")
    return ExitCode.DONE


def _stamp(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _told(manifest: Manifest) -> str:
    return f"{manifest.env}, {len(manifest.members)} files, snapshot {manifest.seq}, written by version {manifest.version}"

"""The command `doctor`: what stands in the way of a start, an upgrade or real money; each line with its remedy. It changes nothing."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from modules.cli_run import ENVIRONMENTS
from modules.state_place import add_state_dir, last_env
from utils.errors import ExitCode

if TYPE_CHECKING:
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    words = "clock, keys, ports, disk, state, feeds, chat and versions looked at, each with its remedy"
    found = commands.add_parser("doctor", help=words, description=words)
    found.add_argument("--env", choices=ENVIRONMENTS, help="default: the one used last there, else the one a start would choose")
    add_state_dir(found)
    found.add_argument("--json", action="store_true", help="one JSON document")
    found.set_defaults(handler=doctor)


def doctor(args: argparse.Namespace, load: Load) -> ExitCode:
    """Look, say, and end with the code of the worst finding."""
    import asyncio

    import msgspec

    from modules.doctor.findings import code_of, lines
    from modules.doctor.rounds import examine
    from modules.environment import choose
    from utils.clock import WallClock

    env = choose(args.env or last_env(args.state_dir), os.environ)
    found = asyncio.run(examine(env, args.state_dir, load(), os.environ, WallClock()))
    code = code_of(found)
    if args.json:
        document = {"env": str(env), "code": int(code), "findings": [msgspec.to_builtins(one) for one in found]}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("\n".join([f"{env.upper()} in {args.state_dir}", *lines(found)]) + "\n")
    return code

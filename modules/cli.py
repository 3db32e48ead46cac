"""The command line: words in, one command run, an exit code out. What each command does lives elsewhere and is loaded when it is run.

`python main.py --stage 1 ...` without a command word runs the daemon. A Refusal is one clear line on stderr and its exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from modules import (
    cli_backup,
    cli_chaos,
    cli_completion,
    cli_control,
    cli_doctor,
    cli_kpi,
    cli_optimize,
    cli_report,
    cli_run,
    cli_state,
    cli_trainer,
)
from modules.version import VERSION
from utils.errors import ExitCode, Refusal

if TYPE_CHECKING:
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]
"""Hands down the values of the roof; called only by commands that need them."""


def main(arguments: Sequence[str], load: Load) -> int:
    """Run one command; returns the exit code. Anything but a Refusal is a bug of ours: a traceback and exit 70."""
    sys.excepthook = _crashed
    try:
        return int(_run(list(arguments), load))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return int(refusal.code)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An uncaught error: tell all of it but for the secrets in it, and end with the code that says it was ours."""
    import traceback

    from modules.environment import known_secrets
    from utils.logs import mask_values

    try:
        known = known_secrets(os.environ)
    except Refusal:  # a file that cannot be read: nobody has its content
        known = []
    sys.stderr.write(mask_values("".join(traceback.format_exception(kind, error, trace)), known))
    sys.stderr.write("internal error: this is a bug of the program, not of your command; the state on disk is whole\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(ExitCode.INTERNAL))


def _run(arguments: list[str], load: Load) -> ExitCode:
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help", "--version"}):
        return cli_run.run(cli_run.parser().parse_args(arguments), load)
    args = _parser(arguments[0]).parse_args(arguments)
    handler: Callable[[argparse.Namespace, Load], ExitCode] = args.handler
    return handler(args, load)


def _parser(wanted: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = cli_run.Words(
        prog="main.py",
        description="A trading bot that starts on paper. Without a command word it runs: python main.py --stage 1",
        epilog="python main.py run --help lists the options of a run",
    )
    parser.add_argument("--version", action="version", version=f"trading bot {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="the daemon (same as no command word)", parents=[cli_run.parser(add_help=False)])
    run.set_defaults(handler=cli_run.run)
    version = commands.add_parser("version", help="the program's version")
    version.set_defaults(handler=_version)
    setup = commands.add_parser("setup", help="compile the kernels into their cache, so that the first start is quick")
    setup.set_defaults(handler=_setup)
    cli_state.add_arguments(commands)
    cli_control.add_arguments(commands)
    cli_run.add_replay(commands)
    cli_chaos.add_arguments(commands)
    cli_kpi.add_arguments(commands)
    cli_doctor.add_arguments(commands)
    cli_backup.add_arguments(commands)
    cli_report.add_arguments(commands)
    cli_optimize.add_arguments(commands)
    _add_heavy(commands, wanted)
    cli_completion.add_arguments(commands)
    cli_trainer.add_arguments(commands)
    return parser


def _version(_args: argparse.Namespace, _load: Load) -> ExitCode:
    sys.stdout.write(f"trading bot {VERSION}, Python {sys.version.split()[0]}\n")
    return ExitCode.DONE


def _setup(_args: argparse.Namespace, load: Load) -> ExitCode:
    from modules.warm import warm
    from utils.kernel import cache_folder

    sys.stdout.write(f"{warm(load())} kernels ready in {cache_folder()}\n")
    return ExitCode.DONE


def _add_heavy(commands: argparse._SubParsersAction[argparse.ArgumentParser], wanted: str) -> None:
    """Commands whose arguments live beside libraries that are slow to load: in full only when one of them is asked for."""
    if wanted == "simulator":
        from utils.heap import loading

        loading()  # until it serves
        from modules.simulator import commands as simulator

        simulator.add_arguments(commands)
        commands.choices["simulator"].set_defaults(handler=lambda args, _load: simulator.run(args))
    else:
        commands.add_parser("simulator", help="the exchange in a box: a local venue that speaks Bybit v5")
    from dataio import commands as data

    data.add_arguments(commands)
    commands.choices["data"].set_defaults(handler=lambda args, _load: data.run(args, sys.stdout))

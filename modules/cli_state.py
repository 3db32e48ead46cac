"""The commands that look at a state directory or speak to its daemon: status, positions, pause, resume, reset, flatten.

They ask the running daemon over its Unix socket; with the daemon dead, looking reads what is on disk, and a request takes the lock and
goes into the journal, where the next start finds it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import cli_flatten
from modules.cli_run import ENVIRONMENTS
from modules.state_place import add_state_dir, folder, last_env
from utils.errors import ExitCode, Refusal, Transient

if TYPE_CHECKING:
    from modules.settings import BotConfig

Load = Callable[[], "BotConfig"]
SOCKET = "control.sock"
ANSWER_LIMIT_S = 5.0


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    for name, words, handler in (
        ("status", "equity, trades and positions of every account", status),
        ("positions", "open positions with their stops and targets", positions),
        ("pause", "no new entries; exits go on", request),
        ("unpause", "entries on again", request),
        ("resume", "let a halted account trade again (new drawdown peak)", request),
        ("reset", "a paper wallet starts over; it must be flat", request),
        ("promote", "confirm what a passed gate offers: real money, in canary size", request),
        ("flatten", "halt, cancel, close everything; works with the daemon dead", flatten),
    ):
        found = commands.add_parser(name, help=words, description=words)
        found.add_argument("--env", choices=ENVIRONMENTS, help="default: the one used last")
        add_state_dir(found)
        if handler in {request, flatten}:
            found.add_argument("--yes", action="store_true", help="do it without asking")
            if name == "flatten":
                limit = "with the daemon dead: how long to go on trying (default 60)"
                found.add_argument("--timeout", type=cli_flatten.seconds, default=60.0, metavar="SECONDS", help=limit)
            if name == "promote":
                found.add_argument(
                    "style", metavar="DOMAIN/STYLE|FILE", help="CRYPTO/swing or CRYPTO/policy, as offered; or a file of optimize"
                )
                found.add_argument(
                    "--real-money", metavar="LAST4", default="", help="outside simulated: the account id's last four characters"
                )
            if name in {"resume", "reset"}:
                found.add_argument("--account", default="all", help="e.g. CRYPTO/PAPER (default all)")
        else:
            found.add_argument("--json", action="store_true", help="one JSON document")
        found.set_defaults(handler=handler, name=name)


def place_of(args: argparse.Namespace) -> tuple[str, Path]:
    """The environment and its folder; Refusal when none was ever used there."""
    env = args.env or last_env(args.state_dir)
    if env is None:
        raise Refusal(f"no state in {args.state_dir}; start the bot there first, or name another --state-dir")
    return env, args.state_dir / env


def _status(args: argparse.Namespace) -> dict[str, Any]:
    env, place = place_of(args)
    import asyncio

    from telemetry import client

    try:
        answer: dict[str, Any] = asyncio.run(client.ask(place / SOCKET, "/status", ANSWER_LIMIT_S))
    except Transient:
        import msgspec

        from modules.offline import stored_state
        from modules.ui.option_view import figures
        from telemetry.status import status_of

        answer = msgspec.to_builtins(status_of(stored_state(place), env, live=False, figures=figures))
    return answer


def status(args: argparse.Namespace, _load: Load) -> ExitCode:
    """Print the status."""
    found = _status(args)
    sys.stdout.write(json.dumps(found) + "\n" if args.json else status_text(found))
    return ExitCode.DONE


def positions(args: argparse.Namespace, _load: Load) -> ExitCode:
    """Print the open positions."""
    found = {account: view["open_positions"] for account, view in _status(args)["accounts"].items()}
    if args.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return ExitCode.DONE
    lines = [f"{account} {_position(one)}" for account, held in found.items() for one in held]
    sys.stdout.write("\n".join(lines or ["no open position"]) + "\n")
    return ExitCode.DONE


def _position(one: dict[str, Any]) -> str:
    told = f"{one['side']:5} {one['symbol']:10} {one['qty']:>14} at {one['entry']}, stop {one['stop']}, target {one['target']}"
    if "option" not in one:
        return told
    import msgspec

    from modules.ui.option_view import contract_words, greek_words
    from state.conversion import HOME
    from state.option_figures import OptionFigures

    option = msgspec.convert(one["option"], OptionFigures)
    return "\n".join((told, f"      {contract_words(option)}", f"      {greek_words(option, HOME)}"))


def status_text(found: dict[str, Any]) -> str:
    """The status for people."""
    lines = [f"{found['env'].upper()}, stage {found['stage']}, {'running' if found['live'] else 'not running (from disk)'}"]
    for account, view in found["accounts"].items():
        halted = f", HALTED: {view['halted']}" if view["halted"] else ""
        lines.append(
            f"{account}: equity {float(view['equity']):.2f}, balance {float(view['balance']):.2f}, {view['closed_trades']} closed trades, "
            f"realised {float(view['realised_pnl']):+.2f}, drawdown {view['drawdown']:.1%}{halted}"
        )
        lines += [f"  {text}" for text in view.get("barred", ())]  # an older bot may have answered
        lines += [f"  {_position(one)}" for one in view["open_positions"]]
    return "\n".join(lines) + "\n"


def confirmed(args: argparse.Namespace, env: str, place: Path) -> bool:
    """Whether a person confirms a request, as `modules/confirm.py` has it: in `simulated` only a disaster asks.

    The digits of a promotion go to the daemon, which compares them with the account's id.
    """
    from modules.cli_confirm import promotion, sure
    from modules.confirm import Kind, needed
    from utils.clock import WallClock

    if args.name == "promote":
        digits = promotion(args.style, env, place, args.real_money or None, WallClock().now_ms, yes=args.yes)
        args.real_money = digits or args.real_money
        return digits is not None
    kind = needed(env=env, disaster=args.name == "flatten", asks=True)
    return kind is Kind.NONE or sure(args.name, env, yes=args.yes)


def flatten(args: argparse.Namespace, load: Load) -> ExitCode:
    """Halt and close everything, with the daemon or without."""
    env, place = place_of(args)
    if not confirmed(args, env, place):
        return ExitCode.DONE
    return cli_flatten.flatten(env, place, load, args.timeout)


def request(args: argparse.Namespace, load: Load) -> ExitCode:
    """Pass a request of the operator to the daemon, or write it into the journal of a dead one."""
    env, place = place_of(args)
    if args.name == "promote" and args.style.endswith(".toml"):
        from modules.cli_optimize import promote_file

        return promote_file(folder(args.style), env, place, load(), yes=args.yes)
    if not confirmed(args, env, place):
        return ExitCode.DONE
    words = {name: str(getattr(args, name)) for name in ("account", "style") if hasattr(args, name)}
    digits = str(getattr(args, "real_money", ""))
    import asyncio

    from telemetry import client
    from telemetry.server import Ask

    try:
        asyncio.run(client.control(place / SOCKET, Ask(args.name, words, "command line", sure=True, digits=digits), ANSWER_LIMIT_S))
    except client.Silent as error:
        raise Refusal(f"{args.name}: {error}", ExitCode.ALREADY_RUNNING) from error
    except Transient:
        from modules.offline import apply_offline
        from modules.overrides import in_force

        for line in apply_offline(place, args.name, words, in_force(load(), place, os.environ)):
            sys.stdout.write(f"{line}\n")
        if args.name == "resume":
            from modules.latch import unlatch

            unlatch(place, words["account"])
        return ExitCode.DONE
    sys.stdout.write(f"{args.name}: the running bot has it\n")
    return ExitCode.DONE

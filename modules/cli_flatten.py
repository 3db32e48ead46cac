"""`python main.py flatten`: the latch first, then the daemon; when no daemon answers, cancel and close over the venues from here."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import ExitCode, Refusal, Transient

if TYPE_CHECKING:
    from modules.flatten import FlatReport
    from modules.settings import BotConfig
    from state.runtime import RuntimeState

Load = Callable[[], "BotConfig"]
SOCKET = "control.sock"
ANSWER_LIMIT_S = 5.0
WHO = "command line"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def flatten(env: str, place: Path, load: Load, limit_s: float) -> ExitCode:
    """Halt and close everything of an environment. UNREACHABLE when a live account could not be seen to be flat in `limit_s`."""
    import asyncio

    from modules.environment import SECRETS, Environment, secret
    from modules.latch import latch
    from modules.offline import NOTHING
    from telemetry import client
    from telemetry.server import Ask
    from utils.clock import WallClock

    if not place.is_dir():
        if env == Environment.SIMULATED or not secret(SECRETS[0], os.environ):
            raise Refusal(NOTHING.format(place))
        place.mkdir(parents=True)  # no state, but a key: there may be orders of ours
    try:
        latch(place, WHO, WallClock().now_ms())
    except OSError as error:
        _say(f"HALTED cannot be written to {place}: {error.strerror}; going on without it")
    try:
        asyncio.run(client.control(place / SOCKET, Ask("flatten", {}, WHO, sure=True), ANSWER_LIMIT_S))
    except Transient:
        return _without_daemon(env, place, _config(load(), place), limit_s)
    _say("flatten: the running bot has it")
    return ExitCode.DONE


def _config(file: BotConfig, place: Path) -> BotConfig:
    """The configuration in force; that of the file where something laid over it is wrong: a disaster does not wait for a typing error."""
    from modules.overrides import in_force

    try:
        return in_force(file, place, os.environ)
    except Refusal as refusal:
        _say(f"{refusal}; going on with the values of config.py alone")
        return file


def _without_daemon(env: str, place: Path, config: BotConfig, limit_s: float) -> ExitCode:
    import asyncio

    from modules.offline import journal_request, stored_state
    from utils.files import DirectoryLock

    state: RuntimeState | None = None
    with ExitStack() as stack:
        try:
            stack.enter_context(DirectoryLock(place))
            locked = True
        except Refusal as refusal:  # a bot that hangs, or a disk that refuses: neither stops a disaster
            locked = False
            hung = refusal.code is ExitCode.ALREADY_RUNNING
            _say(f"{refusal}{', and it does not answer: acting beside it' if hung else '; acting all the same'}, over the venues")
        try:
            state = stored_state(place)
        except Refusal as refusal:
            if locked and not _may_hold(env):
                raise
            _say(f"the state cannot be read ({refusal}): only orders that bear this bot's mark are taken back")
        if locked and state is not None:
            try:
                for line in journal_request(place, "flatten", {}, config):
                    _say(line)
            except (Refusal, OSError) as error:
                _say(f"it could not be written down: {error}")
        reports, missing = asyncio.run(_flatten_live(env, place, config, state, limit_s))
    for line in missing:
        _say(line)
    for report in reports:
        for line in told(report):
            _say(line)
    return ExitCode.DONE if not missing and all(one.verified for one in reports) else ExitCode.UNREACHABLE


def _may_hold(env: str) -> bool:
    from modules.environment import SECRETS, Environment, secret

    return env != Environment.SIMULATED and secret(SECRETS[0], os.environ) is not None


async def _flatten_live(
    env: str, place: Path, config: BotConfig, state: RuntimeState | None, limit_s: float
) -> tuple[list[FlatReport], list[str]]:
    from modules.environment import Environment
    from modules.flatten import flatten_accounts
    from modules.flatten_doors import live_accounts
    from utils.clock import WallClock

    clock = WallClock()
    try:
        async with live_accounts(Environment(env), place.parent, state, config, os.environ, clock) as (found, missing):
            return await flatten_accounts(found, clock, limit_s=limit_s, say=_say), missing
    except Transient as error:
        raise Refusal(f"flatten: {error}", ExitCode.UNREACHABLE) from error


def told(report: FlatReport) -> list[str]:
    """How an account went, for people."""
    did = f"{report.cancelled} orders taken back, {report.closed} closing orders, {report.seconds:.1f} s"
    head = f"{report.account}: flat, seen at the venue ({did})" if report.verified else f"{report.account}: NOT seen to be flat ({did})"
    lines = [head if report.verified else f"{head}: {report.trouble}"]
    return [*lines, *(f"  not touched: {line}" for line in report.left)]


def seconds(text: str) -> float:
    """How long to go on trying."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 3600")
    return value

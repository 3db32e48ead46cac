"""`control NAME [ARGS]`: every row of the operator's vocabulary, by the running bot over its socket or, where it can be, without it.

With the bot dead, looking reads what is on disk, `stage` and `profile` are stored for the next start, other requests go into the
journal, and `flatten` acts itself. Exit codes are those of every command: 0 done, 2 refused, 3 a gate says no, 4 nobody answers.
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
from modules.cli_state import SOCKET, place_of
from modules.state_place import add_state_dir
from utils.errors import ExitCode, Refusal, Transient
from utils.files import atomic_write

if TYPE_CHECKING:
    from modules.settings import BotConfig
    from modules.ui.commands import Entry, Wanted

Load = Callable[[], "BotConfig"]
ANSWER_LIMIT_S = 10.0
PICTURE_LIMIT_S = 60.0
WHO = "command line"
SIMULATED = "simulated"
FLATTEN_S = 60.0


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    words = "ask or look, in the words of the chat and the panel: control help"
    found = commands.add_parser("control", help=words, description=words)
    found.add_argument("words", nargs="+", metavar="NAME [ARGS]", help="e.g. status, why BTCUSDT, explore 15; `control help` has them all")
    found.add_argument("--yes", action="store_true", help="do it without asking")
    found.add_argument("--real-money", metavar="LAST4", default="", help="the account id's last four characters, of several with commas")
    found.add_argument("--json", action="store_true", help="one JSON document")
    found.add_argument("--out", type=Path, metavar="FILE", help="where a picture goes (default NAME.png)")
    found.add_argument("--env", choices=ENVIRONMENTS, help="default: the one used last")
    add_state_dir(found)
    found.set_defaults(handler=control)


def control(args: argparse.Namespace, load: Load) -> ExitCode:
    """Look or ask."""
    from modules.ui.commands import VOCABULARY, changes, parse

    wanted = parse(args.words)
    entry = VOCABULARY[wanted.name]
    if wanted.name in {"help", "version"}:
        import msgspec

        from modules.ui.about import about

        return _show(args, wanted, msgspec.to_builtins(about(wanted)))
    env, place = place_of(args)
    if wanted.name == "flatten":
        return _flatten(args, env, place, load)
    from telemetry.client import Silent

    try:
        body = _asked(args, place, wanted)
    except Transient as error:
        if isinstance(error, Silent) and changes(wanted):
            raise Refusal(f"{wanted.line}: {error}", ExitCode.ALREADY_RUNNING) from error
        return _without(args, env, place, load, entry, wanted)
    if (answer := body.get("answer")) is not None:
        return _show(args, wanted, answer)
    return _done(args, str(body["done"]))


# --- with the bot --------------------------------------------------------------------------------------------------------------------


def _asked(args: argparse.Namespace, place: Path, wanted: Wanted) -> dict[str, Any]:
    """What the bot answers, once everything it wants confirmed is; Transient when it does not answer, Refusal when it will not."""
    from modules.confirm import typed_digits
    from telemetry.server import Ask

    limit = PICTURE_LIMIT_S if wanted.name in {"chart", "report"} else ANSWER_LIMIT_S
    body = _post(place, Ask(wanted.name, wanted.args, WHO, sure=args.yes, digits=args.real_money), limit)
    given = list(typed_digits(args.real_money))
    while (must := body.get("confirm")) is not None:
        said = _confirmed(must["text"], must["kind"], given.pop(0) if given and must["kind"] == "digits" else "", f"control {wanted.line}")
        name, words = ("cancel", {}) if said is None else ("confirm", {"digits": said})
        try:
            body = _post(place, Ask(name, {"nonce": must["nonce"], **words}, WHO), limit)
        except Transient as error:
            raise Refusal(f"{wanted.line}: it cannot be said whether it was done: {error}", ExitCode.UNREACHABLE) from error
    return body


def _post(place: Path, ask: Any, limit_s: float) -> dict[str, Any]:
    import asyncio

    from telemetry import client

    found: dict[str, Any] = asyncio.run(client.control(place / SOCKET, ask, limit_s))
    return found


def _confirmed(text: str, kind: str, digits: str, command: str) -> str | None:
    """What a person said: the digits, or nothing where a yes is enough; None for no. Refusal when there is nobody to be asked."""
    real = kind == "digits"
    if real and digits:
        return digits
    if not sys.stdin.isatty():
        raise Refusal(f"{text}\n{command} wants to be confirmed; say {'--real-money LAST4' if real else '--yes'}")
    sys.stdout.write(f"{text}\n{'digits' if real else 'are you sure?'} {'(empty: no)' if real else '[y/N]'} ")
    sys.stdout.flush()
    said = sys.stdin.readline().strip()
    if real:
        return said or None
    return "" if said.lower() in {"y", "yes"} else None


def _flatten(args: argparse.Namespace, env: str, place: Path, load: Load) -> ExitCode:
    """Halt and close everything, by the bot or without it; two confirmations."""
    if not args.yes:
        for text in (f"{env.upper()}: DISASTER. Everything is halted and closed at market.", "Really?"):
            if _confirmed(text, "twice", "", "control flatten") is None:
                return _done(args, "nothing done")
    return cli_flatten.flatten(env, place, load, FLATTEN_S)


# --- without the bot -----------------------------------------------------------------------------------------------------------------


def _without(args: argparse.Namespace, env: str, place: Path, load: Load, entry: Entry, wanted: Wanted) -> ExitCode:
    """Nobody answers: what can be done on disk; Refusal for the rest."""
    from modules.ui.commands import changes

    if not entry.works_offline:
        raise Refusal(f"{' '.join(args.words)} needs the running bot, and none answers at {place}; start it", ExitCode.UNREACHABLE)
    if not changes(wanted):
        from modules.offline_look import look_offline

        return _show(args, wanted, look_offline(place, env, wanted))
    if wanted.name == "promote":
        from modules.cli_confirm import promotion
        from utils.clock import WallClock

        if promotion(wanted.args["style"], env, place, args.real_money or None, WallClock().now_ms, yes=args.yes) is None:
            return ExitCode.DONE  # and said so
    elif env != SIMULATED and not args.yes and str(entry.confirm) != "none":
        text = f"{env.upper()}, without a running bot: {wanted.line}?"
        if _confirmed(text, "once", "", f"control {wanted.line}") is None:
            return _done(args, "nothing done")
    from modules.overrides import in_force

    config = in_force(load(), place, os.environ)
    if wanted.name in {"stage", "profile"}:
        from modules.offline_stage import queue

        return _done(args, "\n".join(queue(place, env, wanted, config, args.real_money)))
    from modules.offline import apply_offline

    lines = apply_offline(place, wanted.name, wanted.args, config)
    if wanted.name == "resume":
        from modules.latch import unlatch

        unlatch(place, wanted.args["account"])
    return _done(args, "\n".join(lines))


# --- telling -------------------------------------------------------------------------------------------------------------------------


def _done(args: argparse.Namespace, text: str) -> ExitCode:
    sys.stdout.write(json.dumps({"done": text}) + "\n" if args.json else f"{text}\n")
    return ExitCode.DONE


def _show(args: argparse.Namespace, wanted: Wanted, answer: dict[str, Any]) -> ExitCode:
    """An answer as it came over the socket: to standard output, a picture into its file."""
    import base64

    if answer.get("picture"):
        first = (args.out or Path(f"{wanted.name}.png")).absolute()
        drawn = [(first, answer["picture"]), *((beside(first, title), data) for title, data in answer.get("pictures", ()))]
        for place, data in drawn:
            try:
                atomic_write(place, base64.b64decode(data))
            except OSError as error:
                raise Refusal(f"--out: {place} cannot be written: {error.strerror}") from error
        places = [str(place) for place, _ in drawn]
        answer = {**answer, "picture": places[0], "pictures": places, "lines": [*answer["lines"], *(f"picture: {one}" for one in places)]}
    if args.json:
        names = ("title", "lines", "table", "picture")
        shown = {name: answer[name] for name in names} if answer["data"] is None else answer["data"]
        if isinstance(shown, dict) and answer.get("picture"):
            shown = {**shown, "pictures": answer["pictures"]}
        sys.stdout.write(json.dumps(shown) + "\n")
    else:
        sys.stdout.write("\n".join(text_of(answer)) + "\n")
    return ExitCode.DONE


def beside(first: Path, title: str) -> Path:
    """The file of another picture of an answer: beside the first, named by its own title."""
    words = "-".join("".join(one if one.isalnum() else " " for one in title.lower()).split())
    return first.with_name(f"{first.stem}-{words}{first.suffix}")


def text_of(answer: dict[str, Any]) -> list[str]:
    """An answer as lines, its table in columns."""
    lines = [answer["title"], *answer["lines"]]
    if (table := answer["table"]) is not None:
        rows = [table["head"], *table["rows"]]
        widths = [max(len(row[k]) for row in rows) for k in range(len(table["head"]))]
        lines += ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines

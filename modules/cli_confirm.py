"""Confirmations at the command line, by the rules of `modules/confirm.py`: yes or no, or the digits of an account that real money is in.

A person at a terminal is asked; a script says `--yes`, or `--real-money` with the digits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from modules.confirm import SIMULATED, Kind, Outcome, answer, ask, needed
from modules.stage_request import digits_of, remembered
from utils.errors import ExitCode, Refusal

WHO = "command line"


def sure(what: str, env: str, *, yes: bool) -> bool:
    """Whether a person means it; Refusal when there is nobody to be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Refusal(f"{what} changes the {env} account; say --yes")
    sys.stdout.write(f"{what} in {env}: are you sure? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    sys.stdout.write("nothing done\n")
    return False


def promotion(style: str, env: str, place: Path, given: str | None, now_ms: Callable[[], int], *, yes: bool) -> str | None:
    """The digits with which a person confirms that `style` trades with real money, empty where none are needed; None: he does not.

    It opens real money where the live account of the style's domain is open already: the digits are that account's. Where it is not open,
    the start that opens it asks for them. A domain's policy opens nothing. Refusal: wrong digits, or nobody there to be asked.
    """
    what, account = f"promote {style}", f"{style.partition('/')[0]}/LIVE"
    digits = "" if style.endswith("/policy") or env == SIMULATED else digits_of(remembered(place), account)
    kind = needed(env=env, opens_live=bool(digits), asks=True)
    if kind is Kind.DIGITS:
        return real_money(what, env, account, digits, given, now_ms)
    return "" if kind is Kind.NONE or sure(what, env, yes=yes) else None


def real_money(what: str, env: str, account: str, account_id: str, given: str | None, now_ms: Callable[[], int]) -> str:
    """The last digits of `account_id`, typed by a person (`given`: with `--real-money`); Refusal when they are not right.

    The running bot compares them again with the venue's, and so does the next start. `now_ms` is wall time: what is typed after 5 minutes
    is too late.
    """
    pending = ask(Kind.DIGITS, "cli", WHO, what, now_ms(), accounts=[(account, account_id)])
    while True:
        typed = given
        if typed is None:
            if not sys.stdin.isatty():
                raise Refusal(f"{what} opens real money in {env}: say --real-money with the last 4 digits of the id of {account}")
            sys.stdout.write(f"{what} opens REAL MONEY in {env}. Type the last 4 digits of the id of {account}: ")
            sys.stdout.flush()
            typed = sys.stdin.readline()
        found, outcome = answer(pending, WHO, now_ms(), typed=typed)
        if outcome is Outcome.CONFIRMED:
            return typed.strip()
        if found is None or outcome is not Outcome.WRONG_DIGITS or given is not None:
            words = {Outcome.UNKNOWN: "nothing was typed", Outcome.WRONG_DIGITS: "--real-money: these are not the account's last 4 digits"}
            raise Refusal(f"{what}: {words.get(outcome, outcome)}; nothing done", ExitCode.GATE_REFUSED)
        sys.stdout.write("these are not the account's last 4 digits\n")
        pending = found

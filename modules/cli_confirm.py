"""Confirmations at the command line, by the rules of `modules/confirm.py`: yes or no, or the digits of an account that real money is in.

A person at a terminal is asked; a script says `--yes`, or `--real-money` with the digits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import msgspec

from modules.confirm import Kind, Outcome, answer, ask, last_digits
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


def real_money(what: str, env: str, account_ids: Sequence[str], given: str | None, now_ms: Callable[[], int]) -> str:
    """The last digits of one of `account_ids`, typed by a person (`given`: with `--real-money`); Refusal when they are not right.

    Which of several open accounts is meant only the venue can tell: the running bot compares again, and so does the next start.
    `now_ms` is wall time: what is typed after 5 minutes is too late.
    """
    pending = ask(Kind.DIGITS, "cli", WHO, what, now_ms(), accounts=[("", one) for one in account_ids[:1] or ("",)])
    known = {last_digits(one) for one in account_ids}
    while True:
        typed = given
        if typed is None:
            if not sys.stdin.isatty():
                raise Refusal(f"{what} opens real money in {env}: say --real-money with the last 4 digits of the account's id")
            sys.stdout.write(f"{what} opens REAL MONEY in {env}. Type the last 4 digits of the account's id: ")
            sys.stdout.flush()
            typed = sys.stdin.readline()
        if typed.strip() in known:
            pending = msgspec.structs.replace(pending, digits=(("", typed.strip()),))
        found, outcome = answer(pending, WHO, now_ms(), typed=typed)
        if outcome is Outcome.CONFIRMED:
            return typed.strip()
        if found is None or outcome is not Outcome.WRONG_DIGITS or given is not None:
            words = {Outcome.UNKNOWN: "nothing was typed", Outcome.WRONG_DIGITS: "--real-money: these are not the account's last 4 digits"}
            raise Refusal(f"{what}: {words.get(outcome, outcome)}; nothing done", ExitCode.GATE_REFUSED)
        sys.stdout.write("these are not the account's last 4 digits\n")
        pending = found

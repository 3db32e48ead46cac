"""A finding: one check's verdict in one line, what to do about it, and the exit code that the worst of them leads to."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from utils.errors import ExitCode


class Verdict(StrEnum):
    """How a check ended; `SKIP`: it could not be asked, or does not apply, and the line says why."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor."""

    check: str
    verdict: Verdict
    words: str
    remedy: str = ""
    """What to do; never empty for WARN and FAIL."""
    code: ExitCode = ExitCode.DONE
    """What a FAIL means to the shell."""


def ok(check: str, words: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, words)


def skip(check: str, words: str) -> Finding:
    """It was not asked, and why."""
    return Finding(check, Verdict.SKIP, words)


def warn(check: str, words: str, remedy: str) -> Finding:
    """The bot runs, but somebody should look."""
    return Finding(check, Verdict.WARN, words, remedy)


def fail(check: str, words: str, remedy: str, code: ExitCode = ExitCode.USAGE) -> Finding:
    """The bot would not start, or not trade."""
    return Finding(check, Verdict.FAIL, words, remedy, code)


ORDER = (ExitCode.USAGE, ExitCode.NO_STATE_CHAIN, ExitCode.CREDENTIALS, ExitCode.UNREACHABLE)
"""Which code wins: what trying again does not mend comes first."""


def code_of(findings: Sequence[Finding]) -> ExitCode:
    """DONE when nothing failed, else the first code of `ORDER` that a failure bears."""
    failed = {one.code for one in findings if one.verdict is Verdict.FAIL}
    return next((code for code in ORDER if code in failed), ExitCode.DONE)


def lines(findings: Sequence[Finding]) -> list[str]:
    """For people: a line each, the remedy behind it."""
    wide = max((len(one.check) for one in findings), default=0)
    return [f"{one.verdict:4}  {one.check:{wide}}  {one.words}{f' -> {one.remedy}' if one.remedy else ''}" for one in findings]

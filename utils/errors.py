"""The four families of failure, each of which says what to do next, and the mistakes people make at the keyboard.

`Transient`: the world hiccuped, try again within a bound. `Rejected`: the other side said an explicit no, do not repeat it.
`Unknown`: nobody can say what happened, ask before acting. `Invariant`: a bug of ours, stop loudly. Adapters translate what
libraries raise into these at the edge. `Refusal` is for the operator: one line, an exit code, no traceback.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells the shell (the command line's contract)."""

    DONE = 0
    USAGE = 2
    GATE_REFUSED = 3
    UNREACHABLE = 4
    NO_STATE_CHAIN = 5
    ALREADY_RUNNING = 6
    CREDENTIALS = 7
    INTERNAL = 70


class BotError(Exception):
    """Base of everything this project raises on purpose."""


class Transient(BotError):
    """A timeout, a reset, an overload: the same request may be tried again, bounded and with jitter."""


class Rejected(BotError):
    """The other side understood and refused; `code` is its own code for the reason."""

    def __init__(self, message: str, code: int | str = "") -> None:
        super().__init__(message)
        self.code = code


class Unknown(BotError):
    """It cannot be said whether the request took effect; resolve it by evidence, never by repeating it."""


class Invariant(BotError):
    """Something that cannot be true is true: our bug. Nobody catches this; the process stops."""


class Refusal(BotError):
    """A request of the operator that cannot be served: one clear line and the exit code that goes with it."""

    def __init__(self, message: str, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.code = code

"""What each of Bybit's return codes means for what to do next: done, refused, unknown, too fast, wrong clock, busy.

A code that is not in the table came in a readable answer all the same: it is an explicit no, and `Rejected` carries its number.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from modules.ports import BAD_GRID, BAD_KEY, BAD_PRICE, BELOW_MINIMUM, DUPLICATE_ID, NO_FUNDS, NO_SUCH_ORDER, NOT_TRADING, NOTHING_TO_REDUCE


class Verdict(StrEnum):
    """What an answer says of a request."""

    DONE = "done"
    """It took effect, or what it asked for was so already."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The venue itself does not know."""
    LIMITED = "limited"
    """Too many requests: it had no effect, and there is a time to wait."""
    CLOCK = "clock"
    """Our timestamp was outside the venue's window: it had no effect."""
    BUSY = "busy"
    """It had no effect because something else is being done: ask again after a moment."""


class Meaning(msgspec.Struct, frozen=True):
    """A verdict and, where it is a refusal, the code that `Rejected` carries (modules/ports.py, else the venue's number)."""

    verdict: Verdict
    code: int | str


PARAMETER = 10001
"""A parameter is wrong, which may also mean that there is no position to protect."""

_NAMED: dict[str, tuple[int, ...]] = {
    BAD_KEY: (10003, 10004, 10005, 10007, 10010, 33004),
    DUPLICATE_ID: (10014, 20006, 110072, 170141),
    NO_SUCH_ORDER: (110001, 110008, 110010, 170139, 170142, 170143, 170213),
    NOTHING_TO_REDUCE: (110017,),
    NO_FUNDS: (110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170033, 170131),
    BELOW_MINIMUM: (110094, 170136, 170140),
    BAD_PRICE: (
        30208, 30209, 110003, 110092, 110093, 110120, 110121, 170132, 170133, 170192, 170193, 170194, 170203, 170204, 170371, 170372,
    ),
    BAD_GRID: (170134, 170137, 170148),
    NOT_TRADING: (
        10024, 10027, 10028, 10029, 110037, 110066, 110074, 170121, 170149, 170150, 170151, 170157, 170210,
    ),
}  # fmt: skip
_VERDICTS: dict[Verdict, tuple[int, ...]] = {
    Verdict.DONE: (0, 34040, 110025, 110026, 110027, 110043),
    Verdict.UNKNOWN: (10000, 10016, 10019, 170007, 170146, 170147),
    Verdict.LIMITED: (10006, 10018, 10403, 10429, 20003, 170222),
    Verdict.CLOCK: (10002,),
    Verdict.BUSY: (40004, 110079, 170191, 170212),
    # without a name of their own: the caller sees the number
    Verdict.REFUSED: (
        PARAMETER, 10017, 10404, 20001, 110009, 110013, 110020, 110024, 110028, 110061, 110064, 110086, 110089, 110090, 170130, 170313,
        170810,
    ),
}  # fmt: skip

TABLE: dict[int, Meaning] = {
    **{number: Meaning(Verdict.REFUSED, name) for name, numbers in _NAMED.items() for number in numbers},
    **{number: Meaning(verdict, number) for verdict, numbers in _VERDICTS.items() for number in numbers},
}


def meaning(ret_code: int) -> Meaning:
    """What the code of an answer means."""
    return TABLE.get(ret_code, Meaning(Verdict.REFUSED, ret_code))

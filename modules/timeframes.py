"""Which timeframes something is traded on, as data: a domain's pair, what single symbols have instead, options by the days to expiry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import msgspec

from dataio.bars import parse_timeframe, timeframe_name

DAY_MS = 86_400_000


class Frames(msgspec.Struct, frozen=True):
    """A pair of timeframes; written `1h/15m`."""

    primary_ms: int
    """Signals are armed at its closes."""
    confirm_ms: int
    """They are confirmed, and stops moved, at its closes."""

    def __str__(self) -> str:
        return f"{timeframe_name(self.primary_ms)}/{timeframe_name(self.confirm_ms)}"


def parse_frames(text: str) -> Frames:
    """`1h/15m` as a pair; ValueError for another shape, and where a primary bar is not two or more whole confirm bars of one day."""
    primary, slash, confirm = text.strip().partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not primary/confirm such as 1h/15m")
    found = Frames(parse_timeframe(primary), parse_timeframe(confirm))
    check(found)
    return found


def check(frames: Frames) -> None:
    """ValueError unless a primary bar is a whole number of confirm bars, more than one, and divides the day."""
    if frames.confirm_ms >= frames.primary_ms or frames.primary_ms % frames.confirm_ms:
        raise ValueError(
            f"primary_ms {frames.primary_ms} is not a multiple, 2 times or more, of confirm_ms {frames.confirm_ms}",
        )
    if DAY_MS % frames.primary_ms:
        raise ValueError(f"primary_ms {frames.primary_ms} does not divide the day")


def parse_map(value: object) -> object:
    """`EURUSD=4h/1h, USDJPY=30m/15m` as a mapping; anything else as it is."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in value.split(",") if part.strip()]
    wrong = [symbol for symbol, equals, _ in parts if not equals]
    if wrong:
        raise ValueError(f"{wrong[0].strip()!r} is not SYMBOL=primary/confirm such as EURUSD=4h/1h")
    return {symbol.strip().upper(): frames.strip() for symbol, _, frames in parts}


def frames_of(symbol: str, own: Frames, others: Mapping[str, str]) -> Frames:
    """What `symbol` is traded on: its own entry in `others`, else the domain's."""
    return parse_frames(others[symbol]) if symbol in others else own


class Rung(msgspec.Struct, frozen=True):
    """One timeframe of a map: for contracts with at least `days` left, or with more than that where `beyond`."""

    days: float
    beyond: bool
    frames: Frames

    def holds(self, days_left: float) -> bool:
        """Whether it is for a contract with so many days left."""
        return days_left > self.days if self.beyond else days_left >= self.days


class TimeframeMap(msgspec.Struct, frozen=True):
    """Which pair of timeframes governs an option, by the days to its expiry: the first rung that holds, from the longest down."""

    rungs: tuple[Rung, ...]

    def at(self, days_left: float) -> Frames:
        """The timeframes of a contract with so many days (24 h) left; past its expiry those of the last rung."""
        return next((rung.frames for rung in self.rungs if rung.holds(days_left)), self.rungs[-1].frames)


BY_DAYS = (">21:4h/1h", ">=5:1h/15m", ">=0:15m/5m")
"""The mission's: above 21 days, from 5 to 21, below 5."""

_RUNG = re.compile(r"(>=?)\s*(\d+(?:\.\d+)?)\s*:(.*)")


def map_of(written: Sequence[str]) -> TimeframeMap:
    """A map as it is written, `(">21:4h/1h", ">=0:1h/15m")`; ValueError unless it goes down to `>=0` and each rung can be reached."""
    rungs = []
    for text in written:
        match = _RUNG.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not >DAYS:primary/confirm or >=DAYS:primary/confirm such as >21:4h/1h")
        rungs.append(Rung(float(match[2]), match[1] == ">", parse_frames(match[3])))
    if not rungs or rungs[-1].days != 0 or rungs[-1].beyond:
        raise ValueError("the last of them must be >=0, or a contract near its expiry has no timeframe")
    if any((later.days, later.beyond) >= (sooner.days, sooner.beyond) for sooner, later in pairwise(rungs)):
        raise ValueError(f"{', '.join(written)}: days must fall from one to the next, or the later one is never used")
    return TimeframeMap(tuple(rungs))

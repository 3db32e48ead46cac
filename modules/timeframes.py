"""Which primary and confirm timeframe an instrument is traded on, as data: a domain's pair, and what single symbols have instead."""

from __future__ import annotations

from collections.abc import Mapping

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

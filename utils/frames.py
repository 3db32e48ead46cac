"""What every venue's stream says beside its data (up, down, a frame that is none), and the error that names what cannot be understood."""

from __future__ import annotations

import re

import msgspec

from utils.errors import BotError

_FIELD = re.compile(r"`\$\.?([^`]*)`|missing required field `([^`]*)`")


class Up(msgspec.Struct, frozen=True):
    """The stream speaks; data flow from here. `ts` is transport time, ms."""

    ts: int


class Down(msgspec.Struct, frozen=True):
    """The venue is lost: what it says from now on will not be heard until the next Up. `ts` is transport time, ms."""

    ts: int
    reason: str


class Malformed(msgspec.Struct, frozen=True):
    """A frame that could not be understood was dropped."""

    ts: int
    topic: str
    reason: str


class FrameError(BotError):
    """A message of the venue that cannot be understood: which topic (or path), which field of it, and why."""

    def __init__(self, topic: str, field: str, why: str) -> None:
        super().__init__(f"{topic}: field {field}: {why}")
        self.topic = topic
        self.field = field


def field_of(error: Exception) -> str:
    """The path of the field that msgspec complains about; `frame` when it is the whole."""
    parts = [one or other for one, other in _FIELD.findall(str(error))]
    return ".".join(reversed([part for part in parts if part])) or "frame"

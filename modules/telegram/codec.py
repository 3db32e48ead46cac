"""What a button's data say: an action, the value that is wanted (never "flip"), and a nonce that binds it to a person and a message.

Pure: nonces are drawn and time is told by the caller. A tap counts only when its nonce is known, the person is the one it was made for, and
it comes from the message it was sent under. Nonces live in memory: after a restart every old button answers that it is old.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum

import msgspec

from modules.telegram.wire import DATA_LIMIT

MARK = ":"
MOST = 256
"""So many nonces are remembered; with one more the one used least recently is forgotten."""


class Press(msgspec.Struct, frozen=True):
    """A button's data, understood."""

    action: str
    value: str
    nonce: str


class Bound(StrEnum):
    """Whether a tap counts; the value is the short answer to one that does not."""

    GOOD = "ok"
    UNKNOWN = "I do not know this button. /panel opens a new one."
    OLD = "This button is from before. /panel opens a new one."
    FOREIGN = "This button is somebody else's. /panel opens your own."


def encode(action: str, value: str, nonce: str) -> str:
    """The data of a button. ValueError when they are over `DATA_LIMIT` bytes or could not be read back: the library would not notice."""
    data = MARK.join((action, value, nonce))
    if len(data.encode()) > DATA_LIMIT:
        raise ValueError(f"{len(data.encode())} bytes of callback data are more than {DATA_LIMIT}: {data}")
    if decode(data) != Press(action, value, nonce):
        raise ValueError(f"callback data that cannot be read back: {data}")
    return data


def decode(data: str) -> Press | None:
    """The parts of `data` (a value may hold the mark); None for what no button of ours says."""
    action, first, rest = data.partition(MARK)
    value, second, nonce = rest.rpartition(MARK)
    return Press(action, value, nonce) if first and second and action and nonce else None


class _Bond(msgspec.Struct):
    chat: int
    user: int
    message: int


class Bonds:
    """Which nonce belongs to whom and to which message. `draw` gives a nonce that was never drawn before, without the mark."""

    def __init__(self, draw: Callable[[], str], most: int = MOST) -> None:
        self._draw, self._most = draw, most
        self._bonds: OrderedDict[str, _Bond] = OrderedDict()

    def issue(self, chat: int, user: int = 0) -> str:
        """A nonce for buttons in `chat`: for `user` alone, or (0) for everybody who may speak there. Bind it when the message is sent."""
        nonce = self._draw()
        self._bonds[nonce] = _Bond(chat, user, 0)
        while len(self._bonds) > self._most:
            self._bonds.popitem(last=False)
        return nonce

    def bind(self, nonce: str, message: int) -> None:
        """The buttons of `nonce` stand under `message`; unknown nonces are forgotten ones and stay so."""
        if nonce in self._bonds:
            self._bonds[nonce].message = message

    def revoke(self, nonce: str) -> None:
        """The buttons of `nonce` count no more."""
        self._bonds.pop(nonce, None)

    def judge(self, data: str, chat: int, user: int, message: int) -> tuple[Press | None, Bound]:
        """(what was pressed, whether it counts). A nonce that is not bound yet is bound by its first good tap.

        (The tap can overtake the API's answer that tells the message's id, and a letter's id is never told.)
        """
        press = decode(data)
        if press is None:
            return None, Bound.UNKNOWN
        bond = self._bonds.get(press.nonce)
        if bond is None:
            return press, Bound.OLD
        if bond.chat != chat or (bond.user and bond.user != user):
            return press, Bound.FOREIGN
        if bond.message and bond.message != message:
            return press, Bound.OLD
        bond.message = message
        self._bonds.move_to_end(press.nonce)
        return press, Bound.GOOD

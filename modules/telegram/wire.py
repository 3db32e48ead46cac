"""What passes between the chat's transport and its faces: what was heard, what was tapped, buttons, letters, and the two ports.

A face (`Face`) is given what the gate let through and answers over a `Sender`. Texts are plain, never markup: nothing in a symbol or
an error text can be taken for formatting. Times are transport (wall) ms. A sender's errors are the house's: `Transient` (it has certainly
not been done, try again), `Unknown` (nobody can say whether it was done), `Rejected` (the API understood and refused; `code` is its HTTP
status).
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from modules.ui.notices import Urgency as Urgency  # noqa: PLC0414  for whoever knows the wire only

TEXT_LIMIT = 4096
"""UTF-16 units of a message's text, as the API counts them."""
CAPTION_LIMIT = 1024
"""The same for the words under a picture."""
ANSWER_LIMIT = 200
"""The same for the answer to a tap."""
DATA_LIMIT = 64
"""Bytes of a button's data; the library does not check them."""


class Button(msgspec.Struct, frozen=True):
    """An inline button: its words, what its tap brings back (`DATA_LIMIT`), and its colour ("danger", "success", "primary" or none)."""

    text: str
    data: str
    style: str = ""


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons; empty: none (an edit then takes the old ones away)."""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A text from somebody who may speak."""

    ts: int
    """When it was received here, ms."""
    chat: int
    user: int
    message: int
    text: str
    private: bool = True
    """Not in a group."""


class Tapped(msgspec.Struct, frozen=True, kw_only=True):
    """A tap on a button from somebody who may speak. It wants an answer (`Sender.answer`), or the button keeps spinning."""

    ts: int
    """When it was received here, ms."""
    tap: str
    """The API's id of it."""
    chat: int
    user: int
    message: int
    """The message whose button it is."""
    data: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """Words for a chat that nobody asked for: a notification. The outbox keeps it until it is delivered."""

    text: str
    urgency: Urgency = Urgency.NORMAL
    ts: int = 0
    """When what it tells happened, ms."""
    chat: int = 0
    """0: every chat of the allow-list that notifications go to."""
    key: str = ""
    """For STATUS: what it is the newest of. Otherwise what it is counted under when a flood is merged ("entry", "fill")."""
    buttons: Keyboard = ()
    """A letter with buttons is never merged with others."""
    silent: bool = False


class Sender(Protocol):
    """What a face may do in a chat. Every method waits its turn under the API's limits, a bounded time."""

    async def send(self, chat: int, text: str, buttons: Keyboard = (), picture: bytes | None = None, *, silent: bool = False) -> int:
        """Send and return the message's id. A longer text goes in several messages, buttons under the last, whose id is returned."""
        ...

    async def edit(self, chat: int, message: int, text: str, buttons: Keyboard = (), picture: bytes | None = None) -> None:
        """Replace a message in place; one that says that already counts as done. Too long a text is cut with "…"."""
        ...

    async def answer(self, tap: str, text: str = "", *, alert: bool = False) -> None:
        """Answer a tap; one that is too old to be answered counts as done."""
        ...


class Face(Protocol):
    """What becomes of words and taps. An error that leaves it is logged and answered with one short line; the bot goes on."""

    async def text(self, message: Heard) -> None:
        """Somebody wrote."""
        ...

    async def tap(self, tap: Tapped) -> None:
        """Somebody tapped."""
        ...

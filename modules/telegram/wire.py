"""What passes between the chat's transport and its faces: what was heard, what was tapped, buttons, letters, and the two ports.

A face (`Face`) is given what the gate let through and answers over a `Sender`. Texts are plain, never markup: nothing in a symbol or
an error text can be taken for formatting. Times are transport (wall) ms. A sender's errors are the house's: `Transient` (it has certainly
not been done, try again), `Unknown` (nobody can say whether it was done), `Rejected` (the API understood and refused; `code` is one of
`Refused`).
"""

from __future__ import annotations

from enum import StrEnum
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


class Refused(StrEnum):
    """Why the API refused: the `code` of a `Rejected`."""

    TOKEN = "token"  # noqa: S105  a reason, not a token  # nosec B105
    """The bot's token is not accepted (or the API is in trouble: it then says the same)."""
    CHAT = "chat"
    """The chat is gone, was never opened, or has shut the bot out: nothing can be said there until a person changes it."""
    CONTENT = "content"
    """This message, edit or answer."""


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
    """When what it tells happened, transport (wall) ms; 0: when it was put. Told with what is delivered late."""
    chat: int = 0
    """0: every chat of the allow-list that notifications go to."""
    key: str = ""
    """For STATUS: what it is the newest of. Otherwise what it is counted under when a flood is merged ("entry", "fill")."""
    buttons: Keyboard = ()
    """A letter with buttons is never merged with others."""
    silent: bool = False
    ahead: bool = False
    """Goes before whatever waits and is not: a halt is told before a thousand fills that happened earlier."""


class Sender(Protocol):
    """What a face may do in a chat. Every method waits its turn under the API's limits, a bounded time."""

    async def send(self, chat: int, text: str, buttons: Keyboard = (), picture: bytes | None = None, *, silent: bool = False) -> int:
        """Send and return the message's id. A longer text goes in several messages, buttons under the last, whose id is returned.

        With a picture (PNG) the text is its caption, cut at `CAPTION_LIMIT`.
        """
        ...

    async def edit(self, chat: int, message: int, text: str, buttons: Keyboard = (), picture: bytes | None = None) -> None:
        """Replace a message in place; one that says that already counts as done. Too long a text is cut with "…".

        A message with a picture is edited with a picture, one without by one without.
        """
        ...

    async def answer(self, tap: str, text: str = "", *, alert: bool = False) -> None:
        """Answer a tap; one that is too old to be answered counts as done."""
        ...


class Face(Protocol):
    """What becomes of words and taps.

    Each call is a task of its own, begun in the order things came, so a slow picture holds up nobody's /flatten; several may be under way.
    A `BotError` that leaves it is logged and answered with one short line; anything else is a bug: the chat's task is restarted.
    """

    async def text(self, message: Heard) -> None:
        """Somebody wrote."""
        ...

    async def tap(self, tap: Tapped) -> None:
        """Somebody tapped."""
        ...

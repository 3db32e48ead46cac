"""A chat without an API: what was said stands in messages, and a person who types and taps what he sees."""

from __future__ import annotations

import itertools

import msgspec

from modules.telegram.codec import Bonds
from modules.telegram.flows import Chat
from modules.telegram.panel import Stand
from modules.telegram.wire import Button, Heard, Keyboard, Tapped
from modules.ui.commands import Wanted
from modules.ui.operator import Answer, Operator
from self_test.modules.ui.test_operator import Desk, Shelf
from utils.clock import FakeClock
from utils.errors import BotError

ME, CHAT = 42, 42
OTHER, GROUP = 7, -100


class Message(msgspec.Struct):
    """A message as it stands in the chat."""

    chat: int
    text: str
    buttons: Keyboard = ()
    picture: bytes | None = None
    edits: int = 0


class Screen:
    """A `Sender` that shows what it is told; `broken` is raised by everything instead."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.answers: list[tuple[str, str, bool]] = []
        self.broken: BotError | None = None
        self._ids = itertools.count(1)

    def _look(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def send(self, chat: int, text: str, buttons: Keyboard = (), picture: bytes | None = None, *, silent: bool = False) -> int:
        self._look()
        number = next(self._ids)
        self.messages[number] = Message(chat, text, buttons, picture)
        return number

    async def edit(self, chat: int, message: int, text: str, buttons: Keyboard = (), picture: bytes | None = None) -> None:
        self._look()
        found = self.messages[message]
        assert found.chat == chat
        found.text, found.buttons, found.edits = text, buttons, found.edits + 1

    async def answer(self, tap: str, text: str = "", *, alert: bool = False) -> None:
        self._look()
        self.answers.append((tap, text, alert))


class Shown(Shelf):
    """Views whose status suggests a button and whose stage shows its gates."""

    def look(self, wanted: Wanted) -> Answer:
        more = (("Refresh", Wanted("status")), ("Close it", Wanted("close", {"symbol": "<B>USDT", "account": "all"})))
        return Answer(title=wanted.line, lines=["gates: 37/200 trades"] if wanted.name == "stage" else ["one <b>line</b>"], more=more[:1])


class Room:
    """A chat with its face, a counter with a made-up daemon behind it, and the time."""

    def __init__(self, env: str = "live") -> None:
        self.clock, self.desk, self.screen = FakeClock(), Desk(), Screen()
        nonces = itertools.count(1)
        self.operator = Operator(env, Shown(), self.desk, self.clock, lambda: f"n{next(nonces)}")
        bonds = itertools.count(1)
        self.bonds = Bonds(lambda: f"b{next(bonds)}")
        self.stand = Stand(env=env, stage=1, profile="spot", percent=12)
        self.accounts = ["CRYPTO/LIVE", "CRYPTO/PAPER"]
        self.chat = Chat(self.screen, self.operator, lambda: self.stand, lambda: self.accounts, self.bonds, self.clock)
        self._taps = itertools.count(1)

    async def type(self, text: str, user: int = ME, chat: int = CHAT) -> None:
        await self.chat.text(Heard(ts=self.clock.now_ms(), chat=chat, user=user, message=0, text=text, private=chat > 0))

    async def press(self, button: Button, message: int, user: int = ME, chat: int = CHAT) -> str:
        """Tap a button; the answer to the tap."""
        name = f"t{next(self._taps)}"
        await self.chat.tap(Tapped(ts=self.clock.now_ms(), tap=name, chat=chat, user=user, message=message, data=button.data))
        ((_, text, _),) = [one for one in self.screen.answers if one[0] == name]
        return text

    @property
    def newest(self) -> int:
        return max(self.screen.messages)

    @property
    def last(self) -> Message:
        return self.screen.messages[self.newest]

    def button(self, words: str, message: int | None = None) -> Button:
        """The button of a message (the newest) whose text begins with `words`."""
        found = [one for row in self.screen.messages[message or self.newest].buttons for one in row if one.text.startswith(words)]
        assert found, f"no button {words!r} in {self.screen.messages[message or self.newest]}"
        return found[0]

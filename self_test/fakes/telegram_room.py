"""The chat's transport with the real library against the stand-in: a fake clock twenty times as fast as the wall, a face that answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from modules.telegram.allow import Allowed
from modules.telegram.bot import TelegramBot
from modules.telegram.identity import Identity
from modules.telegram.settings import TelegramConfig
from modules.telegram.wire import Button, Face, Heard, Letter, Sender, Tapped, Urgency
from self_test.fakes.telegram_api import TOKEN, TelegramApi
from utils.clock import FakeClock
from utils.supervise import EXPENDABLE, StopStep, Supervisor

ME, ROOM, MATE = 42, -100, 7
COMMANDS = (("status", "how it stands"), ("flatten", "close everything"))
STEP_S, WALL_S = 0.1, 0.005
TASK = "telegram"


class Parrot:
    """Says what it heard, with a button; a tap is answered and its message edited. `/bug` breaks it, `/slow` waits for `go`."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.heard: list[Heard] = []
        self.tapped: list[Tapped] = []
        self.go = asyncio.Event()

    async def text(self, message: Heard) -> None:
        self.heard.append(message)
        if message.text == "/bug":
            raise KeyError(message.text)
        if message.text == "/slow":
            await self.go.wait()
        await self.sender.send(message.chat, f"you said {message.text}", ((Button("again", f"again:{len(self.heard)}:n"),),))

    async def tap(self, tap: Tapped) -> None:
        self.tapped.append(tap)
        await self.sender.answer(tap.tap, "heard")
        await self.sender.edit(tap.chat, tap.message, f"tapped {tap.data}")


class Room:
    """A chat of `ME`, a group where `MATE` may speak, the API, the bot."""

    def __init__(self, folder: Path, api: TelegramApi, **config: Any) -> None:
        self.api, self.folder = api, folder
        api.meet(ME, ROOM)
        self.clock = FakeClock()
        self.config = TelegramConfig(**{"poll_s": 1, "answer_s": 1.0, **config})
        self.bot = self.make()
        self.face = Parrot(self.bot.sender)
        self.tasks: Supervisor | None = None

    def make(self) -> TelegramBot:
        """A bot on the same folder: another life."""
        identity = Identity(TOKEN, self.api.base, Allowed((ME, ROOM), frozenset({MATE})))
        return TelegramBot(identity, self.config, self.clock, random.Random(1), self.folder, COMMANDS)

    def tell(self, text: str, urgency: Urgency = Urgency.NORMAL, **more: Any) -> None:
        """A notification for `ME`."""
        self.bot.put(Letter(text=text, urgency=urgency, **{"chat": ME, **more}))

    @contextlib.asynccontextmanager
    async def running(self, face: Face | None = None, *, wait: bool = True) -> AsyncIterator[None]:
        """The supervised task; stopped at the end, within its limit."""
        async with Supervisor(self.clock, random.Random(1)) as tasks:
            self.tasks = tasks
            tasks.supervise(TASK, lambda: self.bot.run(face or self.face), EXPENDABLE)
            try:
                if wait:
                    await self.until(lambda: self.bot.figures().up)
                yield
            finally:
                async with asyncio.timeout(5):
                    stuck = await tasks.stop([StopStep(name="end", tasks=(TASK,))])
                assert stuck == ()

    async def until(self, happened: Callable[[], bool], limit_s: float = 300.0, *, haste: int = 1) -> None:
        """Let time pass until it has happened; fails after `limit_s` of fake time. `haste` makes it pass faster still."""
        for _ in range(round(limit_s / STEP_S / haste)):
            if happened():
                return
            await self.clock.advance(STEP_S * haste)
            await asyncio.sleep(WALL_S)
        raise AssertionError(f"not within {limit_s:.0f} s; calls: {[(c.method, c.answer) for c in self.api.calls][-12:]}")

    async def leap(self, seconds: float, step_s: float = 5.0) -> None:
        """Let much fake time pass in little wall time."""
        for _ in range(round(seconds / step_s)):
            await self.clock.advance(step_s)
            await asyncio.sleep(WALL_S)

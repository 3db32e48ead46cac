"""Where real money is at stake the chat asks: the real library on a Bot API of our own, the real counter and engine of a demo account.

No daemon: it would call the venue's own hosts. What is behind the chat is what a daemon has, but for the other life that is asked for.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modules.environment import Environment
from modules.stage_request import StageRequest, remembered
from modules.telegram.codec import Bonds
from modules.telegram.desk import stand_of
from modules.telegram.flows import Chat
from self_test.fakes.telegram_api import TelegramApi
from self_test.fakes.telegram_room import MATE, ME, Room
from self_test.modules.test_faces import House

pytestmark = pytest.mark.asyncio
ROOM = -100


class Talk:
    """A person, the API, the bot, and the faces of a demo account whose ids end in 1234 (CRYPTO) and 5678 (PERPS)."""

    def __init__(self, folder: Path, api: TelegramApi) -> None:
        self.api, self.house, self.room = api, House(folder, Environment.DEMO), Room(folder, api)
        numbers, engine = itertools.count(1), self.house.desk.engine
        accounts = [str(one) for one in engine.state.accounts]
        self.chat = Chat(
            self.room.bot.sender,
            self.house.faces.operator,
            lambda: stand_of(engine.state, engine.mandate, "demo", "spot"),
            lambda: accounts,
            Bonds(lambda: f"b{next(numbers)}"),
            self.room.clock,
        )

    @property
    def stored(self) -> StageRequest:
        return remembered(self.house.faces.deeds._at.options.folder)

    async def said(self, words: str, chat: int = ME) -> int:
        """The newest message with `words` in it, once it is there."""

        def look() -> list[int]:
            return [number for number, one in self.api.messages[chat].items() if one["from"]["is_bot"] and words in one.get("text", "")]

        await self.room.until(lambda: bool(look()))
        return look()[-1]

    async def tap(self, message: int, words: str) -> str:
        """The answer to a tap."""
        name = self.api.press(ME, ME, message, words)
        await self.room.until(lambda: name in self.api.answers)
        return str(self.api.answers[name].get("text", ""))


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Talk]:
    api = TelegramApi()
    await api.start()
    talk = Talk(folder, api)
    try:
        async with asyncio.timeout(60), talk.room.running(talk.chat):
            yield talk
    finally:
        await api.stop()


async def test_a_stage_with_two_live_accounts_takes_the_digits_of_each(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        api = talk.api
        api.say(ME, ME, "/stage 4")
        question = await talk.said("account 1 of 2: type the last 4 characters of the id of CRYPTO/LIVE")
        assert "NOT EARNED" in api.messages[ME][question]["text"]
        api.say(ROOM, MATE, "/1234")
        await talk.said("no command", ROOM)
        api.say(ME, ME, "5678")
        await talk.said("not the last 4 characters")
        api.say(ME, ME, "1234")
        await talk.said("account 2 of 2: type the last 4 characters of the id of PERPS/LIVE")
        assert talk.stored.stage == 1, "one of two opens neither"
        api.say(ME, ME, "5678")
        await talk.said("the bot starts again with it")
        assert (talk.stored.stage, talk.stored.real_money) == (4, "1234,5678")
        await talk.room.until(lambda: "DONE" in api.messages[ME][question]["text"])
        assert "reply_markup" not in api.messages[ME][question], "nothing is left to tap"
        texts = "\n".join(one.get("text", "") for one in api.messages[ME].values() if one["from"]["is_bot"])
        assert "1234" not in texts and "5678" not in texts, "what has to be typed is never shown"


async def test_a_tapped_profile_asks_and_can_be_thought_better_of(tmp_path: Path) -> None:
    async with talking(tmp_path) as talk:
        talk.api.say(ME, ME, "/panel")
        panel = await talk.said("Panel: demo")
        assert await talk.tap(panel, "Spot+Perp") == "confirm it below"
        question = await talk.said("profile spot+perp?")
        assert "real money" in talk.api.messages[ME][question]["text"]
        assert await talk.tap(panel, "Spot+Perp") == "that is asked already: confirm it below"
        assert await talk.tap(question, "Cancel") == "cancelled"
        talk.api.say(ME, ME, "1234")
        await talk.said("'1234' is no command")
        assert talk.stored.profile == ""
        assert await talk.tap(panel, "Spot+Perp") == "confirm it below"
        await talk.room.until(lambda: sum("profile spot+perp?" in text for text in talk.api.screen(ME)) == 2)
        talk.api.say(ME, ME, "1234")
        await talk.said("the bot starts again with it")
        assert talk.stored.profile == "spot+perp"

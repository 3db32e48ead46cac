"""The chat without Telegram: what a person writes reaches the bot, what the bot writes comes back, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from self_test.fakes.telegram_api import TOKEN
from self_test.fakes.telegram_chat import ME, Chat, labels

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
KEYS = {"inline_keyboard": [[{"text": "Pause entries", "callback_data": "p"}, {"text": "Status", "callback_data": "s"}]]}


class Line:
    """A chat with a bot of a few lines behind it, and a person with curl."""

    def __init__(self, chat: Chat, session: aiohttp.ClientSession) -> None:
        self.chat, self.session = chat, session

    async def call(self, method: str, **fields: Any) -> Any:
        async with self.session.post(f"{self.chat.base}/bot{TOKEN}/{method}", json=fields) as answer:
            return (await answer.json())["result"]

    async def bot(self) -> None:
        """Answers whatever it is told, after a notice that nobody asked for."""
        offset = 0
        while True:
            for update in await self.call("getUpdates", offset=offset, timeout=5):
                offset = update["update_id"] + 1
                if query := update.get("callback_query"):
                    await self.call("answerCallbackQuery", callback_query_id=query["id"])
                    shown = query["message"]["message_id"]
                    await self.call("editMessageText", chat_id=ME, message_id=shown, text=f"tapped {query['data']}")
                else:
                    await self.call("sendMessage", chat_id=ME, text="[simulated 03-04 08:00] ENTER long BTCUSDT")
                    await self.call("sendMessage", chat_id=ME, text=f"heard {update['message']['text']}", reply_markup=KEYS)

    async def person(self, way: str, words: str) -> tuple[int, str]:
        async with self.session.post(f"{self.chat.base}/{way}", data=words) as answer:
            return answer.status, await answer.text()


@pytest_asyncio.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr("self_test.fakes.telegram_chat.QUIET_S", 0.2)
    monkeypatch.setattr("self_test.fakes.telegram_chat.LISTEN_S", 0.2)
    chat = Chat(0, tmp_path / "sent")
    await chat.start()
    async with aiohttp.ClientSession() as session:
        yield Line(chat, session)
    await chat.stop()


@pytest.mark.asyncio
async def test_without_a_bot_it_says_so(line: Line) -> None:
    assert await line.person("say", "/status") == (503, "no bot listens here yet\n")


@pytest.mark.asyncio
async def test_what_is_said_is_answered_without_notices_and_a_tap_shows_what_it_changed(line: Line) -> None:
    async with asyncio.TaskGroup() as tasks:
        bot = tasks.create_task(line.bot())
        await asyncio.wait_for(line.chat._listens.wait(), 10)
        assert await line.person("say", "/panel") == (200, "heard /panel\n[Pause entries] [Status]\n")
        assert await line.person("tap", "Nothing") == (404, "no button begins with 'Nothing'\n")
        assert await line.person("tap", "Pause") == (200, "tapped p\n")
        bot.cancel()


@pytest.mark.asyncio
async def test_a_picture_is_kept(line: Line, tmp_path: Path) -> None:
    form = aiohttp.FormData({"chat_id": str(ME), "caption": "a chart"})
    form.add_field("photo", PNG, filename="a.png", content_type="image/png")
    async with line.session.post(f"{line.chat.base}/bot{TOKEN}/sendPhoto", data=form) as answer:
        number = (await answer.json())["result"]["message_id"]
    (kept,) = (tmp_path / "sent").iterdir()
    assert kept.read_bytes() == PNG
    assert line.chat.told(number) == f"a chart\n(picture: {kept})\n"


def test_labels_of_a_message() -> None:
    assert labels({"reply_markup": KEYS}) == ["Pause entries", "Status"]
    assert labels({}) == []

"""The stand-in for the Bot API refuses what the real one refuses, in words the real library understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from self_test.fakes.telegram_api import PNG, TOKEN, TelegramApi

ME = 42
pytestmark = pytest.mark.asyncio


def bot_of(api: TelegramApi, token: str = TOKEN) -> Bot:
    def request() -> HTTPXRequest:
        return HTTPXRequest(httpx_kwargs={"trust_env": False})

    return Bot(token, base_url=f"{api.base}/bot", request=request(), get_updates_request=request())


@pytest_asyncio.fixture
async def api() -> AsyncIterator[TelegramApi]:
    found = TelegramApi()
    found.meet(ME)
    await found.start()
    yield found
    await found.stop()


@pytest_asyncio.fixture
async def bot(api: TelegramApi) -> AsyncIterator[Bot]:
    async with bot_of(api) as found:
        yield found


def keys(data: str = "a:b:c", text: str = "x") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data)]])


async def test_texts(bot: Bot) -> None:
    assert (await bot.send_message(ME, "x" * 4096)).text == "x" * 4096
    assert (await bot.send_message(ME, "<b>a</b> &amp; <code>b</code>", parse_mode="HTML")).message_id > 0
    for text, mode, words in (
        ("x" * 4097, None, "message is too long"),
        ("😀" * 2049, None, "message is too long"),
        ("<b>a", "HTML", "can't parse entities"),
        ("a <BTC>", "HTML", "can't parse entities"),
        ("<b><i>a</b></i>", "HTML", "can't parse entities"),
    ):
        with pytest.raises(BadRequest, match=rf"(?i){words}"):
            await bot.send_message(ME, text, parse_mode=mode)
    with pytest.raises(BadRequest, match=r"(?i)text is empty"):
        await bot.send_message(ME, " ")
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(1, "x")


async def test_buttons(bot: Bot, api: TelegramApi) -> None:
    await bot.send_message(ME, "x", reply_markup=keys("x" * 64))
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(ME, "x", reply_markup=keys("ü" * 33))
    with pytest.raises(BadRequest, match=r"(?i)unallowed"):
        await bot.send_message(ME, "x", reply_markup=keys(text=" "))


async def test_edits(bot: Bot) -> None:
    sent = await bot.send_message(ME, "x", reply_markup=keys())
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("x", chat_id=ME, message_id=sent.message_id, reply_markup=keys())
    await bot.edit_message_text("y", chat_id=ME, message_id=sent.message_id, reply_markup=keys())
    await bot.edit_message_reply_markup(chat_id=ME, message_id=sent.message_id)
    with pytest.raises(BadRequest, match=r"(?i)to edit not found"):
        await bot.edit_message_text("y", chat_id=ME, message_id=999)
    with pytest.raises(BadRequest, match=r"(?i)no media"):
        await bot.edit_message_media(InputMediaPhoto(PNG), chat_id=ME, message_id=sent.message_id)
    assert await bot.delete_message(ME, sent.message_id)


async def test_pictures_and_files(bot: Bot, api: TelegramApi) -> None:
    sent = await bot.send_photo(ME, PNG, caption="c" * 1024)
    assert sent.photo
    with pytest.raises(BadRequest, match=r"(?i)caption is too long"):
        await bot.send_photo(ME, PNG, caption="c" * 1025)
    with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
        await bot.send_photo(ME, b"no picture")
    with pytest.raises(BadRequest, match=r"(?i)no text in the message"):
        await bot.edit_message_text("y", chat_id=ME, message_id=sent.message_id)
    await bot.edit_message_media(InputMediaPhoto(PNG + b"2", caption="new"), chat_id=ME, message_id=sent.message_id)
    assert api.screen(ME) == ["new"]
    assert (await bot.send_document(ME, b"lines", filename="log.txt")).document


async def test_taps_are_answered_once_and_in_time(bot: Bot, api: TelegramApi) -> None:
    sent = await bot.send_message(ME, "x", reply_markup=keys())
    tap = api.press(ME, ME, sent.message_id, "x")
    (update,) = await bot.get_updates(timeout=1)
    assert update.callback_query is not None and update.callback_query.data == "a:b:c" and update.callback_query.id == tap
    with pytest.raises(BadRequest, match=r"(?i)too_long"):
        await bot.answer_callback_query(tap, text="x" * 201)
    await bot.answer_callback_query(tap, text="x" * 200)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(tap)


async def test_updates_come_again_until_they_are_confirmed(bot: Bot, api: TelegramApi) -> None:
    api.say(ME, ME, "a")
    api.say(ME, ME, "b")
    for _ in range(2):
        assert [u.message.text for u in await bot.get_updates(offset=0) if u.message] == ["a", "b"]
    assert [u.message.text for u in await bot.get_updates(offset=2) if u.message] == ["b"]
    assert api.pending == 1 and await bot.delete_webhook(drop_pending_updates=True) and api.pending == 0


async def test_one_poller_at_a_time(bot: Bot, api: TelegramApi) -> None:
    api._pollers = 1
    with pytest.raises(Conflict):
        await bot.get_updates()


async def test_commands(bot: Bot, api: TelegramApi) -> None:
    await bot.set_my_commands([("status", "how it stands")])
    assert api.commands == [{"command": "status", "description": "how it stands"}]
    for bad in (BotCommand("Status", "x"), BotCommand("s", "")):
        with pytest.raises(BadRequest, match=r"(?i)bot_command"):
            await bot.set_my_commands([bad])


async def test_who_is_let_in(api: TelegramApi, bot: Bot) -> None:
    with pytest.raises(InvalidToken):
        await bot_of(api, "1:other").__aenter__()  # asks who it is, and gives its connections back
    api.closed = {ME}
    with pytest.raises(Forbidden, match=r"(?i)blocked"):
        await bot.send_message(ME, "x")


@pytest.mark.parametrize(
    "kind, error",
    [("429", RetryAfter), ("502", NetworkError), ("malformed", TelegramError), ("nonsense", KeyError), ("lost", NetworkError)],
)
async def test_faults_are_what_the_library_knows_them_as(bot: Bot, api: TelegramApi, kind: str, error: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    api.fail(kind, "sendMessage", value=7)
    with pytest.raises(error):
        await bot.send_message(ME, "x")
    assert len(api.screen(ME)) == (kind == "lost")
    await bot.send_message(ME, "y")

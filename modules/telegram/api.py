"""The Bot API at the edge: what a face or the courier wants as calls of the library, and the library's errors as the house's.

An edit and an answer may be repeated, so they are, a few times; a message may not, because nobody knows whether the first one arrived. What
the library says in its errors may hold the token (its URL), so none of its words go further than this file, but the API's own description.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputMediaPhoto, LinkPreviewOptions
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from modules.telegram.pace import Pace
from modules.telegram.texts import clip, plain, split
from modules.telegram.wire import ANSWER_LIMIT, CAPTION_LIMIT, Keyboard, Refused
from utils.clock import MS, Clock
from utils.errors import Rejected, Transient, Unknown
from utils.logs import mask_values

os.environ.setdefault("PTB_TIMEDELTA", "true")
"""The library's opt-in to what `RetryAfter` will be; without it each 429 warns."""

T = TypeVar("T")
PATIENCE_S = 30.0
"""A call waits this long for the API's own limits (429), then fails: the courier keeps its letter, a face's reply is lost."""
TRIES = 3
TRY_AGAIN_S = 1.0
LIMIT_S = 120.0
"""No call takes longer, limits of a group included, whatever trickles in."""
GARBAGE = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What the library raises for JSON that is not what the API says it sends."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NOT_MODIFIED = "message is not modified"
_TOO_OLD = ("query is too old", "query id is invalid")
_NO_CHAT = ("chat not found", "user is deactivated", "group chat was upgraded", "have no rights to send", "not enough rights")
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_WORDS = 160


class Api:
    """A `Sender` over the library's bot, which is there while the chat's task runs."""

    def __init__(self, clock: Clock, pace: Pace, token: str) -> None:
        self._clock, self._pace, self._token = clock, pace, token
        self._bot: Bot | None = None
        self.sent = 0
        """Messages the API has taken, for metrics."""
        self.failures = {"transient": 0, "unknown": 0, "rejected": 0, "limited": 0}

    def use(self, bot: Bot | None) -> None:
        """The bot to speak through; None: there is none."""
        self._bot = bot

    async def send(self, chat: int, text: str, buttons: Keyboard = (), picture: bytes | None = None, *, silent: bool = False) -> int:
        """See `Sender.send`."""
        if picture is not None:
            caption = clip(plain(text), CAPTION_LIMIT) if text else None
            return await self._message(
                chat,
                lambda bot: bot.send_photo(
                    chat, picture, caption=caption, reply_markup=_markup(buttons), disable_notification=silent, filename="chart.png"
                ),
            )
        message = 0
        parts = split(plain(text))
        for at, part in enumerate(parts, start=1):
            message = await self._message(chat, _text_call(chat, part, buttons if at == len(parts) else (), silent=silent))
        return message

    async def edit(self, chat: int, message: int, text: str, buttons: Keyboard = (), picture: bytes | None = None) -> None:
        """See `Sender.edit`."""
        markup = _markup(buttons)

        def call(bot: Bot) -> Awaitable[Any]:
            if picture is None:
                return bot.edit_message_text(
                    clip(plain(text)), chat_id=chat, message_id=message, reply_markup=markup, link_preview_options=NO_PREVIEW
                )
            media = InputMediaPhoto(picture, caption=clip(plain(text), CAPTION_LIMIT), filename="chart.png")
            return bot.edit_message_media(media, chat_id=chat, message_id=message, reply_markup=markup)

        try:
            await self._repeatable(chat, call)
        except Rejected as error:
            if _NOT_MODIFIED not in str(error).lower():
                raise

    async def answer(self, tap: str, text: str = "", *, alert: bool = False) -> None:
        """See `Sender.answer`."""
        words = clip(plain(text), ANSWER_LIMIT) if text else None
        try:
            await self._repeatable(None, lambda bot: bot.answer_callback_query(tap, text=words, show_alert=alert))
        except Rejected as error:
            if not any(words in str(error).lower() for words in _TOO_OLD):
                raise

    async def _message(self, chat: int, call: Callable[[Bot], Awaitable[Any]]) -> int:
        sent = await self._call(chat, call)
        self.sent += 1
        try:
            return int(sent.message_id)
        except GARBAGE as error:
            raise Unknown(f"the API answered with something that is no message: {type(error).__name__}") from None

    async def _repeatable(self, chat: int | None, call: Callable[[Bot], Awaitable[Any]]) -> None:
        for left in range(TRIES - 1, -1, -1):
            try:
                await self._call(chat, call)
            except (Transient, Unknown):
                if not left:
                    raise
                await self._clock.sleep(TRY_AGAIN_S)
            else:
                return

    async def _call(self, chat: int | None, call: Callable[[Bot], Awaitable[T]]) -> T:
        """One call when its moment comes; asked to be quiet, it waits and tries again, up to `PATIENCE_S` in all."""
        waited_s = 0.0
        while True:
            await self._turn(chat)
            if self._bot is None:
                raise Transient("the chat is not connected")
            try:
                async with asyncio.timeout(LIMIT_S):
                    return await call(self._bot)
            except RetryAfter as error:
                self.failures["limited"] += 1
                wait_s = retry_after_s(error)
                self._pace.hold(self._now(), int(wait_s * 1000))
                waited_s += wait_s
                if waited_s > PATIENCE_S:
                    raise Transient(f"the API wants {wait_s:.0f} s of silence") from None
            except (TelegramError, TimeoutError, *GARBAGE) as error:
                found = translated(error, self._token)
                self.failures[type(found).__name__.lower()] += 1
                raise found from None  # the library's text, kept as a cause, would print the address it called

    async def _turn(self, chat: int | None) -> None:
        if chat is not None:
            await self._sleep(self._pace.reserve(chat, self._now()))
        while held := self._pace.held_ms(self._now()):
            await self._sleep(held)

    async def _sleep(self, ms: int) -> None:
        if ms > 0:
            await self._clock.sleep(ms / 1000)

    def _now(self) -> int:
        return self._clock.monotonic_ns() // MS


def translated(error: Exception, token: str) -> Transient | Unknown | Rejected:
    """The house's error for the library's, in words without the token."""
    words = mask_values(str(error), (token,))[:_WORDS]
    match error:
        case InvalidToken():
            return Rejected("the API does not accept the bot's token", Refused.TOKEN)
        case Forbidden() | ChatMigrated():
            return Rejected(words, Refused.CHAT)
        case BadRequest():
            return Rejected(words, Refused.CHAT if any(one in words.lower() for one in _NO_CHAT) else Refused.CONTENT)
        case Conflict():
            return Transient("another program polls with the same token")
        case RetryAfter():
            return Transient(f"the API wants {retry_after_s(error):.0f} s of silence")
        case NetworkError() | TimedOut() if isinstance(error.__cause__, _NEVER_SENT):
            return Transient(f"no connection: {type(error.__cause__).__name__}")
        case TimedOut() | TimeoutError():
            return Unknown("no answer in time")
        case TelegramError():
            return Unknown(words)
        case _:
            return Unknown(f"the API answered with something else than it should: {type(error).__name__}")


def retry_after_s(error: RetryAfter) -> float:
    """For how long the API wants silence."""
    wait: timedelta | float = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _markup(buttons: Keyboard) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.text, callback_data=one.data, style=one.style or None) for one in row] for row in buttons]
    )


def _text_call(chat: int, text: str, buttons: Keyboard, *, silent: bool) -> Callable[[Bot], Awaitable[Any]]:
    return lambda bot: bot.send_message(
        chat, text, reply_markup=_markup(buttons), disable_notification=silent, link_preview_options=NO_PREVIEW
    )

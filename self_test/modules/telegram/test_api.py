"""What the edge makes of the library's calls and errors; over a socket with the real library: `self_test/contracts/test_telegram.py`."""

from __future__ import annotations

import random
from typing import Any, cast

import httpx
import pytest
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from modules.telegram.api import Api, translated
from modules.telegram.pace import Pace
from modules.telegram.wire import Refused
from self_test.fakes.telegram_api import TOKEN
from utils.clock import FakeClock
from utils.errors import BotError, Rejected, Transient, Unknown
from utils.supervise import Supervisor


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error, kind, code",
    [
        (InvalidToken(f"The token `{TOKEN}` was rejected by the server."), Rejected, Refused.TOKEN),
        (Forbidden("Forbidden: bot was blocked by the user"), Rejected, Refused.CHAT),
        (ChatMigrated(-1005), Rejected, Refused.CHAT),
        (BadRequest("Chat not found"), Rejected, Refused.CHAT),
        (BadRequest("Message is too long"), Rejected, Refused.CONTENT),
        (Conflict("terminated by other getUpdates request"), Transient, None),
        (RetryAfter(7), Transient, None),
        (caused(NetworkError("httpx.ConnectError: "), httpx.ConnectError("no")), Transient, None),
        (caused(TimedOut(), httpx.PoolTimeout("full")), Transient, None),
        (caused(TimedOut(), httpx.ReadTimeout("slow")), Unknown, None),
        (NetworkError(f"Bad Gateway (502) at https://h/bot{TOKEN}/x"), Unknown, None),
        (TelegramError("Invalid server response"), Unknown, None),
        (TimeoutError(), Unknown, None),
        (KeyError("result"), Unknown, None),
    ],
)
def test_every_error_has_its_meaning_and_none_says_the_token(error: Exception, kind: type[BotError], code: Refused | None) -> None:
    found = translated(error, TOKEN)
    assert type(found) is kind and getattr(found, "code", None) == code
    assert TOKEN not in str(found) and TOKEN[7:] not in repr(found)


class Stub:
    """A bot that answers from a list: an error is raised, anything else returned."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.times = list(answers), 0

    async def _next(self, *args: Any, **kwargs: Any) -> Any:
        self.times += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    send_message = edit_message_text = answer_callback_query = _next


class Sent:
    message_id = 5


def api(clock: FakeClock, *answers: Any) -> tuple[Api, Stub]:
    found, stub = Api(clock, Pace(), TOKEN), Stub(*answers)
    found.use(cast(Bot, stub))
    return found, stub


async def outcome(clock: FakeClock, work: Any, seconds: float = 200.0) -> Any:
    """The result or the house's error of `work`, with the clock moved while it waits."""
    found: list[Any] = []

    async def run() -> None:
        try:
            found.append(await work)
        except BotError as error:
            found.append(error)

    async with Supervisor(clock, random.Random(1)) as tasks:
        tasks.supervise("work", run)
        for _ in range(round(seconds)):
            await clock.advance(1.0)
            if found:
                break
    return found[0]


@pytest.mark.asyncio
async def test_without_a_connection_nothing_is_sent() -> None:
    found = Api(FakeClock(), Pace(), TOKEN)
    with pytest.raises(Transient, match="not connected"):
        await found.send(1, "x")


@pytest.mark.asyncio
async def test_asked_to_be_quiet_it_waits_and_sends_once_more() -> None:
    clock = FakeClock()
    found, stub = api(clock, RetryAfter(7), Sent())
    assert await outcome(clock, found.send(1, "x")) == 5
    assert stub.times == 2 and clock.monotonic_ns() >= 7 * 10**9 and found.failures["limited"] == 1


@pytest.mark.asyncio
async def test_a_long_silence_is_not_waited_for() -> None:
    clock = FakeClock()
    found, stub = api(clock, RetryAfter(600))
    assert isinstance(await outcome(clock, found.send(1, "x")), Transient)
    assert stub.times == 1


@pytest.mark.asyncio
async def test_a_message_is_sent_once_an_edit_is_tried_again() -> None:
    clock = FakeClock()
    found, stub = api(clock, TimedOut())
    assert isinstance(await outcome(clock, found.send(1, "x")), Unknown) and stub.times == 1
    found, stub = api(clock, TimedOut(), NetworkError("Bad Gateway"), True)
    assert await outcome(clock, found.edit(1, 2, "x")) is None and stub.times == 3
    found, stub = api(clock, TimedOut(), TimedOut(), TimedOut())
    assert isinstance(await outcome(clock, found.edit(1, 2, "x")), Unknown) and stub.times == 3


@pytest.mark.asyncio
async def test_what_is_so_already_counts_as_done() -> None:
    clock = FakeClock()
    found, _ = api(clock, BadRequest("Message is not modified: specified new message content ..."))
    assert await outcome(clock, found.edit(1, 2, "x")) is None
    found, _ = api(clock, BadRequest("Query is too old and response timeout expired or query id is invalid"))
    assert await outcome(clock, found.answer("9", "late")) is None
    found, _ = api(clock, BadRequest("Message to edit not found"))
    assert isinstance(await outcome(clock, found.edit(1, 2, "x")), Rejected)


@pytest.mark.asyncio
async def test_an_answer_that_is_no_message_is_unknown() -> None:
    clock = FakeClock()
    found, _ = api(clock, {"surprise": []})
    assert isinstance(await outcome(clock, found.send(1, "x")), Unknown)


@pytest.mark.asyncio
async def test_messages_to_one_chat_keep_a_second_between_them() -> None:
    clock = FakeClock()
    found, stub = api(clock, Sent(), Sent(), Sent())
    assert await outcome(clock, found.send(1, "x" * 9000)) == 5
    assert stub.times == 3 and clock.monotonic_ns() >= 2 * 10**9

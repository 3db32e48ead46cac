"""The chat's task with the real library against the stand-in: what gets in, what gets out, every fault, and what never leaves."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import time
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from modules.telegram.courier import FILE
from modules.telegram.outbox import PERHAPS
from modules.telegram.wire import Heard, Urgency
from self_test.fakes.telegram_api import TOKEN, TelegramApi
from self_test.fakes.telegram_room import COMMANDS, MATE, ME, ROOM, Parrot, Room
from utils import logs
from utils.errors import Transient

pytestmark = pytest.mark.asyncio


def fills(room: Room) -> list[int]:
    """Numbers of the fills that were told, heads and stamps aside."""
    return [int(n) for n in re.findall(r"^(?:• )?(?:..:.. UTC )?fill (\d+)$", "\n".join(room.api.screen(ME)), re.MULTILINE)]


async def test_words_and_taps_there_and_back(room: Room) -> None:
    api = room.api
    async with room.running():
        assert [(one["command"], one["description"]) for one in api.commands] == list(COMMANDS)
        api.say(ME, ME, "/status BTC")
        await room.until(lambda: api.screen(ME) == ["you said /status BTC"])
        message = api.last(ME)["message_id"]
        tap = api.press(ME, ME, message, "again")
        await room.until(lambda: api.screen(ME) == ["tapped again:1:n"])
        assert api.answers[tap]["text"] == "heard" and "reply_markup" not in api.last(ME)
    (heard,) = room.face.heard
    (tapped,) = room.face.tapped
    assert (heard.chat, heard.user, heard.text, heard.private) == (ME, ME, "/status BTC", True)
    assert (tapped.chat, tapped.user, tapped.message, tapped.tap) == (ME, ME, message, tap)


async def test_everybody_else_gets_silence_a_count_and_one_line(room: Room) -> None:
    api = room.api
    with capture_logs() as told:
        async with room.running():
            api.say(ME, ME, "/panel")
            await room.until(lambda: len(api.screen(ME)) == 1)
            message = api.last(ME)["message_id"]
            for _ in range(3):
                api.say(666, 666, "/flatten")
                api.say(ROOM, 666, "/flatten")
                api.tap(ROOM, 666, message, "again:1:n")
                api.tap(666, 666, message, "again:1:n")
            api.say(ROOM, ME, "/flatten")  # his private chat makes him nobody in the group
            api.say(ROOM, 1087968824, "/flatten", bot=True)  # an anonymous admin
            api.say(ROOM, MATE, "/status@our_bot")
            await room.until(lambda: len(api.screen(ROOM)) == 1)
    assert [(one.chat, one.user, one.text) for one in room.face.heard] == [(ME, ME, "/panel"), (ROOM, MATE, "/status")]
    assert room.face.tapped == [] and api.screen(666) == [] and api.made("answerCallbackQuery") == []
    assert room.bot.figures().strangers == {"another chat": 6, "another person": 7, "nobody": 1}
    assert len([one for one in told if "may not speak" in one["event"]]) == 4
    assert "/flatten" not in str(told)


async def test_in_a_group_only_commands_for_us_are_heard(room: Room) -> None:
    async with room.running():
        for text in ("nice weather", "/status@other_bot", "/pnl@OUR_bot week"):
            room.api.say(ROOM, MATE, text)
        await room.until(lambda: room.face.heard != [])
    assert [one.text for one in room.face.heard] == ["/pnl week"] and not room.face.heard[0].private


async def test_what_is_no_text_is_heard_as_nothing(room: Room) -> None:
    async with room.running():
        room.api.say(
            ME,
            ME,
            sticker={
                "file_id": "s",
                "file_unique_id": "s",
                "type": "regular",
                "width": 1,
                "height": 1,
                "is_animated": False,
                "is_video": False,
            },
        )
        room.api.say(ME, ME, new_chat_title="x")
        room.api.say(ME, ME, "😀" * 2000)
        await room.until(lambda: len(room.face.heard) == 2)
    assert [one.text for one in room.face.heard] == ["", "😀" * 2000]


async def test_what_was_said_before_the_start_is_dropped(room: Room) -> None:
    room.api.say(ME, ME, "/flatten")
    room.api.tap(ME, ME, 1, "st:5:n")
    async with room.running():
        room.api.say(ME, ME, "/status")
        await room.until(lambda: room.face.heard != [])
    assert [one.text for one in room.face.heard] == ["/status"] and room.face.tapped == []


async def test_a_dead_api_stops_nothing_and_is_told_once_each_way(room: Room) -> None:
    await room.api.down()
    with capture_logs() as told:
        async with room.running(wait=False):
            started = time.perf_counter()
            for n in range(100):
                room.tell(f"fill {n}", Urgency.NEVER_DROP, key="fill")
            assert time.perf_counter() - started < 1.0  # it never waits; a generous bound for a busy machine
            with pytest.raises(Transient):
                await room.bot.sender.send(ME, "x")
            await room.until(lambda: told != [])
            await room.leap(60)
            assert not room.bot.figures().up and room.bot.figures().waiting == 100
            await room.api.up()
            await room.until(lambda: room.bot.figures().up and room.bot.figures().waiting == 0)
    assert fills(room) == list(range(100))
    assert len(room.api.screen(ME)) <= 3
    assert [one["event"] for one in told if one["event"].startswith("the chat is")] == [
        "the chat is out; it is tried again for ever",
        "the chat is back",
    ]


async def test_ten_minutes_without_the_api(room: Room) -> None:
    """What is told arrives whole and in order; what was said meanwhile is not done, and that is said."""
    async with room.running():
        await room.api.down()
        room.api.say(ME, ME, "/flatten")
        for minute in range(10):
            room.tell(f"fill {minute}", Urgency.NEVER_DROP, key="fill")
            room.tell(f"equity {minute}", Urgency.STATUS, key="equity")
            await room.leap(60)
        await room.api.up()
        await room.until(lambda: room.bot.figures().up and room.bot.figures().waiting == 0)
        room.api.say(ME, ME, "/status")
        await room.until(lambda: room.face.heard != [])
    text = "\n".join(room.api.screen(ME))
    assert fills(room) == list(range(10))
    assert "equity 9" in text and "equity 8" not in text
    assert "I could not hear you for 1" in text and [one.text for one in room.face.heard] == ["/status"]


@pytest.mark.parametrize("fault, doubled", [("429", 1), ("502", 1), ("malformed", 1), ("nonsense", 1), ("lost", 2), ("401", 1)])
async def test_a_fault_while_sending_delays_and_loses_nothing(room: Room, fault: str, doubled: int) -> None:
    async with room.running():
        room.api.fail(fault, "sendMessage", value=3)
        for n in range(3):
            room.tell(f"fill {n}", Urgency.NEVER_DROP)
        await room.until(lambda: room.bot.figures().waiting == 0)
    said = [text.splitlines()[-1] for text in room.api.screen(ME)]
    assert said == ["fill 0"] * doubled + ["fill 1", "fill 2"]
    assert (PERHAPS in "".join(room.api.screen(ME))) == (fault not in {"429", "401"})


async def test_a_call_that_hangs_is_given_up_and_made_again(room: Room) -> None:
    async with room.running():
        room.api.fail("hang", "sendMessage")
        room.tell("fill", Urgency.NEVER_DROP)
        await room.until(lambda: room.bot.figures().waiting == 0)
    assert room.api.screen(ME) == [f"{PERHAPS}\nfill"]


async def test_asked_to_be_quiet_it_is_quiet_for_so_long(room: Room) -> None:
    async with room.running():
        room.api.fail("429", "sendMessage", value=20)
        asked_ns = room.clock.monotonic_ns()
        room.tell("x")
        await room.until(lambda: room.api.screen(ME) != [])
        assert room.clock.monotonic_ns() - asked_ns >= 20 * 10**9
    assert [call.answer for call in room.api.calls if call.method == "sendMessage"] == [429, 200]


@pytest.mark.parametrize("fault", ["429", "502", "malformed", "nonsense", "lost", "401", "hang"])
async def test_a_fault_while_listening_is_got_over(room: Room, fault: str) -> None:
    async with room.running():
        room.api.fail(fault, "getUpdates", count=1 if fault in {"hang", "401"} else 3)
        room.api.say(ME, ME, "/status")
        if fault == "401":
            await room.until(lambda: not room.bot.figures().up)
            await room.leap(60)
        await room.until(lambda: room.face.heard != [] and room.bot.figures().up)
        assert [one.text for one in room.face.heard] == ["/status"]


@pytest.mark.parametrize("method", ["getMe", "deleteWebhook", "setMyCommands"])
@pytest.mark.parametrize("fault", ["502", "malformed", "nonsense"])
async def test_a_fault_while_connecting_is_got_over(room: Room, method: str, fault: str) -> None:
    room.api.fail(fault, method, count=2)
    async with room.running():
        room.api.say(ME, ME, "/status")
        await room.until(lambda: room.face.heard != [])


async def test_a_tap_is_answered_through_a_fault(room: Room) -> None:
    async with room.running():
        room.api.say(ME, ME, "/panel")
        await room.until(lambda: room.api.screen(ME) != [])
        room.api.fail("502", "answerCallbackQuery")
        room.api.fail("lost", "editMessageText")
        tap = room.api.press(ME, ME, room.api.last(ME)["message_id"], "again")
        await room.until(lambda: room.api.screen(ME) == ["tapped again:1:n"] and tap in room.api.answers)
        assert room.bot.figures().waiting == 0


async def test_two_taps_come_in_their_order_and_both_are_answered(room: Room) -> None:
    async with room.running():
        room.api.say(ME, ME, "/panel")
        await room.until(lambda: room.api.screen(ME) != [])
        message = room.api.last(ME)["message_id"]
        taps = [room.api.press(ME, ME, message, "again") for _ in range(2)]
        await room.until(lambda: set(taps) <= room.api.answers.keys())
    assert [one.tap for one in room.face.tapped] == taps


async def test_a_slow_picture_holds_up_nobodys_flatten(room: Room) -> None:
    async with room.running():
        room.api.say(ME, ME, "/slow")
        room.api.say(ME, ME, "/flatten")
        await room.until(lambda: room.api.screen(ME) == ["you said /flatten"])
        room.face.go.set()
        await room.until(lambda: room.api.screen(ME) == ["you said /flatten", "you said /slow"])


class Broken(Parrot):
    async def text(self, message: Heard) -> None:
        self.heard.append(message)
        raise Transient("the engine is busy")


async def test_a_request_that_fails_is_said_to_have_failed(room: Room) -> None:
    face = Broken(room.bot.sender)
    async with room.running(face):
        room.api.say(ME, ME, "/status")
        await room.until(lambda: any("went wrong" in text for text in room.api.screen(ME)))
        assert "busy" not in room.api.screen(ME)[0]


async def test_a_bug_in_the_face_costs_one_request_not_the_chat(room: Room) -> None:
    async with room.running():
        room.api.say(ME, ME, "/bug")
        await room.until(lambda: len(room.face.heard) == 1)
        room.api.say(ME, ME, "/status")
        await room.until(lambda: room.api.screen(ME) == ["you said /status"])
        assert room.tasks is not None and room.tasks.restarts["telegram"] == 1
    assert [one.text for one in room.face.heard] == ["/bug", "/status"]


async def test_another_poller_with_our_token_is_told(room: Room) -> None:
    with capture_logs() as told:
        async with room.running(wait=False):
            room.api._pollers = 1
            await room.until(lambda: any("another program" in str(one) for one in told))
            room.api._pollers = 0
            await room.until(lambda: room.bot.figures().up)


@pytest.mark.parametrize("method", ["getMe", "getUpdates", "sendMessage"])
async def test_it_stops_in_time_whatever_hangs(tmp_path: Path, api: TelegramApi, method: str) -> None:
    room = Room(tmp_path, api, answer_s=60.0, poll_s=50)
    api.fail("hang", method)
    async with room.running(wait=False):
        room.tell("fill", Urgency.NEVER_DROP)
        await room.until(lambda: any(call.method == method for call in api.calls))
    assert ("fill" in (tmp_path / FILE).read_text()) == (method == "sendMessage")  # kept, or delivered


async def test_another_life_delivers_what_the_last_one_could_not(room: Room) -> None:
    room.api.closed = {ME}
    async with room.running():
        room.tell("fill 1", Urgency.NEVER_DROP)
        room.tell("fill 2", Urgency.NEVER_DROP)
        await room.until(lambda: any(call.answer == 403 for call in room.api.calls))
    room.api.closed = set()
    room.bot = room.make()
    async with room.running(Parrot(room.bot.sender)):
        await room.until(lambda: room.bot.figures().waiting == 0)
    assert [text.splitlines()[-1] for text in room.api.screen(ME)] == ["fill 1", "fill 2"]


async def test_settling_waits_only_where_somebody_listens(room: Room) -> None:
    async with room.running():
        room.tell("last words")
        async with asyncio.TaskGroup() as group:
            done = group.create_task(room.bot.settle(2.0))
            await room.until(done.done)
        assert done.result() == 0 and room.api.screen(ME) == ["last words"]
    room.tell("nobody is there")
    async with asyncio.TaskGroup() as group:
        done = group.create_task(room.bot.settle(2.0))
        await room.until(done.done, 1.0)
    assert done.result() == 1


async def test_the_token_is_never_written_anywhere(room: Room, capfd: pytest.CaptureFixture[str]) -> None:
    """Planted, then every fault there is at the loosest log level; everything written is searched for it, and for its secret half."""
    stream = io.StringIO()
    logs.setup(form="json", level="DEBUG", secrets=(TOKEN,), stream=stream)
    root = logging.getLogger()
    bare = logging.StreamHandler(stream)  # a handler that masks nothing: what the libraries say must not reach it at all
    for name in ("telegram", "httpx", "httpcore"):
        logging.getLogger(name).addHandler(bare)
    try:
        for fault in ("401", "502", "malformed", "nonsense", "lost", "429", "hang"):
            room.api.fail(fault, "getMe")
        async with room.running(wait=False):
            await room.until(lambda: room.bot.figures().up, 900, haste=2)
            for fault in ("401", "502", "malformed", "nonsense", "lost", "429", "hang"):
                room.api.fail(fault, "getUpdates")
                room.api.fail(fault, "sendMessage")
                room.tell(f"after {fault}", Urgency.NEVER_DROP)
            await room.until(lambda: room.bot.figures().up and room.bot.figures().waiting == 0, 900, haste=2)
            room.api.say(ME, ME, "/bug")
            await room.until(lambda: len(room.face.heard) == 1)
            await room.api.down()
            room.tell("to disk", Urgency.NEVER_DROP)
            await room.until(lambda: not room.bot.figures().up)
            await room.leap(60)
    finally:
        for name in ("telegram", "httpx", "httpcore"):
            logging.getLogger(name).removeHandler(bare)
        for handler in [one for one in root.handlers if type(one).__name__ == "_OurHandler"]:
            root.removeHandler(handler)
        structlog.reset_defaults()
    written = [stream.getvalue(), repr(room.bot.figures()), *capfd.readouterr(), *room.api.screen(ME)]
    written += [path.read_text() for path in room.folder.iterdir()]
    assert "the chat is out" in stream.getvalue() and "KeyError" in stream.getvalue() and "to disk" in written[-1]
    assert not [text for text in written if TOKEN in text or TOKEN.partition(":")[2] in text]

"""Words and taps of a person, and what stands in the chat afterwards."""

from __future__ import annotations

import asyncio

import pytest

from modules.telegram.flows import DRAWINGS
from modules.ui.commands import VOCABULARY, Wanted, changes, parse
from modules.ui.operator import Answer
from self_test.modules.telegram.faces import CHAT, GROUP, ME, OTHER, Room
from utils.errors import Transient

pytestmark = pytest.mark.asyncio


# --- words ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [row.example for row in VOCABULARY.values() if not changes(parse(row.example)) and row.name != "panel"])
async def test_every_look_is_answered_in_plain_words(line: str) -> None:
    room = Room()
    await room.type(f"/{line}")
    assert room.last.text.startswith(parse(line).line)
    assert room.desk.did == []


async def test_the_first_word_of_the_app_is_help() -> None:
    room = Room()
    await room.type("/start deep-link")
    assert room.last.text.startswith("help")
    await room.type("/menu@my_bot")
    assert room.last.text.startswith("Panel: live")


@pytest.mark.parametrize(
    "text, words",
    [
        ("/nonsense", "no command"),
        ("hello there", "no command"),
        ("/explore 5", "10 to 25"),
        ("/explore -1e99", "10 to 25"),
        ("/close 🚀", "no symbol"),
        ("/pause now", "takes nothing"),
        ("/stage 9", "1 to 5"),
        ("/close", "close what"),
        ("/close <b>&", "no symbol"),
        ("🚀🚀🚀", "no command"),
        ("x" * 5_000, "characters"),
        ("", "help"),
        ("/statsu", "did you mean status?"),
    ],
)
async def test_bad_input_gets_a_short_helpful_answer_and_changes_nothing(text: str, words: str) -> None:
    room = Room()
    await room.type(text)
    assert words in room.last.text and len(room.last.text) < 200 and "\n" not in room.last.text
    assert room.desk.did == [] and room.last.buttons == ()


async def test_in_a_group_people_talk_to_each_other() -> None:
    room = Room()
    await room.type("what do you think?", chat=GROUP)
    assert room.screen.messages == {}
    await room.type("/status", chat=GROUP)
    assert room.last.chat == GROUP


async def test_a_suggested_button_works_and_carries_what_it_wants() -> None:
    room = Room()
    await room.type("status")
    assert await room.press(room.button("Refresh"), room.newest) == ""
    assert len(room.screen.messages) == 2


async def test_pictures_are_drawn_a_few_at_a_time_while_other_words_go_on() -> None:
    room = Room()
    gate = asyncio.Event()

    async def slow(wanted: Wanted) -> Answer:
        await gate.wait()
        return Answer(title=wanted.line, picture=b"png")

    room.operator.picture = slow  # type: ignore[method-assign]  # a drawing that takes its time
    async with asyncio.TaskGroup() as tasks:
        for _ in range(DRAWINGS):
            tasks.create_task(room.type("/chart BTCUSDT"))
        await asyncio.sleep(0)
        await room.type("/chart ETHUSDT")
        assert "are being drawn" in room.last.text
        await room.type("/status")
        assert room.last.text.startswith("status")
        gate.set()
    assert sum(one.picture == b"png" for one in room.screen.messages.values()) == DRAWINGS
    await room.type("/report daily")
    assert room.last.picture == b"png"


async def test_a_report_shows_all_its_pictures_one_after_the_other() -> None:
    room = Room()

    async def drawn(wanted: Wanted) -> Answer:
        more = (("Again", wanted),)
        return Answer(title=wanted.line, picture=b"one", pictures=(("equity", b"two"), ("costs <b>", b"three")), more=more)

    room.operator.picture = drawn  # type: ignore[method-assign]  # a report of three pictures
    await room.type("/report daily")
    first, *others = room.screen.messages.values()
    assert (first.text.startswith("report"), first.picture, len(first.buttons)) == (True, b"one", 1)
    assert [(one.chat, one.text, one.picture, one.buttons) for one in others] == [
        (CHAT, "equity", b"two", ()),
        (CHAT, "costs <b>", b"three", ()),
    ]


# --- asking ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [row.example for row in VOCABULARY.values() if changes(parse(row.example)) and row.name != "flatten"])
async def test_every_request_is_done_at_once_in_the_simulator(line: str) -> None:
    room = Room("simulated")
    await room.type(f"/{line}")
    assert [did[:2] for did in room.desk.did] == [(parse(line).line, f"telegram:{ME}")]
    assert any(one.text == f"{parse(line).line} done" for one in room.screen.messages.values())


async def test_what_the_daemon_refuses_is_told() -> None:
    room = Room()
    await room.type("/close NONE")
    assert room.last.text == "nothing is held in NONE" and room.desk.did == []


async def test_one_confirmation_its_buttons_vanish_and_a_second_tap_is_told() -> None:
    room = Room()
    await room.type("/close BTCUSDT")
    asked, confirm = room.newest, room.button("Confirm")
    assert room.last.text == "close BTCUSDT all?\nConfirm, within 60 s." and room.desk.did == []
    await room.type("/close BTCUSDT")
    assert room.last.text == "That is asked already: confirm it above."
    assert await room.press(confirm, asked, user=OTHER) == "This button is somebody else's. /panel opens your own."
    assert "before" in await room.press(confirm, asked + 1)
    assert room.desk.did == []
    assert await room.press(confirm, asked) == "close BTCUSDT all done"
    assert room.screen.messages[asked].text == "close BTCUSDT all?\nDONE: close BTCUSDT all done"
    assert room.screen.messages[asked].buttons == ()
    assert await room.press(confirm, asked) == "already done"
    assert len(room.desk.did) == 1


async def test_two_taps_at_once_do_it_once() -> None:
    room = Room()
    await room.type("/close BTCUSDT")
    confirm, asked = room.button("Confirm"), room.newest
    told = await asyncio.gather(room.press(confirm, asked), room.press(confirm, asked))
    assert sorted(told) == ["already done", "close BTCUSDT all done"] and len(room.desk.did) == 1
    assert "DONE" in room.screen.messages[asked].text


async def test_cancelled_is_cancelled() -> None:
    room = Room()
    await room.type("/close BTCUSDT")
    confirm, asked = room.button("Confirm"), room.newest
    assert await room.press(room.button("Cancel"), asked) == "cancelled"
    assert room.last.text.endswith("cancelled, nothing was changed") and room.last.buttons == ()
    assert await room.press(confirm, asked) == "cancelled, nothing was changed"
    assert room.desk.did == []


async def test_too_late_is_said_by_itself_and_to_a_late_tap() -> None:
    room = Room()
    await room.type("/close BTCUSDT")
    confirm, asked = room.button("Confirm"), room.newest
    await room.clock.advance(59)
    await room.chat.sweep()
    assert room.last.buttons
    await room.clock.advance(1)
    await room.chat.sweep()
    assert room.last.text.endswith("too late, nothing was changed: ask again") and room.last.buttons == ()
    assert await room.press(confirm, asked) == "too late, nothing was changed: ask again"
    await room.type("/close BTCUSDT")
    confirm, asked = room.button("Confirm"), room.newest
    await room.clock.advance(61)
    assert await room.press(confirm, asked) == "too late: ask again"
    assert room.last.buttons == () and room.desk.did == []


async def test_an_end_that_could_not_be_shown_is_shown_after_the_outage() -> None:
    room = Room()
    await room.type("/close BTCUSDT")
    await room.clock.advance(60)
    room.screen.broken = Transient("the API is down")
    await room.chat.sweep()
    await room.chat.sweep()
    room.screen.broken = None
    assert room.last.buttons
    await room.chat.sweep()
    assert room.last.text.endswith("too late, nothing was changed: ask again") and room.last.buttons == ()
    edits = room.last.edits
    await room.chat.sweep()
    assert room.last.edits == edits


async def test_a_jump_of_stage_shows_its_gates_and_real_money_wants_digits() -> None:
    room = Room()
    await room.type("/stage 2")
    gates, asked = room.screen.messages[1], room.newest
    assert gates.text == "stage\ngates: 37/200 trades"
    assert "type the last 4 characters" in room.last.text and "within 5 min" in room.last.text
    assert [one.text for row in room.last.buttons for one in row] == ["Cancel"]
    await room.type("4567", user=OTHER)
    assert room.desk.did == [], "another person's digits are no digits"
    await room.type("/status")
    assert room.last.text.startswith("status"), "a command is a command meanwhile"
    await room.type("0000")
    assert "not the last 4" in room.last.text and room.desk.did == []
    await room.type("4567")
    assert room.desk.did == [("stage 2", f"telegram:{ME}", "4567")]
    assert room.screen.messages[asked].buttons == () and "DONE" in room.screen.messages[asked].text
    await room.type("4567")
    assert "no command" in room.last.text and len(room.desk.did) == 1


async def test_two_accounts_with_real_money_are_confirmed_one_after_the_other() -> None:
    room = Room()
    await room.type("/stage 4")
    asked = room.newest
    assert "account 1 of 2" in room.last.text and "CRYPTO/LIVE" in room.last.text
    await room.type("4567")
    assert "account 2 of 2" in room.last.text and "PERPS/LIVE" in room.last.text and room.desk.did == []
    assert "PERPS/LIVE" in room.screen.messages[asked].text, "the question goes on in its message"
    await room.type("4567")
    assert "not the last 4" in room.last.text and room.desk.did == []
    await room.type("0815")
    assert room.desk.did == [("stage 4", f"telegram:{ME}", "4567,0815")]
    assert room.screen.messages[asked].buttons == () and "DONE" in room.screen.messages[asked].text


async def test_wrong_digits_end_it_after_three_tries() -> None:
    room = Room()
    await room.type("/stage 2")
    for _ in range(3):
        await room.type("0000")
    await room.type("4567")
    assert room.last.text == "too late: ask again" and room.desk.did == []
    await room.clock.advance(301)
    await room.type("4567")
    assert "no command" in room.last.text

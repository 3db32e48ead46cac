"""Words and taps of a person, and what stands in the chat afterwards."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from modules.telegram.flows import DRAWINGS
from modules.telegram.wire import Refused
from modules.ui.commands import VOCABULARY, Wanted, changes, parse
from modules.ui.notices import Notice, Topic
from modules.ui.operator import Answer
from self_test.modules.telegram.faces import CHAT, GROUP, ME, OTHER, Room
from utils.errors import Refusal, Rejected, Transient

pytestmark = pytest.mark.asyncio


def disaster(account: str, words: str, *, over: bool = False) -> Notice:
    return Notice(kind=Topic.DISASTER, ts=1, title=f"DISASTER {account}", lines=(words,), account=account, over=over)


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


# --- disaster -------------------------------------------------------------------------------------------------------------------------


async def test_a_disaster_takes_two_taps_of_one_person_and_is_told_by_account_until_flat() -> None:
    room = Room("simulated")
    await room.type("/flatten")
    first, asked = room.button("DISASTER"), room.newest
    assert first.style == "danger" and "within 30 s" in room.last.text
    assert await room.press(first, asked) == "once more"
    second = room.button("DISASTER")
    assert second.data != first.data and "Once more" in room.last.text and room.desk.did == []
    assert await room.press(first, asked) == "already done", "one tap delivered twice is not two"
    assert "somebody else" in await room.press(second, asked, user=OTHER)
    assert room.desk.did == []
    assert await room.press(second, asked) == "flatten done"
    assert [did[0] for did in room.desk.did] == ["flatten"]
    message = room.screen.messages[asked]
    assert message.buttons == ()
    assert message.text.splitlines() == ["DISASTER under way: entries are off", "CRYPTO/LIVE: closing", "CRYPTO/PAPER: closing"]
    assert await room.press(second, asked) == "already done"

    assert room.chat.heard(disaster("CRYPTO/PAPER", "left: 1 position, 1 order"))
    await room.chat.sweep()
    assert "PAPER: closing" in message.text, "edited no more than once a second"
    await room.clock.advance(1)
    await room.chat.sweep()
    assert "CRYPTO/PAPER: left: 1 position, 1 order" in message.text
    room.chat.heard(disaster("CRYPTO/PAPER", "verified flat", over=True))
    await room.clock.advance(1)
    room.screen.broken = Transient("the API is down")
    await room.chat.sweep()
    room.screen.broken = None
    room.chat.heard(disaster("CRYPTO/LIVE", "verified flat", over=True))
    await room.clock.advance(1)
    await room.chat.sweep()
    assert message.text.splitlines() == [
        "DISASTER: every account is verified flat",
        "CRYPTO/LIVE: verified flat",
        "CRYPTO/PAPER: verified flat",
    ]
    assert not room.chat.heard(disaster("CRYPTO/PAPER", "later")), "that one is over"
    edits = message.edits
    await room.clock.advance(5)
    await room.chat.sweep()
    assert message.edits == edits


async def test_what_is_told_before_the_message_is_known_is_not_lost() -> None:
    room = Room("simulated")
    await room.type("/panel")
    panel = room.newest
    assert await room.press(room.button("DISASTER"), panel) == "confirm it below"
    await_taps = room.newest
    assert "within 30 s" in room.last.text
    carry_out = room.desk.carry_out

    async def quick(wanted: Wanted, who: str, digits: str = "") -> str:
        for account in room.accounts:
            room.chat.heard(disaster(account, "verified flat", over=True))
        return await carry_out(wanted, who, digits)

    room.desk.carry_out = quick  # type: ignore[method-assign]  # it is flat before it is asked
    assert await room.press(room.button("DISASTER"), await_taps) == "flatten done", "the red button was the first of two taps"
    assert room.last.text.startswith("DISASTER: every account is verified flat")


async def test_a_disaster_too_late_is_no_disaster() -> None:
    room = Room("simulated")
    await room.type("/flatten")
    first, asked = room.button("DISASTER"), room.newest
    await room.clock.advance(29)
    await room.press(first, asked)
    second = room.button("DISASTER")
    await room.clock.advance(30)
    assert await room.press(second, asked) == "too late: ask again"
    assert room.desk.did == [] and room.last.buttons == ()


@pytest.mark.parametrize("step", [1, 2])
async def test_a_disaster_whose_buttons_could_not_be_shown_may_be_asked_for_again_at_once(step: int) -> None:
    room = Room("simulated")
    if step == 1:
        room.screen.broken = Transient("the API is down")
        with pytest.raises(Transient):
            await room.type("/flatten")
    else:
        await room.type("/flatten")
        first, asked = room.button("DISASTER"), room.newest
        room.screen.broken = Transient("the API is down")
        with pytest.raises(Transient):
            await room.press(first, asked)
    room.screen.broken = None
    await room.type("/flatten")
    await room.press(room.button("DISASTER"), room.newest)
    assert room.desk.did == []
    assert await room.press(room.button("DISASTER"), room.newest) == "flatten done"
    assert [did[0] for did in room.desk.did] == ["flatten"]


async def test_a_message_that_was_deleted_does_not_hold_the_disaster_up() -> None:
    room = Room("simulated")
    await room.type("/flatten")
    asked = room.newest
    await room.press(room.button("DISASTER"), asked)
    await room.press(room.button("DISASTER"), asked)
    room.chat.heard(disaster("CRYPTO/LIVE", "left: 1 position, 1 order"))
    room.screen.broken = Rejected("message to edit not found", Refused.CONTENT)
    await room.clock.advance(2)
    await room.chat.sweep()
    assert not room.chat.heard(disaster("CRYPTO/LIVE", "verified flat", over=True)), "the account's own notices tell it"


# --- panel ----------------------------------------------------------------------------------------------------------------------------


async def test_the_panel_carries_values_and_is_edited_in_place_no_more_than_once_a_second() -> None:
    room = Room("simulated")
    await room.type("/panel")
    panel = room.newest
    more = room.button("+1")
    assert await room.press(more, panel) == "explore 13 done"
    assert await room.press(more, panel) == "explore 13 done", "the same tap twice wants the same value"
    assert {did[0] for did in room.desk.did} == {"explore 13"}
    room.stand = msgspec.structs.replace(room.stand, percent=13)
    await room.chat.sweep()
    assert room.last.edits == 0
    await room.clock.advance(1)
    await room.chat.sweep()
    assert (room.newest, room.last.edits) == (panel, 1) and room.button("13 %").data.startswith("do:explore:")
    await room.clock.advance(1)
    await room.chat.sweep()
    assert room.last.edits == 1, "nothing is new"
    assert await room.press(more, panel) == "explore 13 done", "a button of before still carries its value"


@pytest.mark.parametrize("percent, button, told", [(10, "−1", "minimum 10 %"), (10, "−5", "minimum 10 %"), (25, "+1", "maximum 25 %")])
async def test_floor_and_cap_answer_and_change_nothing(percent: int, button: str, told: str) -> None:
    room = Room("simulated")
    room.stand = msgspec.structs.replace(room.stand, percent=percent)
    await room.type("/panel")
    assert await room.press(room.button(button), room.newest) == told
    assert room.desk.did == []


async def test_a_step_over_the_floor_goes_to_the_floor_and_says_so() -> None:
    room = Room("simulated")
    await room.type("/panel")
    assert await room.press(room.button("−5"), room.newest) == "explore 10 done minimum 10 %"


async def test_what_is_in_force_is_answered_so() -> None:
    room = Room("simulated")
    await room.type("/panel")
    assert await room.press(room.button("● 1"), room.newest) == "that is in force already"
    assert await room.press(room.button("● Spot"), room.newest) == "that is in force already"
    assert room.desk.did == []


async def test_switches_and_looks_of_the_panel() -> None:
    room = Room("simulated")
    await room.type("/panel")
    panel = room.newest
    for words, done in (
        ("Forex", "forex on"),
        ("Options", "options on"),
        ("Perp", "profile perp"),
        ("Online", "learn on"),
        ("Pause", "pause"),
    ):
        assert await room.press(room.button(words, panel), panel) == f"{done} done"
    assert await room.press(room.button("3", panel), panel) == "stage 3 done"
    assert room.last.text.startswith("stage\ngates"), "a jump shows the gates"
    for words in ("Status", "Positions", "12 %"):
        assert await room.press(room.button(words, panel), panel) == ""
    assert "somebody else" in await room.press(room.button("Pause", panel), panel, user=OTHER)
    for data in ("do:pause:zz", "rubbish", "no:-:", "xx:pause:b1"):
        told = await room.press(msgspec.structs.replace(room.button("Pause", panel), data=data), panel)
        assert "/panel opens a new one" in told
    assert len(room.desk.did) == 6


async def test_a_jump_of_stage_from_the_panel_asks_outside_the_simulator() -> None:
    room = Room("demo")
    await room.type("/panel")
    panel = room.newest
    assert await room.press(room.button("3", panel), panel) == "confirm it below"
    assert room.screen.messages[panel + 1].text.startswith("stage\ngates") and room.last.text.startswith("stage 3?")
    assert await room.press(room.button("3", panel), panel) == "that is asked already: confirm it below"
    assert await room.press(room.button("Confirm"), room.newest) == "stage 3 done"


async def test_a_refusal_of_a_tap_is_an_alert_and_shows_the_gates() -> None:
    room = Room("demo")

    def check(wanted: Wanted, who: str) -> None:
        raise Refusal("stage 4 is not earned: " + "x" * 300)

    room.desk.check = check  # type: ignore[method-assign]  # a daemon that says no
    await room.type("/panel")
    told = await room.press(room.button("4"), room.newest)
    assert told.startswith("stage 4 is not earned") and len(told) <= 200 and room.screen.answers[-1][2]
    assert room.last.text.startswith("stage\ngates")


async def test_a_panel_that_was_deleted_is_left_alone() -> None:
    room = Room()
    await room.type("/panel")
    room.stand = msgspec.structs.replace(room.stand, percent=20)
    await room.clock.advance(1)
    room.screen.broken = Transient("down")
    await room.chat.sweep()
    room.screen.broken = None
    await room.clock.advance(1)
    await room.chat.sweep()
    assert room.last.edits == 1, "tried again after an outage"
    room.stand = msgspec.structs.replace(room.stand, percent=21)
    room.screen.broken = Rejected("message to edit not found", Refused.CONTENT)
    await room.clock.advance(1)
    await room.chat.sweep()
    room.screen.broken = None
    await room.clock.advance(1)
    await room.chat.sweep()
    assert room.last.edits == 1
    assert room.last.chat == CHAT

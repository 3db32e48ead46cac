"""The panel in the chat: values, switches and steps, edited in place."""

from __future__ import annotations

import msgspec
import pytest

from modules.telegram.wire import Refused
from modules.ui.commands import Wanted
from self_test.modules.telegram.faces import CHAT, OTHER, Room
from utils.errors import Refusal, Rejected, Transient

pytestmark = pytest.mark.asyncio


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

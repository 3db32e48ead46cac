"""A disaster that a person asks for in the chat: two taps, and what is told until everything is flat."""

from __future__ import annotations

import pytest

from modules.telegram.wire import Refused
from modules.ui.commands import Wanted
from modules.ui.notices import Notice, Topic
from self_test.modules.telegram.faces import OTHER, Room
from utils.errors import Rejected, Transient

pytestmark = pytest.mark.asyncio


def disaster(account: str, words: str, *, over: bool = False) -> Notice:
    return Notice(kind=Topic.DISASTER, ts=1, title=f"DISASTER {account}", lines=(words,), account=account, over=over)


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

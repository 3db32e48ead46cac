"""The chat wired to a run: what notices become, what the panel is drawn from, what happens without a token."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import msgspec
import pytest

from modules.telegram.codec import Bonds, decode
from modules.telegram.desk import COMMANDS, NO_TOKEN, SWEEP_S, Desk, letters, open_desk, stand_of
from modules.telegram.panel import Stand
from modules.telegram.settings import TelegramConfig
from modules.telegram.wire import Letter, Urgency
from modules.ui.commands import parse
from modules.ui.notices import Notice, Topic, booted
from modules.ui.operator import Operator
from self_test.fakes.telegram_rules import check_commands
from self_test.modules.telegram.faces import Room
from self_test.modules.ui.test_operator import Desk as Daemon
from self_test.modules.ui.test_operator import Shelf
from self_test.scenarios.desk import Desk as Table
from state.messages import Control
from strategy.regime import CHOP
from utils.clock import FakeClock

TOKEN = "123456:stand-in-token-of-nobody-at-all"
ASKED = Notice(kind=Topic.ASKED, ts=1_741_184_700_000, title="entries paused", who="telegram:42")
CHATS = (42, -7)


def bonds() -> Bonds:
    numbers = itertools.count(1)
    return Bonds(lambda: f"b{next(numbers)}")


def told(notice: Notice, env: str = "demo", chats: tuple[int, ...] = CHATS, *, shown: bool = False) -> list[Letter]:
    return letters(notice, env, chats, bonds(), told=shown)


def test_the_environment_stands_in_front_and_venue_time_where_it_is_not_the_readers() -> None:
    notice = msgspec.structs.replace(ASKED, who="panel", lines=("by panel",))
    assert [one.text for one in told(notice)] == ["[demo] entries paused\nby panel"]
    assert [one.text for one in told(notice, "simulated")] == ["[simulated 03-05 14:25] entries paused\nby panel"]
    assert told(notice)[0].chat == 0 and told(notice)[0].key == "asked"


def test_who_asked_in_the_only_chat_is_not_told_twice() -> None:
    assert told(ASKED, chats=(42,)) == []
    assert len(told(ASKED)) == 1, "the others of other chats are"
    assert len(told(msgspec.structs.replace(ASKED, kind=Topic.STAGE), chats=(42,))) == 1


def test_what_may_want_a_hand_goes_ahead_of_fills_and_what_is_silent_does_not() -> None:
    halt = Notice(kind=Topic.BREAKER, ts=1, title="CRYPTO/PAPER: daily loss", urgency=Urgency.NEVER_DROP)
    ahead = [halt, msgspec.structs.replace(halt, kind=Topic.DISASTER), msgspec.structs.replace(ASKED, who="panel")]
    behind = [msgspec.structs.replace(halt, kind=kind) for kind in (Topic.ENTRY, Topic.EXIT, Topic.REPORT, Topic.VERDICT)]
    behind.append(msgspec.structs.replace(halt, silent=True))
    assert all(told(one)[0].ahead for one in ahead) and not any(told(one)[0].ahead for one in behind)


def test_buttons_are_bound_to_each_chat() -> None:
    notice = booted(1, Table().engine.state)
    mine, theirs = told(notice)
    assert (mine.chat, theirs.chat) == CHATS and mine.urgency is Urgency.NORMAL
    presses = [decode(button.data) for letter in (mine, theirs) for row in letter.buttons for button in row]
    assert len({press.nonce for press in presses if press}) == 2
    assert [parse(press.value).line for press in presses if press][:3] == ["forex on", "options on", "panel"]


def test_progress_of_a_disaster_that_its_message_tells_is_no_letter() -> None:
    progress = Notice(kind=Topic.DISASTER, urgency=Urgency.STATUS, ts=1, title="DISASTER X", lines=("left: 1",), key="disaster:X")
    (letter,) = told(progress)
    assert (letter.urgency, letter.key) == (Urgency.STATUS, "disaster:X")
    assert told(progress, shown=True) == []
    over = msgspec.structs.replace(progress, urgency=Urgency.NEVER_DROP)
    assert [one.urgency for one in told(over, shown=True)] == [Urgency.NEVER_DROP]


def test_the_panel_is_drawn_from_what_the_engine_holds() -> None:
    table = Table("AAAUSDT", "BBBUSDT")
    state, mandate = table.engine.state, table.engine.mandate
    state.market["regime"] = [0, CHOP]
    state.exploration = 15
    table.control("pause")
    table.control("flatten")
    stand = stand_of(state, mandate, "demo", "spot")
    assert (stand.percent, stand.adjusted) == (15, (("AAAUSDT", 0.15), ("BBBUSDT", 0.25)))
    assert stand.paused and stand.halted == ("CRYPTO/PAPER",) and not (stand.forex or stand.options or stand.learning)
    table.tell(Control(table.now, "learn", {"to": "on"}, "me"))
    assert stand_of(state, mandate, "demo", "spot").learning and stand_of(state, mandate, "demo", "spot").explore_live is None


def test_the_menu_is_one_the_api_takes() -> None:
    check_commands([{"command": name, "description": about} for name, about in COMMANDS])


def opened(environ: dict[str, str], folder: Path) -> tuple[Desk | None, str]:
    clock = FakeClock()
    operator = Operator("demo", Shelf(), Daemon(), clock, lambda: "n")
    stand = Stand(env="demo", stage=1, profile="spot")
    return open_desk(operator, lambda: stand, list, TelegramConfig(), clock, random.Random(1), folder, environ)


def test_without_a_token_the_bot_runs_and_the_line_says_so(tmp_path: Path) -> None:
    assert opened({}, tmp_path) == (None, NO_TOKEN)
    found, line = opened({"TELEGRAM_BOT_TOKEN": TOKEN}, tmp_path)
    assert found is None and line.startswith("Telegram: OFF, TELEGRAM_CHAT_ID") and TOKEN not in line
    found, line = opened({"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "42"}, tmp_path)
    assert found is not None and line == "Telegram: on, 1 chat may speak"


class Bot:
    """The transport as the desk uses it."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def put(self, letter: Letter) -> None:
        self.letters.append(letter)

    async def run(self, _face: object) -> None:
        await asyncio.Event().wait()

    async def settle(self, _limit_s: float) -> int:
        return 0


@pytest.mark.asyncio
async def test_what_is_told_before_and_at_the_very_end_reaches_the_outbox() -> None:
    room, bot = Room("demo"), Bot()
    found = Desk(bot, room.chat, room.bonds, room.operator, (42,), room.clock)  # type: ignore[arg-type]  # an honest fake
    room.operator.tell(msgspec.structs.replace(ASKED, title="before", who=""))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run())
        await room.clock.settle()
        assert [one.text for one in bot.letters] == ["[demo] before"]
        room.operator.tell(msgspec.structs.replace(ASKED, title="at the end", who=""))
        task.cancel()
    assert [one.text for one in bot.letters] == ["[demo] before", "[demo] at the end"]


@pytest.mark.asyncio
async def test_the_panel_is_swept() -> None:
    room, bot = Room("demo"), Bot()
    found = Desk(bot, room.chat, room.bonds, room.operator, (42,), room.clock)  # type: ignore[arg-type]  # same
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(found.run())
        await room.type("/panel")
        room.stand = msgspec.structs.replace(room.stand, percent=20)
        await room.clock.advance(1.0 + 2 * SWEEP_S)
        assert "20 %" in room.last.text
        assert await found.settle(1.0) == 0
        task.cancel()

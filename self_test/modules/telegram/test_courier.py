from __future__ import annotations

import asyncio
import contextlib
import random
import re
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from modules.telegram.courier import FILE, Courier, open_courier
from modules.telegram.outbox import PERHAPS, Outbox
from modules.telegram.wire import Button, Keyboard, Letter, Refused, Urgency
from utils.clock import FakeClock
from utils.errors import Rejected, Transient, Unknown
from utils.supervise import EXPENDABLE, StopStep, Supervisor


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  a thread writes a file, nobody sends an event
            await asyncio.sleep(0.001)


class Post:
    """A sender that takes a second for each message, and fails while told to."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.sent: list[tuple[int, str]] = []
        self.trouble: Exception | None = None
        self.lost_answer = False
        self.bad: tuple[str, Exception] | None = None
        self.shut: set[int] = set()
        self.tries = 0

    async def send(self, chat: int, text: str, buttons: Keyboard = (), picture: bytes | None = None, *, silent: bool = False) -> int:
        self.tries += 1
        await self.clock.sleep(1.0)
        if self.trouble is not None:
            raise self.trouble
        if self.bad is not None and self.bad[0] in text:
            raise self.bad[1]
        if chat in self.shut:
            raise Rejected("bot was blocked by the user", Refused.CHAT)
        self.sent.append((chat, text))
        if self.lost_answer:
            self.lost_answer = False
            raise Unknown("no answer in time")
        return len(self.sent)

    async def edit(self, chat: int, message: int, text: str, buttons: Keyboard = (), picture: bytes | None = None) -> None:
        raise AssertionError

    async def answer(self, tap: str, text: str = "", *, alert: bool = False) -> None:
        raise AssertionError


class Desk:
    def __init__(self, folder: Path, chats: tuple[int, ...] = (1,), **more: int) -> None:
        self.clock, self.folder, self.chats = FakeClock(), folder, chats
        self.post = Post(self.clock)
        self.outbox = Outbox(chats, **more)
        self.courier: Courier = open_courier(self.outbox, self.post, self.clock, random.Random(1), folder)

    def put(self, text: str, urgency: Urgency = Urgency.NORMAL, **more: object) -> None:
        self.courier.put(Letter(text=text, urgency=urgency, **more))  # type: ignore[arg-type]

    @property
    def words(self) -> list[str]:
        return [text for _, text in self.post.sent]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with Supervisor(self.clock, random.Random(1)) as tasks:
            names = [f"deliver {chat}" for chat in self.chats]
            for name, chat in zip(names, self.chats, strict=True):
                tasks.supervise(name, lambda chat=chat: self.courier.deliver(chat), EXPENDABLE)  # type: ignore[misc]
            yield
            assert tasks.running() == tuple(names)
            await tasks.stop([StopStep(name="end", tasks=tuple(names))])


@pytest.mark.asyncio
async def test_what_is_put_is_delivered_in_order(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with desk.running():
        for n in range(4):
            desk.put(f"{n}")
        await desk.clock.advance(10)
    assert desk.words == ["0", "1", "2", "3"]


@pytest.mark.asyncio
@pytest.mark.parametrize("trouble", [Transient("no connection"), Unknown("502"), Rejected("no", Refused.TOKEN)])
async def test_ten_minutes_without_an_api_lose_no_fill_and_keep_the_order(tmp_path: Path, trouble: Exception) -> None:
    desk = Desk(tmp_path, most=20)
    desk.post.trouble = trouble
    async with desk.running():
        for second in range(600):
            if second % 10 == 0:
                desk.put(f"fill {second:03d}.", Urgency.NEVER_DROP, key="fill")
            desk.put(f"chatter {second}", key="chatter")
            desk.put(f"equity {second}", Urgency.STATUS, key="equity")
            await desk.clock.advance(1)
        assert desk.words == [] and desk.courier.waiting == 60 + 20 + 1 and desk.post.tries < 60
        desk.post.trouble = None
        await desk.clock.advance(240)
        assert desk.courier.waiting == 0
    text = "\n".join(desk.words)
    fills = [int(word) for word in re.findall(r"fill (\d{3})\.", text)]
    assert fills == list(range(0, 600, 10))
    assert "Left out before: chatter 580" in text and "equity 599" in text and "equity 598" not in text
    assert len(desk.words) < 6 and text.index("fill 590") < text.index("chatter 599")


@pytest.mark.asyncio
async def test_a_lost_answer_is_told_again_and_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.post.lost_answer = True
    async with desk.running():
        desk.put("filled", Urgency.NEVER_DROP)
        await desk.clock.advance(20)
    assert desk.words == ["filled", f"{PERHAPS}\nfilled"]


@pytest.mark.asyncio
async def test_one_chat_that_shuts_us_out_holds_nobody_else_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, (1, 2))
    desk.post.shut = {1}
    async with desk.running():
        desk.put("a", Urgency.NEVER_DROP)
        desk.put("b", Urgency.NEVER_DROP)
        await desk.clock.advance(30)
        assert desk.post.sent == [(2, "a"), (2, "b")]
        desk.post.shut = set()
        await desk.clock.advance(90)
    assert [text.splitlines()[-1] for chat, text in desk.post.sent if chat == 1] == ["a", "b"]


@pytest.mark.asyncio
async def test_a_message_that_is_refused_does_not_stop_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.post.bad = ("poison", Rejected("can't parse", Refused.CONTENT))
    async with desk.running():
        desk.put("poison", Urgency.NEVER_DROP, buttons=((Button("x", "y"),),))
        desk.put("after")
        await desk.clock.advance(30)
        assert desk.courier.waiting == 0
    assert "after" in desk.words[0]


@pytest.mark.asyncio
async def test_a_flood_is_calmed_but_not_for_what_is_urgent(tmp_path: Path) -> None:
    desk = Desk(tmp_path, flood=3, burst=4)
    async with desk.running():
        for n in range(40):
            desk.put(f"n{n}")
            await desk.clock.advance(1)
        assert len(desk.words) == 4
        desk.put("disaster", Urgency.NEVER_DROP)
        await desk.clock.advance(3)
    assert len(desk.words) == 5 and desk.words[-1].endswith("• disaster") and "• n39" in desk.words[-1]


@pytest.mark.asyncio
async def test_the_disk_follows_owner_only_and_the_next_life_goes_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.post.trouble = Transient("out")
    async with Supervisor(desk.clock, random.Random(1)) as tasks:
        tasks.supervise("keep", desk.courier.keep)
        desk.put("fill 1", Urgency.NEVER_DROP)
        await until((tmp_path / FILE).exists)
        desk.put("fill 2", Urgency.NEVER_DROP)  # within the pause between two writes: the stop writes it
        await tasks.stop([StopStep(name="end", tasks=("keep",))])
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    again = Desk(tmp_path)
    async with again.running():
        await again.clock.advance(5)
    assert again.words == ["fill 1", "fill 2"]
    again.courier.save()
    assert Desk(tmp_path).courier.waiting == 0


@pytest.mark.asyncio
async def test_what_must_not_be_dropped_is_on_disk_at_once_the_rest_within_a_second(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with Supervisor(desk.clock, random.Random(1)) as tasks:
        tasks.supervise("keep", desk.courier.keep)

        def stored(text: str) -> bool:
            return (tmp_path / FILE).exists() and text.encode() in (tmp_path / FILE).read_bytes()

        desk.put("fill 1", Urgency.NEVER_DROP)
        await until(lambda: stored("fill 1") and desk.clock.sleeping() > 0)
        desk.put("gossip")
        await asyncio.sleep(0.05)
        assert not stored("gossip")
        desk.put("fill 2", Urgency.NEVER_DROP)
        await until(lambda: stored("fill 2"))
        await tasks.stop([StopStep(name="end", tasks=("keep",))])


@pytest.mark.asyncio
async def test_a_disk_that_refuses_stops_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "missing")
    async with Supervisor(desk.clock, random.Random(1)) as tasks:
        tasks.supervise("keep", desk.courier.keep)
        desk.put("x")
        await until(lambda: desk.clock.sleeping() > 0)
        await tasks.stop([StopStep(name="end", tasks=("keep",))])
    assert desk.courier.waiting == 1


def test_damage_is_set_aside_and_the_bot_starts(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"{torn")
    assert Desk(tmp_path).courier.waiting == 0
    assert len(list(tmp_path.glob("*.quarantine-1"))) == 1


@pytest.mark.asyncio
async def test_a_stop_waits_a_little_for_the_last_words(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    left: list[int] = []

    async def settle() -> None:
        left.append(await desk.courier.settle(3.0))

    async with desk.running():
        desk.put("last words")
        async with asyncio.TaskGroup() as group:
            group.create_task(settle())
            await desk.clock.advance(4)
        desk.post.trouble = Transient("out")
        desk.put("too late")
        async with asyncio.TaskGroup() as group:
            group.create_task(settle())
            await desk.clock.advance(4)
    assert left == [0, 1] and "too late" in (tmp_path / FILE).read_text()  # though nobody kept the disk up to date

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.data.backfill_queue import FILE, PAGE, BackfillQueue, Owed
from self_test.marketdata.samples import M5, spot
from self_test.modules.data.fakes import HistoryFake
from state.instruments import Instrument
from state.market import Candle
from utils.clock import FakeClock
from utils.errors import Rejected, Transient
from utils.throttle import Banned, Urgency

BTC, ETH = spot("BTCUSDT"), spot("ETHUSDT")


class Scripted(HistoryFake):
    """A history that raises what it is told to, once each, before it answers."""

    def __init__(self, *errors: Exception, last: int = 50) -> None:
        super().__init__()
        self.errors = list(errors)
        self.tried: list[tuple[str, int]] = []
        self.candles = {one.key: [Candle(one.key, index * M5, 1, 1, 1, 1, 1.0) for index in range(last)] for one in (BTC, ETH)}

    async def klines(self, instrument: Instrument, timeframe_ms: int, start_ms: int, *more: object) -> list[Candle]:
        self.tried.append((instrument.symbol, start_ms // M5))
        if self.errors:
            raise self.errors.pop(0)
        return await super().klines(instrument, timeframe_ms, start_ms, *more)  # type: ignore[arg-type]


class Desk:
    """A queue on a folder, and what came out of it."""

    def __init__(self, folder: Path, rest: Scripted | None = None, capacity: int = 100) -> None:
        self.clock = FakeClock()
        self.rest = rest or Scripted()
        self.queue = BackfillQueue(self.rest, self.clock, random.Random(1), folder, capacity)
        self.got: list[tuple[str, int]] = []

    def receive(self, candles: list[Candle]) -> None:
        self.got += [(candle.key[7:10], candle.ts // M5) for candle in candles]

    def ask(self, start: int, end: int, key: str = BTC.key) -> None:
        self.queue.ask(key, M5, start * M5, end * M5)

    def owed(self) -> list[tuple[str, int, int]]:
        return [(one.key[7:10], one.start // M5, one.end // M5) for one in self.queue.owed()]

    @asynccontextmanager
    async def running(self, *instruments: Instrument) -> AsyncIterator[None]:
        self.queue.attach(instruments, self.receive)
        task = asyncio.get_running_loop().create_task(self.queue.run())
        await self.clock.settle()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_ranges_that_overlap_or_touch_become_one_in_the_place_of_the_first(tmp_path: Path) -> None:
    it = Desk(tmp_path)
    it.ask(1, 3)
    it.ask(1, 3, ETH.key)
    it.ask(9, 12)
    it.ask(5, 7)
    assert it.owed() == [("BTC", 1, 3), ("ETH", 1, 3), ("BTC", 9, 12), ("BTC", 5, 7)]
    it.ask(3, 10)
    it.ask(2, 4)
    assert it.owed() == [("BTC", 1, 12), ("ETH", 1, 3)]
    it.queue.ask(BTC.key, 60_000, M5, 2 * M5)
    assert len(it.owed()) == 3, "another timeframe is another series"


def test_only_whole_candles_are_owed(tmp_path: Path) -> None:
    it = Desk(tmp_path)
    it.queue.ask(BTC.key, M5, M5 + 1, 4 * M5 + 1)
    it.queue.ask(ETH.key, M5, M5 + 1, 2 * M5 + 1)
    it.queue.ask(ETH.key, M5, 5 * M5, 5 * M5)
    assert it.owed() == [("BTC", 2, 4)]


@pytest.mark.parametrize(
    "had, left",
    [((3, 5), [(2, 3), (5, 8)]), ((0, 4), [(4, 8)]), ((6, 20), [(2, 6)]), ((2, 8), []), ((0, 2), [(2, 8)]), ((8, 9), [(2, 8)])],
)
def test_what_came_by_another_way_is_cut_out(tmp_path: Path, had: tuple[int, int], left: list[tuple[int, int]]) -> None:
    it = Desk(tmp_path)
    it.ask(2, 8)
    it.ask(2, 8, ETH.key)
    it.queue.had(BTC.key, M5, had[0] * M5, had[1] * M5)
    assert it.owed() == [*(("BTC", *one) for one in left), ("ETH", 2, 8)]


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 20), st.integers(0, 20)), max_size=30))
def test_property_what_is_owed_is_what_was_asked_and_not_had(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int, int]]
) -> None:
    it = Desk(tmp_path_factory.mktemp("queue"))
    expected: set[int] = set()
    for asked, start, end in steps:
        if asked:
            it.ask(start, end)
            expected |= set(range(start, end))
        elif start < end:
            it.queue.had(BTC.key, M5, start * M5, end * M5)
            expected -= set(range(start, end))
    owed = [index for _, start, end in it.owed() for index in range(start, end)]
    assert sorted(owed) == sorted(expected), "each once"


def test_the_oldest_are_given_up_when_there_are_too_many(tmp_path: Path) -> None:
    it = Desk(tmp_path, capacity=3)
    for start in range(0, 50, 10):
        it.ask(start, start + 1)
    assert it.owed() == [("BTC", 20, 21), ("BTC", 30, 31), ("BTC", 40, 41)]


@pytest.mark.asyncio
async def test_one_after_the_other_in_order_and_behind_everything_else(tmp_path: Path) -> None:
    it = Desk(tmp_path)
    it.ask(7, 9)
    it.ask(1, 3, ETH.key)
    it.ask(2, 3)
    it.rest.answering.clear()
    async with it.running(BTC, ETH):
        assert it.rest.tried == [("BTCUSDT", 7)]
        it.rest.answering.set()
        await it.clock.settle()
        assert it.rest.tried == [("BTCUSDT", 7), ("ETHUSDT", 1), ("BTCUSDT", 2)]
        assert it.rest.urgencies == {Urgency.BACKFILL}
        assert it.got == [("BTC", 7), ("BTC", 8), ("ETH", 1), ("ETH", 2), ("BTC", 2)]
        assert it.owed() == []
        it.ask(4, 5)
        await it.clock.settle()
        assert it.got[-1] == ("BTC", 4)


@pytest.mark.asyncio
async def test_a_long_range_goes_by_pages_and_what_it_had_is_not_asked_again(tmp_path: Path) -> None:
    it = Desk(tmp_path, Scripted(last=3 * PAGE))
    it.ask(0, 2 * PAGE + 5)
    async with it.running(BTC):
        assert it.rest.tried == [("BTCUSDT", 0), ("BTCUSDT", PAGE), ("BTCUSDT", 2 * PAGE)]
    assert it.got == [("BTC", index) for index in range(2 * PAGE + 5)]


@pytest.mark.asyncio
async def test_a_venue_in_trouble_is_asked_again_after_growing_pauses_others_first(tmp_path: Path) -> None:
    it = Desk(tmp_path, Scripted(Transient("overloaded"), Transient("overloaded"), Transient("overloaded")))
    it.ask(1, 2)
    it.ask(5, 6, ETH.key)
    async with it.running(BTC, ETH):
        assert it.rest.tried == [("BTCUSDT", 1)]
        await it.clock.advance(0.49)
        assert len(it.rest.tried) == 1
        await it.clock.advance(0.51)
        assert it.rest.tried == [("BTCUSDT", 1), ("ETHUSDT", 5)]
        await it.clock.advance(0.99)
        assert len(it.rest.tried) == 2, "twice as long at least"
        await it.clock.advance(6.0)
    assert it.got == [("ETH", 5), ("BTC", 1)]


@pytest.mark.asyncio
async def test_a_ban_is_sat_out(tmp_path: Path) -> None:
    it = Desk(tmp_path, Scripted(Banned("bybit.ip", 600.0)))
    it.ask(1, 2)
    async with it.running(BTC):
        await it.clock.advance(599.9)
        assert (len(it.rest.tried), it.got) == (1, [])
        await it.clock.advance(0.1)
        assert it.got == [("BTC", 1)]


@pytest.mark.asyncio
async def test_a_no_is_not_repeated_and_a_hole_of_the_venue_is_not_owed_for_ever(tmp_path: Path) -> None:
    it = Desk(tmp_path, Scripted(Rejected("delisted", code=10001)))
    it.ask(1, 3)
    it.ask(48, 55, ETH.key)
    async with it.running(BTC, ETH):
        assert it.owed() == []
    assert it.got == [("ETH", 48), ("ETH", 49)]
    assert len(it.rest.tried) == 2


@pytest.mark.asyncio
async def test_what_is_owed_survives_the_process_and_waits_for_a_reader(tmp_path: Path) -> None:
    first = Desk(tmp_path, Scripted(*[Transient("overloaded")] * 100))
    first.ask(1, 3)
    async with first.running(BTC):
        first.ask(5, 6, ETH.key)
        await first.clock.settle()
    assert first.got == []
    second = Desk(tmp_path)
    assert sorted(second.owed()) == [("BTC", 1, 3), ("ETH", 5, 6)]
    async with second.running(ETH):
        assert second.got == [("ETH", 5)]
        second.queue.attach([BTC], second.receive)
        await second.clock.settle()
        assert second.got == [("ETH", 5), ("BTC", 1), ("BTC", 2)]
    assert Desk(tmp_path).owed() == []


@pytest.mark.asyncio
async def test_candles_go_to_who_reads_when_they_come(tmp_path: Path) -> None:
    it = Desk(tmp_path)
    it.ask(1, 2)
    it.rest.answering.clear()
    later: list[Candle] = []
    async with it.running(BTC):
        it.queue.attach([BTC], later.extend)
        it.rest.answering.set()
        await it.clock.settle()
    assert (it.got, [candle.ts for candle in later]) == ([], [M5])


@pytest.mark.asyncio
async def test_without_anything_owed_there_is_no_file(tmp_path: Path) -> None:
    async with Desk(tmp_path).running(BTC):
        pass
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"schema": 2, "owed": []}',
        '{"schema": 1, "owed": [{"key": "X", "timeframe_ms": 300000, "start": 600000, "end": 300000}]}',
        '{"schema": 1, "owed": [{"key": "X", "timeframe_ms": 300000, "start": 1, "end": 300000}]}',
        '{"schema": 1, "owed": [{"key": "X", "timeframe_ms": 0, "start": 0, "end": 300000}]}',
        '{"schema": 1, "owed": [{"key": "X", "timeframe_ms": 300000, "start": 0, "end": 300000, "more": 1}]}',
        "\xff",
    ],
)
def test_a_damaged_file_is_moved_aside_and_nothing_is_owed(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    assert Desk(tmp_path).owed() == []
    assert (tmp_path / f"{FILE}.quarantine-1").read_bytes() == text.encode("latin-1")
    assert not (tmp_path / FILE).exists()


def test_a_range_is_on_the_grid_and_not_empty() -> None:
    with pytest.raises(ValueError, match="no range of candles"):
        Owed("X", M5, M5, M5)

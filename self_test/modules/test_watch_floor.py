"""The watchers of a run: a mood is forgotten when its source was turned off, and asked for where one is on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from config import CONFIG
from modules.data.sentiment import BACKING_OFF
from modules.data.sentiment_settings import SentimentConfig
from modules.watch_floor import WatchFloor
from self_test.scenarios.desk import Desk
from state.ledger import Ledger
from state.messages import Control, Event
from utils.clock import FakeClock
from utils.supervise import EXPENDABLE


def floor_of(desk: Desk, folder: Path, sentiment: SentimentConfig) -> tuple[WatchFloor, list[Event], list[str]]:
    """The floor, what it told the engine after one look of each task, and the names of the tasks."""
    told: list[Event] = []

    async def look() -> tuple[WatchFloor, list[str]]:
        ledger, _ = Ledger.open(folder / "ledger")
        config = CONFIG.model_copy(update={"sentiment": sentiment})
        async with aiohttp.ClientSession() as session:
            floor = WatchFloor(config, folder, desk.engine, ledger, session, FakeClock(), lambda: desk.now, told.append)
            jobs = floor.jobs()
            assert [(name, policy) for name, _, policy in jobs][:1] == [("learning", EXPENDABLE)]
            for name, job, policy in jobs[1:]:
                assert (name, policy) == ("sentiment", BACKING_OFF)
                task = asyncio.ensure_future(job())  # noqa: TID251  a test's own
                for _ in range(200):
                    if told:
                        break
                    await asyncio.sleep(0.01)
                task.cancel()
        ledger.close()
        return floor, [name for name, _, _ in floor.jobs()]

    floor, names = asyncio.run(look())
    return floor, told, names


def test_a_source_that_is_on_is_asked(tmp_path: Path) -> None:
    desk = Desk()
    path = tmp_path / "mood.csv"
    path.write_text(f"ts,value\n{desk.now - 5},10\n")
    floor, told, names = floor_of(desk, tmp_path, SentimentConfig(source="file", path=str(path)))
    assert names == ["learning", "sentiment"] and floor.events() == []
    assert [(one.args["domain"], one.args["milli"]) for one in told if isinstance(one, Control)] == [("CRYPTO", "-800")], (
        "no perpetuals here"
    )
    for one in told:
        desk.tell(one)
    assert desk.engine.state.sentiment["CRYPTO"].milli == -800


def test_a_source_that_was_turned_off_is_forgotten(tmp_path: Path) -> None:
    desk = Desk()
    desk.tell(Control(desk.now, "sentiment", {"domain": "CRYPTO", "milli": "-900", "at": str(desk.now), "source": "file"}, "x"))
    floor, told, names = floor_of(desk, tmp_path, SentimentConfig())
    assert names == ["learning"] and told == []
    for one in floor.events():
        desk.tell(one)
    assert desk.engine.state.sentiment == {} and floor.events() == []

"""The watchers of a run: a mood is forgotten when its source was turned off, and asked for where one is on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
from prometheus_client import CollectorRegistry

from config import CONFIG
from modules.data.sentiment import BACKING_OFF
from modules.data.sentiment_settings import SentimentConfig
from modules.data.surfaces import GeneratedSurfaces
from modules.engine.desk import fresh_engine
from modules.learning.candles import read_grid
from modules.learning.plan import Plan
from modules.watch_floor import WatchFloor
from self_test.fakes.pairs import pair
from self_test.scenarios.desk import Desk
from state.accounts import Domain
from state.instruments import option_slot
from state.ledger import Ledger
from state.market import Candle, Quote
from state.messages import BarsClosed, Control, Event, SurfaceSeen
from telemetry.metric_evidence import EvidenceMetrics
from telemetry.metric_store import MetricStore
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


def test_nothing_is_learnt_from_the_prices_of_a_model(tmp_path: Path) -> None:
    engine, _ = fresh_engine(CONFIG, (pair("EURUSD"), option_slot(pair("EURUSD"))), frozenset(), 1, quotes=True)
    ledger, _ = Ledger.open(tmp_path / "ledger")
    told: list[Event] = []

    async def plans() -> set[Domain]:
        async with aiohttp.ClientSession() as session:
            source = GeneratedSurfaces(1)
            floor = WatchFloor(CONFIG, tmp_path, engine, ledger, session, FakeClock(), lambda: 1, told.append, source)
            assert [name for name, _, _ in floor.jobs()] == ["learning", "surfaces"] and floor.notes == []
            floor.on_quote(Quote("OPTIONS:EURUSD", 86_400_000, 104_995, 105_005, 1, 1))
            return set(floor.trainer.plans)

    assert asyncio.run(plans()) == {Domain.FOREX}
    assert [type(one) for one in told] == [SurfaceSeen]
    ledger.close()


def test_candles_of_the_run_are_kept_for_the_trainer_and_every_domain_has_a_plan(tmp_path: Path) -> None:
    desk = Desk()
    floor, _, _ = floor_of(desk, tmp_path, SentimentConfig())
    one = desk.engine.state.instruments[0]
    step = desk.engine.state.bar_ms(0)
    begin = desk.now // step * step
    candle = Candle(one.key, begin, 100, 110, 90, 105, 7.0)
    floor.observe(1, BarsClosed(begin + step, (candle,), ()), [])
    floor.trainer.flush()
    grid, index = read_grid(tmp_path, desk.engine.state.instruments, one.domain, step, (begin, begin + step))
    assert index == {one.key: 0} and grid.close.tolist() == [[105]]
    assert set(floor.trainer.plans) == {each.domain for each in desk.engine.state.instruments}


def test_the_metrics_are_told_of_trainings_gaps_and_how_much_is_explored(tmp_path: Path) -> None:
    desk = Desk()
    floor, _, _ = floor_of(desk, tmp_path, SentimentConfig())
    registry = CollectorRegistry()
    metrics = EvidenceMetrics(MetricStore(registry))
    floor.drift.gap("CRYPTO", desk.now, -0.5)
    floor.trainer.plans[Domain.CRYPTO] = Plan(last_train_ts=desk.now)
    desk.engine.state.exploration = 7
    floor.sample(metrics)
    domain = {"domain": "CRYPTO"}
    assert registry.get_sample_value("bot_sim_to_fill_gap_ratio", domain) == -0.5
    assert registry.get_sample_value("bot_last_training_timestamp_seconds", domain) == desk.now / 1000
    assert registry.get_sample_value("bot_exploration_ratio") == 0.07

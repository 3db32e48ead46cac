"""What a run measures, when the next version comes, and how it reaches the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.cost_floor import CostFloor, Fees, next_book
from modules.cost_samples import book_samples, keep_book_samples
from modules.cost_store import CostBook, load_book
from modules.engine.inbox import Inbox
from modules.environment import Environment
from modules.options import RunOptions
from risk.cost_fit import WEEK_MS
from risk.cost_model import PRIOR, CostModel, Sample, Source
from self_test.risk.test_cost_fit import drawn
from self_test.scenarios.desk import LEVEL, Desk, LiveDesk
from state.ledger import Ledger, Ref, RowKind
from state.messages import Control
from utils.clock import FakeClock
from utils.errors import Transient

KEY = "CRYPTO:AAAUSDT"
NOW = 1_735_689_600_000
LATER = 1_750_000_000_000
"""Venue time of the floors below."""


def samples(n: int = 40) -> list[Sample]:
    return drawn(1, n, 2.0 * np.array(PRIOR), outliers=0.0)[0]


async def no_fees() -> Fees:
    return {}


async def some_fees() -> Fees:
    return {KEY: (800, 600), "CRYPTO:ELSEUSDT": (1, 1)}


async def silent() -> Fees:
    raise Transient("no answer")


class Floor:
    """A floor over a desk's engine, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        ask: Callable[[], Awaitable[Fees]] = no_fees,
        env: Environment = Environment.DEMO,
        desk: Desk | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        self.desk = desk or Desk()
        self.inbox = Inbox()
        self.options = RunOptions(stage=1, env=env, state_dir=folder)
        self.options.folder.mkdir(parents=True, exist_ok=True)
        self.floor = CostFloor(self.options, CONFIG, self.desk.engine, self.inbox, clock or FakeClock(), lambda: LATER, ask)

    async def controls(self) -> list[Control]:
        await self.floor.step()
        if not self.inbox.depth:
            return []
        return [event for event in await self.inbox.take() if isinstance(event, Control)]


@pytest.mark.asyncio
async def test_paper_is_calibrated_on_the_book_and_the_engine_learns_of_it_by_an_event(tmp_path: Path) -> None:
    at = Floor(tmp_path)
    keep_book_samples(at.options.folder, samples())
    (event,) = await at.controls()
    assert (event.name, event.who, set(event.args)) == ("costs", "calibration", {KEY})
    stored, _ = load_book(at.options.folder)
    model = stored.model(KEY)
    assert (model.version, model.source, model.n, model.fitted_ts) == (1, Source.BOOK, 40, LATER)
    at.desk.tell(event)
    assert int(at.desk.engine.state.inst[0]["slip_ppm"]) == int(event.args[KEY].split()[0].partition("=")[2]) != 200
    assert await at.controls() == [], "a week has not passed"
    again = Floor(tmp_path)
    (boot,) = again.floor.events()
    assert isinstance(boot, Control) and boot.args == event.args


@pytest.mark.asyncio
async def test_a_slippage_alarm_does_not_let_the_week_pass(tmp_path: Path) -> None:
    at = Floor(tmp_path)
    keep_book_samples(at.options.folder, samples())
    assert len(await at.controls()) == 1
    later = [msgspec.structs.replace(one, ts=one.ts + 1_000_000, slip_bp=1.5 * one.slip_bp) for one in samples(400)]
    keep_book_samples(at.options.folder, later)
    assert await at.controls() == [], "a week has not passed"
    alarm = {"domain": "CRYPTO", "level": "1", "reason": "its mean has changed"}
    at.desk.tell(Control(LATER + 1, "drift", alarm | {"stream": "calibration"}, "x"))
    assert await at.controls() == [], "that says nothing of costs"
    at.desk.tell(Control(LATER + 2, "drift", alarm | {"stream": "slippage"}, "x"))
    (event,) = await at.controls()
    stored, _ = load_book(at.options.folder)
    assert event.who == "calibration" and stored.model(KEY).version == 2
    assert await at.controls() == [], "done"


@pytest.mark.asyncio
async def test_in_the_simulated_environment_a_new_version_waits_for_the_next_start(tmp_path: Path) -> None:
    at = Floor(tmp_path, env=Environment.SIMULATED)
    keep_book_samples(at.options.folder, samples())
    assert await at.controls() == []
    assert len(Floor(tmp_path, env=Environment.SIMULATED).floor.events()) == 1


@pytest.mark.asyncio
async def test_what_the_book_showed_is_kept(tmp_path: Path) -> None:
    at = Floor(tmp_path)
    at.desk.now = (at.desk.now // 900_000 + 1) * 900_000
    at.floor.observe(1, at.desk.bars(LEVEL), [])
    at.desk.now += 5_000
    at.floor.on_quote(at.desk.quote())
    await at.floor.step()
    assert len(book_samples(at.options.folder)[KEY]) == 1
    await at.floor.step()
    assert len(book_samples(at.options.folder)[KEY]) == 1, "written once"


@pytest.mark.asyncio
async def test_it_looks_at_the_start_and_leaves_nothing_behind_when_it_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    at = Floor(tmp_path, clock=clock)
    keep_book_samples(at.options.folder, samples())
    job = asyncio.get_running_loop().create_task(at.floor.run())
    await asyncio.sleep(0)
    await clock.advance(5.0)
    async with asyncio.timeout(10):
        (event,) = await at.inbox.take()
    assert isinstance(event, Control)
    at.desk.now = (at.desk.now // 900_000 + 1) * 900_000
    at.floor.observe(1, at.desk.bars(LEVEL), [])
    at.desk.now += 5_000
    at.floor.on_quote(at.desk.quote())
    job.cancel()
    await asyncio.wait({job})
    assert len(book_samples(at.options.folder)[KEY]) == 41


def write_fills(folder: Path, account: str, n: int) -> None:
    ledger, _ = Ledger.open(folder / "ledger", durable=False)
    for k, one in enumerate(samples(n)):
        row: dict[str, Any] = {"ts": one.ts, "account": account, "symbol": "AAAUSDT", "order_id": f"o{k}", "qty": "1", "maker": False}
        row |= {"decided_ts": one.ts - 500, "spread_bp": one.at.spread_bp, "sigma_bp": one.at.sigma_bp, "share": one.at.share}
        ledger.append(RowKind.FILL, Ref(k + 1, 0), msgspec.json.encode(row | {"slip_bp": one.slip_bp}))
    ledger.close()


@pytest.mark.asyncio
async def test_a_pair_that_trades_live_is_calibrated_on_live_fills_alone(tmp_path: Path) -> None:
    at = Floor(tmp_path, desk=LiveDesk())
    keep_book_samples(at.options.folder, samples(60))
    write_fills(at.options.folder, "CRYPTO/LIVE", 29)
    assert await at.controls() == [], "the book does not stand in for the thirtieth fill"
    other = Floor(tmp_path / "other", desk=LiveDesk())
    keep_book_samples(other.options.folder, samples(60))
    write_fills(other.options.folder, "CRYPTO/LIVE", 30)
    (event,) = await other.controls()
    assert event.name == "costs" and load_book(other.options.folder)[0].model(KEY).source is Source.LIVE


@pytest.mark.asyncio
async def test_papers_own_fills_calibrate_nothing(tmp_path: Path) -> None:
    for name, desk in (("paper", Desk()), ("live", LiveDesk())):
        at = Floor(tmp_path / name, desk=desk)
        write_fills(at.options.folder, "CRYPTO/PAPER", 200)
        assert await at.controls() == []


@pytest.mark.asyncio
async def test_the_venues_fee_rates_are_dated_and_put_into_force(tmp_path: Path) -> None:
    at = Floor(tmp_path, ask=some_fees)
    (event,) = await at.controls()
    assert event.args == {KEY: "taker_ppm=800 maker_ppm=600"}
    model = load_book(at.options.folder)[0].model(KEY)
    assert (model.fee_ts, model.version, model.measured) == (LATER, 0, False)
    assert await at.controls() == []


@pytest.mark.asyncio
async def test_a_venue_that_does_not_answer_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    at = Floor(tmp_path, ask=silent)
    keep_book_samples(at.options.folder, samples())
    assert len(await at.controls()) == 1


def test_a_damaged_book_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    folder = RunOptions(stage=1, env=Environment.DEMO, state_dir=tmp_path).folder
    folder.mkdir(parents=True)
    (folder / "costs.json").write_bytes(b"{")
    assert Floor(tmp_path).floor.events() == []


def test_fees_are_dated_anew_each_week() -> None:
    first = next_book(CostBook(), {}, {KEY: Source.BOOK}, {KEY: (800, 600)}, NOW)
    assert next_book(first, {}, {KEY: Source.BOOK}, {KEY: (800, 600)}, NOW + WEEK_MS - 1) == first
    assert next_book(first, {}, {KEY: Source.BOOK}, {KEY: (800, 600)}, NOW + WEEK_MS).model(KEY).fee_ts == NOW + WEEK_MS
    changed = next_book(first, {}, {KEY: Source.BOOK}, {KEY: (700, 600)}, NOW + 1)
    assert changed.model(KEY) == CostModel(key=KEY, taker_ppm=700, maker_ppm=600, fee_ts=NOW + 1) and changed.before == {}

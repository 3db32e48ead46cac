"""Surfaces of a folder and of a made-up market: what is told when, what is refused loudly, what stays in use."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import msgspec
import pytest

from config import CONFIG
from modules.data.surface_settings import OptionsConfig
from modules.data.surfaces import LACKING, LOOK_S, FileSurfaces, GeneratedSurfaces, SurfaceWatch, surfaces_here
from modules.engine.desk import make_state
from self_test.fakes.pairs import pair
from state.accounts import Domain
from state.instruments import option_slot
from state.market import Quote
from state.messages import Event, SurfaceSeen
from state.options import Surface, cut_ts
from state.runtime import RuntimeState
from state.stages import paper_account
from utils.clock import FakeClock

DAY_MS = 86_400_000
TUESDAY = 1_741_075_200_000  # 2025-03-04 08:00 UTC
MONDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2025, 3, day) for day in (3, 5, 6, 7))
TENORS = ("1W", "2W", "3W", "1M", "2M", "3M", "6M", "9M", "1Y")
SMILE = {"ATM": "0.08", "25RR": "-0.003", "25BF": "0.0015", "10RR": "-0.006", "10BF": "0.005"}
DEPOSITS = {"USD": 0.04}
SLOT = option_slot(pair("EURUSD"))


def state() -> RuntimeState:
    return make_state(CONFIG, (pair("EURUSD"), SLOT), (paper_account(Domain.FOREX), paper_account(Domain.OPTIONS)))


def write(folder: Path, *days: date, atm: str = "0.08", lacking: str = "") -> None:
    """Quotes of EURUSD on `days`, without those of the tenor `lacking`."""
    vols, points, spots = ["date,pair,tenor,quote,vol"], ["date,pair,tenor,points"], ["date,pair,rate"]
    for day in days:
        for tenor in TENORS:
            if tenor != lacking:
                vols += [f"{day},EURUSD,{tenor},{quote},{vol}" for quote, vol in (SMILE | {"ATM": atm}).items()]
            points.append(f"{day},EURUSD,{tenor},10")
        spots.append(f"{day},EURUSD,1.05")
    for name, lines in (("vol_quotes", vols), ("forward_points", points), ("spot_rates", spots)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def newest(source: FileSurfaces | GeneratedSurfaces, ts: int, known: Surface | None = None) -> Surface | None:
    return source.newest("EURUSD", ts, 1.05, known)


def folder_of(place: Path) -> tuple[FileSurfaces, list[str]]:
    said: list[str] = []
    return FileSurfaces(place, ["EURUSD"], DEPOSITS, said.append), said


@pytest.mark.asyncio
async def test_the_newest_day_up_to_now_is_told_and_the_next_ones_come_with_their_time(tmp_path: Path) -> None:
    write(tmp_path, MONDAY, WEDNESDAY, THURSDAY, FRIDAY)
    source, said = folder_of(tmp_path)
    await source.look(TUESDAY)
    first = newest(source, TUESDAY)
    assert first is not None and (first.ts, first.source) == (cut_ts(MONDAY), "file") and said == []
    assert newest(source, TUESDAY, first) is None, "what is known is not told again"
    second = newest(source, cut_ts(WEDNESDAY), first)
    assert second is not None and second.ts == cut_ts(WEDNESDAY) and newest(source, cut_ts(WEDNESDAY) - 1, first) is None
    assert newest(source, cut_ts(FRIDAY), second) is not None and newest(source, cut_ts(FRIDAY)).ts == cut_ts(THURSDAY)  # type: ignore[union-attr]
    await source.look(cut_ts(FRIDAY))
    assert newest(source, cut_ts(FRIDAY)).ts == cut_ts(FRIDAY)  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, MONDAY)
    source, _ = folder_of(tmp_path)
    await source.look(TUESDAY)
    known = newest(source, TUESDAY)
    write(tmp_path, MONDAY, atm="0.0925")
    await source.look(TUESDAY)
    changed = newest(source, TUESDAY, known)
    assert changed is not None and known is not None and changed.vols[0][2] > known.vols[0][2]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("date,pair,tenor,quote,vol\n2025-03-05,EURUSD,1W,ATM,many\n", "no number"),
        ("date,pair\n", "no column"),
        ("date,pair,tenor,quote,vol\nsoon,EURUSD,1W,ATM,0.1\n", "is no date"),
        ("date,pair,tenor,quote,vol\n2025-03-04,USDJPY,1W,ATM,0.1\n", "no quotes of EURUSD"),
        (None, "cannot be read"),
    ],
)
async def test_a_damaged_file_is_refused_loudly_and_once_and_the_old_surface_stays(tmp_path: Path, damage: str | None, named: str) -> None:
    write(tmp_path, MONDAY)
    source, said = folder_of(tmp_path)
    await source.look(TUESDAY)
    known = newest(source, TUESDAY)
    file = tmp_path / "vol_quotes.csv"
    if damage is None:
        file.unlink()
    else:
        file.write_text(damage)
    for _ in range(3):
        await source.look(cut_ts(FRIDAY))
    (line,) = said
    assert named in line and "refused" in line
    assert newest(source, cut_ts(FRIDAY)) == known
    write(tmp_path, MONDAY, THURSDAY)
    await source.look(cut_ts(FRIDAY))
    assert newest(source, cut_ts(FRIDAY), known).ts == cut_ts(THURSDAY)  # type: ignore[union-attr]


@pytest.mark.asyncio
async def test_a_day_with_a_missing_point_is_refused_by_name_and_the_day_before_stays(tmp_path: Path) -> None:
    write(tmp_path, MONDAY)
    source, said = folder_of(tmp_path)
    await source.look(TUESDAY)
    known = newest(source, TUESDAY)
    write(tmp_path, MONDAY, WEDNESDAY, lacking="3M")
    for _ in range(2):
        await source.look(cut_ts(THURSDAY))
    assert len(said) == 1 and all(word in said[0] for word in ("2025-03-05", "EURUSD", "3M"))
    assert newest(source, cut_ts(THURSDAY)) == known


def test_a_made_up_market_has_a_new_surface_each_day_and_the_same_for_the_same_seed() -> None:
    source = GeneratedSurfaces(7)
    first = newest(source, TUESDAY)
    assert first is not None and first.source == "generated" and first.ts <= TUESDAY
    assert newest(source, TUESDAY + 3_600_000, first) is None
    later = newest(source, TUESDAY + DAY_MS, first)
    assert later is not None and later.vols != first.vols and newest(GeneratedSurfaces(7), TUESDAY) == first
    assert newest(source, TUESDAY, msgspec.structs.replace(first, source="file")) == first, "another source's is no reason to wait"
    assert source.newest("GBPUSD", TUESDAY, 1.3, None) is None


def quote(key: str, ts: int) -> Quote:
    return Quote(key, ts, 104_995, 105_005, 1, 1)


def test_each_day_is_told_once_by_the_first_price_of_the_slot() -> None:
    events: list[Event] = []
    held = state()
    watch = SurfaceWatch(GeneratedSurfaces(1), held, FakeClock(), lambda: TUESDAY, events.append)
    assert watch.notes == []
    watch.on_quote(quote("FOREX:EURUSD", TUESDAY))
    assert events == []
    for ts in (TUESDAY, TUESDAY + 5, TUESDAY + DAY_MS, TUESDAY + DAY_MS + 5):
        watch.on_quote(quote(SLOT.key, ts))
    first, second = events
    assert isinstance(first, SurfaceSeen) and isinstance(second, SurfaceSeen)
    assert (first.ts, second.ts) == (TUESDAY, TUESDAY + DAY_MS) and first.surface.spot == pytest.approx(1.05)
    held.surfaces["EURUSD"] = second.surface
    again = SurfaceWatch(GeneratedSurfaces(1), held, FakeClock(), lambda: TUESDAY, events.append)
    again.on_quote(quote(SLOT.key, TUESDAY + DAY_MS + 9))
    assert len(events) == 2, "after a restart the stored one is that day's"


@pytest.mark.asyncio
async def test_the_folder_is_looked_at_again_and_again(tmp_path: Path) -> None:
    write(tmp_path, MONDAY)
    source, _ = folder_of(tmp_path)
    clock, events = FakeClock(), list[Event]()
    watch = SurfaceWatch(source, state(), clock, lambda: TUESDAY, events.append)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        async with asyncio.timeout(10):
            while newest(source, TUESDAY) is None:
                await clock.settle()
                await asyncio.sleep(0.001)
        watch.on_quote(quote(SLOT.key, TUESDAY))
        write(tmp_path, MONDAY, atm="0.1")
        async with asyncio.timeout(10):
            while newest(source, TUESDAY, events[0].surface) is None:  # type: ignore[union-attr]
                await clock.advance(LOOK_S)
                await asyncio.sleep(0.001)
        task.cancel()
    watch.on_quote(quote(SLOT.key, TUESDAY + 1))
    assert len(events) == 2


@pytest.mark.asyncio
async def test_nobody_waits_where_there_is_no_source_or_no_option() -> None:
    events: list[Event] = []
    none = SurfaceWatch(None, state(), FakeClock(), lambda: TUESDAY, events.append)
    await none.run()
    none.on_quote(quote(SLOT.key, TUESDAY))
    spot_only = make_state(CONFIG, (pair("EURUSD"),), (paper_account(Domain.FOREX),))
    await SurfaceWatch(GeneratedSurfaces(1), spot_only, FakeClock(), lambda: TUESDAY, events.append).run()
    assert events == [] and none.notes == [LACKING]


@pytest.mark.asyncio
async def test_where_surfaces_come_from(tmp_path: Path) -> None:
    said: list[str] = []
    write(tmp_path, MONDAY)
    made_up = {"market": "generated", "seed": 3, "now": TUESDAY}
    configured = OptionsConfig(surface_dir=str(tmp_path))
    source = await surfaces_here(configured, state(), made_up, TUESDAY, said.append)
    assert isinstance(source, FileSurfaces) and newest(source, TUESDAY) is not None, "read before the first price"
    assert isinstance(await surfaces_here(OptionsConfig(), state(), made_up, TUESDAY, said.append), GeneratedSurfaces)
    assert await surfaces_here(OptionsConfig(), state(), made_up | {"market": "recorded"}, TUESDAY, said.append) is None
    assert await surfaces_here(OptionsConfig(), state(), {}, TUESDAY, said.append) is None
    assert said == []

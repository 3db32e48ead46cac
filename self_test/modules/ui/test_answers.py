"""Every command that looks has an answer that fits a phone, in every state; the object that faces call; its task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modules.environment import Environment
from modules.options import RunOptions
from modules.ui.answers import LOOKS, Looking, reporter
from modules.ui.beside import Beside
from modules.ui.commands import VOCABULARY, Wanted, changes, parse
from modules.ui.periods import Period
from modules.ui.recent import Recent
from modules.ui.scene import Scene
from self_test.fakes.stored import Played
from self_test.modules.ui.scenes import BTC, BTC_PERP, LIVE, PAPER, PERP, T0, fits, hold, scene_of
from self_test.telemetry.samples import refused
from self_test.telemetry.samples import trade as closed
from state.messages import Tick
from utils.clock import FakeClock
from utils.errors import Refusal

DRAWN = {"chart", "report"}
ASKED = {"why": "why BTCUSDT", "kpi": "kpi CRYPTO/swing", "help": "help close"}


class Resting(FakeClock):
    """A clock on which the first rest never ends."""

    def __init__(self) -> None:
        super().__init__()
        self.rests = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.rests.set()
        await asyncio.Event().wait()


async def no_report(_period: Period, _now: int) -> None:
    raise Refusal("no report is made here")


def looking(scene: Scene) -> Looking:
    return Looking(scene, Beside(), FakeClock(), no_report)


def every_look() -> list[str]:
    return [name for name in VOCABULARY if name not in DRAWN and not changes(Wanted(name))]


def busy() -> Scene:
    """Positions on every account, trades, refusals, a halt, a hold, a feed that is down."""
    scene = scene_of()
    for account, key in ((PAPER, BTC), (LIVE, BTC), (PERP, BTC_PERP)):
        hold(scene, account, key)
    state = scene.state
    state.halted[str(LIVE)] = "drawdown"
    state.holds[str(LIVE)] = {"deficit": "12 USDT less than booked"}
    state.feeds_down["bybit-spot"] = "connection lost"
    for n in range(12):
        scene.recent(n + 1, Tick(T0), [refused(ts=T0 + n), closed("-1234.5678", -11.25, "unprotected", account=str(PERP))])
    return scene


def test_every_command_that_looks_has_an_answer() -> None:
    assert set(every_look()) == set(LOOKS)


@pytest.mark.parametrize("name", every_look())
@pytest.mark.parametrize("made", [scene_of, busy], ids=["quiet", "busy"])
def test_an_answer_fits_a_phone_and_is_a_document(name: str, made: Callable[[], Scene]) -> None:
    view = looking(made())
    for line in {name, ASKED.get(name, name)} - {"why"}:
        answer = view.look(parse(line))
        assert fits(answer), answer
        assert answer.title
        assert answer.lines
        for _, wanted in answer.more:
            assert parse(wanted.line) == wanted, "a button is a line that can be typed"


def test_what_is_drawn_is_not_looked_up() -> None:
    with pytest.raises(Refusal, match="picture"):
        looking(scene_of()).look(Wanted("chart", {"what": "equity"}))


@pytest.mark.asyncio
async def test_a_picture_of_what_is_no_picture_is_its_answer() -> None:
    view = looking(scene_of())
    assert (await view.picture(Wanted("version"))).data == view.look(Wanted("version")).data


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    bot = Played(tmp_path_factory.mktemp("var") / "simulated")
    bot.minutes(45)
    bot.runner.checkpoint()
    yield bot
    bot.chain.close()


def scene_on(bot: Played, folder: Path) -> Scene:
    return Scene(bot.engine, Recent(bot.engine.state), "simulated", folder=folder)


@pytest.mark.asyncio
async def test_the_task_fills_what_a_restart_forgot_and_makes_the_figures(played: Played) -> None:
    scene = scene_on(played, played.folder)
    clock = Resting()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        task = group.create_task(Looking(scene, Beside(), clock, no_report).run())
        await clock.rests.wait()
        task.cancel()
    assert scene.kpis is not None
    assert [one.what for one in scene.recent.by_key["CRYPTO:AAAUSDT"]].count("entered") > 3
    assert len(scene.recent.bars("CRYPTO:AAAUSDT", 99)) == 9
    assert {row["account"] for row in scene.kpis["kpi"]} == {"CRYPTO/PAPER"}
    answer = looking(scene).look(Wanted("kpi"))
    assert answer.table is not None
    assert fits(answer)


@pytest.mark.asyncio
async def test_a_report_that_is_not_there_is_made_beside_the_daemon(played: Played) -> None:
    scene = scene_on(played, played.folder)
    beside = Beside()
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=played.folder.parent)
    found = await Looking(scene, beside, FakeClock(), reporter(options, beside)).picture(parse("report daily"))
    assert found.picture is not None
    assert found.picture.startswith(b"\x89PNG")
    assert len(found.pictures) > 3
    assert fits(found)


@pytest.mark.asyncio
async def test_without_a_journal_or_a_ledger_the_task_goes_on(tmp_path: Path, played: Played) -> None:
    scene = scene_on(played, tmp_path / "simulated")
    view = looking(scene)
    await view._remember()
    await view._figures()
    assert scene.kpis is None
    assert not scene.recent.latest

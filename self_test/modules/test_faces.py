"""The socket of the command line, and the task that tells whoever watches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config import CONFIG
from modules.accounts import Lineup
from modules.engine.inbox import Inbox
from modules.environment import Environment
from modules.faces import Faces
from modules.fulfil import Building
from modules.options import RunOptions
from modules.ui.notices import Topic
from modules.ui.operator import MustConfirm
from self_test.modules.ui.test_operator import Shelf
from self_test.scenarios.desk import Desk
from state.accounts import Account, Domain, Mode
from state.messages import Command, Event
from telemetry.server import Ask
from utils.clock import FakeClock
from utils.errors import Refusal

pytestmark = pytest.mark.asyncio


class House:
    """Faces over an engine."""

    def __init__(self, folder: Path, env: Environment = Environment.SIMULATED) -> None:
        self.desk, self.inbox, self.heard = Desk(), Inbox(), list[int]()
        options = RunOptions(stage=1, env=env, state_dir=folder)
        options.folder.mkdir(parents=True, exist_ok=True)
        live, perps = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)
        paper = Lineup(domains=(Domain.CRYPTO,), paper=(self.desk.account,), live=())
        building = Building(
            options=options,
            config=CONFIG,
            state=self.desk.engine.state,
            clock=FakeClock(),
            venue_ts=lambda: self.desk.now,
            put=self.put,
            lineup=paper,
            lineup_of=lambda wanted: Lineup(domains=paper.domains, paper=paper.paper, live=(live, perps) if wanted.stage > 3 else (live,)),
            account_id=self.account_id,
            another_life=lambda _: None,
        )
        self.faces = Faces(building, Shelf(), (self.listen,))

    async def account_id(self, account: Account) -> str:
        return "0001234" if account.domain is Domain.CRYPTO else "0005678"

    def put(self, event: Event) -> None:
        asyncio.get_running_loop().call_soon(lambda: self.faces.observe(1, event, self.desk.tell(event)))

    def listen(self, seq: int, _event: Event, _commands: list[Command]) -> None:
        self.heard.append(seq)

    async def ask(self, name: str, **more: Any) -> dict[str, Any]:
        args = more.pop("args", {})
        found: dict[str, Any] = await self.faces.over_socket(Ask(name, args, "command line", **more))
        return found


async def test_looking_drawing_and_asking(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert (await house.ask("status"))["answer"].title == "status"
    assert (await house.ask("chart", args={"what": "equity"}))["answer"].picture == b"png"
    assert (await house.ask("pause"))["done"] == "entries paused by command line"
    with pytest.raises(Refusal, match="is no command"):
        await house.ask("boot", args={"stage": "5"})
    with pytest.raises(Refusal, match="from 10 to 25"):
        await house.ask("explore", args={"percent": "5"})


async def test_a_disaster_by_steps_by_assurance_and_not_at_all(tmp_path: Path) -> None:
    house = House(tmp_path)
    first = (await house.ask("flatten"))["confirm"]
    assert isinstance(first, MustConfirm)
    second = (await house.ask("confirm", args={"nonce": first.nonce}))["confirm"]
    assert await house.ask("cancel", args={"nonce": second.nonce}) == {"done": "nothing done"}
    with pytest.raises(Refusal, match="nothing waits"):
        await house.ask("confirm", args={"nonce": second.nonce})
    assert house.desk.engine.state.halted == {}
    assert "everything is to be closed" in (await house.ask("flatten", sure=True))["done"]
    assert house.desk.engine.state.halted


async def test_assurance_is_no_digits(tmp_path: Path) -> None:
    house = House(tmp_path, Environment.DEMO)
    with pytest.raises(Refusal, match="--real-money"):
        await house.ask("stage", args={"to": "2"}, sure=True)
    with pytest.raises(Refusal, match="not the last 4"):
        await house.ask("stage", args={"to": "2"}, sure=True, digits="9999")
    assert "starts again" in (await house.ask("stage", args={"to": "2"}, sure=True, digits="1234"))["done"]


@pytest.mark.parametrize(("digits", "told"), [("1234", "PERPS/LIVE"), ("5678,1234", "not the last 4"), ("1234,1234", "not the last 4")])
async def test_two_accounts_take_the_digits_of_each(tmp_path: Path, digits: str, told: str) -> None:
    house = House(tmp_path, Environment.DEMO)
    with pytest.raises(Refusal, match=told):
        await house.ask("stage", args={"to": "4"}, sure=True, digits=digits)
    assert "starts again" in (await house.ask("stage", args={"to": "4"}, sure=True, digits="1234,5678"))["done"]


async def test_news_reach_listeners_and_watchers_in_a_task_of_their_own(tmp_path: Path) -> None:
    house = House(tmp_path)
    watch = house.faces.operator.watch()
    ((name, job),) = house.faces.jobs()
    assert name == "notices"
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(job())
        await house.ask("pause")
        assert getattr(await watch.take(), "kind", None) is Topic.ASKED
        house.faces.ready()
        assert getattr(await watch.take(), "kind", None) is Topic.BOOT
        house.faces.report("daily-2025-03-04")
        assert getattr(await watch.take(), "kind", None) is Topic.REPORT
        telling.cancel()
    assert house.heard == [1]

"""What the running daemon does for an operator: checked first, told by the engine, followed by the latch or another life."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules.accounts import Lineup
from modules.confirm import Kind
from modules.engine.inbox import Inbox
from modules.environment import Environment
from modules.fulfil import Building, Fulfilment
from modules.latch import latch, latched
from modules.options import RunOptions
from modules.stage_request import remembered
from modules.ui.commands import parse
from modules.ui.operator import Done, MustConfirm, Operator, Who
from self_test.modules.ui.test_operator import Shelf
from self_test.scenarios.desk import Desk, LiveDesk
from state.accounts import Account, Domain, Mode
from state.exploring import LiveTrial
from state.policies import PolicyRef
from strategy.policy import STATIC
from utils.clock import FakeClock
from utils.errors import ExitCode, Refusal

pytestmark = pytest.mark.asyncio
LIVE = Account(Domain.CRYPTO, Mode.LIVE)


class House:
    """An engine in front of an inbox, as in the daemon."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.desk: Desk = Desk()
        self.inbox, self.lives = Inbox(), list[RunOptions]()
        plain: dict[str, Any] = {"stage": 1, "env": Environment.SIMULATED, "state_dir": folder}
        self.options = RunOptions(**(plain | options))
        self.options.folder.mkdir(parents=True, exist_ok=True)
        paper = Lineup(domains=(Domain.CRYPTO,), paper=(self.desk.account,), live=())
        self.deeds = Fulfilment(
            Building(
                options=self.options,
                config=CONFIG,
                state=self.desk.engine.state,
                clock=FakeClock(),
                venue_ts=lambda: self.desk.now,
                put=self.inbox.put,
                lineup=paper,
                lineup_of=lambda wanted: Lineup(domains=paper.domains, paper=paper.paper, live=(LIVE,) if wanted.stage > 1 else ()),
                account_id=self.account_id,
                another_life=self.lives.append,
            )
        )

    async def account_id(self, account: Account) -> str:
        return f"id of {account}"

    async def engine(self) -> None:
        """Apply what waits, once."""
        for seq, event in enumerate(await self.inbox.take()):
            self.deeds.observe(seq, event, self.desk.tell(event))

    async def do(self, line: str, digits: str = "") -> str:
        async with asyncio.TaskGroup() as group:
            said = group.create_task(self.deeds.carry_out(parse(line), "anna", digits))
            group.create_task(self.engine())
        return said.result()


async def test_what_the_engine_said_is_the_answer(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert await house.do("pause") == "entries paused by anna"
    assert await house.do("explore 15") == "exploration 15 % by anna"
    assert house.desk.engine.state.toggles.paused


async def test_an_engine_that_is_busy_is_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modules.fulfil.ENGINE_LIMIT_S", 0.01)
    house = House(tmp_path)
    assert "busy" in await house.deeds.carry_out(parse("pause"), "anna")
    assert house.inbox.depth == 1, "it is done all the same"


async def test_a_confirmed_policy_is_refused_at_the_counter_while_learning_is_off(tmp_path: Path) -> None:
    house, line = House(tmp_path), "promote CRYPTO/policy"
    house.desk.engine.state.policies["CRYPTO"] = PolicyRef(version=STATIC, level=0, offered="b" * 12, offered_level=1)
    with pytest.raises(Refusal, match=r"online learning is off.*`learn on` first"):
        house.deeds.check(parse(line), "anna")
    with pytest.raises(Refusal, match="online learning is off"):
        await house.deeds.carry_out(parse(line), "anna")
    assert house.inbox.depth == 0 and house.desk.engine.state.policies["CRYPTO"].offered == "b" * 12
    assert await house.do("learn on") == "online learning on by anna"
    house.deeds.check(parse(line), "anna")


async def test_another_stage_is_stored_and_asks_for_another_life(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert "starts again" in await house.do("stage 2")
    (life,) = house.lives
    assert (life.stage, life.override_gates, life.profile) == (2, True, "spot")
    stored = remembered(house.options.folder)
    assert (stored.stage, stored.opened, stored.profile) == (2, 2, "spot")


async def test_an_earned_stage_is_no_override_and_digits_go_with_it(tmp_path: Path) -> None:
    house = House(tmp_path, env=Environment.DEMO)
    house.desk.engine.state.earned = 2
    await house.do("stage 2", digits="1234")
    (life,) = house.lives
    assert (life.override_gates, life.real_money) == (False, "1234")
    assert remembered(house.options.folder).real_money == "1234"


async def test_going_down_forgets_the_digits(tmp_path: Path) -> None:
    house = House(tmp_path, env=Environment.DEMO, stage=2, override_gates=True, real_money="1234")
    await house.do("stage 1")
    (life,) = house.lives
    assert (life.stage, life.override_gates, life.real_money) == (1, False, None)


async def test_going_up_keeps_what_was_confirmed_and_adds_what_is_new(tmp_path: Path) -> None:
    house = House(tmp_path, env=Environment.DEMO, stage=2, override_gates=True, real_money="1234")
    await house.do("stage 3")
    await house.do("stage 4", digits="5678")
    assert [life.real_money for life in house.lives] == ["1234", "1234,5678"]
    assert remembered(house.options.folder).real_money == "1234,5678"


async def test_a_profile_keeps_the_stage(tmp_path: Path) -> None:
    house = House(tmp_path, stage=2, override_gates=True)
    await house.do("profile spot+perp")
    assert [(life.stage, life.profile, life.override_gates) for life in house.lives] == [(2, "spot+perp", True)]


async def test_exploring_with_real_money_opens_every_live_account_that_does_not_yet(tmp_path: Path) -> None:
    house = House(tmp_path, stage=2, override_gates=True)
    perps, state = Account(Domain.PERPS, Mode.LIVE), house.desk.engine.state
    assert house.deeds.opens_live(parse("explore_live on")) == ()
    lineup = msgspec.structs.replace(house.deeds._at.lineup, live=(LIVE, perps))
    house.deeds._at = msgspec.structs.replace(house.deeds._at, lineup=lineup)
    assert house.deeds.opens_live(parse("explore_live on")) == (LIVE, perps)
    state.live_trials["CRYPTO"] = LiveTrial(on=True)
    assert house.deeds.opens_live(parse("explore_live on")) == (perps,)
    assert house.deeds.opens_live(parse("explore_live off")) == ()
    told = house.deeds.describe(parse("explore_live on"))
    assert "canary size" in told and "0.25%" in told and "1% in 30 days" in told
    assert house.deeds.describe(parse("explore_live off")).endswith("explore_live off?")


async def test_exploring_with_real_money_is_confirmed_with_the_digits_of_its_account(tmp_path: Path) -> None:
    house = House(tmp_path, env=Environment.DEMO, stage=2, override_gates=True)
    house.desk = LiveDesk()
    house.deeds._at = msgspec.structs.replace(
        house.deeds._at, state=house.desk.engine.state, lineup=msgspec.structs.replace(house.deeds._at.lineup, live=(LIVE,))
    )
    counter = Operator("demo", Shelf(), house.deeds, FakeClock(), lambda: "n")
    anna = Who(name="anna", surface="cli", person="7")
    asked = await counter.ask(parse("explore_live on"), anna)
    assert isinstance(asked, MustConfirm) and asked.kind is Kind.DIGITS and "CRYPTO/LIVE" in asked.text and "canary size" in asked.text
    with pytest.raises(Refusal, match="not the last 4"):
        await counter.confirm(asked.nonce, anna, "1234")
    assert house.inbox.depth == 0
    async with asyncio.TaskGroup() as group:
        said = group.create_task(counter.confirm(asked.nonce, anna, "LIVE"))
        group.create_task(house.engine())
    assert "exploration with real money on by anna" in str(said.result())
    assert house.desk.engine.state.live_trials["CRYPTO"].on
    async with asyncio.TaskGroup() as group:
        over = group.create_task(counter.ask(parse("explore_live off"), anna))
        group.create_task(house.engine())
    assert isinstance(over.result(), Done), "off needs no confirmation"
    assert not house.desk.engine.state.live_trials["CRYPTO"].on


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("explore_live on", "no live account trades here"),
        ("stage 1", "is what runs"),
        ("profile perp", "nothing could trade"),
        ("forex on", "forex unavailable: stage [0-9] has forex off|there is no way to its broker"),
        ("close AAAUSDT", "nothing is held in AAAUSDT"),
        ("close AAX", "not traded here"),
        ("close AAAUSDT PERPS/LIVE", "not one of"),
        ("promote CRYPTO/swing", "no gate has passed"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_left_behind(tmp_path: Path, line: str, told: str) -> None:
    house = House(tmp_path)
    with pytest.raises(Refusal, match=told):
        house.deeds.check(parse(line), "anna")
    with pytest.raises(Refusal, match=told):
        await house.deeds.carry_out(parse(line), "anna")
    assert house.inbox.depth == 0 and house.lives == [] and not (house.options.folder / "stage.json").exists()


async def test_a_disaster_is_done_also_when_its_latch_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("modules.fulfil.latch", full)
    house = House(tmp_path)
    assert (await house.do("flatten")).startswith("HALTED cannot be written (No space left on device)")
    assert str(house.desk.account) in house.desk.engine.state.halted


async def test_who_opens_real_money_is_known_before(tmp_path: Path) -> None:
    house = House(tmp_path, env=Environment.DEMO)
    assert house.deeds.opens_live(parse("stage 2")) == (LIVE,)
    assert house.deeds.opens_live(parse("promote CRYPTO/swing")) == (LIVE,)
    assert house.deeds.opens_live(parse("promote CRYPTO/policy")) == (), "who decides is no matter of real money"
    assert house.deeds.opens_live(parse("pause")) == ()
    assert await house.deeds.account_id(LIVE) == "id of CRYPTO/LIVE"


@pytest.mark.parametrize("domain", [Domain.FOREX, Domain.OPTIONS])
async def test_a_switch_opens_the_live_account_behind_it_and_no_other(tmp_path: Path, domain: Domain) -> None:
    house, name, live = House(tmp_path), domain.lower(), Account(domain, Mode.LIVE)
    lineup = msgspec.structs.replace(
        house.deeds._at.lineup, live=(LIVE, Account(Domain.FOREX, Mode.LIVE), Account(Domain.OPTIONS, Mode.LIVE))
    )
    house.deeds._at = msgspec.structs.replace(house.deeds._at, lineup=lineup)
    assert house.deeds.opens_live(parse(f"{name} on")) == (live,) and house.deeds.opens_live(parse(f"{name} off")) == ()
    state = house.desk.engine.state
    state.toggles = msgspec.structs.replace(state.toggles, **{name: True})
    assert house.deeds.opens_live(parse(f"{name} on")) == (), "it is open already"


async def test_a_jump_is_described_with_what_its_gate_lacks(tmp_path: Path) -> None:
    house = House(tmp_path)
    text = house.deeds.describe(parse("stage 3"))
    assert "stage 1 -> 3" in text and "NOT EARNED" in text and "CRYPTO paper passes its gate" in text
    house.desk.engine.state.earned = 2
    assert "Its gate is open" in house.deeds.describe(parse("stage 2"))
    assert "DISASTER" in house.deeds.describe(parse("flatten"))
    assert house.deeds.describe(parse("close AAAUSDT")) == "SIMULATED: close AAAUSDT all?"


async def test_a_flatten_is_latched_before_and_a_resume_lets_go(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.do("flatten")
    assert latched(house.options.folder) == "flatten by anna"
    latch(house.options.folder, "anna", 0)
    assert "resumed by anna" in await house.do("resume")
    assert latched(house.options.folder) is None


async def test_the_code_of_a_refused_stage_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    with pytest.raises(Refusal) as refused:
        house.deeds.check(parse("stage 1"), "anna")
    assert refused.value.code is ExitCode.USAGE

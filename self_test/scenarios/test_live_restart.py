"""What a live account must know again after a restart, and what nobody may trade before it is known."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config import CONFIG
from modules.accounts import Key, line_up
from modules.engine import exits
from modules.environment import Environment, Hosts
from modules.live_floor import Desk, LiveFloor, held_on
from modules.options import RunOptions
from self_test.fakes.books import coin
from self_test.scenarios.desk import LEVEL, STOP, TARGET, LiveDesk, close, rows, settled
from state.accounts import Account, Domain, Mode
from state.books import FLAT, OPEN
from state.messages import Command, Control
from state.runtime import RuntimeState
from strategy.base import C4
from strategy.market import new_market
from utils.clock import FakeClock, WallClock
from utils.throttle import Throttle

LIVE = Account(Domain.CRYPTO, Mode.LIVE)


def test_pain_14_an_entry_in_flight_takes_its_levels_across_a_restart() -> None:
    """It may have filled while nobody lived: the executor has to want its protection from the first fill it hears of."""
    desk = LiveDesk()
    desk.enter()
    held = held_on(desk.engine.state, desk.live)[desk.coin().key]
    assert (held.side, held.steps, held.stop, held.target) == (1, 0, STOP, TARGET)


@pytest.mark.asyncio
@pytest.mark.parametrize(("env", "digits", "stays"), [("live", "0000", False), ("demo", "0000", False), ("simulated", None, True)])
async def test_an_account_that_cannot_be_read_at_start_is_not_traded_with_real_money(
    env: str, digits: str | None, stays: bool, tmp_path: Path
) -> None:
    """`--real-money` is compared with what the venue says; while it says nothing, nobody has confirmed anything."""
    options = RunOptions(
        stage=2, env=Environment(env), state_dir=tmp_path, profile="spot", override_gates=True, real_money=digits, strategies=None
    )  # fmt: skip
    closed = Hosts(http="http://127.0.0.1:9", ws="ws://127.0.0.1:9")  # nobody listens there
    keys = {Domain.CRYPTO: Key("key", "secret")}
    stored = RuntimeState((coin("AAAUSDT"),), (LIVE,), new_market(1, 300_000, 900_000))
    floor = LiveFloor(options, CONFIG, closed, keys, Throttle({}, WallClock()), WallClock())
    try:
        lineup = await floor.introduce(line_up(options, keys), stored)
    finally:
        await floor.close()
    assert (LIVE in lineup.live) is stays
    assert any("cannot be confirmed" in note for note in lineup.notes) is not stays


def test_pain_20_what_a_stop_leaves_behind_frees_the_seat_at_the_next_reading() -> None:
    """The venue's exit order was sized by the venue: a rest that nobody would buy must not keep the coin shut until its longest hold."""
    desk = LiveDesk()
    desk.open()
    held = int(desk.pos()["steps"])
    desk.stopped(STOP, steps=held - 3, left=3)
    assert desk.pos()["status"] == OPEN, "more of it may be on its way"
    told = desk.read()
    [trade] = rows(told, "trade")
    assert trade["reason"] == "stop" and desk.pos()["status"] == FLAT and desk.coins["AAA"] > 0
    assert desk.read() == [] and desk.causes == set()
    settled(desk)
    desk.later(60_000).open()
    settled(desk)


def test_a_close_that_sold_more_than_is_held_is_over_too() -> None:
    """It fits nothing and holds the account; left among the working orders it would keep cash and position from being judged for ever."""
    desk = LiveDesk()
    desk.open()
    asked = close(desk)
    desk.closed(asked, LEVEL, steps=int(desk.pos()["steps"]) + 1)
    assert desk.engine.state.orders == {} and not desk.pos()["closing"]
    assert desk.causes == {"mismatch"}


def test_dust_of_before_is_not_taken_for_executed_steps_of_an_entry() -> None:
    """The rest of an entry works on, whatever the coins of its first part came to."""
    desk = LiveDesk()
    desk.engine.state.coins[str(desk.live)] = {"AAA": desk.coin().qty(40)}
    order = desk.enter()
    part = order.intent.steps - 10
    desk.filled(order, LEVEL, part, left=10)
    assert desk.pos()["working"] == 10 and desk.pos()["steps"] > part


class Toy:
    """A watch that has not caught up, and an executor that says when it starts."""

    def __init__(self) -> None:
        self.caught_up, self.carries_out = asyncio.Event(), asyncio.Event()
        self.busy = True
        self.told: list[str] = []

    async def run(self) -> None:
        self.carries_out.set()

    def forget_foreign(self) -> None:
        self.told.append("forget")

    def ask(self) -> None:
        self.told.append("ask")


def test_what_a_live_account_without_a_key_wants_is_never_done_on_paper(tmp_path: Path) -> None:
    """The key is gone, the position is not: a paper venue that took its stop or its close would book fills that never happened."""
    desk = LiveDesk()
    desk.open()
    asked: list[Command] = [exits.protect(desk.engine.state, desk.seat()), close(desk)]
    options = RunOptions(stage=1, env=Environment.LIVE, state_dir=tmp_path)
    floor = LiveFloor(options, CONFIG, Hosts(http="", ws=""), {}, Throttle({}, WallClock()), WallClock())
    assert [floor.dispatch(command) for command in asked] == [True, True]
    with desk.on(desk.paper):
        desk.open(strategy=C4)
        assert not floor.dispatch(close(desk))


@pytest.mark.parametrize(("account", "heard"), [("all", True), ("CRYPTO/LIVE", True), ("CRYPTO/PAPER", False)])
def test_pain_41_who_resumes_an_account_lets_go_of_what_others_did_on_it(account: str, heard: bool, tmp_path: Path) -> None:
    """A coin sold by hand is told of until somebody has looked; without an end to it only a restart would let the account enter again."""
    options = RunOptions(stage=2, env=Environment.SIMULATED, state_dir=tmp_path)
    floor = LiveFloor(options, CONFIG, Hosts(http="", ws=""), {}, Throttle({}, WallClock()), WallClock())
    toy = Toy()
    floor.desks[LIVE] = Desk(venue=toy, tracker=toy, executor=toy, watch=toy)  # type: ignore[arg-type]
    floor.observe(1, Control(1, "pause", {}, "me"), [])
    floor.observe(2, Control(2, "resume", {"account": account}, "me"), [])
    assert toy.told == (["forget", "ask"] if heard else [])


@pytest.mark.asyncio
async def test_a_stop_does_not_wait_for_ever_for_a_venue_that_does_not_answer(tmp_path: Path) -> None:
    clock, toy = FakeClock(), Toy()
    options = RunOptions(stage=2, env=Environment.SIMULATED, state_dir=tmp_path)
    floor = LiveFloor(options, CONFIG, Hosts(http="", ws=""), {}, Throttle({}, clock), clock)
    floor.desks[LIVE] = Desk(venue=toy, tracker=toy, executor=toy, watch=toy)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(floor.settle(4.0))
        await clock.advance(3.9)
        assert not waiting.done()
        await clock.advance(0.2)
        assert waiting.result() == ["CRYPTO/LIVE"]
    toy.busy = False
    assert await floor.settle(4.0) == []


@pytest.mark.asyncio
async def test_pain_12_no_order_moves_before_it_is_known_what_happened_meanwhile(tmp_path: Path) -> None:
    """The start-up reading failed: selling or guarding what a stop sold while nobody lived would take coins that are not ours."""
    options = RunOptions(stage=2, env=Environment.SIMULATED, state_dir=tmp_path)
    floor = LiveFloor(options, CONFIG, Hosts(http="", ws=""), {}, Throttle({}, WallClock()), WallClock())
    toy = Toy()
    floor.desks[LIVE] = Desk(venue=toy, tracker=toy, executor=toy, watch=toy)  # type: ignore[arg-type]
    (name, job, fatal), _ = floor.jobs()
    assert (name, fatal) == ("executor CRYPTO/LIVE", True)
    async with asyncio.TaskGroup() as group:
        group.create_task(job())
        await asyncio.sleep(0)
        assert not toy.carries_out.is_set()
        toy.caught_up.set()
    assert toy.carries_out.is_set()


def test_the_shares_of_one_wallet_are_no_more_than_the_wallet(tmp_path: Path) -> None:
    """One key for both domains: 70 % is spot's, so what is left is the perpetuals'."""
    perps = Account(Domain.PERPS, Mode.LIVE)
    options = RunOptions(stage=4, env=Environment.SIMULATED, state_dir=tmp_path, profile="spot+perp")
    config = CONFIG.model_copy(update={"capital": CONFIG.capital.model_copy(update={"crypto_share": 0.7})})
    key = Key("key", "secret")
    floor = LiveFloor(
        options, config, Hosts(http="", ws=""), {Domain.CRYPTO: key, Domain.PERPS: key}, Throttle({}, WallClock()), WallClock()
    )
    state = RuntimeState((coin("AAAUSDT"), coin("AAAUSDT", Domain.PERPS)), (LIVE, perps), new_market(2, 300_000, 900_000))
    for account in state.accounts:
        floor._venues[account] = None  # type: ignore[assignment]  # opened, and never asked
        floor._opening[account] = 1_000
    assert [event.args["balance_units"] for event in floor.openings(state, 1)] == ["700", "300"]

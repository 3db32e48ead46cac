"""Exploring with real money: off until asked, canary size, one position, a budget that ends it, and the gate behind it as ever."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from modules.engine import explore, explore_live
from modules.engine.explore_live import DAY_SHARE, MONTH_SHARE, left
from modules.engine.recovery import restore, snapshot_of
from self_test.scenarios.desk import DAY_MS, LEVEL, LiveDesk, kinds, only, refused, rows
from state.accounts import Account, Domain, Mode
from state.books import FLAT
from state.drift import FREEZE, NOTE, Drift
from state.exploring import LiveTrial
from state.intents import Approved
from state.messages import Close, Command, Control, Place, Record, Report, encode_commands
from state.runtime import freeze, thaw
from strategy.regime import CHOP
from telemetry.kpi import kpis
from telemetry.ledger_rows import read_rows
from utils.fixed import MONEY_SCALE

BALANCE = 10_000
EQUITY = BALANCE * MONEY_SCALE


class Bench(LiveDesk):
    """A live account at full size whose every decision draws exploration."""

    def __init__(self, *symbols: str, on: bool = True) -> None:
        super().__init__(*symbols, balance=BALANCE)
        self.engine.mandate = msgspec.structs.replace(self.engine.mandate, explore_own=True)
        self.acct["canary"] = 0
        if on:
            self.control("learn", to="on")
            self.control(explore_live.NAME, to="on")

    @property
    def trial(self) -> LiveTrial:
        return self.engine.state.live_trials.get("CRYPTO", LiveTrial())

    def lose(self, order: Approved, level: int) -> list[Command]:
        """The entry fills, and ends at `level`."""
        i = self.number(order.intent.key)
        self.filled(order)
        return self.stopped(level, i)


@pytest.fixture(autouse=True)
def willing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "draws", lambda *_: (0.0, 0))


def worth(desk: Bench, order: Approved) -> float:
    coin = desk.coin(desk.number(order.intent.key))
    return float(coin.price(order.intent.reference) * coin.qty(order.intent.steps))


def breakers(commands: list[Command]) -> list[str]:
    return [one.text for one in kinds(commands, Report) if one.what == "breaker" and one.rule == explore_live.NAME]


def test_it_is_off_until_a_person_switches_it_on_and_off_again() -> None:
    desk = Bench(on=False)
    assert not desk.enter(regime=CHOP).intent.explored
    desk = Bench(on=False)
    desk.control("learn", to="on")
    told = only(Report, desk.control(explore_live.NAME, to="on"))
    assert told.text.startswith("exploration with real money on by me, lost 0.00 of 25.00 today, lost 0.00 of 100.00 in 30 days")
    assert desk.trial == LiveTrial(on=True, since_ts=desk.now)
    assert desk.enter(regime=CHOP).intent.explored
    desk = Bench()
    desk.control(explore_live.NAME, to="off")
    assert not desk.enter(regime=CHOP).intent.explored and not desk.trial.on
    assert only(Report, desk.control(explore_live.NAME, to="off")).text.endswith("it was off")


def test_it_is_of_canary_size_whatever_the_live_size_is() -> None:
    greedy = Bench(on=False).enter(regime=CHOP)
    desk = Bench()
    order = desk.enter(regime=CHOP)
    assert (order.intent.account, order.intent.explored, order.intent.arm) == (desk.live, True, "base")
    assert worth(desk, greedy) > 0.02 * BALANCE >= worth(desk, order) > 0.009 * BALANCE
    row = desk.decisions[-1]
    assert (row["account"], row["explored"], row["greedy"], row["action"]) == ("CRYPTO/LIVE", True, 2, 4)
    assert desk.acct["canary"].tolist() == [0, 0], "the account itself stays what it was"


def test_one_position_at_a_time_whatever_the_symbol() -> None:
    desk = Bench("AAAUSDT", "BBBUSDT")
    first = desk.enter(0, regime=CHOP)
    assert not desk.enter(1, regime=CHOP).intent.explored, "an order that works counts"
    desk = Bench("AAAUSDT", "BBBUSDT")
    first = desk.open(0, regime=CHOP)
    assert not desk.enter(1, regime=CHOP).intent.explored
    desk = Bench("AAAUSDT", "BBBUSDT")
    first = desk.enter(0, regime=CHOP)
    desk.lose(first, LEVEL)
    assert desk.enter(1, regime=CHOP).intent.explored


@pytest.mark.parametrize(("level", "tries"), [(NOTE, True), (FREEZE, False)])
def test_what_may_not_learn_does_not_pay_for_lessons(level: int, tries: bool) -> None:
    desk = Bench()
    desk.engine.state.drift["CRYPTO"] = Drift(level=level)
    assert desk.enter(regime=CHOP).intent.explored is tries
    desk = Bench()
    desk.control("learn", to="off")
    assert not desk.enter(regime=CHOP).intent.explored
    told = only(Report, desk.control(explore_live.NAME, to="on"))
    assert told.text.endswith("it waits until online learning is on")


def test_the_gate_is_behind_it() -> None:
    desk = Bench()
    desk.control("pause")
    assert refused(desk.signal(regime=CHOP)) == "paused"
    desk.control("unpause")
    desk.control("flatten", account="CRYPTO/LIVE")
    assert not kinds(desk.signal(regime=CHOP), Place)


def test_a_spent_day_ends_it_by_itself_and_is_told_once() -> None:
    desk = Bench("AAAUSDT", "BBBUSDT")
    found = desk.lose(desk.enter(0, regime=CHOP), LEVEL * 8 // 10)  # far beyond its stop: a gap
    (text,) = breakers(found)
    assert "its budget is spent: lost" in text and "of 25.00 today" in text
    assert not desk.trial.on and -desk.trial.days[desk.now // DAY_MS] >= DAY_SHARE * 0.99 * EQUITY
    assert not desk.enter(1, regime=CHOP).intent.explored
    assert only(Report, desk.control(explore_live.NAME, to="on")).text.startswith("exploration with real money stays off")
    assert not desk.trial.on
    desk.later(DAY_MS)
    desk.bar()
    desk.control(explore_live.NAME, to="on")
    assert desk.trial.on, "another day has another budget"


def test_a_spent_month_ends_it_too_and_what_is_left_bounds_the_next_loss() -> None:
    desk = Bench()
    today, state, a = desk.now // DAY_MS, desk.engine.state, 0
    whole = worth(desk, Bench().enter(regime=CHOP))
    almost = int(MONTH_SHARE * EQUITY) - 5 * MONEY_SCALE
    state.live_trials["CRYPTO"] = LiveTrial(on=True, days={today - 3: -almost})
    assert left(state, a, desk.now) == 5 * MONEY_SCALE
    order = desk.enter(regime=CHOP)
    coin = desk.coin()
    at_risk = float((coin.price(LEVEL) - coin.price(order.intent.exits.stop)) * coin.qty(order.intent.steps))
    assert order.intent.explored and worth(desk, order) < whole and at_risk <= 5.0
    found = desk.lose(order, LEVEL * 7 // 10)
    assert len(breakers(found)) == 1 and not desk.trial.on


def test_gains_are_set_against_losses_and_paper_has_no_budget() -> None:
    desk = Bench()
    desk.lose(desk.enter(regime=CHOP), LEVEL * 11 // 10)
    (net,) = desk.trial.days.values()
    assert net > 0 and desk.trial.on and desk.trial.lost(desk.now, 1) == 0
    desk = Bench()
    with desk.on(desk.paper):
        explore_live.closed(desk.engine.state, desk.seat(), -EQUITY, desk.now, [])
    assert desk.trial.days == {} and desk.trial.on


def test_what_it_costs_is_a_line_of_its_own_and_no_evidence() -> None:
    desk = Bench()
    won = desk.acct["won"].tolist()
    desk.lose(desk.enter(regime=CHOP), LEVEL - 300)
    (trade,) = rows(desk.all, "trade")
    assert (trade["account"], trade["explored"]) == ("CRYPTO/LIVE", True) and float(trade["pnl"]) < 0
    assert desk.acct["won"].tolist() == won
    assert desk.trial.lost(desk.now, 1) == pytest.approx(-float(trade["pnl"]) * MONEY_SCALE)
    book = read_rows([(one.kind, msgspec.json.encode(one.row)) for one in kinds(desk.all, Record)])
    told = [one.figures for one in kpis(book, desk.now, "CRYPTO/LIVE") if one.figures["explored_trades"].value]
    assert told and all(one["trades"].value == 0 for one in told)
    assert all(one["exploration_cost"].value == pytest.approx(-float(trade["pnl"])) for one in told)


def test_it_makes_room_for_the_policy_s_own_entry() -> None:
    desk = Bench()
    desk.filled(desk.enter(regime=CHOP))
    desk.control(explore_live.NAME, to="off")
    close = only(Close, desk.later(1).signal(regime=CHOP))
    desk.closed(close, LEVEL)
    assert desk.pos()["status"] == FLAT and desk.trial.days != {}


def test_it_survives_a_restart_and_an_older_snapshot_has_it_off() -> None:
    desk = Bench()
    desk.lose(desk.enter(regime=CHOP), LEVEL - 300)
    again = restore(snapshot_of(desk.engine, 1)).state
    assert again.live_trials == desk.engine.state.live_trials and again.live_trials["CRYPTO"].on
    readable, blobs = freeze(desk.engine.state)
    older = msgspec.json.decode(readable)
    del older["live_trials"]
    assert thaw(msgspec.json.encode(older), blobs).live_trials == {}


def test_a_replay_gives_the_same_bytes() -> None:
    def story() -> bytes:
        desk = Bench()
        begin = len(desk.all)
        desk.lose(desk.enter(regime=CHOP), LEVEL * 8 // 10)
        return encode_commands(desk.all[begin:])

    assert story() == story()


def test_a_life_without_live_trading_ends_it() -> None:
    def boot(desk: Bench, **args: str) -> list[Command]:
        return desk.tell(Control(desk.now, "boot", {"stage": "2", "live": "CRYPTO/LIVE", **args}, "start"))

    desk = Bench()
    boot(desk)
    assert desk.trial.on, "an ordinary restart"
    allowed: Any = {**desk.engine.mandate.allowed, Account(Domain.CRYPTO, Mode.LIVE): frozenset()}
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, allowed=allowed)
    found = boot(desk)
    assert not desk.trial.on and [one.text for one in kinds(found, Report) if one.rule == explore_live.NAME] == [
        "exploration with real money is off: no live account trades here now"
    ]
    told = only(Report, desk.control(explore_live.NAME, to="on"))
    assert told.text.endswith("no live account trades here") and not desk.trial.on

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modules.engine import explore
from modules.engine.choose import SUPERSEDED
from modules.engine.policies import Policies
from modules.engine.recovery import restore, snapshot_of
from self_test.modules.engine.test_policies import Bold, Shelf, force
from self_test.scenarios.desk import ATR, LEVEL, Desk, kinds, only, refused, rows
from state.books import FLAT, PENDING
from state.decisions import DecisionRow, decision_row
from state.intents import Approved, ExitReason
from state.messages import Cancel, Close, Command, OrderCancelled, Place, Report
from strategy.actions import SKIP, Values
from strategy.base import C1, DEMO
from strategy.exploration import draws, epsilon
from strategy.features import SCHEMA
from strategy.regime import CHOP, TREND


def learned(policy: Any) -> Desk:
    desk = Desk()
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, policies=Policies(Shelf(policy)))
    force(desk, policy.version, policy.level)
    return desk


def exploring(*symbols: str, draw: float | None = None, monkeypatch: pytest.MonkeyPatch | None = None) -> Desk:
    desk = Desk(*symbols)
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, explore_own=True)
    if monkeypatch is not None:
        monkeypatch.setattr(explore, "draws", lambda *_: (draw, 0))
    return desk


class Mad:
    """A policy that says anything."""

    version, level = "mad", 1

    def __init__(self, values: list[float]) -> None:
        self._values = np.array(values, np.float32)

    def values(self, observation: Values | None, strategy: int, side: int, regime: int) -> Values:
        return self._values


class Blind(Mad):
    """A policy that needs an observation."""

    def __init__(self) -> None:
        super().__init__([0.0, *[math.nan] * 6])


# --- the row ----------------------------------------------------------------------------------------------------------------------------


def test_every_candidate_leaves_a_row_also_one_that_was_refused() -> None:
    desk = Desk()
    order = desk.enter(regime=CHOP)
    row = decision_row(msgspec.json.encode(desk.decisions[-1]))
    assert (row.id, row.order, row.refused, row.ts) == (f"{order.order_id}C1", order.order_id, "", desk.now)
    assert (row.account, row.key, row.strategy, row.side, row.regime) == ("CRYPTO/PAPER", "CRYPTO:AAAUSDT", "C1", 1, CHOP)
    assert (row.reference, row.atr, row.mask, row.action, row.greedy, row.propensity) == (LEVEL, ATR, 3, 2, 2, 1.0)
    assert (row.obs, row.no_obs, row.schema, row.policy, row.level, row.values) == (None, "short_history", SCHEMA, "static", 0, None)
    assert row.cost > 0 and row.spread == pytest.approx(2 / LEVEL) and row.costs.count("/") == 3
    assert refused(desk.signal(regime=CHOP)) == "position_open"
    assert desk.decisions[-1]["refused"] == "position_open" and "order" not in desk.decisions[-1]
    assert refused(Desk().signal(blind=True)) == "stale_quote"


def test_a_row_is_small_and_its_observation_comes_back_to_the_last_bit() -> None:
    seen = np.random.default_rng(1).normal(size=34).astype(np.float32)
    row = DecisionRow(
        id="x",
        ts=1,
        account="CRYPTO/PAPER",
        key="k",
        strategy="C1",
        side=1,
        regime=1,
        reference=1,
        atr=1.0,
        obs=[float(str(x)) for x in seen],
    )
    text = msgspec.json.encode(row)
    assert len(text) < 700
    assert np.array(decision_row(text).obs, np.float32).tobytes() == seen.tobytes()


def test_the_demo_leaves_none() -> None:
    desk = Desk(demo=True)
    desk.later(60_000)
    assert kinds(desk.tick(), Place)
    assert kinds(desk.signal(strategy=DEMO), Place) == [] and desk.decisions == []


# --- what a policy can do ---------------------------------------------------------------------------------------------------------------


def test_a_policy_can_skip() -> None:
    desk = learned(Mad([0.0] + [-0.1] * 6))
    assert refused(desk.signal()) == "policy_skip"
    assert (desk.decisions[-1]["refused"], desk.decisions[-1].get("action", SKIP)) == ("policy_skip", SKIP)


def test_a_policy_that_cannot_see_skips_with_that_reason() -> None:
    assert refused(learned(Blind()).signal()) == "no_observation"


def test_costs_are_told_before_what_a_policy_thinks() -> None:
    assert refused(learned(Mad([0.0] + [-0.1] * 6)).signal(atr=5.0)) == "cost_too_high"


def test_a_policy_can_take_half() -> None:
    whole, half = (learned(Bold("a", action)).enter(regime=TREND).intent for action in (4, 3))
    assert half.arm == whole.arm == "base" and half.steps == pytest.approx(whole.steps / 2, abs=1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    values=st.lists(st.floats(width=32), min_size=7, max_size=7),
    regime=st.integers(0, 3),
    atr=st.floats(1.0, 400.0),
    perps=st.booleans(),
)
def test_whatever_a_policy_says_nothing_grows_widens_or_passes(values: list[float], regime: int, atr: float, perps: bool) -> None:
    """The size never exceeds what L0's rules allow, stop and target are the table's, and the gate judges as ever."""
    desk = _shared(perps)
    state, mandate = desk.engine.state, desk.engine.mandate
    state.pos[0] = np.zeros((), state.pos.dtype)
    state.orders.clear()
    desk.engine.mandate = msgspec.structs.replace(mandate, policies=Policies(Shelf(Mad(values))))
    domain = str(desk.account.domain)
    desk.control("policy", domain=domain, version="mad", level="1")
    commands = desk.signal(regime=regime, atr=atr)
    row = desk.decisions[-1]
    for place in kinds(commands, Place):
        intent = place.order.intent
        arm = ("tight", "base", "wide").index(intent.arm)
        rule = mandate.rules[C1]
        assert row["mask"] >> arm & 1
        assert (
            intent.exits.stop == LEVEL - math.floor(rule["stop_k"][arm] * atr)
            or abs(LEVEL - intent.exits.stop - rule["stop_k"][arm] * atr) <= 1.0
        )
        assert abs(intent.exits.target - LEVEL - rule["target_k"][arm] * atr) <= 1.0
        assert intent.steps * LEVEL * desk.coin().unit <= 0.05 * int(desk.acct["equity"])
        assert (LEVEL - intent.exits.stop) / LEVEL <= rule["stop_cap"]
    desk.control("pause")
    state.pos[0] = np.zeros((), state.pos.dtype)
    state.orders.clear()
    assert not kinds(desk.signal(regime=regime, atr=atr), Place), "the gate is behind it"
    desk.control("unpause")


_DESKS: dict[bool, Desk] = {}


def _shared(perps: bool) -> Desk:
    if perps not in _DESKS:
        _DESKS[perps] = Desk(perps=perps)
    return _DESKS[perps]


# --- exploration in a paper stage -------------------------------------------------------------------------------------------------------


def test_in_a_paper_stage_an_explored_arm_replaces_the_greedy_one(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = exploring(draw=0.0, monkeypatch=monkeypatch)
    order = desk.enter(regime=CHOP)
    assert order.intent.explored and order.intent.arm == "base"
    row = desk.decisions[-1]
    assert (row["greedy"], row["action"], row["explored"], row["propensity"]) == (2, 4, True, 0.25)
    desk.filled(order)
    desk.stopped(order.intent.exits.stop)
    (trade,) = rows(desk.all, "trade")
    assert trade["explored"] is True and trade["decided_ts"] == row["ts"]


def test_the_greedy_way_has_the_rest_of_the_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = exploring(draw=0.25, monkeypatch=monkeypatch)
    assert not desk.enter(regime=CHOP).intent.explored
    assert desk.decisions[-1]["propensity"] == 0.75


def test_one_valid_arm_is_never_explored_and_a_policy_that_abstains_still_is(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = exploring(draw=0.0, monkeypatch=monkeypatch)
    assert not desk.enter(regime=0).intent.explored
    assert desk.decisions[-1].get("propensity", 1.0) == 1.0
    desk = exploring(draw=0.0, monkeypatch=monkeypatch)
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, policies=Policies(Shelf(Mad([0.0] + [-1.0] * 6))))
    force(desk, "mad")
    assert desk.enter(regime=CHOP).intent.explored
    assert (desk.decisions[-1].get("greedy", SKIP), desk.decisions[-1]["propensity"]) == (SKIP, 0.125)


def test_replays_and_sweeps_do_not_explore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "draws", lambda *_: (0.0, 0))
    assert not Desk().enter(regime=CHOP).intent.explored


def test_the_share_is_as_asked_over_many_decisions() -> None:
    """2,000 decisions: the explored ones lie inside the exact 99 % interval of the binomial distribution."""
    desk, explored, n = exploring(), 0, 2_000
    for _ in range(n):
        desk.later(300_000)
        state = desk.engine.state
        state.pos[0] = np.zeros((), state.pos.dtype)
        state.orders.clear()
        state.market[0]["last_ts"] = desk.now - 300_000
        desk.signal(regime=CHOP)
        explored += bool(desk.decisions[-1].get("explored"))
        desk.all.clear()
    assert 450 <= explored <= 551  # scipy.stats.binom(2000, 0.25).interval(0.99)
    assert epsilon(0.10, 1.0) == 0.25


def test_a_journal_replays_every_draw() -> None:
    """Nothing but seed, version and decision goes into it: a restored engine decides the same, byte for byte."""
    story: list[list[Command]] = []
    desk = exploring("AAAUSDT", "BBBUSDT")
    start = snapshot_of(desk.engine, 1)
    for again in (False, True):
        if again:
            desk.engine, desk.now = restore(start), int(start.ts)
        found = list[Command]()
        for k in range(40):
            desk.later(300_000)
            desk.engine.state.market["last_ts"] = desk.now - 300_000
            desk.engine.state.pos[:] = np.zeros((), desk.engine.state.pos.dtype)
            desk.engine.state.orders.clear()
            found += desk.signal(k % 2, regime=CHOP)
        story.append(found)
    assert story[0] == story[1]
    tried = [place.order.intent.explored for place in kinds(story[0], Place)]
    assert any(tried) and not all(tried)


# --- making room ------------------------------------------------------------------------------------------------------------------------


def held_by_exploration(monkeypatch: pytest.MonkeyPatch, *, filled: bool = True) -> tuple[Desk, Approved]:
    desk = exploring(draw=0.0, monkeypatch=monkeypatch)
    order = desk.enter(regime=CHOP)
    if filled:
        desk.filled(order)
    monkeypatch.setattr(explore, "draws", draws)
    desk.later(300_000)
    desk.engine.state.market[0]["last_ts"] = desk.now - 300_000
    return desk, order


def test_a_policys_entry_closes_what_was_explored_there_and_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = held_by_exploration(monkeypatch)
    commands = desk.signal(regime=TREND)
    close = only(Close, commands)
    assert close.reduce.reason is ExitReason.SUPERSEDED and not kinds(commands, Place)
    promised = desk.decisions[-1]["order"]
    assert desk.decisions[-1]["refused"] == SUPERSEDED
    desk.closed(close, LEVEL)
    (trade,) = rows(desk.all, "trade")
    assert (trade["reason"], trade["explored"]) == ("superseded", True)
    desk.later(1_000)
    order = only(Place, desk.tick()).order
    assert (order.order_id, order.intent.explored, order.intent.arm) == (promised, False, "wide")
    assert desk.engine.state.waiting == {} and not kinds(desk.tick(), Place)


def test_an_explored_entry_that_works_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, order = held_by_exploration(monkeypatch, filled=False)
    assert desk.pos()["status"] == PENDING
    cancel = only(Cancel, desk.signal(regime=TREND))
    assert cancel.order_id == order.order_id
    desk.tell(OrderCancelled(desk.now, desk.account, order.order_id, "asked for"))
    assert desk.pos()["status"] == FLAT
    assert only(Place, desk.tick()).order.intent.arm == "wide"


def test_room_that_came_too_late_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = held_by_exploration(monkeypatch)
    desk.signal(regime=TREND)
    desk.engine = restore(snapshot_of(desk.engine, 1))  # what waits survives a restart
    desk.later(300_001)
    commands = desk.tick()
    assert [report.rule for report in kinds(commands, Report)] == [SUPERSEDED] and not kinds(commands, Place)
    assert desk.engine.state.waiting == {}


def test_no_room_is_made_for_what_would_not_be_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, _ = held_by_exploration(monkeypatch)
    desk.control("pause")
    assert refused(desk.signal(regime=TREND)) == "position_open"
    desk.control("unpause")
    assert refused(desk.signal(regime=TREND, atr=5.0)) == "position_open"
    assert desk.engine.state.waiting == {}

"""How standings fall by figures, how a probation ends, what a resume or a reset begins anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules import rollout
from modules.rollout import STYLE_NAMES
from self_test.fakes.rollout import EVERYWHERE, FX_LIVE, LIVE, PAPER, SCALP, SWING, Floor, said, starts
from self_test.telemetry.ledgers import START, trade
from state.accounts import Account, Domain
from state.messages import Command, Tick
from state.standing import Fall, Level
from strategy.base import C1, C3
from telemetry.demotion import CanaryConfig, Until
from telemetry.ledger_rows import DAY_MS

CANARY, PAPER_LEVEL, LIVE_LEVEL = Level.CANARY, Level.PAPER, Level.LIVE
UNITS = 10**10


# --- the end of a canary --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "trades", "days", "ends"),
    [
        (Until.BOTH, 50, 7.0, True),
        (Until.BOTH, 49, 7.0, False),
        (Until.BOTH, 50, 6.99, False),
        (Until.EITHER, 50, 0.0, True),
        (Until.EITHER, 0, 7.0, True),
        (Until.EITHER, 49, 6.99, False),
    ],
)
def test_a_canary_ends_after_its_trades_and_its_days_or_the_first_of_them(wanted: Until, trades: int, days: float, ends: bool) -> None:
    floor = Floor(canary=CanaryConfig(until=wanted))
    floor.open(LIVE)
    floor.stands(CANARY)
    floor.state.earned = 2
    acct, ts = floor.acct(), START + 30 * DAY_MS
    acct["canary_trades"][SWING], acct["canary_since"][SWING] = trades, ts - int(days * DAY_MS)
    commands = floor.day(LIVE, ts)
    assert (floor.level() is LIVE_LEVEL, floor.state.earned, acct["canary"][SWING]) == ((True, 3, 0) if ends else (False, 2, 1))
    assert bool(said(commands, "promoted")) is ends and bool(said(commands, "stage")) is ends


@pytest.mark.parametrize(
    ("account", "earned", "after"),
    [(LIVE, 1, 3), (LIVE, 2, 3), (LIVE, 3, 3), (FX_LIVE, 4, 5), (FX_LIVE, 3, 5), (FX_LIVE, 2, 2), (FX_LIVE, 1, 1), (LIVE, 5, 5)],
)
def test_the_end_of_a_canary_opens_its_stage_once_those_of_the_other_domain_are_earned(account: Account, earned: int, after: int) -> None:
    floor = Floor()
    floor.open(account)
    floor.stands(CANARY, account=account)
    floor.acct(account)["canary_trades"][SWING] = 50
    floor.state.earned = earned
    floor.day(account, START + 30 * DAY_MS)
    assert (floor.level(account), floor.state.earned) == (LIVE_LEVEL, after)


def test_a_canary_that_an_override_began_earns_its_stage_by_ending_and_the_gate_is_asked_for_the_next() -> None:
    """Stage 3 is a canary that ended without a fall, whatever began it (definitions); the override itself earns nothing."""
    floor = Floor()
    floor.open(LIVE)
    floor.boot(2, override="1")
    assert (floor.level(), floor.state.earned) == (CANARY, 1)
    floor.acct()["canary_trades"][SWING] = 50
    commands = floor.day(LIVE, START + 30 * DAY_MS)
    assert (floor.level(), floor.state.earned) == (LIVE_LEVEL, 3)
    assert said(commands, "stage") == ["stage 3 is earned: --stage 3 opens it"]


@pytest.mark.parametrize(("equity", "ends"), [(930, True), (921, True), (920, False), (881, False)])
def test_a_canary_does_not_end_while_the_equity_is_at_its_half_step_below_the_peak(equity: int, ends: bool) -> None:
    """It would fall again the next day, by the same loss, and the second fall in 90 days is one to paper."""
    floor = Floor()
    floor.open(LIVE)
    floor.stands(CANARY)
    floor.state.earned = 2
    floor.acct()["canary_trades"][SWING] = 50
    floor.acct()["peak"], floor.acct()["equity"] = 1_000 * UNITS, equity * UNITS
    ts = START + 30 * DAY_MS
    commands = floor.day(LIVE, ts)
    assert (floor.level() is LIVE_LEVEL, floor.state.earned, floor.acct()["canary"][SWING]) == ((True, 3, 0) if ends else (False, 2, 1))
    text = said(commands, "probation")
    assert text == ([] if ends else [f"CRYPTO/swing: its probation goes on: equity {1 - equity / 1000:.1%} below its peak, 8% or more"])
    again = floor.day(LIVE, ts + DAY_MS)
    assert said(again, "probation") == said(again, "demoted") == [], "told once, and no fall"
    floor.acct()["equity"] = 990 * UNITS
    floor.day(LIVE, ts + 2 * DAY_MS)
    assert floor.level() is LIVE_LEVEL, "when it has recovered it ends"


def test_a_canary_whose_trades_lose_beyond_doubt_does_not_end() -> None:
    floor = trading(CANARY, [-0.5, 0.3] * 60)
    floor.acct()["canary_trades"][SWING] = 120
    commands = floor.day(LIVE, DAY)
    assert floor.level() is CANARY and "mean R below 0" in said(commands, "probation")[0]


# --- falls ----------------------------------------------------------------------------------------------------------------------------


def trading(level: Level, results: list[float], *falls: Fall) -> Floor:
    """A live style of that standing with those trades, in R, in its sample."""
    floor = Floor()
    floor.boot(2)
    floor.open(LIVE)
    floor.stands(level, *falls)
    floor.state.earned = 3
    ts = START + 7_200_000
    floor.state.evidence += [trade(ts + k, r, account=str(LIVE), style="swing") for k, r in enumerate(results)]
    return floor


DAY = START + 20 * DAY_MS


@pytest.mark.parametrize(
    ("results", "to", "words"),
    [
        ([-1.0] * 20, LIVE_LEVEL, ""),
        ([-1.0] * 20 + [-0.5], CANARY, "drawdown 20.5 R, more than 20 R"),
        ([-1.0] * 25 + [-0.1], PAPER_LEVEL, "drawdown 25.1 R, more than 25 R"),
        ([0.9, -1.0] * 50, LIVE_LEVEL, ""),
        ([-0.19] * 99 + [-0.18], CANARY, "the last 100 trades lose"),
        ([-0.19] * 98 + [-0.18], LIVE_LEVEL, ""),
    ],
)
def test_live_falls_by_its_trades(results: list[float], to: Level, words: str) -> None:
    floor = trading(LIVE_LEVEL, results)
    commands = floor.day(LIVE, DAY)
    assert floor.level() is to and floor.state.earned == 3, "the stage never changes by a demotion"
    told = said(commands, "demoted")
    assert bool(told) is bool(words) and all(words in one and "nothing is offered for 14 days" in one for one in told)


@pytest.mark.parametrize(
    ("equity", "to"), [(921, LIVE_LEVEL), (920, CANARY), (881, CANARY), (880, PAPER_LEVEL), (500, PAPER_LEVEL), (1_000, LIVE_LEVEL)]
)
def test_live_falls_by_the_equity_of_its_account_at_exactly_eight_and_twelve_percent(equity: int, to: Level) -> None:
    floor = trading(LIVE_LEVEL, [])
    floor.acct()["cash"] = equity * UNITS
    floor.now += 3_600_000
    commands = floor.control("unpause") + floor.tell(Tick(floor.now))
    assert floor.level() is to, "between two days, as the drawdown takes its step"
    limit = {LIVE_LEVEL: [], CANARY: ["8% or more"], PAPER_LEVEL: ["12% or more"]}[to]
    falls = rollout.standing(floor.state, Domain.CRYPTO, "swing").falls
    assert [(fall.ts, fall.to, fall.reason.rpartition(", ")[2]) for fall in falls] == [(floor.now, to, one) for one in limit]
    assert len(said(commands, "demoted")) == len(falls)


def test_a_fall_to_canary_begins_a_new_probation_and_a_fresh_live_sample() -> None:
    floor = trading(LIVE_LEVEL, [-1.0] * 21)
    acct = floor.acct()
    acct["canary_trades"][SWING], acct["canary_realised"][SWING] = 50, 7
    commands = floor.day(LIVE, DAY)
    assert starts(commands) == [(str(LIVE), "swing", "demoted")]
    assert (acct["canary"][SWING], acct["canary_since"][SWING], acct["canary_trades"][SWING], acct["canary_realised"][SWING]) == (
        1,
        DAY,
        0,
        0,
    )
    assert said(floor.day(LIVE, DAY + DAY_MS), "demoted") == [], "what brought it here is paid for"


def test_a_fall_to_paper_begins_a_fresh_paper_sample_and_ends_the_probation() -> None:
    floor = trading(CANARY, [-1.0] * 26)
    commands = floor.day(LIVE, DAY)
    assert starts(commands) == [(str(PAPER), "swing", "demoted")]
    assert floor.acct()["canary"][SWING] == 0 and floor.level() is PAPER_LEVEL


@pytest.mark.parametrize(("days_ago", "to"), [(89, PAPER_LEVEL), (90, PAPER_LEVEL), (91, CANARY)])
def test_the_second_fall_to_canary_within_ninety_days_is_one_to_paper(days_ago: int, to: Level) -> None:
    floor = trading(LIVE_LEVEL, [-1.0] * 21, Fall(DAY - days_ago * DAY_MS, CANARY, "earlier"))
    commands = floor.day(LIVE, DAY)
    assert floor.level() is to
    assert len(rollout.standing(floor.state, Domain.CRYPTO, "swing").falls) == 2
    assert ("demotion 2 to canary in 90 days" in said(commands, "demoted")[0]) is (to is PAPER_LEVEL)


@pytest.mark.parametrize(("lost", "to"), [(7_5, CANARY), (7_6, PAPER_LEVEL)])
def test_a_spent_loss_budget_ends_the_canary_at_once(lost: int, to: Level) -> None:
    """0.75 % of 1,000 is 7.5."""
    floor = trading(CANARY, [])
    floor.acct()["canary_realised"][SWING] = -lost * UNITS // 10
    out: list[Command] = []
    rollout.after_trade(floor.state, floor.mandate, floor.state.accounts.index(LIVE), DAY, out)
    assert floor.level() is to and bool(said(out, "demoted")) is (to is PAPER_LEVEL)
    assert all("canary lost 0.76% of its equity" in one for one in said(out, "demoted"))


def test_a_style_falls_alone() -> None:
    floor = trading(LIVE_LEVEL, [-1.0] * 26)
    floor.restart(EVERYWHERE, allowed={**floor.mandate.allowed, LIVE: frozenset({C1, C3})})
    floor.stands(LIVE_LEVEL, style="scalp")
    floor.boot(2)
    floor.day(LIVE, DAY)
    assert (floor.level(), floor.level(style="scalp"), floor.acct()["canary"][SCALP]) == (PAPER_LEVEL, LIVE_LEVEL, 0)


def test_paper_accounts_never_fall() -> None:
    floor = trading(PAPER_LEVEL, [-1.0] * 60)
    assert said(floor.day(LIVE, DAY) + floor.day(PAPER, DAY), "demoted") == []


# --- resume and reset -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "after"), [(LIVE_LEVEL, CANARY), (CANARY, CANARY), (PAPER_LEVEL, PAPER_LEVEL)])
def test_a_resume_begins_fresh_samples_and_puts_what_is_live_on_probation(level: Level, after: Level) -> None:
    floor = trading(level, [])
    floor.control("flatten", account=str(LIVE))
    commands = floor.control("resume", account=str(LIVE))
    assert starts(commands) == [(str(LIVE), "swing", "resumed after a halt")]
    assert (floor.level(), floor.acct()["canary"][SWING]) == (after, int(after is CANARY))
    assert len(said(commands, "probation")) == (level is LIVE_LEVEL)
    assert rollout.standing(floor.state, Domain.CRYPTO, "swing").falls == (), "a person's halt is no demotion"


def test_a_resumed_canary_ends_as_any_other() -> None:
    floor = trading(LIVE_LEVEL, [])
    floor.control("resume", account=str(LIVE))
    floor.acct()["canary_trades"][SWING] = 50
    floor.day(LIVE, START + 8 * DAY_MS)
    assert (floor.level(), floor.acct()["canary"][SWING]) == (LIVE_LEVEL, 0)


def test_a_wallet_reset_begins_fresh_samples_of_both_styles() -> None:
    floor = Floor((PAPER,))
    floor.boot()
    floor.open(PAPER)
    commands = floor.control("reset", account=str(PAPER), balance_units=str(10**13))
    assert starts(commands) == [(str(PAPER), name, "the wallet was reset") for name in STYLE_NAMES]


# --- properties -----------------------------------------------------------------------------------------------------------------------

RESULTS = st.lists(st.floats(-3.0, 3.0).map(lambda r: round(r, 2)), max_size=120)


def falls_of(results: list[float], level: Level, equity: float) -> Iterator[str]:
    floor = trading(level, results)
    floor.acct()["equity"] = int(equity * 1_000) * UNITS
    before = floor.level()
    yield from said(floor.day(LIVE, DAY), "demoted")
    order = [PAPER_LEVEL, CANARY, LIVE_LEVEL]
    assert order.index(floor.level()) <= order.index(before) or before is CANARY, "figures never lift what is live or on paper"
    assert floor.state.earned == 3


@settings(max_examples=25, deadline=None)
@given(results=RESULTS, equity=st.floats(0.5, 1.0))
def test_figures_never_lift_and_never_touch_the_stage(results: list[float], equity: float) -> None:
    for level in (LIVE_LEVEL, CANARY, PAPER_LEVEL):
        assert len(list(falls_of(results, level, equity))) <= (level is not PAPER_LEVEL)


@settings(max_examples=25, deadline=None)
@given(results=RESULTS, equity=st.floats(0.5, 1.0), worse=st.floats(0.0, 0.3))
def test_a_lower_equity_never_leaves_a_style_higher(results: list[float], equity: float, worse: float) -> None:
    order = [PAPER_LEVEL, CANARY, LIVE_LEVEL]
    found = []
    for share in (equity, equity - worse):
        floor = trading(LIVE_LEVEL, results)
        floor.acct()["equity"] = int(share * 1_000) * UNITS
        floor.day(LIVE, DAY)
        found.append(order.index(floor.level()))
    assert found[1] <= found[0]

"""How standings begin, and rise by evidence and a person's word; which stage that opens. Their falls: `test_rollout_falls.py`."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules import rollout
from modules.rollout import at_boot, policy_here
from self_test.fakes.rollout import FX_LIVE, FX_PAPER, LIVE, PAPER, SWING, Floor, said, starts
from self_test.telemetry.ledgers import HASH, START, Rows, stream, trade
from state.accounts import Account, Domain, Mode
from state.messages import Command, Record
from state.standing import Fall, Level
from strategy.base import C1, C3, C4, DEMO
from telemetry.gate_config import GateConfig
from telemetry.gates import evaluate
from telemetry.ledger_rows import DAY_MS, read_rows
from telemetry.sample import sample_of

CANARY, PAPER_LEVEL, LIVE_LEVEL = Level.CANARY, Level.PAPER, Level.LIVE
UNITS = 10**10
PASSED = START + 90 * DAY_MS
"""When `good` has passed at two checkpoints in a row."""


@pytest.fixture(scope="module")
def good() -> Rows:
    """A planted edge: 80 % wins at one to one."""
    return stream(100, per_day=1.5, win_rate=0.80, style="swing")


def until(rows: Rows, ts: int) -> Rows:
    return [one for one in rows if _ts(one) <= ts]


def _ts(one: tuple[str, bytes]) -> int:
    row = msgspec.json.decode(one[1])
    return int(row.get("exit_ts", row.get("ts", 0)))


def verdicts(commands: list[Command]) -> list[tuple[str, str, str]]:
    found = [one.row for one in commands if isinstance(one, Record) and one.kind == "verdict" and one.row["what"] == "verdict"]
    return [(row["account"], row["style"], row["state"]) for row in found]


# --- boot -----------------------------------------------------------------------------------------------------------------------------


def test_the_first_boot_begins_a_sample_of_every_style_that_trades_and_the_next_boot_none() -> None:
    floor = Floor((PAPER, FX_PAPER))
    first = floor.boot()
    assert starts(first) == [
        (str(PAPER), "swing", "first activation"),
        (str(PAPER), "scalp", "first activation"),
        (str(FX_PAPER), "swing", "first activation"),
    ]
    assert said(first, "sample") == [], "nothing is lost by a first one"
    assert starts(floor.boot()) == []


def test_a_changed_procedure_begins_a_fresh_sample_and_says_so() -> None:
    floor = Floor((PAPER, FX_PAPER))
    floor.boot()
    floor.restart((PAPER, FX_PAPER), procedures={**floor.mandate.procedures, "CRYPTO/swing": "b" * 64})
    again = floor.boot()
    assert starts(again) == [(str(PAPER), "swing", "the procedure changed")]
    assert said(again, "sample") == ["CRYPTO/PAPER swing: a fresh sample of evidence begins, the procedure changed"]
    assert floor.state.samples["CRYPTO/PAPER/swing"] == "b" * 64


def test_an_offer_ends_with_the_sample_that_it_rests_on() -> None:
    floor = Floor((PAPER,))
    floor.boot()
    floor.stands(PAPER_LEVEL, offered_ts=START)
    floor.restart((PAPER,), procedures={**floor.mandate.procedures, "CRYPTO/swing": "b" * 64})
    assert said(floor.boot(), "offer") == ["CRYPTO/swing: the offer of real money is withdrawn, the procedure changed"]
    assert not floor.offered()


def test_an_override_lifts_to_canary_and_only_there_where_strategies_may_go_live() -> None:
    floor = Floor()
    commands = floor.boot(2, override="1")
    assert (floor.level(), floor.level(FX_LIVE), floor.level(style="scalp")) == (CANARY, CANARY, PAPER_LEVEL)
    assert floor.acct()["canary"].tolist()[:2] == [1, 0] and len(said(commands, "promoted")) == 2
    assert floor.state.earned == 1, "an override earns nothing"
    assert said(floor.boot(2, override="1"), "promoted") == []


@pytest.mark.parametrize("to", [CANARY, PAPER_LEVEL])
def test_an_override_never_lifts_what_has_fallen(to: Level) -> None:
    floor = Floor()
    floor.stands(PAPER_LEVEL, Fall(START - 1, to, "it lost"))
    floor.boot(2, override="1")
    assert floor.level() is PAPER_LEVEL


def test_without_an_override_a_boot_lifts_nothing() -> None:
    floor = Floor()
    floor.boot(5)
    assert floor.state.standings == {} and floor.acct()["canary"].sum() == 0


# --- where the policy trades ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "strategy", "live", "paper"),
    [
        (PAPER_LEVEL, C1, False, True),
        (CANARY, C1, True, False),
        (LIVE_LEVEL, C1, True, False),
        (CANARY, C4, False, True),
        (PAPER_LEVEL, DEMO, True, True),
        (LIVE_LEVEL, DEMO, True, True),
    ],
)
def test_the_policy_trades_on_one_of_the_two_accounts_by_where_its_style_stands(
    level: Level, strategy: int, live: bool, paper: bool
) -> None:
    floor = Floor()
    floor.stands(level)
    state = floor.state
    seats = {state.account_of(i): i for i in range(len(state.seats))}
    found = [policy_here(state, floor.mandate, seats[account], strategy) for account in (LIVE, PAPER)]
    assert found == [live, paper]


def test_a_promoted_style_goes_on_on_paper_until_its_live_account_is_there() -> None:
    floor = Floor((PAPER,))
    floor.stands(CANARY)
    seats = {floor.state.account_of(i): i for i in range(len(floor.state.seats))}
    assert policy_here(floor.state, floor.mandate, seats[PAPER], C1)


# --- offers ---------------------------------------------------------------------------------------------------------------------------


def test_two_passes_offer_and_the_next_verdict_that_is_none_takes_it_back(good: Rows) -> None:
    floor = Floor((PAPER,))
    floor.state.evidence = until(good, START + 60 * DAY_MS)
    assert said(floor.day(PAPER, START + 60 * DAY_MS), "offer") == [] and not floor.offered(), "one pass is none"
    floor.state.evidence = until(good, PASSED)
    commands = floor.day(PAPER, PASSED)
    assert (str(PAPER), "swing", "PASS") in verdicts(commands) and len(said(commands, "offer")) == 1
    assert "promote CRYPTO/swing" in said(commands, "offer")[0] and floor.offered() and floor.level() is PAPER_LEVEL
    assert said(floor.day(PAPER, PASSED), "offer") == [], "said once"
    floor.state.evidence += [trade(PASSED - 5, 1.0, style="swing", pnl="nan")]
    back = floor.day(PAPER, PASSED)
    assert said(back, "offer") == ["CRYPTO/swing: the offer of real money is withdrawn, the newest verdict is INSUFFICIENT"]
    assert not floor.offered()


def test_a_style_that_may_never_go_live_is_judged_and_not_offered() -> None:
    floor = Floor((PAPER,))
    floor.state.evidence = until(stream(61, per_day=8, style="scalp", win_rate=0.75), START + 60 * DAY_MS)
    commands = floor.day(PAPER, START + 60 * DAY_MS)
    assert (str(PAPER), "scalp", "PASS") in verdicts(commands) and said(commands, "offer") == []
    assert not floor.offered(style="scalp")
    floor.restart((PAPER,), lives={Domain.CRYPTO: frozenset({C3})})
    assert len(said(floor.day(PAPER, START + 60 * DAY_MS), "offer")) == 1, "it is the permission that was missing"


def test_model_priced_options_are_never_offered() -> None:
    account = Account(Domain.OPTIONS, Mode.PAPER)
    floor = Floor((PAPER,), lives={Domain.OPTIONS: frozenset({C1})})
    rows = stream(100, per_day=1.5, win_rate=0.80, style="swing", account=str(account))
    sample = sample_of(read_rows(until(rows, PASSED)), str(account), "swing", "simulated", PASSED)
    verdict = evaluate(sample, GateConfig(), PASSED)
    assert verdict.state == "PASS"
    out: list[Command] = []
    rollout._offer(floor.state, floor.mandate, account, "swing", verdict, PASSED, out)
    assert out == [] and not floor.offered(account)


@pytest.mark.parametrize(("days_ago", "offered"), [(13.9, False), (14.0, True)])
def test_after_a_fall_nothing_is_offered_for_fourteen_days(good: Rows, days_ago: float, offered: bool) -> None:
    floor = Floor((PAPER,), gate=easy_twice())
    floor.stands(PAPER_LEVEL, Fall(PASSED - int(days_ago * DAY_MS), PAPER_LEVEL, "it lost"))
    floor.state.evidence = until(good, PASSED)
    floor.day(PAPER, PASSED)
    assert floor.offered() is offered


def easy_twice() -> GateConfig:
    """The shipped gate with half the trades, so that the doubled number is what the shipped one asks for."""
    plain = GateConfig()
    return plain.model_copy(update={"swing": plain.swing.model_copy(update={"min_trades": 30})})


def test_after_a_fall_twice_as_many_trades_are_asked_for(good: Rows) -> None:
    rows = until(good, PASSED)
    for falls, wanted in (((), 60.0), ((Fall(START - 100 * DAY_MS, PAPER_LEVEL, "it lost"),), 120.0)):
        floor = Floor((PAPER,))
        floor.stands(PAPER_LEVEL, *falls)
        floor.state.evidence = list(rows)
        commands = floor.day(PAPER, PASSED)
        row = next(one.row for one in commands if isinstance(one, Record) and one.row.get("style") == "swing")
        assert row["checks"][0]["name"] == "trades" and row["checks"][0]["target"] == wanted
        assert floor.offered() is (wanted == 60.0), "90 trades had been made at the first of the two checkpoints"


# --- promotion ------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_promoted_that_is_not_offered() -> None:
    floor = Floor()
    commands = floor.control("promote", standing="CRYPTO/swing")
    assert said(commands, "refused") == ["CRYPTO/swing: nothing is offered, its gate has not passed"]
    assert (floor.level(), floor.state.earned) == (PAPER_LEVEL, 1)


def test_a_confirmed_offer_begins_the_canary_and_earns_stage_two() -> None:
    floor = Floor()
    floor.stands(PAPER_LEVEL, offered_ts=START)
    floor.now += DAY_MS
    commands = floor.control("promote", standing="CRYPTO/swing")
    assert said(commands, "promoted") == ["CRYPTO/swing: paper -> canary, confirmed by me"]
    assert said(commands, "stage") == ["stage 2 is earned: --stage 2 opens it"]
    assert starts(commands) == [(str(LIVE), "swing", "the canary begins")]
    assert (floor.level(), floor.state.earned, floor.offered()) == (CANARY, 2, False)
    assert (floor.acct()["canary"][SWING], floor.acct()["canary_since"][SWING]) == (1, floor.now)
    assert said(floor.control("promote", standing="CRYPTO/swing"), "refused")


@pytest.mark.parametrize(("earned", "promoted", "after"), [(1, False, 1), (2, False, 2), (3, True, 4), (4, True, 4), (5, True, 5)])
def test_forex_earns_stage_four_as_the_next_stage_and_its_offer_waits_until_then(earned: int, promoted: bool, after: int) -> None:
    floor = Floor()
    floor.state.earned = earned
    floor.stands(PAPER_LEVEL, offered_ts=START, account=FX_PAPER)
    commands = floor.control("promote", standing="FOREX/swing")
    assert (floor.level(FX_LIVE) is CANARY, floor.state.earned) == (promoted, after)
    if not promoted:
        assert said(commands, "refused") == [f"FOREX/swing: stage 3 comes first; stage {earned} is earned"] and floor.offered(FX_PAPER)


def test_perpetuals_are_promoted_and_open_no_stage() -> None:
    floor = Floor()
    account = Account(Domain.PERPS, Mode.PAPER)
    floor.stands(PAPER_LEVEL, offered_ts=START, account=account)
    floor.control("promote", standing="PERPS/swing")
    assert (floor.level(account), floor.state.earned) == (CANARY, 1)


def test_a_promotion_waits_while_the_live_account_stands_at_its_drawdown_step() -> None:
    """Else it would fall again on its first day, by a loss that is long paid for."""
    floor = Floor()
    floor.open(LIVE)
    floor.stands(PAPER_LEVEL, offered_ts=START)
    floor.acct()["level"] = 2
    assert "resume it first" in said(floor.control("promote", standing="CRYPTO/swing"), "refused")[0]
    assert floor.offered()
    floor.control("resume", account=str(LIVE))
    floor.control("promote", standing="CRYPTO/swing")
    assert floor.level() is CANARY


def test_a_promotion_before_the_account_is_open_leaves_nothing_of_an_earlier_live_sample() -> None:
    floor = Floor((PAPER,))
    floor.state.samples = {"CRYPTO/LIVE/swing": HASH, "CRYPTO/PAPER/swing": HASH}
    floor.stands(PAPER_LEVEL, offered_ts=START)
    assert starts(floor.control("promote", standing="CRYPTO/swing")) == []
    floor.restart((LIVE, PAPER))
    assert (str(LIVE), "swing", "first activation") in starts(floor.boot(2))


@given(st.sampled_from(list(Level)), st.booleans(), st.booleans(), st.booleans())
def test_an_override_is_a_rise_from_paper_or_nothing(level: Level, fallen: bool, override: bool, forex: bool) -> None:
    floor = Floor()
    account = FX_LIVE if forex else LIVE
    floor.stands(level, *([Fall(START, CANARY, "it lost")] if fallen else []), account=account)
    out: list[Command] = []
    at_boot(floor.state, floor.mandate, START, override=override, out=out)
    rises = level is PAPER_LEVEL and override and not fallen
    assert floor.level(account) is (CANARY if rises else level)


def test_a_verdict_rests_on_the_rows_of_its_account_and_on_those_that_name_none() -> None:
    """The filter by bytes leaves out nothing that evidence could lie in."""
    mine, other = stream(3, style="swing"), stream(3, style="swing", account=str(FX_PAPER))
    nobodys, judged = ("trade", b'{"exit_ts":1740963600000}'), ("verdict", b'{"what":"verdict","account":"CRYPTO/PAPER","style":"swing"}')
    assert rollout._concerning(PAPER, [*mine, nobodys, *other, judged]) == [*mine, nobodys]
    wrong = sample_of(read_rows(rollout._concerning(PAPER, [*mine, nobodys])), str(PAPER), "swing", "simulated", PASSED).wrong
    assert any("trade row" in one for one in wrong)


def test_rows_that_were_lost_are_in_the_way_of_every_account() -> None:
    lost = ("verdict", b'{"what":"damage","ts":%d,"text":"3 of 9 rows of the ledger were lost"}' % (START + DAY_MS))
    floor = Floor((PAPER,))
    floor.state.evidence = [*until(stream(100, per_day=1.5, win_rate=0.80, style="swing"), PASSED), lost]
    commands = floor.day(PAPER, PASSED)
    assert (str(PAPER), "swing", "INSUFFICIENT") in verdicts(commands) and not floor.offered()

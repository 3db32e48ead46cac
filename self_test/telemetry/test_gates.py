"""The gate as a whole: checkpoints, states, what it says of bad input, and that it is a function of the ledger alone."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_test.telemetry.ledgers import HASH, START, Rows, day, sample, started, stream, trade
from telemetry.gate_config import GateConfig, Profile, WinRate, WinRateMode
from telemetry.gates import State, Verdict, evaluate, opens
from telemetry.ledger_rows import DAY_MS

CFG = GateConfig(resamples=200)
RANK = {State.INSUFFICIENT: 0, State.FAIL: 0, State.PASS_1: 1, State.PASS: 2}


def verdict(rows: Rows, days: float, cfg: GateConfig = CFG, **where: Any) -> Verdict:
    """What is said after so many days, knowing what was written by then."""
    now = START + int(days * DAY_MS)
    return evaluate(sample([row for row in rows if ts_of(row) <= now], days, **where), cfg, now)


def ts_of(row: tuple[str, bytes]) -> int:
    """When a row was written."""
    values = msgspec.json.decode(row[1])
    return int(values["exit_ts"] if row[0] == "trade" else values["ts"])


def without_day(rows: Rows, number: int) -> Rows:
    return [row for row in rows if not (row[0] == "equity" and ts_of(row) == START + (number + 1) * DAY_MS)]


def unmet(found: Verdict) -> list[str]:
    return [check.name for check in found.checks if check.gates and not check.ok]


@pytest.fixture(scope="module")
def good() -> Rows:
    return stream(152, per_day=8, win_rate=0.72)


def test_a_plain_edge_passes_twice_before_it_is_a_pass(good: Rows):
    assert [verdict(good, days).state for days in (29.9, 30, 59.9, 60, 90)] == [
        State.INSUFFICIENT,
        State.PASS_1,
        State.PASS_1,
        State.PASS,
        State.PASS,
    ]


def test_between_checkpoints_nothing_changes_the_state_but_the_figures_move(good: Rows):
    early, late = verdict(good, 31), verdict(good, 45)
    assert early.state == late.state and early.checkpoints == late.checkpoints
    assert late.trades > early.trades and late.ledger_hash != early.ledger_hash


def test_no_edge_fails():
    assert verdict(stream(61, win_rate=0.55), 60).state is State.FAIL


def test_a_failed_second_clears_the_first(good: Rows):
    first = [row for row in good if ts_of(row) <= START + 30 * DAY_MS]
    found = verdict([*first, *losing(30, 45, 6), *flat_days(45, 62)], 60)
    assert [point.state for point in found.checkpoints] == [State.PASS, State.FAIL]
    assert found.state is State.FAIL


def flat_days(first: int, last: int) -> Rows:
    return [day(number, 0.0) for number in range(first, last)]


def losing(first: int, last: int, per_day: int) -> Rows:
    found: Rows = []
    for number in range(first, last):
        found += [trade(START + number * DAY_MS + 7_200_000 + k, -1.0, pnl="-5") for k in range(per_day)]
        found.append(day(number, -5.0 * per_day))
    return found


def test_too_few_trades_says_how_many():
    found = verdict(stream(61, per_day=0.5, win_rate=0.9), 60)
    assert found.state is State.INSUFFICIENT and "trades" in unmet(found)
    assert next(check for check in found.checks if check.name == "trades").reason == "30/200 trades"


def test_swing_is_asked_for_sixty_trades_and_sixty_days():
    rows = stream(120, per_day=1.5, win_rate=0.80, style="swing")
    assert verdict(rows, 30, style="swing").state is State.INSUFFICIENT
    assert verdict(rows, 60, style="swing").state is State.PASS_1
    assert verdict(rows, 90, style="swing").state is State.PASS


def test_the_second_time_twice_as_many_trades_are_asked_for():
    rows = stream(30, per_day=7, win_rate=0.75)
    once, twice = (evaluate(sample(rows, 30, factor=factor), CFG, START + 30 * DAY_MS) for factor in (1, 2))
    assert once.state is State.PASS_1 and twice.state is State.INSUFFICIENT
    assert "210/400" in twice.checks[0].reason


def test_explored_and_demo_trades_and_other_procedures_never_count(good: Rows):
    ts = START + DAY_MS + 7_200_000
    noise = [
        trade(ts, -3.0, explored=True),
        trade(ts, -3.0, strategy="demo"),
        trade(ts, -3.0, procedure="b" * 64),
        trade(ts, -3.0, account="CRYPTO/LIVE"),
        trade(ts, -3.0, style="swing"),
        trade(START - DAY_MS, -3.0),
    ]
    assert verdict(good, 60) == verdict([*good, *noise], 60)


def test_a_fresh_start_forgets_what_was_before(good: Rows):
    again = [*good, started(START + 40 * DAY_MS)]
    found = verdict(again, 61)
    assert found.state is State.INSUFFICIENT and found.start_ts == START + 40 * DAY_MS
    assert "2 samples" in next(check for check in found.checks if check.name == "dsr").reason


def test_targets_out_of_reach_gate_unless_told_otherwise():
    """Two to one and 45 %: an edge, and nowhere near a win rate of 60 %."""
    rows = stream(100, per_day=8, win_rate=0.48, payoff=2.0)
    target = verdict(rows, 60)
    assert target.state is State.FAIL and unmet(target) == ["win_rate"] and target.out_of_reach
    for cfg in (
        CFG.model_copy(update={"profile": Profile.EVIDENCE}),
        CFG.model_copy(update={"win_rate": WinRate(mode=WinRateMode.REPORT)}),
        CFG.model_copy(update={"win_rate": WinRate(mode=WinRateMode.BREAKEVEN_LB)}),
    ):
        assert verdict(rows, 60, cfg).state is State.PASS


def test_the_earliest_pass_is_two_checkpoints_away_and_counts_the_trades_to_come():
    assert verdict([started()], 0).earliest_ts == START + 60 * DAY_MS
    assert verdict([started(style="swing")], 0, style="swing").earliest_ts == START + 90 * DAY_MS
    slow = verdict(stream(20, per_day=1), 20)
    assert slow.earliest_ts == START + 240 * DAY_MS  # 200 trades on day 200: judged on days 210 and 240
    assert verdict(stream(31, per_day=8, win_rate=0.75), 30).earliest_ts == START + 60 * DAY_MS


def test_simulated_demo_and_model_priced_evidence_opens_nothing_live(good: Rows):
    assert opens(verdict(good, 60), "live") is None
    for env in ("simulated", "demo", "testnet"):
        assert "only" in str(opens(verdict(good, 60, env=env), "live"))
        assert opens(verdict(good, 60, env=env), env) is None
    options = msgspec.structs.replace(verdict(good, 60), subject=sample([], 0, account="OPTIONS/PAPER").subject)
    assert "model-priced" in str(opens(options, "live"))
    assert "PASS_1" in str(opens(verdict(good, 30), "live"))


# Bad input: never a number that looks like one.


def test_an_empty_ledger():
    found = verdict([], 60)
    assert found.state is State.INSUFFICIENT and found.earliest_ts is None
    assert all(check.value is None and check.reason for check in found.checks if check.name not in {"trades", "days"})


def test_a_sample_that_has_just_begun():
    assert verdict([started()], 0).state is State.INSUFFICIENT


def test_one_trade():
    found = verdict([started(), trade(START + 7_200_000, 1.0), *flat_days(0, 61)], 60)
    assert found.state is State.INSUFFICIENT
    assert found.breakeven is None


def test_all_wins():
    rows = [started()]
    for number in range(61):
        rows += [trade(START + number * DAY_MS + 7_200_000 + k, 0.5 + 0.01 * k) for k in range(6)]
        rows.append(day(number, 3.0 + number % 2))
    found = verdict(rows, 60)
    assert found.state is State.INSUFFICIENT and unmet(found) == ["win_rate_bound"]
    assert "no losing trade" in next(check for check in found.checks if check.name == "win_rate_bound").reason


def test_all_losses_fail():
    found = verdict([started(), *losing(0, 30, 6), *losing(30, 61, 7)], 60)
    assert found.state is State.FAIL and found.breakeven == 1.0


def test_zero_variance():
    rows = [started()]
    for number in range(61):
        rows += [trade(START + number * DAY_MS + 7_200_000 + k, 1.0 if k else -1.0) for k in range(6)]
        rows.append(day(number, 4.0))
    found = verdict(rows, 60)
    assert found.state is State.INSUFFICIENT
    assert {"sharpe", "psr", "dsr", "bootstrap_drawdown"} == set(unmet(found)) and found.luck is None


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "", "1e999"])
def test_a_number_that_is_none(good: Rows, bad: str):
    found = verdict([*good, trade(START + 7_200_000, 1.0, pnl=bad)], 60)
    assert found.state is State.INSUFFICIENT and "pnl" in found.wrong[0] and found.luck is None
    found = verdict([*without_day(good, 10), day(10, 0.0, equity=bad)], 60)
    assert found.state is State.INSUFFICIENT and "equity" in found.wrong[0]


def test_a_clock_that_jumped(good: Rows):
    for jumped in (
        trade(START + 70 * DAY_MS, 1.0),  # closed after now
        trade(START + 7_200_000, 1.0, entry_ts=START + 7_300_000),  # closed before it was entered
        day(3, 1.0),  # a day that ended twice
        day(100, 1.0, policy=None),  # a day to come
    ):
        rows = [row for row in good if ts_of(row) <= START + 61 * DAY_MS]
        found = evaluate(sample([*rows, jumped], 61), CFG, START + 61 * DAY_MS)
        assert found.state is State.INSUFFICIENT and "clock jumped" in found.wrong[0]


def test_a_missing_day(good: Rows):
    rows = without_day(good, 10)
    found = verdict(rows, 60)
    assert found.state is State.INSUFFICIENT and unmet(found) == ["data_gaps"]
    assert verdict(rows, 150).state is State.PASS  # one in 120 is less than 1 %


def test_a_day_that_nobody_marked_or_measured(good: Rows):
    rows = without_day(good, 10)
    unmarked = verdict([*rows, day(10, 1.0, policy=None)], 60)
    assert unmarked.state is State.INSUFFICIENT and "2025-03-13 has no marked policy profit" in unmarked.wrong[0]
    nothing: dict[str, int] = {}
    for health in (None, nothing):
        unmeasured = verdict([*rows, day(10, 1.0, health=health)], 60)
        assert unmeasured.state is State.INSUFFICIENT and "data_gaps" in unmet(unmeasured)


def test_errors_refusals_and_slowness_are_in_the_way(good: Rows):
    rows = without_day(good, 10)
    usual = {"bars": 288, "orders": 10, "feeds": 1_000, "decisions": 300, "acks": 10}
    for change, name, state in (
        ({"reconcile_errors": 1}, "reconcile_errors", State.INSUFFICIENT),
        ({"rejects": 9}, "order_rejects", State.INSUFFICIENT),
        ({"missing_bars": 280}, "data_gaps", State.INSUFFICIENT),
        ({"slow_decisions": 299}, "decision_latency", State.FAIL),
        ({"slow_feeds": 999}, "feed_latency", State.FAIL),
    ):
        found = verdict([*rows, day(10, 1.0, health=usual | change)], 60)
        assert (found.state, unmet(found)) == (state, [name])


def test_deposits_do_not_show_in_the_returns(good: Rows):
    """The day's start moves with a deposit, as the engine moves it: what came in is no gain."""
    rows = without_day(good, 10)
    before = [*rows, day(10, 0.0)]
    after = [*rows, day(10, 0.0, start=2_000.0, equity="2000")]
    assert [check.value for check in verdict(before, 60).checks] == [check.value for check in verdict(after, 60).checks]


# A function of the ledger alone.


def test_the_same_ledger_gives_the_same_verdict_in_any_order_of_rows(good: Rows):
    wanted = verdict(good, 60)
    for seed in range(3):
        shuffled = list(good)
        random.Random(seed).shuffle(shuffled)
        assert verdict(shuffled, 60) == wanted


def test_what_comes_later_does_not_change_what_was(good: Rows):
    assert evaluate(sample(good, 153), CFG, START + 60 * DAY_MS) == verdict(good, 60)


def test_the_hashes_name_what_was_judged(good: Rows):
    found = verdict(good, 60)
    assert found.procedure_hash == HASH and len(found.ledger_hash) == 64
    assert found.ledger_hash != verdict([*good, trade(START + 7_200_000, -0.1)], 60).ledger_hash


def test_a_verdict_survives_json(good: Rows):
    for rows in (good, [], [started()]):
        found = verdict(rows, 60)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Verdict) == found


@settings(max_examples=25, deadline=None)
@given(win_rate=st.floats(0.60, 0.80), seed=st.integers(0, 50), when=st.integers(0, 59), size=st.floats(0.5, 8.0), count=st.integers(1, 12))
def test_a_losing_day_never_raises_a_verdict(win_rate: float, seed: int, when: int, size: float, count: int):
    """Eligible already, so that more trades cannot be what was missing."""
    rows = stream(62, per_day=9, win_rate=win_rate, seed=seed)
    before = verdict(rows, 60)
    totals = {int(values["day"]): values for kind, text in rows if kind == "equity" for values in [msgspec.json.decode(text)]}
    worse = totals[START // DAY_MS + when]
    pnl = float(worse["policy"]["scalp"])
    rows = [row for row in rows if not (row[0] == "equity" and msgspec.json.decode(row[1])["day"] == worse["day"])]
    ts = START + when * DAY_MS + 7_200_000
    rows += [trade(ts + k, -size, pnl=str(-5 * size)) for k in range(count)] + [day(when, min(pnl, 0.0) - 5 * size * count)]
    assert RANK[verdict(rows, 60).state] <= RANK[before.state]

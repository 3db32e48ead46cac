from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modules.learning.champion import PromotionConfig
from modules.learning.experience import Experience, Result, join
from modules.learning.labels import Labels, Why, utilities
from modules.learning.shadow import conduct_of, pairs_of, same_answer
from modules.learning.sweep import TRADE
from state.books import ARMS
from state.decisions import DecisionRow
from strategy.actions import action_of
from strategy.base import BASE, TIGHT, WIDE
from strategy.features import SCHEMA, SIZE
from strategy.lcb_table import SHAPE, LcbTable
from strategy.policy import Static
from strategy.regime import CHOP
from strategy.registry import STRATEGIES

DAY_MS = 86_400_000
HOLD = np.full(len(STRATEGIES), DAY_MS)
RULES = PromotionConfig()
OLD, NEW, OTHER = "a" * 12, "b" * 12, "c" * 12
FULL_TIGHT, HALF_BASE = action_of(TIGHT, 1.0), action_of(BASE, 0.5)


def row(ts: int, **changes: Any) -> DecisionRow:
    told: dict[str, Any] = {"id": f"{ts}", "ts": ts, "account": "CRYPTO/PAPER", "key": "CRYPTO:AAAUSDT", "strategy": "C1", "side": 1}
    told |= {"regime": CHOP, "reference": 100, "atr": 5.0, "mask": 0b011, "obs": [0.5] * SIZE, "schema": SCHEMA, "order": f"o{ts}"}
    told |= {"policy": OLD, "level": 1, "greedy": FULL_TIGHT, "challenger": NEW, "challenger_action": HALF_BASE}
    return DecisionRow(**(told | changes))


def lived(*rows: DecisionRow, results: dict[str, Result] | None = None) -> Experience:
    n = len(rows)
    r = np.tile([1.0, -2.0, 0.5], (n, 1))
    why = np.zeros(n, np.int64)
    labels = Labels(why=why, r=r, u=utilities(r), outcome_ts=why, trades=np.zeros((n, ARMS), TRADE))
    return join([[one] for one in rows], labels, results or {}, HOLD)


def table(version: str, arm: int = TIGHT) -> LcbTable:
    lower = np.zeros(SHAPE, np.float32)
    lower[..., action_of(arm, 1.0)] = 0.5
    return LcbTable(version, lower)


def test_pairs_are_what_both_answered_and_whose_outcome_is_known() -> None:
    experience = lived(
        row(1),
        row(2, challenger=OTHER, challenger_action=0),
        row(3, policy=NEW),
        row(4, challenger=""),
        row(5, challenger="d" * 12),
        row(9 * DAY_MS + 1),
    )
    found = pairs_of(experience, OLD, {NEW, OTHER}, 0, 10 * DAY_MS)
    assert found.ts.tolist() == [1, 2], "the last one could still be open"
    assert found.champion_u.tolist() == [1.0, 1.0]
    assert found.challenger_u.tolist() == pytest.approx([-1.1, 0.0])
    assert found.challenger_r.tolist() == [-1.0, 0.0] and found.challenger_size.tolist() == [0.5, 0.0]
    assert pairs_of(experience, OLD, {NEW, OTHER}, 2, 10 * DAY_MS).ts.tolist() == [2]
    experience.labels.why[0] = Why.GAP
    assert pairs_of(experience, OLD, {NEW}, 0, 10 * DAY_MS).ts.tolist() == []


def test_an_answer_is_the_same_or_it_is_a_fault() -> None:
    assert same_answer(table(OLD), row(1))
    assert not same_answer(table(OLD, BASE), row(1))
    assert same_answer(table(OLD, WIDE), row(1, greedy=0)), "a masked profile is skipped"
    assert same_answer(Static(), row(1, policy="static", level=0))
    assert not same_answer(Static(), row(1, policy="static", level=0, greedy=HALF_BASE))


def test_conduct_is_counted_since_the_promotion_alone() -> None:
    rows = [row(day * DAY_MS) for day in range(1, 6)]
    results = {
        "o86400000": Result(-9.0, TIGHT, 2 * DAY_MS, natural=True),
        f"o{3 * DAY_MS}": Result(0.5, TIGHT, 9 * DAY_MS, natural=True),
        f"o{4 * DAY_MS}": Result(-1.0, TIGHT, 8 * DAY_MS, natural=False),
    }
    found = conduct_of(lived(*rows, results=results), results, table(OLD), 2 * DAY_MS, 10 * DAY_MS, NEW, RULES)
    assert found.trades_r == (-1.0, 0.5), "in order of their ends, also one that a person ended"
    assert found.gaps == (-0.5,)
    assert (found.faults_today, found.non_finite, found.better_before, found.mix) == (0, 0, None, None)
    wrong = conduct_of(lived(*rows), {}, table(OLD, BASE), 0, 5 * DAY_MS + 1, NEW, RULES)
    assert wrong.faults_today == 1, "only those of the last day"


def test_a_network_that_answers_with_no_number_is_at_fault_a_silent_table_is_not() -> None:
    values = [0.0, None, 0.1, 0.1, 0.1, 0.1, 0.1]
    rows = [row(1, level=2, values=values), row(2, level=2, values=values, obs=None), row(3, level=1, values=values)]
    assert conduct_of(lived(*rows), {}, table(OLD), 0, 9 * DAY_MS, NEW, RULES).non_finite == 1


def test_an_explored_trade_is_not_the_policys() -> None:
    results = {"o1": Result(-5.0, TIGHT, 2, natural=True)}
    assert conduct_of(lived(row(1, explored=True), results=results), results, table(OLD), 0, 9, NEW, RULES).trades_r == ()


def test_the_champion_before_is_compared_when_there_is_enough_of_both() -> None:
    rows = [row(hour * 3_600_000, challenger=NEW, challenger_action=0, greedy=action_of(BASE, 1.0)) for hour in range(200)]
    found = conduct_of(lived(*rows), {}, table(OLD, BASE), 0, 12 * DAY_MS, NEW, RULES)
    assert found.better_before == pytest.approx(2.4), "it skips what loses 2 R each time"
    assert conduct_of(lived(*rows), {}, table(OLD, BASE), 0, 4 * DAY_MS, NEW, RULES).better_before is None
    assert conduct_of(lived(*rows[:20]), {}, table(OLD, BASE), 0, 12 * DAY_MS, NEW, RULES).better_before is None


def test_answers_are_compared_with_those_in_shadow() -> None:
    before = [row(h * 3_600_000, policy=OTHER, challenger=OLD, challenger_action=FULL_TIGHT if h % 2 else 0) for h in range(240)]
    since = 240 * 3_600_000
    same = [row(since + h * 3_600_000, greedy=FULL_TIGHT if h % 2 else 0) for h in range(120)]
    turned = [row(since + h * 3_600_000, greedy=HALF_BASE) for h in range(120)]
    calm = conduct_of(lived(*before, *same), {}, table(OLD), since, since + 6 * DAY_MS, NEW, RULES)
    wild = conduct_of(lived(*before, *turned), {}, table(OLD), since, since + 6 * DAY_MS, NEW, RULES)
    assert calm.mix is not None and wild.mix is not None and calm.mix_limit is not None and wild.mix_limit is not None
    assert calm.mix <= calm.mix_limit < wild.mix

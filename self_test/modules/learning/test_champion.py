from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from modules.learning.champion import (
    DAY_MS,
    Conduct,
    Pairs,
    PromotionConfig,
    block_bound,
    judge,
    mix_limit,
    mix_of,
    objection,
    probation_over,
    refuted,
)
from self_test.conftest import REPO

RULES = PromotionConfig()
START = 20_000 * DAY_MS


def pairs(days: int = 20, each: int = 10, gain: float = 0.5, seed: int = 1, differ: float = 0.5) -> Pairs:
    """The champion takes the base arm at full size for 0 R; the challenger, on a share of the decisions, the tight one for `gain` more."""
    rng = np.random.default_rng(seed)
    n = days * each
    other = rng.random(n) < differ
    result = rng.choice([-1.0, 1.0], n)
    better = result + np.where(other, gain, 0.0)
    return Pairs(
        ts=START + np.arange(n, dtype=np.int64) * (DAY_MS // each),
        champion_action=np.full(n, 4),
        challenger_action=np.where(other, 2, 4),
        champion_u=result,
        challenger_u=better,
        champion_r=result,
        challenger_r=better,
        champion_size=np.ones(n),
        challenger_size=np.ones(n),
    )


NOW = START + 20 * DAY_MS


def test_a_challenger_that_is_better_on_paired_decisions_takes_over() -> None:
    verdict = judge(pairs(), RULES, NOW, 0)
    assert verdict.promote, verdict.reason
    assert [one.name for one in verdict.checks][-2:] == ["drawdown in R", "traded size"]
    assert "LB95" in verdict.reason


@pytest.mark.parametrize(
    "found, now, last, missing",
    [
        (pairs(days=13, each=20), START + 13 * DAY_MS, 0, "days in shadow"),
        (pairs(days=19, each=5), NOW, 0, "decisions"),
        (pairs(differ=0.1), NOW, 0, "disagreements"),
        (pairs(gain=0.0), NOW, 0, "LB95"),
        (pairs(gain=-0.3), NOW, 0, "LB80"),
        (pairs(), NOW, NOW - 6 * DAY_MS, "days since the last promotion"),
    ],
)
def test_each_condition_alone_keeps_the_champion(found: Pairs, now: int, last: int, missing: str) -> None:
    verdict = judge(found, RULES, now, last)
    assert not verdict.promote
    assert missing in verdict.reason


def test_more_drawdown_or_more_turnover_than_the_champions_keeps_it() -> None:
    good = pairs()
    deep = replace(good, challenger_r=np.concatenate([np.full(40, -2.0), good.challenger_r[40:] + 2.0]))
    assert "drawdown in R" in judge(deep, RULES, NOW, 0).reason
    small = replace(good, champion_size=np.full(len(good.ts), 0.5))
    assert judge(small, RULES, NOW, 0).reason.startswith("traded size")


def test_an_abstaining_champion_is_beaten_by_what_earns_not_by_ratios_to_nothing() -> None:
    n = len(pairs().ts)
    idle = replace(pairs(gain=1.0), champion_u=np.zeros(n), champion_r=np.zeros(n), champion_size=np.zeros(n), champion_action=np.zeros(n))
    assert judge(idle, RULES, NOW, 0).promote
    assert not judge(replace(idle, challenger_u=-idle.challenger_u, challenger_r=-idle.challenger_r), RULES, NOW, 0).promote


def test_nothing_or_something_that_is_no_number_promotes_nobody() -> None:
    none = replace(pairs(), **{name: getattr(pairs(), name)[:0] for name in Pairs.__struct_fields__})
    assert not judge(none, RULES, NOW, 0).promote
    bad = pairs()
    bad.challenger_u[5] = np.nan
    assert not judge(bad, RULES, NOW, 0).promote


def test_luck_rarely_promotes() -> None:
    # 28 days of 10 decisions without any difference in worth: one in twenty would pass the bound alone; all conditions together fewer.
    passed = 0
    for seed in range(40):
        same = pairs(days=28, gain=0.0, seed=seed)
        noise = np.random.default_rng(1_000 + seed).normal(0.0, 1.0, len(same.ts)) * (same.challenger_action == 2)
        passed += judge(replace(same, challenger_u=same.champion_u + noise), RULES, START + 28 * DAY_MS, 0).promote
    assert passed <= 5


def test_the_bound_counts_days_not_decisions() -> None:
    rng = np.random.default_rng(3)
    by_day = np.repeat(rng.normal(0.1, 0.5, 20), 50)
    ts = START + np.arange(1_000, dtype=np.int64) * (DAY_MS // 50)
    blocked = block_bound(ts, by_day, 0.95)
    naive = by_day.mean() - 1.645 * by_day.std() / np.sqrt(1_000)
    assert blocked is not None and blocked < naive - 0.05
    assert block_bound(ts, by_day, 0.95) == blocked
    assert block_bound(ts[:50], by_day[:50], 0.95) is None


@pytest.mark.parametrize(
    "found, words",
    [
        ({"non_finite": 1}, "no finite"),
        ({"faults_today": 3}, "3 faults"),
        ({"gaps": (0.2,) * 30}, "fills differ"),
        ({"gaps": (-0.2,) * 30}, "fills differ"),
        ({"trades_r": (-1.0,) * 21}, "drawdown of 21.0 R"),
        ({"better_before": 0.01}, "would have done better"),
        ({"trades_r": (0.1, -0.35) * 50}, "UCB95"),
        ({"mix": 0.3, "mix_limit": 0.2}, "answers have changed"),
    ],
)
def test_each_cause_alone_rolls_back(found: dict[str, Any], words: str) -> None:
    # 100 trades of which half lose more than the others win fall by 13 R only: it is their mean that is beyond doubt below 0.
    assert words in objection(Conduct(**found), RULES)


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"faults_today": 2, "gaps": (0.2,) * 29, "trades_r": (-1.0,) * 20, "better_before": -0.1, "mix": 0.2, "mix_limit": 0.2},
        {"gaps": (0.05,) * 40, "trades_r": (1.0, -1.0) * 60},
        {"gaps": (9.0,) + (0.0,) * 30},
    ],
)
def test_short_of_every_limit_it_stays(found: dict[str, Any]) -> None:
    assert objection(Conduct(**found), RULES) == ""


def test_a_challenger_that_is_worse_for_long_is_given_up() -> None:
    assert refuted(pairs(days=30, gain=-0.5), RULES, START + 30 * DAY_MS)
    assert not refuted(pairs(days=30, gain=0.5), RULES, START + 30 * DAY_MS)
    assert not refuted(pairs(days=20, gain=-0.5), RULES, NOW)


def test_probation_needs_trades_and_days() -> None:
    assert probation_over(START, START + 3 * DAY_MS, 20, RULES)
    assert not probation_over(START, START + 3 * DAY_MS - 1, 20, RULES)
    assert not probation_over(START, START + 30 * DAY_MS, 19, RULES)


def test_the_mix_of_answers_has_the_limit_of_its_own_past() -> None:
    rng = np.random.default_rng(5)
    ts = START + np.arange(600, dtype=np.int64) * (DAY_MS // 20)
    calm = rng.choice([0, 2, 4], 600, p=[0.7, 0.2, 0.1])
    limit, again = mix_limit(ts, calm), mix_of(rng.choice([0, 2, 4], 100, p=[0.7, 0.2, 0.1]), calm)
    turned = mix_of(rng.choice([0, 2, 6], 100, p=[0.2, 0.2, 0.6]), calm)
    assert limit is not None and again is not None and turned is not None
    assert again < limit < turned
    assert mix_of(calm[:99], calm) is None and mix_limit(ts[:99], calm[:99]) is None


def test_every_number_of_a_promotion_is_told() -> None:
    text = (REPO / "docs" / "learning.md").read_text(encoding="utf-8")
    assert [name for name in PromotionConfig.model_fields if f"`{name}`" not in text] == []

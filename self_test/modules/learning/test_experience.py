from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modules.learning.experience import asked_of, candidates, join, results_of
from modules.learning.labels import Labels, Why, utilities
from modules.learning.sweep import TRADE
from state.accounts import Domain
from state.books import ARMS
from state.decisions import DecisionRow
from strategy.features import SCHEMA, SIZE
from strategy.registry import STRATEGIES

DAY_MS = 86_400_000
HOLD = np.full(len(STRATEGIES), DAY_MS)
KEY = "CRYPTO:BTCUSDT"


def row(ts: int, **changes: Any) -> DecisionRow:
    told: dict[str, Any] = {"id": f"{ts}", "ts": ts, "account": "CRYPTO/PAPER", "key": KEY, "strategy": "C1", "side": 1, "regime": 2}
    told |= {"reference": 100, "atr": 5.0, "mask": 0b011, "obs": [0.5] * SIZE, "schema": SCHEMA, "order": f"o{ts}"}
    return DecisionRow(**(told | changes))


def labelled(n: int, r: float = 1.0) -> Labels:
    values = np.tile([r, -1.0, 0.5], (n, 1))
    return Labels(
        why=np.zeros(n, np.int64), r=values, u=utilities(values), outcome_ts=np.zeros(n, np.int64), trades=np.zeros((n, ARMS), TRADE)
    )


def trade(entry_ts: int, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"account": "CRYPTO/PAPER", "symbol": "BTCUSDT", "entry_ts": entry_ts, "exit_ts": entry_ts + 9}
    return told | {"reason": "stop", "r": -1.2, "arm": 0} | changes


def fill(ts: int, order_id: str, account: str = "CRYPTO/PAPER") -> dict[str, Any]:
    return {"account": account, "symbol": "BTCUSDT", "ts": ts, "order_id": order_id}


def test_a_candidate_is_one_whatever_number_of_accounts_decided_it() -> None:
    rows = [
        row(5),
        row(5, account="CRYPTO/LIVE", id="live"),
        row(5, strategy="C2"),
        row(4),
        row(4, account="PERPS/PAPER"),
        row(4, strategy="demo"),
    ]
    groups = candidates(rows, Domain.CRYPTO)
    assert [[one.id for one in group] for group in groups] == [["4"], ["live", "5"], ["5"]]
    assert [group[0].strategy for group in groups] == ["C1", "C1", "C2"]


def test_a_result_is_found_by_the_fill_of_its_entry_order() -> None:
    fills = [fill(7, "o5"), fill(8, "o5"), fill(20, "exit"), fill(21, "o20"), fill(7, "o5x", "CRYPTO/LIVE")]
    trades = [trade(7), trade(21, r=2.0, arm=1, reason="operator"), trade(7, account="CRYPTO/LIVE", r=0.4, arm=1)]
    found = results_of({"o5", "o20", "o5x"}, fills, trades)
    assert {name: (one.r, one.arm) for name, one in found.items()} == {"o5": (-1.2, 0), "o5x": (0.4, 1), "o20": (2.0, 1)}
    assert [name for name, one in found.items() if not one.natural] == ["o20"], "one that a person ended says nothing of the profile"
    assert np.isnan(join([[row(20, order="o20")]], labelled(1), found, HOLD).fill).all()
    assert not results_of(set(), fills, trades)


def test_real_and_simulated_results_are_blended_three_to_one_and_their_difference_is_told() -> None:
    groups = [[row(5)], [row(6)]]
    found = join(groups, labelled(2, r=1.0), results_of({"o5"}, [fill(7, "o5")], [trade(7, r=-1.0)]), HOLD)
    assert found.gaps.tolist() == [-2.0]
    target = found.target()
    # u(-1) = -1.1 at full size, -0.525 at half; u(1) = 1 and 0.5.
    assert target[0, 1:3].tolist() == pytest.approx([(3 * -0.525 + 0.5) / 4, (3 * -1.1 + 1.0) / 4])
    assert target[1, 1:3].tolist() == pytest.approx([0.5, 1.0])
    assert target[0, 3:5].tolist() == pytest.approx([-0.525, -1.1])
    assert np.isnan(target[:, 5:]).all(), "wide was not allowed"
    assert target[:, 0].tolist() == [0.0, 0.0]


def test_a_live_result_wins_over_papers_of_the_same_profile() -> None:
    group = [row(5, account="CRYPTO/LIVE", order="live"), row(5, order="paper")]
    fills = [fill(7, "live", "CRYPTO/LIVE"), fill(7, "paper")]
    trades = [trade(7, account="CRYPTO/LIVE", r=0.5), trade(7, r=-1.0)]
    assert join([group], labelled(1), results_of({"live", "paper"}, fills, trades), HOLD).fill[0, 0] == 0.5
    other = [trade(7, account="CRYPTO/LIVE", r=0.5), trade(7, r=-1.0, arm=1)]
    both = join([group], labelled(1), results_of({"live", "paper"}, fills, other), HOLD)
    assert both.fill[0, :2].tolist() == [0.5, -1.0]


def test_lessons_are_what_is_known_in_the_window_and_after_the_change() -> None:
    groups = [[row(day * DAY_MS)] for day in range(10)]
    labels = labelled(10)
    labels.why[4] = Why.GAP
    found = join(groups, labels, results_of(set(), [], []), HOLD)
    days = [int(ts) // DAY_MS for ts in found.lessons(8 * DAY_MS, 5 * DAY_MS).ts]
    assert days == [3, 5, 6, 7], "held for a day at most, so day 8 is not over; day 4 has a gap"
    assert [int(ts) // DAY_MS for ts in found.lessons(8 * DAY_MS, 5 * DAY_MS, since=6 * DAY_MS).ts] == [6, 7]
    assert len(found.lessons(8 * DAY_MS, 5 * DAY_MS, since=9 * DAY_MS)) == 0
    assert [int(ts) // DAY_MS for ts in found.lessons(8 * DAY_MS, 5 * DAY_MS, embargo_ms=DAY_MS).ts] == [3, 5, 6]


def test_an_observation_of_another_schema_is_none() -> None:
    groups = [[row(1)], [row(2, schema="0" * 12)], [row(3, obs=None)], [row(4, obs=[1.0])]]
    lessons = join(groups, labelled(4), results_of(set(), [], []), HOLD).lessons(5 * DAY_MS, 9 * DAY_MS)
    assert np.isfinite(lessons.obs).all(axis=1).tolist() == [True, False, False, False]
    assert len(lessons) == 4
    assert lessons.hash != lessons.take(slice(0, 3)).hash
    assert lessons.take(slice(0, 3)).take(np.array([0, 1, 2])).hash == lessons.take(slice(0, 3)).hash


def test_decisions_are_asked_for_on_their_row_of_the_grid() -> None:
    asked = asked_of([row(5, side=-1, key="B")], {"A": 0, "B": 1})
    assert asked[["ts", "i", "strategy", "side", "regime", "reference", "atr"]].tolist() == [(5, 1, 0, -1, 2, 100, 5.0)]

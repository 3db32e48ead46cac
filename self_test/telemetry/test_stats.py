"""Every public statistic against numbers that others published or computed, and against bad input: None, never a look-alike number."""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from self_test.conftest import REPO
from strategy.drift import psi
from strategy.regime import regime_indicators_last
from telemetry import stats

ELSEWHERE: dict[str, Callable[..., Any]] = {"psi": psi, "regime_indicators_last": regime_indicators_last}

OURS: list[tuple[str, dict[str, Any], Any]] = [
    # (function, inputs, expected by hand)
    ("sharpe", {"returns": [0.01, 0.03], "periods_per_year": 2}, 2.0),  # 0.02 / (0.01 sqrt 2) sqrt 2
    ("sharpe_per_trade", {"trade_returns": [-0.01, 0.01], "trades_per_year": 100}, 0.0),
    ("lo_eta", {"q": 2, "rho": [1.0]}, 1.0),  # 2 / sqrt(2 + 2)
    ("lo_eta", {"q": 2, "rho": [-1.0]}, None),  # the sum does not vary
    ("sharpe_se_iid", {"sr": 0.0, "n": 4}, 0.5),
    ("sortino", {"returns": [-0.03, 0.05], "periods_per_year": 18}, 2.0),  # 0.01 / sqrt(0.0009 / 2) sqrt 18
    ("max_drawdown", {"returns": [1.0, -0.5, -0.5, 4.0]}, 0.75),
    ("max_drawdown", {"returns": [0.1, -1.5, 9.0]}, 1.0),
    ("max_drawdown_r", {"r_multiples": [-1.0, 2.0, -0.5, -1.5, 1.0]}, 2.0),
    ("calmar", {"returns": [-0.5, 1.44 / 0.5 - 1], "periods_per_year": 1}, 0.4),  # (1.44^(1/2) - 1) / 0.5
    ("calmar", {"returns": [0.1, -1.0], "periods_per_year": 1}, None),
    ("profit_factor", {"pnl": [3.0, -2.0, 0.0]}, 1.5),
    ("profit_factor", {"pnl": [-2.0]}, 0.0),
    ("psr", {"sr": 0.1, "n": 101, "skew": 0.0, "kurt": 1.0}, 0.8413447460685429),  # Phi(1)
    ("psr_null_variance", {"sr": 0.1, "n": 100, "skew": 9.0, "kurt": 9.0}, 0.8413447460685429),
    ("dsr", {"sr": 0.1, "n": 101, "skew": 0.0, "kurt": 1.0, "n_trials": 1, "var_trials": 5.0}, 0.8413447460685429),
    ("min_trl", {"sr": 0.5, "sr_benchmark": 0.0, "skew": 0.0, "kurt": 1.0, "confidence": 0.8413447460685429}, 5.0),  # 1 + (1 / 0.5)^2
    ("min_trl_null_variance", {"sr": 0.5, "sr_benchmark": 0.0, "skew": 0.0, "kurt": 1.0, "confidence": 0.8413447460685429}, 4.0),
    ("min_btl_years", {"n_trials": 1, "sr_annual": 1.0}, 0.0),
    ("wilson_interval", {"wins": 0, "n": 4, "confidence": 0.6826894921370859, "sides": 2}, (0.0, 0.2)),  # z = 1: z2 / (n + z2)
    ("clopper_pearson_interval", {"wins": 2, "n": 2, "confidence": 0.75, "sides": 1}, (0.5, 1.0)),  # p^2 = 0.25
    ("wilson_min_n", {"observed": 1.0, "target": 0.75, "confidence": 0.8413447460685429}, 3),  # n / (n + 1)
    ("wilson_min_n", {"observed": 0.6, "target": 0.6}, None),
    ("winrate_evalue", {"wins": 1, "n": 1, "p0": 0.5}, 1.5),  # the average of 2p over (0.5, 1)
    ("win_loss_means", {"results": [2.0, 4.0, -1.0, 0.0]}, (3.0, 0.5)),
    ("breakeven_win_rate", {"mean_win": 0.5, "mean_loss": 1.0}, 2 / 3),
    ("luck_p_value", {"wins": 2, "n": 3, "p0": 0.5}, 0.5),
    ("luck_p_value", {"wins": 0, "n": 3, "p0": 0.5}, 1.0),
    ("kelly_fraction", {"win_prob": 0.5, "payoff": 1.0}, 0.0),
    ("kelly_continuous", {"mean": -0.1, "variance": 0.05}, -2.0),
    ("mean_r_eprocess", {"r_multiples": [2.0, -9.0], "loss_bound": 4.0, "fractions": [0.5]}, 0.625),  # 1.25 x 0.5
    ("loss_bound_of", {"r_multiples": [1.0, -4.2]}, 4.5),
    ("loss_bound_of", {"r_multiples": [1.0, -6.5]}, 6.5),
    ("loss_bound_of", {"r_multiples": [1.0]}, 4.0),
    ("mean_upper_bound", {"values": [-2.0, 0.0], "confidence": 0.75}, 0.0),  # t of one degree at 75 % is 1: -1 + 1 x sqrt 2 / sqrt 2
    ("psi", {"expected": [1, 3], "actual": [3, 1]}, math.log(3)),
    ("psi", {"expected": [1.0, 0.0], "actual": [0.5, 0.5]}, None),
]


def function_of(name: str) -> Callable[..., Any]:
    return ELSEWHERE.get(name) or getattr(stats, name)


def flat(value: Any) -> list[float | None]:
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list | tuple) else [value]


def differs(found: Any, expected: Any, tol: float) -> str | None:
    """What is wrong with an answer, or None."""
    left, right = flat(found), flat(expected)
    same = len(left) == len(right) and all(
        a is b if a is None or b is None else math.isfinite(a) and abs(a - b) <= tol for a, b in zip(left, right, strict=True)
    )
    return None if same else f"{found!r} is not {expected!r}"


@pytest.fixture(scope="session")
def oracles() -> dict[str, Any]:
    """The file of cases: `BOT_STATS_ORACLES`, else `../shared/design/stats_oracles.json` beside the repository."""
    path = Path(os.environ.get("BOT_STATS_ORACLES", REPO.parent / "shared" / "design" / "stats_oracles.json"))
    if not path.exists():
        pytest.skip(f"no oracle cases at {path}")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_every_case_of_the_oracles(oracles: dict[str, Any]) -> None:
    assert len(oracles["cases"]) >= 40
    wrong = {
        case["id"]: message
        for case in oracles["cases"]
        if (message := differs(function_of(case["fn"])(**case["inputs"]), case["expected"], case["tol"]))
    }
    assert not wrong


@pytest.mark.parametrize("name, inputs, expected", OURS, ids=lambda value: value if isinstance(value, str) else "")
def test_cases_by_hand(name: str, inputs: dict[str, Any], expected: Any) -> None:
    assert differs(function_of(name)(**inputs), expected, 1e-12) is None


def test_a_case_can_fail() -> None:
    assert differs(0.5, 0.6, 1e-9) and differs(math.nan, 0.5, 1e-9) and differs(None, 0.0, 1e-9) and differs((1.0,), 1.0, 0) is None


def test_the_surface_is_whole() -> None:
    assert set(stats.__all__) == {name for name, value in vars(stats).items() if not name.startswith("_") and name != "annotations"}
    assert {name for name, _, _ in OURS} >= {
        name for name in stats.__all__ if inspect.isfunction(getattr(stats, name)) and name not in COVERED_ELSEWHERE
    }


COVERED_ELSEWHERE = {
    "bootstrap_drawdown",
    "dsr_from_returns",
    "expected_max_z",
    "moments",
    "pbo_cscv",
    "psr_from_returns",
    "rolling_mean_r_ucb",
}

SERIES: dict[str, Callable[[Any], Any]] = {
    "sharpe": lambda v: stats.sharpe(v, 365),
    "sharpe_per_trade": lambda v: stats.sharpe_per_trade(v, 100),
    "sortino": lambda v: stats.sortino(v, 365),
    "max_drawdown": stats.max_drawdown,
    "max_drawdown_r": stats.max_drawdown_r,
    "calmar": lambda v: stats.calmar(v, 365),
    "profit_factor": stats.profit_factor,
    "moments": stats.moments,
    "psr_from_returns": stats.psr_from_returns,
    "dsr_from_returns": lambda v: stats.dsr_from_returns(v, 1, 0.0),
    "win_loss_means": stats.win_loss_means,
    "loss_bound_of": stats.loss_bound_of,
    "mean_r_eprocess": lambda v: stats.mean_r_eprocess(v, 4.0),
    "mean_upper_bound": stats.mean_upper_bound,
    "rolling_mean_r_ucb": lambda v: stats.rolling_mean_r_ucb(v, window=max(2, len(v))),
    "bootstrap_drawdown": lambda v: stats.bootstrap_drawdown(v, resamples=20),
}
RATIOS = ("sharpe", "sharpe_per_trade", "moments", "psr_from_returns", "dsr_from_returns", "mean_upper_bound", "bootstrap_drawdown")
"""What is nothing without variance."""


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("bad", [[], [math.nan], [0.01, -0.02, math.inf], [-math.inf, 0.01], [0.01, 1e200, -0.01]], ids=str)
def test_what_is_no_sample_has_no_statistic(name: str, bad: list[float]) -> None:
    assert SERIES[name](bad) is None


@pytest.mark.parametrize("name", RATIOS)
@pytest.mark.parametrize("alike", [[0.01], [0.01] * 30, [0.0] * 30, [-1.0] * 30, [0.1 + 0.2, 0.3], [1e-200, 2e-200]], ids=str)
def test_one_value_and_equal_values_have_none(name: str, alike: list[float]) -> None:
    assert SERIES[name](alike) is None


@pytest.mark.parametrize("name", ["sortino", "calmar", "profit_factor", "win_loss_means"])
def test_all_wins_have_no_ratio_to_losses(name: str) -> None:
    assert SERIES[name]([0.01, 0.02, 0.03]) is None


@pytest.mark.parametrize("name", SERIES)
@settings(max_examples=40)
@given(values=st.lists(st.floats(width=64), max_size=30))
def test_whatever_comes_the_answer_is_none_or_finite(name: str, values: list[float]) -> None:
    found = SERIES[name](values)
    assert found is None or all(part is not None and math.isfinite(part) for part in flat(found))


numbers = st.one_of(st.floats(), st.integers(-5, 500), st.sampled_from([0.0, 0.5, 1.0, 1e-320, 1e308]))


@pytest.mark.parametrize("name", sorted({name for name, _, _ in OURS} | {"expected_max_z"}))
@settings(max_examples=40)
@given(data=st.data())
def test_whatever_single_numbers_come_the_answer_is_none_or_finite(name: str, data: st.DataObject) -> None:
    function = function_of(name)
    if name in SERIES or name in ELSEWHERE or name == "lo_eta":
        return
    arguments = [key for key in inspect.signature(function).parameters if key != "sides"]
    found = function(**{key: data.draw(numbers, label=key) for key in arguments})
    assert found is None or all(part is not None and math.isfinite(part) for part in flat(found))


@pytest.mark.parametrize(
    "name", ["sharpe", "sharpe_per_trade", "sortino", "profit_factor", "moments", "psr_from_returns", "mean_r_eprocess", "mean_upper_bound"]
)
@settings(max_examples=40)
@given(data=st.data())
def test_the_order_of_rows_changes_not_one_bit(name: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=40))
    assert SERIES[name](data.draw(st.permutations(values))) == SERIES[name](values)


def test_the_order_matters_where_it_should() -> None:
    assert stats.max_drawdown([0.1, -0.05, -0.05]) != stats.max_drawdown([-0.05, 0.1, -0.05])
    assert stats.max_drawdown_r([1.0, -1.0, -1.0]) != stats.max_drawdown_r([-1.0, 1.0, -1.0])

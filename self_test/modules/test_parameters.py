from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from config import CONFIG
from modules.engine.desk import chosen_strategies
from modules.overrides import apply_overrides
from modules.parameters import Parameters, param_rows, stretches
from modules.procedure import procedure
from modules.settings import rule_rows
from state.accounts import Domain
from strategy.market import new_params
from strategy.registry import BY_ID

M15 = 900_000


def test_the_defaults_are_the_mission_s_table() -> None:
    assert param_rows(Parameters()) == new_params()
    rules = rule_rows(M15)
    for entry in BY_ID.values():
        if not entry.fraction:
            assert rules[entry.index]["stop_k"].tolist() == [profile.stop for profile in entry.arms()]
            assert rules[entry.index]["target_k"].tolist() == [profile.target for profile in entry.arms()]


def test_each_strategy_is_stretched_by_its_own_numbers_and_c3_keeps_its_target_at_twice_its_stop() -> None:
    asked = apply_overrides(
        CONFIG, {"BOT_PARAMETERS__C1__TRAIL": "1.5"}, ["parameters.C3.stop=1.25", "parameters.C4.target=0.5"]
    ).parameters
    assert stretches(asked, "C1") == (1.0, 1.5, 1.0)
    assert stretches(asked, "C2") == stretches(asked, "demo") == (1.0, 1.0, 1.0)
    assert stretches(asked, "C4") == (1.0, 1.0, 0.5)
    row = rule_rows(M15, asked)[BY_ID["C3"].index]
    assert np.array_equal(row["target_k"], 2 * row["stop_k"])
    assert row["stop_k"][1] == 3.75


def test_what_arms_goes_into_the_row_of_the_market_kernel() -> None:
    row = param_rows(Parameters.model_validate({"C1": {"channels": 3}, "C3": {"squeeze_ratio": 0.5}, "C4": {"fade_z": 3}}))
    assert (row["channels"][0], row["squeeze_ratio"][0], row["fade_z"][0]) == (3, 0.5, 3.0)


def test_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValidationError, match="channels"):
        Parameters.model_validate({"C1": {"channels": 4}})


def test_other_parameters_are_another_procedure() -> None:
    other = apply_overrides(CONFIG, {}, ["parameters.C3.stop=1.25"])
    all_of_them = chosen_strategies(None)
    assert procedure(CONFIG, Domain.CRYPTO, "scalp", all_of_them).hash != procedure(other, Domain.CRYPTO, "scalp", all_of_them).hash
    assert procedure(CONFIG, Domain.CRYPTO, "swing", all_of_them).hash == procedure(other, Domain.CRYPTO, "swing", all_of_them).hash


def test_forex_has_parameters_of_its_own() -> None:
    asked = apply_overrides(
        CONFIG, {}, ["parameters.F1.stop=1.5", "parameters.F1.trail=0.5", "parameters.F2.fade_z=3", "parameters.F2.target=0.5"]
    )
    row = param_rows(asked.parameters)
    assert (float(row["fx_fade_z"][0]), float(row["fade_z"][0])) == (3.0, 2.5)
    assert stretches(asked.parameters, "F1") == (1.5, 0.5, 1.0) and stretches(asked.parameters, "F2") == (1.0, 1.0, 0.5)
    assert rule_rows(M15, asked.parameters)[BY_ID["F1"].index]["stop_k"].tolist() == [4.5, 6.0, 9.0]


def test_pauses_count_bars_of_the_strategys_own_domain() -> None:
    hour = 4 * M15
    both = rule_rows({Domain.CRYPTO: M15, Domain.FOREX: hour})["primary_ms"]
    assert (both[BY_ID["C1"].index], both[BY_ID["F1"].index], both[BY_ID["demo"].index]) == (M15, hour, M15)
    assert rule_rows({Domain.FOREX: hour})["primary_ms"].tolist() == [hour] * len(BY_ID)

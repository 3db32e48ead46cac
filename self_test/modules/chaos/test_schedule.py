from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from modules.chaos.schedule import RECIPES, Schedule, make_schedule
from modules.simulator import faults

SYMBOLS = ("BTCUSDT", "SIM01USDT")


def made(seed: int, *, kills: int = 10, rate: float = 60.0, seconds: float = 120.0, accounts: tuple[str, ...] = ()) -> Schedule:
    return make_schedule(seed, seconds=seconds, kills=kills, faults_per_minute=rate, symbols=SYMBOLS, accounts=accounts)


def test_a_seed_is_one_schedule() -> None:
    assert made(5) == made(5) != made(6)


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_is_one_that_the_simulator_takes(seed: int) -> None:
    for one in made(seed, rate=300.0).faults:
        body = {name: value for name, value in one.body.items() if name != "account"}
        assert faults.parse(body).kind == one.body["kind"]
        assert 0 <= one.at_s < 120 and one.life_s > 0


def test_everything_happens_and_about_as_often_as_asked() -> None:
    found = Counter(one.body["kind"] for seed in range(20) for one in made(seed).faults)
    assert set(found) == set(RECIPES) and 2000 < found.total() < 2800
    assert made(1, rate=0.0).faults == ()


def test_kills_are_spread_and_never_two_in_a_second() -> None:
    for seed in range(20):
        kills = made(seed).kills
        assert len(kills) == 10 and kills[0] >= 2 and kills[-1] <= 115
        assert all(b - a >= 1 for a, b in pairwise(kills))
    assert made(1, kills=0).kills == ()


def test_faults_are_aimed_at_accounts_where_that_is_possible() -> None:
    aimed = [one.body for seed in range(5) for one in made(seed, accounts=("1", "2")).faults]
    assert {body.get("account") for body in aimed} == {None, "1", "2"}
    assert not any("account" in body for body in aimed if body["kind"] in {"clock_skew", "price_gap"})
    assert not any("account" in one.body for one in made(1).faults)
    assert {body["symbol"] for body in aimed if body["kind"] == "price_gap"} == set(SYMBOLS)

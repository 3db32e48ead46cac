"""The misfortunes of a soak: the same for a seed, every outage in its turn, each one that the simulator takes."""

from __future__ import annotations

import pytest

from bench.soak_faults import BROKER, LIFE_S, OUTAGES, plan
from modules.simulator.faults import parse

ALL = {"seconds": 1440.0, "faults_per_minute": 10.0, "outage_every_s": 45.0, "symbols": ("BTCUSDT",), "accounts": ("1", "2")}


def test_a_seed_decides_everything_and_another_something_else() -> None:
    first = plan(3, **ALL)  # type: ignore[arg-type]
    assert first == plan(3, **ALL) != plan(4, **ALL)  # type: ignore[arg-type]
    assert [one.at_s for one in first] == sorted(one.at_s for one in first)


def test_every_stream_goes_out_in_turn() -> None:
    only = plan(1, **(ALL | {"faults_per_minute": 0.0}))  # type: ignore[arg-type]
    assert [one.body for one in only] == [OUTAGES[n % len(OUTAGES)] for n in range(32)]
    assert all(45 * n < one.at_s < 45 * (n + 1) for n, one in enumerate(only)) and {one.life_s for one in only} == {LIFE_S}


def test_without_outages_there_is_chaos_alone() -> None:
    found = plan(1, **(ALL | {"outage_every_s": 0.0}))  # type: ignore[arg-type]
    assert 150 < len(found) < 350 and not any(one.body.get("account") == BROKER for one in found)


@pytest.mark.parametrize("body", OUTAGES, ids=lambda body: f"{body['kind']} {body['match']}")
def test_the_simulator_understands_each(body: dict[str, object]) -> None:
    assert parse(body).kind == body["kind"]
    assert body["kind"] != "duplicate", "an order that arrives twice at the broker is filled twice"

from __future__ import annotations

import pytest

from modules.engine import execs
from self_test.fakes.books import PERP, SPOT
from self_test.scenarios.desk import Desk


def test_an_id_counts_once_an_account() -> None:
    state = Desk().engine.state
    assert not execs.booked(state, PERP, "e1") and not execs.repeated(state, PERP, "e1")
    assert execs.booked(state, PERP, "e1") and execs.repeated(state, PERP, "e1")
    assert not execs.booked(state, SPOT, "e1"), "an id is its account's own"


def test_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execs, "EXECS", 2)
    state = Desk().engine.state
    state.execs.clear()
    assert [execs.repeated(state, PERP, name) for name in ("a", "b", "a", "c")] == [False, False, True, False]
    assert [execs.booked(state, PERP, name) for name in ("a", "b", "c")] == [False, True, True]


def test_a_settlement_is_named_by_the_hour_it_is_near() -> None:
    hour = 3_600_000
    at = {execs.settlement("PERPS:AAAUSDT", 5 * hour + off) for off in (-60_000, -1, 0, 1, 60_000)}
    assert len(at) == 1
    assert execs.settlement("PERPS:AAAUSDT", 6 * hour) not in at and execs.settlement("PERPS:BBBUSDT", 5 * hour) not in at

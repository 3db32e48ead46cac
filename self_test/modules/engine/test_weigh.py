from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest

from modules.engine.policies import Policies
from modules.engine.weigh import NO_VALUES, Weighed, decision_id, record, spread_of, weigh
from self_test.modules.engine.test_policies import Bold, Shelf, force
from self_test.scenarios.desk import ATR, LEVEL, Desk, refused
from self_test.strategy.observing import Watched
from self_test.strategy.series import generate
from state.decisions import decision_row
from state.drift import FREEZE, Drift
from state.intents import Side, Signal
from state.market import Quote
from state.sentiment import Felt
from strategy.base import C1, DEMO
from strategy.features import INDEX, SIZE
from strategy.policy import Decision
from strategy.regime import TREND


def signal(desk: Desk, **changes: Any) -> Signal:
    told: dict[str, Any] = {"regime": TREND, "atr": ATR, "reference": LEVEL, "side": Side.LONG, "strategy": C1, **changes}
    return Signal(ts=desk.now, key=desk.coin().key, **told)


def seasoned() -> Desk:
    """A desk whose market is known long enough to be observed."""
    desk = Desk()
    bars = generate(3 * 2_880 + 60, seed=8, start=(desk.now // 900_000) * 900_000 - 300_000 * (3 * 2_880 + 60), level=LEVEL)
    known = Watched().feed(bars)
    desk.engine.state.market[0], desk.engine.state.observed[0] = known.market[0], known.observed[0]
    desk.now = int(bars.ts[-1]) + 300_000
    return desk


def look(desk: Desk, **changes: Any) -> Weighed:
    told = signal(desk, **changes)
    return weigh(desk.engine.state, desk.engine.mandate, 0, told.strategy, told, desk.quote())


def test_a_market_that_is_known_is_seen_and_a_new_one_is_not() -> None:
    seen = look(seasoned()).observation
    assert seen.features is not None and seen.features.shape == (SIZE,) and seen.reason == ""
    assert seen.features[INDEX["side"]] == 1 and seen.features[INDEX["is_c1"]] == 1
    assert look(Desk()).observation.reason == "short_history"
    assert look(Desk(demo=True), strategy=DEMO).observation.reason == "demo"


def test_the_spread_is_that_of_the_quote_else_the_usual_one() -> None:
    assert spread_of(None, 100) == spread_of(Quote("k", 1, 101, 100, 1, 1), 100) == 0.0
    assert spread_of(Quote("k", 1, 99, 101, 1, 1), 100) == 0.02
    desk = seasoned()
    desk.engine.state.inst[0]["spread_ppm"] = 5_000
    told = signal(desk)
    quoted, blind = (weigh(desk.engine.state, desk.engine.mandate, 0, C1, told, quote) for quote in (desk.quote(), None))
    assert quoted.observation.features is not None and blind.observation.features is not None
    assert quoted.observation.features[INDEX["spread"]] < blind.observation.features[INDEX["spread"]]


def test_the_regime_decides_where_no_policy_is_in_force() -> None:
    weighed = look(Desk())
    assert weighed.values is NO_VALUES and weighed.size == 1.0 and not weighed.vetoed and not weighed.blind
    assert weighed.arms == 0b110 and weighed.shadow is None


@pytest.mark.parametrize(
    "drift, felt, side, size, vetoed",
    [
        (None, None, Side.LONG, 1.0, False),
        (Drift(level=FREEZE), None, Side.LONG, 0.5, False),
        (None, -600, Side.LONG, 0.5, False),
        (None, -600, Side.SHORT, 1.0, False),
        (Drift(level=FREEZE), -600, Side.LONG, 0.25, False),
        (None, -950, Side.LONG, 0.5, True),
    ],
)
def test_drift_and_mood_only_shrink_or_veto(drift: Drift | None, felt: int | None, side: Side, size: float, vetoed: bool) -> None:
    desk = Desk(perps=True)
    if drift is not None:
        desk.engine.state.drift["PERPS"] = drift
    if felt is not None:
        desk.engine.state.sentiment["PERPS"] = Felt(milli=felt, ts=desk.now, source="file")
    weighed = look(desk, side=side)
    assert (weighed.size, weighed.vetoed) == (size, vetoed)
    if vetoed:
        assert refused(desk.signal(regime=TREND, side=side)) == "sentiment"
    else:
        whole = Desk(perps=True).enter(regime=TREND, side=side).intent.steps
        assert desk.enter(regime=TREND, side=side).intent.steps == pytest.approx(whole * size, abs=1)


def test_a_policy_that_knows_nothing_for_want_of_sight_is_blind() -> None:
    weighed = look(Desk())
    nothing = np.array([0.0, *[math.nan] * 6], np.float32)
    assert not weighed.blind
    words = {name: getattr(weighed, name) for name in weighed.__struct_fields__}
    assert Weighed(**{**words, "values": nothing}).blind
    seen = msgspec.structs.replace(weighed.observation, features=np.zeros(SIZE, np.float32))
    assert not Weighed(**{**words, "values": nothing, "observation": seen}).blind


def test_the_row_tells_what_was_seen_and_thought_to_the_last_bit() -> None:
    desk = seasoned()
    desk.engine.mandate = msgspec.structs.replace(desk.engine.mandate, policies=Policies(Shelf(Bold("aaa"))))
    force(desk, "aaa")
    told, weighed = signal(desk), look(desk)
    infinite = Decision(action=0, greedy=0, values=(0.0, math.inf, math.nan, 0.1, 0.0, 0.0, 0.0), version="aaa", level=1)
    made = record(desk.engine.state, desk.engine.mandate, 0, told, weighed, infinite, 5.0, "", "policy_skip")
    row = decision_row(msgspec.json.encode(made.row))
    assert made.kind == "decision" and row.id == decision_id(desk.engine.state, desk.engine.mandate, 0, told)
    assert weighed.observation.features is not None
    assert np.array(row.obs, np.float32).tobytes() == weighed.observation.features.tobytes()
    assert row.values is not None and row.values[:3] == [0.0, None, None] and np.float32(row.values[3]) == np.float32(0.1)
    assert len(msgspec.json.encode(made.row)) < 1_200

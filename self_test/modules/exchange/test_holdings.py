"""What is held, counted from fills."""

from __future__ import annotations

from decimal import Decimal

from modules.exchange.convert import fill_of
from modules.exchange.holdings import NOTHING, Held, Holdings
from self_test.fakes.live_floor import instrument
from self_test.modules.exchange.test_tracker import PERP, SPOT, execution
from state.accounts import Domain

KEY = "CRYPTO:BTCUSDT"


def test_pain_19_coins_are_exact_and_steps_are_floored() -> None:
    one = instrument()
    held = Holdings({KEY: one})
    assert held.of(KEY) is NOTHING and held.keys() == ()
    assert held.book(fill_of(execution("a", "1", fee="0.0015"), SPOT, one, "o")) == 998
    assert held.keys() == (KEY,) and held.covers(KEY, -1, 998) and not held.covers(KEY, -1, 999) and not held.covers(KEY, 1, 1)
    assert held.book(fill_of(execution("b", "0.998", side=-1, fee="1", coin="USDT"), SPOT, one, "o")) == 0
    assert held.of(KEY).coins == Decimal("0.0005")
    assert held.book(fill_of(execution("c", "0.001", fee="0.0005"), SPOT, one, "o")) == 1  # dust of before is taken in


def test_a_perpetual_keeps_its_sign() -> None:
    one = instrument(Domain.PERPS)
    held = Holdings({one.key: one})
    short = execution("a", "1", side=-1, domain=Domain.PERPS, coin="USDT")
    assert held.book(fill_of(short, PERP, one, "o")) == 1_000
    assert held.of(one.key).side == -1 and held.covers(one.key, 1, 1_000)


def test_restored_coins_are_the_engine_s_or_the_steps() -> None:
    held = Holdings({KEY: instrument()})
    held.restore(KEY, Held(side=1, steps=5))
    assert held.of(KEY).coins == Decimal("0.005")
    held.restore(KEY, Held(side=1, steps=5, coins=Decimal("0.0055")))
    held.want(KEY, 1, 2)
    assert held.of(KEY) == Held(side=1, steps=5, stop=1, target=2, coins=Decimal("0.0055"))

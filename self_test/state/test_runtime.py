from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from self_test.fakes.books import PERP, SPOT, coin
from state.accounts import Domain
from state.books import OPEN, PENDING
from state.orders import Order, OrderState
from state.runtime import BLOBS, SPREADS, RuntimeState, account_view, freeze, holding, thaw
from state.stages import Toggles
from strategy.market import new_market
from utils.errors import Invariant
from utils.fixed import MONEY_SCALE


def busy() -> RuntimeState:
    """A state in which nothing is as a fresh one has it."""
    coins = (coin("AAAUSDT"), coin("BBBUSDT"), coin("CCCUSDT", Domain.PERPS))
    state = RuntimeState(coins, (SPOT, PERP), new_market(3, 300_000, 900_000))
    rng = np.random.default_rng(7)
    for name in BLOBS:
        array = getattr(state, name)
        array[...] = np.frombuffer(rng.bytes(array.nbytes), array.dtype).reshape(array.shape)
    for table in (state.pos, state.inst, state.acct):
        for field in table.dtype.names or ():
            table[field] = 0
    state.inst["unit"], state.inst["account"] = 10_000, [0, 0, 1]
    for a, quote in enumerate((900, 1_500)):
        state.acct[a]["cash"], state.acct[a]["equity"], state.acct[a]["peak"] = (
            quote * MONEY_SCALE,
            quote * MONEY_SCALE,
            1_000 * MONEY_SCALE,
        )
    row = state.pos[1]
    row["status"], row["side"], row["steps"], row["value"], row["stop"], row["target"] = OPEN, 1, 30, 30 * 10_050 * 10_000, 9_700, 11_200
    row["opened_ts"] = 1_234
    state.pos[2]["status"] = PENDING
    order = Order(order_id="x", account=SPOT, key="CRYPTO:AAAUSDT", entry=True, steps=10, filled=4, ts=5)
    state.orders = {"x": order.to(OrderState.IN_FLIGHT).to(OrderState.PARTIAL, 4)}
    state.execs = {"CRYPTO/PAPER/b": None, "CRYPTO/PAPER/a": None}
    state.feeds_down, state.halted = {"bybit-spot": "half open"}, {"CRYPTO/PAPER": "drawdown"}
    state.stage, state.ts, state.toggles = 3, 99, Toggles(forex=True, paused=True)
    state.closed_trades, state.realised = [4, 5], [-6, 7]
    return state


def test_a_state_goes_through_a_snapshot_without_loss() -> None:
    state = busy()
    readable, arrays = freeze(state)
    back = thaw(readable, {name: array.copy() for name, array in arrays.items()})
    again, same = freeze(back)
    assert again == readable
    assert all(same[name].tobytes() == arrays[name].tobytes() for name in BLOBS)
    plain = {name for name in vars(state) if name not in BLOBS}
    assert all(getattr(back, name) == getattr(state, name) for name in plain)
    assert list(back.execs) == list(state.execs)  # the oldest is forgotten first


def test_every_array_of_the_state_is_in_the_snapshot() -> None:
    state = busy()
    assert set(BLOBS) == {name for name, value in vars(state).items() if isinstance(value, np.ndarray)}


def test_a_holding_is_told_in_decimal_strings() -> None:
    assert msgspec.to_builtins(holding(busy(), 1)) == {
        "symbol": "BBBUSDT",
        "side": "long",
        "qty": "0.003",
        "entry": "100.5",
        "stop": "97",
        "target": "112",
        "opened_ts": 1_234,
    }


def test_an_average_entry_between_ticks_is_not_rounded_away() -> None:
    state = busy()
    state.pos[1]["value"] += 10 * 10_000
    assert Decimal(holding(state, 1).entry) == Decimal("100.50333333333333333333333333").quantize(Decimal(1).scaleb(-25))


def test_an_account_is_told_at_its_last_mark() -> None:
    view = account_view(busy(), 0)
    assert (view.equity, view.balance, view.drawdown, view.closed_trades) == ("900", "900", 0.1, 4)
    assert (view.realised_pnl, view.halted, view.standing) == ("-0.0000000006", "drawdown", "paper")
    assert [one.symbol for one in view.open_positions] == ["BBBUSDT"]
    other = account_view(busy(), 1)
    assert (other.drawdown, other.halted, other.open_positions) == (0.0, None, [])  # what is only asked for is no position


def test_a_wallet_that_was_never_opened_has_no_drawdown() -> None:
    state = busy()
    state.acct[0]["peak"] = 0
    assert account_view(state, 0).drawdown == 0.0


def test_an_unknown_instrument_is_a_bug() -> None:
    state = busy()
    assert state.row_of(PERP, "PERPS:CCCUSDT") == 2
    assert state.account_of(2) == PERP
    with pytest.raises(Invariant, match="PERPS:AAAUSDT"):
        state.row_of(PERP, "PERPS:AAAUSDT")


def test_the_median_spread_needs_an_hour_and_forgets_after_a_day() -> None:
    state = busy()
    state.spreads[0] = 9
    state.spreads[0, :11] = 3
    state.spread_n[0] = 11
    assert state.spread_median(0) == 0.0
    state.spread_n[0] = 12
    assert state.spread_median(0) == 3.0
    state.spread_n[0] = SPREADS + 50
    assert state.spread_median(0) == 9.0

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from self_test.fakes.books import PERP, SPOT, coin
from state.accounts import Account, Domain, Mode
from state.books import OPEN, PENDING
from state.orders import Order, OrderState
from state.runtime import BLOBS, SPREADS, RuntimeState, account_view, freeze, holding, thaw
from state.stages import Toggles
from state.standing import Level, Standing
from state.transfers import CashLog, Movement
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


LIVE = Account(Domain.CRYPTO, Mode.LIVE)


def shared() -> RuntimeState:
    """Two accounts on the same coins, and a third on one of another domain."""
    coins = (coin("AAAUSDT"), coin("BBBUSDT"), coin("AAAUSDT", Domain.PERPS))
    return RuntimeState(coins, (LIVE, SPOT, PERP), new_market(3, 300_000, 900_000))


def test_a_seat_is_an_instrument_on_an_account_of_its_domain() -> None:
    state = shared()
    assert state.seats == ((0, 0), (1, 0), (0, 1), (1, 1), (2, 2)), "in config order, live before paper"
    assert len(state.pos) == len(state.inst) == len(state.demo_ts) == 5 and len(state.market) == len(state.spreads) == 3
    assert state.seats_of == ((0, 1), (2, 3), (4,))
    for i, (account, key) in enumerate(
        [(LIVE, "CRYPTO:AAAUSDT"), (SPOT, "CRYPTO:AAAUSDT"), (LIVE, "CRYPTO:BBBUSDT"), (SPOT, "CRYPTO:BBBUSDT"), (PERP, "PERPS:AAAUSDT")]
    ):
        assert (state.account_of(i), state.instrument(i).key, state.row_of(account, key), state.find(account, key)) == (account, key, i, i)
    assert state.seats_on(LIVE) == {"CRYPTO:AAAUSDT": 0, "CRYPTO:BBBUSDT": 2} and state.seats_on(PERP) == {"PERPS:AAAUSDT": 4}
    assert state.seats_in(Mode.LIVE) == state.seats_on(LIVE)
    assert state.seats_in(Mode.PAPER) == {"CRYPTO:AAAUSDT": 1, "CRYPTO:BBBUSDT": 3, "PERPS:AAAUSDT": 4}


def test_one_account_per_instrument_gives_one_index_for_all() -> None:
    assert busy().seats == ((0, 0), (0, 1), (1, 2))


def test_an_account_has_no_seat_elsewhere() -> None:
    state = shared()
    assert state.find(LIVE, "PERPS:AAAUSDT") is None and state.find(PERP, "CRYPTO:AAAUSDT") is None
    for account, key in ((LIVE, "PERPS:AAAUSDT"), (LIVE, "CRYPTO:ZZZUSDT"), (Account(Domain.PERPS, Mode.LIVE), "PERPS:AAAUSDT")):
        with pytest.raises(Invariant, match=key):
            state.row_of(account, key)
    assert state.market_row("PERPS:AAAUSDT") == 2
    with pytest.raises(Invariant, match="ZZZUSDT"):
        state.market_row("CRYPTO:ZZZUSDT")


def test_only_orders_of_a_live_account_are_marked_as_this_bots() -> None:
    state = shared()
    state.tag = "abc"
    assert [state.tag_of(i) for i in range(5)] == ["abc", "", "abc", "", ""]


def test_what_a_live_account_knows_goes_through_a_snapshot_without_loss() -> None:
    state = shared()
    state.tag = "x7Q"
    state.holds = {"CRYPTO/LIVE": {"stream": "lost", "deficit": "0.1 AAA is missing"}}
    state.coins = {"CRYPTO/LIVE": {"AAA": Decimal("0.123456789012345678"), "BBB": Decimal("-0.1")}}
    state.outside_coins = {"CRYPTO/LIVE": {"ZZZ": Decimal(9)}}
    state.cursors = {"CRYPTO/LIVE": 1_735_689_600_123}
    state.cash_logs = {"CRYPTO/LIVE": CashLog(since=5, cursor=9, seen={"a": 7}, waiting=[Movement("a", 7, "bonus", -3)])}
    state.pos["explored"], state.pos["unprotected_ms"], state.pos["closes"] = [0, 1, 0, 1, 0], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]
    for n, field in enumerate(("live", "free", "outside", "canary", "canary_since", "canary_trades", "canary_realised")):
        state.acct[field] = np.reshape([n, -n, 10 * n], (3,) + (1,) * (state.acct[field].ndim - 1))
    readable, arrays = freeze(state)
    back = thaw(readable, {name: array.copy() for name, array in arrays.items()})
    plain = {name for name in vars(state) if name not in BLOBS}
    assert all(getattr(back, name) == getattr(state, name) for name in plain)
    assert all((getattr(back, name) == getattr(state, name)).all() for name in ("pos", "acct", "inst", "demo_ts"))
    assert freeze(back)[0] == readable


def test_a_snapshot_from_before_live_accounts_has_none_of_their_knowledge() -> None:
    readable, arrays = freeze(busy())
    old = msgspec.json.decode(readable)
    for name in ("tag", "holds", "coins", "outside_coins", "cursors", "cash_logs", "standings", "samples", "earned", "health"):
        del old[name]
    for view in old["accounts"].values():
        del view["held_by"]
    back = thaw(msgspec.json.encode(old), {name: array.copy() for name, array in arrays.items()})
    assert (back.tag, back.holds, back.coins, back.outside_coins, back.cursors, back.cash_logs) == ("", {}, {}, {}, {}, {})
    assert back.orders == busy().orders and back.seats == busy().seats


def test_a_live_account_is_told_with_its_probation_and_what_holds_it() -> None:
    state = shared()
    state.acct["peak"] = state.acct["equity"] = state.acct["cash"] = 1_000 * MONEY_SCALE
    state.acct[0]["live"] = 1
    state.acct[0]["canary"][0] = 1
    state.acct[0]["canary_trades"][0], state.acct[0]["canary_since"][0], state.acct[0]["canary_realised"][0] = (
        7,
        99,
        -25 * MONEY_SCALE // 10,
    )
    state.standings = {"CRYPTO/swing": Standing(level=Level.CANARY)}
    state.holds = {"CRYPTO/LIVE": {"stream": "lost"}}
    state.inst["account"] = [a for a, _ in state.seats]
    state.inst["unit"] = 10_000
    for i in (0, 3):
        row = state.pos[i]
        row["status"], row["side"], row["steps"], row["value"], row["stop"], row["target"] = OPEN, 1, 10, 10**9, 1, 2
    view = account_view(state, 0)
    assert (view.standing, view.held_by) == ("canary", {"stream": "lost"}) and msgspec.to_builtins(view.canary) == {
        "trades": 7,
        "since_ts": 99,
        "realised": "-2.5",
    }
    assert [one.symbol for one in view.open_positions] == ["AAAUSDT"]
    assert [one.symbol for one in account_view(state, 1).open_positions] == ["BBBUSDT"], "the other's seat on a coin is the other's"
    state.acct[0]["canary"] = 0
    state.standings = {"CRYPTO/swing": Standing(level=Level.LIVE)}
    assert (account_view(state, 0).standing, account_view(state, 0).canary) == ("live", None)
    assert account_view(state, 1).standing == "paper"

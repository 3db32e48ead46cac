from __future__ import annotations

from decimal import Decimal

import pytest

from modules.ui.tally import Tally
from self_test.telemetry.samples import PERPS, SPOT, T0, bars, fill, hold, refused, small_state, trade
from state.messages import Record, Tick
from utils.fixed import MONEY_SCALE


def test_trades_are_grouped_and_summed() -> None:
    tally = Tally(small_state())
    tally(bars(), [trade("1.5", 1.5, "target"), trade("-2", -1.0, "stop", symbol="ETHUSDT"), trade("0.5", 0.5, "target", "C3")])
    wallet = tally.wallets[str(SPOT)]
    assert (wallet.closed.trades, wallet.closed.won, wallet.closed.pnl) == (3, 2, Decimal(0))
    assert (wallet.best, wallet.worst) == ((Decimal("1.5"), "BTCUSDT"), (Decimal(-2), "ETHUSDT"))
    found = {name: (group.trades, group.won, group.pnl, group.r) for (_, name), group in tally.by_strategy.items()}
    assert found == {"C1": (2, 1, Decimal("-0.5"), 0.5), "C3": (1, 1, Decimal("0.5"), 0.5)}
    assert {name: group.trades for (_, name), group in tally.by_reason.items()} == {"target": 2, "stop": 1}
    assert tally.closed == 3


def test_fees_are_those_of_all_fills_and_refusals_are_counted() -> None:
    tally = Tally(small_state())
    tally(bars(), [fill("0.25"), fill("-0.05"), fill("0", "0.001", "50"), refused(), refused(), refused("cooldown")])
    assert tally.wallets[str(SPOT)].fees == Decimal("0.25")
    assert tally.refused == {"cost_too_high": 2, "cooldown": 1}


def marks(tally: Tally, *figures: tuple[float, float]) -> None:
    """The first account is worth so much, below such a peak."""
    for equity, peak in figures:
        tally.state.acct[0]["equity"], tally.state.acct[0]["peak"] = int(equity * MONEY_SCALE), int(peak * MONEY_SCALE)
        tally(Tick(T0), [])


def test_the_deepest_fall_is_from_the_highest_point_before_it() -> None:
    tally = Tally(small_state())
    marks(tally, (1_000, 1_000), (1_100, 1_100), (990, 1_100), (1_050, 1_100), (1_200, 1_200), (1_140, 1_200), (1_300, 1_300))
    wallet = tally.wallets[str(SPOT)]
    assert wallet.drawdown == pytest.approx(0.1)
    assert (wallet.start, wallet.equity) == (1_000 * MONEY_SCALE, 1_300 * MONEY_SCALE)
    assert tally.wallets[str(PERPS)].drawdown == 0


def test_money_that_leaves_is_no_fall_and_money_that_comes_hides_none() -> None:
    tally = Tally(small_state())
    marks(tally, (950, 1_000), (475, 500), (427.5, 500), (4_275, 5_000))
    assert tally.wallets[str(SPOT)].drawdown == pytest.approx(0.145)


def test_a_wallet_that_is_opened_during_the_run_starts_there_though_its_opening_is_told_after_it() -> None:
    state = small_state()
    state.acct["equity"] = state.acct["peak"] = 0
    tally = Tally(state)
    marks(tally, (0, 0), (1_000, 1_000))  # told of what came before the opening, when the state has it already
    opening = {"ts": T0, "account": str(SPOT), "kind": "deposit", "amount": "1000", "ref": "r"}
    tally(Tick(T0), [Record("cash", opening)])
    assert tally.wallets[str(SPOT)].start == 1_000 * MONEY_SCALE
    assert tally.wallets[str(SPOT)].drawdown == 0


def test_venue_time_runs_from_the_stored_moment_or_the_first_event() -> None:
    state = small_state()
    resumed = Tally(state)
    state.ts = 0
    fresh = Tally(state)
    for tally in (resumed, fresh):
        tally(Tick(T0 + 60_000), [])
        tally(Tick(T0 + 30_000), [])
    assert (resumed.first_ts, resumed.last_ts) == (T0, T0 + 60_000)
    assert (fresh.first_ts, fresh.last_ts) == (T0 + 60_000, T0 + 60_000)


def test_what_is_open_and_what_was_before_is_read_from_the_state() -> None:
    state = small_state()
    hold(state, 1)
    state.closed_trades[0], state.realised[0] = 37, 12 * MONEY_SCALE
    tally = Tally(state)
    assert [tally.open_now(str(account)) for account in state.accounts] == [0, 1]
    assert tally.before(str(SPOT)) == (37, Decimal(12))
    assert tally.wallets[str(PERPS)].quote == "USDT"

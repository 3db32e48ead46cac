from __future__ import annotations

import pytest

from modules.panel.series import Forming, bars, equity, levels, marks, thin
from modules.ui.recent import DAY_MS, DayEquity, Recent
from self_test.modules.panel.house import M5, lively_state, remember
from self_test.telemetry.samples import BTC, ETH, T0, trade
from state.market import Quote
from state.messages import Tick
from utils.fixed import MONEY_SCALE


def recent() -> Recent:
    found = Recent(lively_state())
    remember(found)
    return found


def test_equity_goes_from_days_to_closes_with_its_drawdown() -> None:
    found = recent()
    today = T0 // DAY_MS
    found.days["CRYPTO/PAPER"].extend(
        [DayEquity(today - 3, None, 1250.0), DayEquity(today - 2, 1250.0, 1000.0), DayEquity(today, 1000.0, 5.0)]
    )
    curve = equity(found)["CRYPTO/PAPER"]
    assert curve["equity"][:3] == [1250.0, 1000.0, 1000.0] and curve["drawdown"][:3] == [0.0, -0.2, -0.2]
    assert curve["ts"][:3] == [(today - 2) * 86_400, (today - 1) * 86_400, T0 // 1000]
    assert curve["ts"] == sorted(set(curve["ts"])), "a day that ends after the first close is not told twice"


def test_a_fall_counts_from_the_peak_that_limits_count_from_also_where_that_was_in_an_earlier_life() -> None:
    found = recent()
    highest = max(equity(found)["CRYPTO/PAPER"]["equity"])
    assert equity(found)["CRYPTO/PAPER"]["peak"] == 0.0
    found.state.acct[0]["peak"] = int(2 * highest * MONEY_SCALE)
    curve = equity(found)["CRYPTO/PAPER"]
    assert curve["peak"] == 2 * highest and max(curve["drawdown"]) == -0.5


def test_a_wallet_that_was_never_opened_has_no_drawdown() -> None:
    state = lively_state()
    state.acct[0]["equity"] = state.acct[0]["peak"] = 0
    found = Recent(state)
    remember(found, 3)
    assert equity(found)["CRYPTO/PAPER"]["drawdown"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("n", [1, 2, 10, 11, 999])
def test_thinning_keeps_falls_and_the_end(n: int) -> None:
    points = [(k, float((k * 7919) % 1000)) for k in range(n)]
    found = thin(points, 10)
    assert len(found) <= max(min(n, 10), 1) + 1 and found[-1] == points[-1]
    assert min(value for _, value in found) == min(value for _, value in points)
    assert [ts for ts, _ in found] == sorted(ts for ts, _ in found)


def test_candles_are_prices_with_their_regime() -> None:
    found, instrument = recent(), lively_state().instruments[0]
    assert bars(found, instrument, 2)[-1] == [(T0 + 58 * M5) // 1000, 50474.0, 50524.0, 50444.0, 50494.0, "trend"]
    assert bars(found, lively_state().instruments[1]) == []


def test_marks_are_of_this_instrument_and_this_time() -> None:
    found, instrument = recent(), lively_state().instruments[0]
    found(99, Tick(T0), [trade(account="PERPS/PAPER"), trade(entry_ts=T0 - 100 * M5, exit_ts=T0 - 90 * M5)])
    told = marks(found, instrument, T0 // 1000)
    assert [(one["kind"], one["text"], one["up"], one["mode"]) for one in told] == [
        ("entry", "C1", True, "paper"),
        ("entry", "C1", True, "paper"),
        ("exit", "target +1.5 R", False, "paper"),
    ]
    assert [one["price"] for one in levels(found, instrument)] == [50000.0, 48000.0, 56000.0]
    found.state.pos[0]["target"] = 0
    assert [one["kind"] for one in levels(found, instrument)] == ["entry", "stop"]
    assert levels(found, lively_state().instruments[1]) == []


def test_the_candle_that_forms_follows_the_quotes() -> None:
    forming, instrument = Forming({BTC: M5}), lively_state().instruments[0]
    assert forming.bar(instrument) is None
    start = T0 - T0 % M5
    for ts, bid, ask in (
        (start, 100, 102),
        (start + 1, 110, 112),
        (start + 2, 90, 92),
        (start + 3, 101, 102),
        (start + 4, 105, 105),
        (start - 1, 1, 3),
    ):
        forming.quote(Quote(BTC, ts, bid, ask, 1, 1))
    forming.quote(Quote(ETH, start, 1, 2, 1, 1))
    assert forming.bar(instrument) == [start // 1000, 10.1, 11.1, 9.1, 10.15, ""]
    forming.quote(Quote(BTC, start + M5, 200, 202, 1, 1))
    assert forming.bar(instrument) == [(start + M5) // 1000, 20.1, 20.1, 20.1, 20.1, ""]

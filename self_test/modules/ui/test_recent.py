"""What an observer remembers of the last hours, bounded, and without telling the same refusal again and again."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np

from modules.ui.recent import BARS, PER_KEY, Recent, Sum
from self_test.telemetry.samples import BTC, ETH, SPOT, T0, fill, place, refused, small_state, trade
from state.market import Candle
from state.messages import BarsClosed, Control, Report, Tick
from state.runtime import RuntimeState
from utils.fixed import MONEY_SCALE

M5, DAY = 300_000, 86_400_000


def state_with_regime() -> RuntimeState:
    state = small_state()
    state.market = np.zeros(2, [("regime", "i8")])
    return state


def close(ts: int, price: int = 100, key: str = BTC) -> BarsClosed:
    return BarsClosed(ts, (Candle(key, ts - M5, price, price + 2, price - 1, price + 1, 3.0),))


def test_an_entry_its_regime_and_its_fills_are_told_under_its_instrument() -> None:
    state = state_with_regime()
    state.market["regime"] = [1, 3]
    recent = Recent(state)
    told = fill("0.25")
    told.row.update(ts=T0, order_id="CP-BTCUSDT-1-e", side="buy", qty="0.002")
    recent(7, close(T0), [place()])
    recent(8, Tick(T0), [told])
    first, second = recent.by_key[BTC]
    assert (first.what, first.regime, first.order_id, first.seq) == ("entered", "trend", "CP-BTCUSDT-1-e", 7)
    assert "stop 48000" in first.text
    assert (second.what, second.text) == ("fill", "buy 0.002 BTCUSDT at 100, fee 0.2500")
    assert not recent.by_key[ETH]
    assert recent.last_seq == 8


def test_a_refusal_that_repeats_is_one_line_that_counts() -> None:
    recent = Recent(state_with_regime())
    for n in range(5):
        recent(n, Tick(T0 + n), [refused(ts=T0 + n)])
    recent(5, Tick(T0 + 5), [refused("cooldown", ts=T0 + 5)])
    recent(6, Tick(T0 + 6), [refused(ts=T0 + 6)])
    assert [(one.rule, one.times, one.seq, one.ts - T0) for one in recent.by_key[BTC]] == [
        ("cost_too_high", 5, 0, 4),
        ("cooldown", 1, 5, 5),
        ("cost_too_high", 1, 6, 6),
    ]
    assert recent.by_key[BTC][0].since_ts == T0
    assert len(recent.latest) == 3
    assert recent.last_refusal[str(SPOT), BTC].seq == 6


def test_a_request_of_a_person_is_told_once_and_the_daemon_s_own_never() -> None:
    recent = Recent(state_with_regime())
    recent(1, Control(T0, "learn", {"to": "on"}, "telegram:42"), [])
    recent(2, Control(T0, "pause", {}, "me"), [Report(ts=T0, what="control", rule="pause", text="entries paused by me")])
    recent(3, Control(T0, "health", {}, ""), [])
    assert [one.text for one in recent.latest] == ["learn to=on by telegram:42", "entries paused by me"]


def test_memory_is_bounded() -> None:
    recent = Recent(state_with_regime())
    for n in range(BARS + 50):
        recent(n, close(T0 + n * M5, 100 + n), [refused("cost_too_high" if n % 2 else "cooldown", ts=T0 + n)])
    assert len(recent.by_key[BTC]) == PER_KEY
    rows = recent.bars(BTC, 10_000)
    assert rows.shape == (BARS, 6)
    assert rows[0].tolist() == [T0 + 49 * M5, 150, 152, 149, 151, 0]
    assert (np.diff(rows[:, 0]) == M5).all()
    assert recent.bars(BTC, 3)[-1, 1] == 100 + BARS + 49
    assert recent.bars(ETH, 3).shape == (0, 6)


def test_a_straggler_does_not_disturb_the_candles() -> None:
    recent = Recent(state_with_regime())
    for ts in (T0, T0 + M5, T0, T0 + 2 * M5):
        recent(1, close(ts), [])
    assert recent.bars(BTC, 9)[:, 0].tolist() == [T0 - M5, T0, T0 + M5]


def test_history_comes_before_what_is_lived() -> None:
    recent = Recent(state_with_regime())
    recent.prime([close(T0).candles[0]])
    recent.state.market["regime"] = 2
    recent(1, close(T0 + M5), [])
    assert recent.bars(BTC, 9)[:, 5].tolist() == [0, 2]


def test_trades_are_summed_by_day_and_account_also_those_of_earlier_lives() -> None:
    state = state_with_regime()
    old = [trade("5", 1.0, exit_ts=T0 - 3 * DAY), trade("-2", -1.0, "stop", exit_ts=T0 - DAY)]
    state.evidence = [("trade", msgspec.json.encode(one.row)) for one in old]
    state.evidence.append(
        ("equity", msgspec.json.encode({"ts": T0, "account": str(SPOT), "day": 20_151, "equity": "1003", "start": "1000"}))
    )
    state.evidence.append(("verdict", b'{"what":"start"}'))
    recent = Recent(state)
    recent(1, Tick(T0), [trade("1.5", 0.5)])
    today, week = recent.summed(str(SPOT), T0, T0), recent.summed(str(SPOT), T0 - 6 * DAY, T0)
    assert (today.trades, today.won, today.pnl) == (1, 1, Decimal("1.5"))
    assert (week.trades, week.won, week.pnl, week.fees) == (3, 2, Decimal("4.5"), Decimal("0.636"))
    assert recent.summed("PERPS/PAPER", 0, T0) == Sum()
    assert [row["pnl"] for row in recent.newest_trades(2)] == ["1.5", "-2"]
    assert recent.newest_trades(9, key=ETH) == []
    assert [(one.day, one.start, one.equity) for one in recent.days[str(SPOT)]] == [(20_151, 1000.0, 1003.0)]


def test_equity_is_marked_at_each_close() -> None:
    recent = Recent(state_with_regime())
    for n, equity in enumerate((1_000, 1_010)):
        recent.state.acct[0]["equity"] = equity * MONEY_SCALE
        recent(n, close(T0 + n * M5), [])
        recent(n, Tick(T0 + n * M5), [])
    assert list(recent.equity[str(SPOT)]) == [(T0, 1_000 * MONEY_SCALE), (T0 + M5, 1_010 * MONEY_SCALE)]


def test_what_the_journal_knows_is_put_before_what_was_seen() -> None:
    whole, early, late = (Recent(state_with_regime()) for _ in range(3))
    for n in range(6):
        rule = "cooldown" if n in {1, 4} else "cost_too_high"
        for one in (whole, early if n < 3 else late):
            one(n + 1, close(T0 + n * M5, 100 + n), [refused(rule, ts=T0 + n * M5)])
    late.fill(list(early.latest), {BTC: whole.bars(BTC, 99)[:5].tobytes(), "CRYPTO:GONE": b""})
    assert [(one.seq, one.rule, one.times) for one in late.latest] == [(one.seq, one.rule, one.times) for one in whole.latest]
    assert np.array_equal(late.bars(BTC, 99), whole.bars(BTC, 99))

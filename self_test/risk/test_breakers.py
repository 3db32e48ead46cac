from __future__ import annotations

from risk.breakers import DAY_STOPPED, STEPPED, mark, reset, resume, trade_closed
from risk.daily_loss import DAY_MS
from risk.drawdown import HALF, NORMAL
from self_test.fakes.books import Books, books
from strategy.base import C1, C3
from utils.fixed import MONEY_SCALE

NOON = 20_000 * DAY_MS + DAY_MS // 2


def at(table: Books, equity: float, ts: int = NOON) -> int:
    table.acct[0]["cash"] = round(equity * MONEY_SCALE)
    return mark(table.pos, table.inst, table.acct, table.limits, 0, ts)


def opened(balance: float = 1_000) -> Books:
    table = books(balance=balance)
    table.acct[0]["day"] = NOON // DAY_MS
    return table


def lose(table: Books, ts: int, s: int = C1) -> int:
    return trade_closed(table.acct, table.rules, table.limits, 0, s, -1, ts - 1_000, ts)


def test_unrealised_loss_counts() -> None:
    table = opened()
    table.hold(0, 500)
    table.acct[0]["cash"] = 500 * MONEY_SCALE
    table.pos[0]["mark"] = 9_399
    assert mark(table.pos, table.inst, table.acct, table.limits, 0, NOON) & DAY_STOPPED


def test_a_wallet_that_was_never_opened_is_not_stopped() -> None:
    table = books(balance=0)
    assert not mark(table.pos, table.inst, table.acct, table.limits, 0, NOON) & (DAY_STOPPED | STEPPED)
    assert int(table.acct[0]["day_stopped"]) == 0


def test_a_win_ends_the_streak_and_styles_are_counted_apart() -> None:
    table = opened()
    for k in range(7):
        lose(table, NOON + k)
    assert trade_closed(table.acct, table.rules, table.limits, 0, C1, 1, NOON, NOON + 8) == 0
    assert [lose(table, NOON + 10 + k) for k in range(7)] == [0] * 7
    assert lose(table, NOON + 20, C3) == 0
    assert table.acct[0]["streak"].tolist() == [7, 1]
    assert table.acct[0]["trades"].tolist() == [15, 1]
    assert table.acct[0]["wins"].tolist() == [1, 0]


def test_break_even_is_no_win() -> None:
    table = opened()
    trade_closed(table.acct, table.rules, table.limits, 0, C1, 0, NOON, NOON)
    assert table.acct[0]["streak"].tolist() == [1, 0]


def test_holding_times_go_round_a_ring() -> None:
    table = opened()
    for k in range(70):
        trade_closed(table.acct, table.rules, table.limits, 0, C1, 1, NOON, NOON + k)
    assert int(table.acct[0]["hold_n"][C1]) == 70
    assert sorted(table.acct[0]["holds_ms"][C1].tolist()) == list(range(6, 70))


def test_reset_starts_a_new_peak_and_clears_every_breaker() -> None:
    table = opened()
    for k in range(8):
        lose(table, NOON + k)
    at(table, 840)
    table.acct[0]["halted"] = 1
    reset(table.acct, 0)
    assert at(table, 840) == 0
    assert int(table.acct[0]["level"]) == NORMAL
    assert int(table.acct[0]["peak"]) == 840 * MONEY_SCALE
    for name in ("halted", "day_stopped"):
        assert int(table.acct[0][name]) == 0
    assert table.acct[0]["pause_until"].tolist() == [0, 0]
    at(table, 772.81)
    assert int(table.acct[0]["level"]) == NORMAL
    at(table, 772.79)
    assert int(table.acct[0]["level"]) == HALF


def test_a_resume_starts_a_new_peak_and_sample_and_forgives_nothing_of_the_day() -> None:
    table = opened()
    acct = table.acct[0]
    acct["halted"], acct["level"], acct["day_stopped"], acct["trades"][:] = 1, 3, 1, 7
    acct["pause_until"][0], acct["peak"] = NOON, 2 * int(acct["equity"])
    resume(table.acct, 0)
    assert (acct["halted"], acct["level"], acct["peak"]) == (0, 0, acct["equity"])
    assert acct["trades"].sum() == 0
    assert (acct["day_stopped"], acct["pause_until"][0]) == (1, NOON)

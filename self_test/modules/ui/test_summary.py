from __future__ import annotations

from modules.ui.summary import summary_lines, table
from modules.ui.tally import Tally
from self_test.telemetry.samples import T0, bars, fill, hold, refused, small_state, trade
from state.runtime import RuntimeState
from utils.fixed import MONEY_SCALE


def run(state: RuntimeState) -> list[str]:
    tally = Tally(state)
    tally(bars(T0 + 8 * 86_400_000), [trade("1.5", 1.5), trade("-2", -1.0, "stop"), trade("4", 2.0, "trail", "C3"), fill("0.3"), refused()])
    state.acct[0]["equity"] = 990 * MONEY_SCALE
    tally(bars(T0 + 8 * 86_400_000), [])
    return list(summary_lines(tally, env="simulated", wall_s=123, state_dir="var/simulated"))


def single() -> RuntimeState:
    """The spot account alone."""
    both = small_state()
    state = RuntimeState(both.instruments[:1], both.accounts[:1], both.market[:1])
    state.inst, state.acct, state.ts = both.inst[:1], both.acct[:1], both.ts
    return state


def test_the_whole_summary() -> None:
    assert run(single()) == [
        "Summary: simulated, 8 d of venue time in 2 min 3 s",
        "  2025-03-05 14:25 UTC to 2025-03-13 14:25 UTC",
        "",
        "CRYPTO/PAPER",
        "  equity         1,000.00 -> 990.00 USDT (-1.00%), deepest fall 1.00%",
        "  closed trades  3 (2 won, 1 lost), realised +3.50 USDT",
        "  best, worst    +4.00 BTCUSDT, -2.00 BTCUSDT",
        "  fees           0.3000 USDT",
        "  still open     0",
        "",
        "strategy  trades  won  lost   result  mean R",
        "--------  ------  ---  ----  -------  ------",
        "C1             2    1     1  -0.5000   +0.25",
        "C3             1    1     0    +4.00   +2.00",
        "",
        "exit    trades  won  lost  result  mean R",
        "------  ------  ---  ----  ------  ------",
        "stop         1    0     1   -2.00   -1.00",
        "target       1    1     0   +1.50   +1.50",
        "trail        1    1     0   +4.00   +2.00",
        "",
        "not entered because  times",
        "-------------------  -----",
        "cost_too_high            1",
        "",
        "State: var/simulated",
        "This is no evidence of profit: few trades, on paper, in one stretch of market.",
        "Evidence would be hundreds of trades over many months, after all costs.",
    ]


def test_with_two_accounts_each_row_names_its_own() -> None:
    lines = run(small_state())
    assert "PERPS/PAPER" in lines
    assert any(line.startswith("CRYPTO/PAPER C1 ") for line in lines)


def test_what_is_still_open_and_earlier_runs_are_told() -> None:
    state = small_state()
    hold(state, 0)
    state.closed_trades[0], state.realised[0] = 37, 12 * MONEY_SCALE
    lines = run(state)
    assert "  still open     1" in lines
    assert "  all runs       37 closed trades, +12.00 USDT" in lines


def test_a_run_in_which_nothing_happened_has_no_empty_tables() -> None:
    state = small_state()
    state.acct[:] = 0
    lines = list(summary_lines(Tally(state), env="live", wall_s=1, state_dir="var/live"))
    assert not [line for line in lines if line.startswith(("strategy", "exit", "not entered", "  best"))]
    assert "  equity         0.00 -> 0.00 USDT, deepest fall 0.00%" in lines
    assert any("no evidence of profit" in line for line in lines)


def test_it_fits_eighty_columns() -> None:
    assert max(map(len, run(small_state()))) <= 80


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert list(table(("a", "bb"), [("xyz", "1"), ("x", "1000")])) == ["a      bb", "---  ----", "xyz     1", "x    1000"]

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.learning_rows import Alone, Line, Result, alone_line, document, held_line, interval, sharpe_with_bounds, traded_line, verdict
from config import CONFIG
from modules.learning.sweep import TRADE
from self_test.fakes.markets import market
from self_test.modules.ui.learned import HOUR, T0, experience, row
from state.accounts import Domain

DAY = 86_400_000
START = T0 // DAY * DAY
GRID = market(Domain.PERPS, days=40, seed=3, holes=False)


def trades(*nets: float) -> np.ndarray:
    """One a day, of instrument 0, with 100 at risk."""
    found = np.zeros(len(nets), TRADE)
    unit = GRID.instruments[0].unit
    for n, net in enumerate(nets):
        found[n]["entry_ts"], found[n]["exit_ts"] = START + n * DAY + HOUR, START + (n + 1) * DAY
        found[n]["net"], found[n]["at_risk"] = int(net * 100 * unit), 100 * unit
    return found


def line(**fields: object) -> Alone:
    told: dict[str, object] = {
        "name": "lcb_table", "candidates": 9, "taken": 3, "mean_r": 0.1, "mean_u": 0.1, "u_low": -0.1, "u_high": 0.2, "over_static": 0.1,
        "over_low": -0.1, "over_high": 0.2,
    }  # fmt: skip
    return msgspec.convert(told | fields, Alone)


def result(*alone: Alone) -> Result:
    return Result(
        name="spot", symbols=("AUSDT",), window=(START, START + 30 * DAY), candidates=9, folds=1, lessons=[7], refused={},
        notes=["fold 1: x"], lines=[Line(name="flat", skip_rate=1.0)], alone=list(alone), cpu_s=1.0,
    )  # fmt: skip


def test_a_wallets_line_counts_r_days_and_drawdown() -> None:
    balance = 1_000 * 100 * GRID.instruments[0].unit
    found = traded_line("x", trades(2.0, -1.0, -1.0, 3.0), balance, (START, START + 10 * DAY), [], np.zeros(0, np.int64))
    assert found.trades == 4 and found.mean_r == pytest.approx(0.75) and found.drawdown_r == pytest.approx(2.0)
    assert found.total == pytest.approx(0.003) and found.drawdown == pytest.approx(2.0 / 1_002.0)
    assert found.mean_r_low is not None and found.mean_r_low < 0.75 < (found.mean_r_high or 0.0)
    assert found.sharpe_low is not None and found.sharpe is not None and found.sharpe_low < found.sharpe
    nothing = traded_line("x", trades(), balance, (START, START + 10 * DAY), [], np.zeros(0, np.int64))
    assert nothing.trades == 0 and nothing.mean_r is None and nothing.sharpe is None and nothing.total == 0.0 == nothing.drawdown


def test_the_skip_rate_counts_candidates_that_were_judged_and_allowed() -> None:
    rows = [row(0), row(1), row(2, mask=0), row(3)]
    found = traded_line("x", trades(), 10**15, (START, START + DAY), rows, np.array([0, 4, 0, -1]))
    assert found.skip_rate == 0.5


def test_holding_pays_fees_slippage_and_funding() -> None:
    window = (int(GRID.ts[0]), int(GRID.ts[-1]) + GRID.confirm_ms)
    plain = msgspec.structs.replace(GRID, funding={})
    bare = held_line(plain, CONFIG, window)
    gross = float(np.mean([GRID.close[i, -1] / GRID.open[i, 0] - 1.0 for i in range(3)]))
    assert -0.01 < bare.total - gross < -0.001, "two takers and two slips"
    rates = {one.key: (GRID.funding[one.key][0], np.full(len(GRID.funding[one.key][0]), 10_000)) for one in GRID.instruments}
    paid = held_line(msgspec.structs.replace(GRID, funding=rates), CONFIG, window)
    assert -0.014 < paid.total - bare.total < -0.010, "120 settlements of 0.01 %"
    assert bare.trades == 3 and bare.drawdown is not None and 0.0 < bare.drawdown < 1.0


def test_holding_over_holes_takes_the_last_known_price() -> None:
    holes = market(Domain.PERPS, days=40, seed=3, holes=True)
    first = int(np.flatnonzero((holes.open != 0).all(axis=0))[0])
    found = held_line(holes, CONFIG, (int(holes.ts[first]), int(holes.ts[-1])))
    assert np.isfinite(found.total) and found.sharpe is not None


def test_each_for_itself_is_paired_with_static() -> None:
    rows = [row(n * 24) for n in range(3)] + [row(99)]
    found = experience(rows, [(0.0, 1.0, -2.0), (0.0, -1.0, 1.0), (0.0, 1.0, 1.0), None])
    one = alone_line("x", found, np.array([4, 0, -1, 4]), np.array([6, 6, 6, 6]))
    assert (one.candidates, one.taken) == (2, 1) and one.mean_r == 1.0 and one.mean_u == pytest.approx(0.5)
    assert one.over_static == pytest.approx(0.5 * (1.0 + 2.4) - 0.5 * 1.0), "u of -2 R is -2 - 0.1 * 4"


@pytest.mark.parametrize(
    "one, said",
    [
        (line(), "no evidence of edge for any policy."),
        (line(u_low=0.01), "lcb_table: better than doing nothing beyond chance."),
        (line(u_high=-0.01), "lcb_table would have lost beyond chance"),
        (line(over_low=0.01), "did better than static beyond chance, by abstaining: not better than doing nothing"),
        (line(taken=0, u_low=0.1), "no evidence of edge for any policy."),
    ],
)
def test_the_words_follow_from_the_bounds(one: Alone, said: str) -> None:
    assert said in verdict([result(one)])[0]


def test_the_page_names_its_command_and_holds_every_line() -> None:
    text = document([result(line())])
    for words in ("make bench-learning", "| flat | 0 | - | - | +0.00% | 0.00% | 0.0 | 100% |", "3 of 9", "- fold 1: x", "AUSDT"):
        assert words in text, words


def test_bounds_need_days_and_variance() -> None:
    assert interval(np.array([START, START + 1]), np.array([1.0, 2.0])) == (None, None)
    assert interval(np.array([START, START + DAY]), np.array([1.0, 1.0])) == (1.0, 1.0)
    assert sharpe_with_bounds([0.0] * 10) == (None, None, None)

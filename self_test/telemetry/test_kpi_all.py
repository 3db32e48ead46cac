"""`kpi --all` shows every statistic there is."""

from __future__ import annotations

import math

from self_test.telemetry.ledgers import START, Rows, book, stream, trade
from telemetry import stats
from telemetry.kpi import slices
from telemetry.kpi_all import every_statistic
from telemetry.ledger_rows import DAY_MS


def found(rows: Rows, days: int) -> dict[str, object]:
    part = slices(book(rows), START + days * DAY_MS)[-1]
    return {call.partition("(")[0]: value for call, value in every_statistic(part, 0.6)}


def two_strategies(days: int) -> Rows:
    return stream(days) + [trade(START + k * DAY_MS + 4_000_000, 0.5 - k % 3, strategy="C4") for k in range(days)]


def test_every_public_function_is_there():
    public = {name for name in stats.__all__ if callable(getattr(stats, name)) and not isinstance(getattr(stats, name), type)}
    assert public and set(found(two_strategies(40), 40)) == public


def test_on_a_full_sample_almost_all_are_defined():
    values = found(two_strategies(60), 60)
    undefined = {name for name, value in values.items() if value is None}
    assert undefined <= {"min_trl", "min_trl_null_variance", "wilson_min_n", "min_btl_years"}
    assert values["pbo_cscv"] is not None and values["lo_eta"] is not None


def test_on_hardly_anything_none_looks_like_a_number():
    for rows, days in (([trade(START + 4_000_000, 1.0)], 1), (stream(1, per_day=1), 1), (stream(3, per_day=0.3), 3)):
        for value in found(rows, days).values():
            assert value is None or not isinstance(value, float) or math.isfinite(value)
    assert found([trade(START + 4_000_000, 1.0)], 1)["sharpe_per_trade"] is None


def test_arguments_are_named():
    part = slices(book(stream(40)), START + 40 * DAY_MS)[-1]
    calls = [call for call, _ in every_statistic(part)]
    assert "sharpe(returns[40], periods_per_year=365)" in calls

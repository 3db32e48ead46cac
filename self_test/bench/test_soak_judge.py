"""What the soak would miss if its judges were blind: each figure holds in a steady run and does not in one that grows."""

from __future__ import annotations

import math
import random
from typing import Any

import msgspec
import pytest

from bench.soak_judge import Bounds, Finding, judge, last_share, marks, slope
from bench.soak_samples import Sample

STEADY = Sample(
    wall_s=0, venue_h=0, rss_mb=300, simulator_rss_mb=300, children=0, fds=45, threads=8, tasks=78, supervised=22, out=0, inbox=0, lag_s=0,
    wakes=0, late=0, cpu_s=0, trades=100, journal_b=1_000_000, ledger_b=100_000, data_b=4_000_000,
)  # fmt: skip
N = 288
LEAK = "memory beyond the trades kept"


def day(**figures: Any) -> list[Sample]:
    """A venue day of samples; a figure is a function of the venue hour."""
    return [
        msgspec.structs.replace(
            STEADY,
            wall_s=5.0 * n,
            venue_h=24 * n / (N - 1),
            wakes=10 * n,
            **{name: value(24 * n / (N - 1)) for name, value in figures.items()},
        )
        for n in range(N)
    ]


def broken(samples: list[Sample]) -> list[str]:
    return [one.what for one in judge(samples, Bounds()) if not one.holds]


def test_a_steady_day_holds() -> None:
    assert broken(day()) == []


def test_noise_a_jump_while_it_warms_up_and_a_spike_are_no_leak() -> None:
    rng = random.Random(1)
    noisy = day(rss_mb=lambda h: 300 + (0 if h < 2 else 40) + rng.gauss(0, 3) + (200 if 20 < h < 20.5 else 0))
    assert broken(noisy) == []


@pytest.mark.parametrize(
    "figures, what",
    [
        ({"rss_mb": lambda h: 300 + 2 * h}, LEAK),
        ({"rss_mb": lambda h: 300 if h < 16 else 300 + 4 * (h - 16)}, LEAK),
        ({"fds": lambda h: 45 + int(h / 3)}, "file handles"),
        ({"threads": lambda h: 8 + int(h / 4)}, "threads"),
        ({"tasks": lambda h: 78 + int(h / 2)}, "tasks of the loop"),
        ({"supervised": lambda h: 22 if h < 20 else 21}, "supervised tasks"),
        ({"journal_b": lambda h: int(5e6 * h)}, "journal"),
        ({"data_b": lambda h: int(4e6 + 2e6 * h)}, "other data"),
        ({"ledger_b": lambda h: int(20_000 * h)}, "ledger"),
        ({"inbox": lambda h: 5_000 if 7 < h < 8 else 0}, "events waiting"),
        ({"late": lambda h: int(20 * h)}, "late wake-ups"),
        ({"out": lambda h: int(h > 20)}, "tasks that are out at the end"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_grows_is_told(figures: dict[str, Any], what: str) -> None:
    assert broken(day(**figures)) == [what]


def test_a_handle_more_for_a_moment_is_no_leak() -> None:
    assert broken(day(fds=lambda h: 60 if 11.9 < h < 12.1 else 45, tasks=lambda h: 78 + (h % 1 > 0.8))) == []


def test_the_slope_is_the_median_of_all_pairs() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == 2
    assert slope([0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 300, 4, 5, 6]) == pytest.approx(1)
    assert math.isnan(slope([1, 1], [0, 9])) and math.isnan(slope([1], [1]))


def test_quarters_are_of_venue_time() -> None:
    held = [*day()[:10], *day()[10:]]
    assert marks(held, lambda one: one.venue_h) == pytest.approx((6, 12, 18, 23.4), abs=0.2)
    assert {one.venue_h >= 16 for one in last_share(held)} == {True} and 90 < len(last_share(held)) < 100


def test_trades_that_are_kept_are_no_leak_but_what_they_leave_beside_is() -> None:
    assert broken(day(rss_mb=lambda h: 300 + 0.9 * h, trades=lambda h: int(900 * h), ledger_b=lambda h: int(1e6 * h))) == []
    assert broken(day(rss_mb=lambda h: 300 + 3 * h, trades=lambda h: int(900 * h), ledger_b=lambda h: int(1e6 * h))) == [LEAK]


def test_what_is_no_number_does_not_hold() -> None:
    stood = [msgspec.structs.replace(one, venue_h=1.0) for one in day()]
    assert {LEAK, "file handles", "other data"} <= set(broken(stood))


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="7 samples"):
        judge(day()[:7], Bounds())


def test_a_finding_says_its_figure_and_its_bound() -> None:
    assert Finding(what="fds", value=9, bound=4, unit="", marks=(45, 54)).told() == "fds: 9 , at most 4 (45, 54 at the quarters)"


def test_without_a_trade_there_is_nothing_to_judge_the_ledger_by() -> None:
    assert broken(day(trades=lambda _: 0)) == []

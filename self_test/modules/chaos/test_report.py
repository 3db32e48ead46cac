from __future__ import annotations

from modules.chaos.latencies import Leg
from modules.chaos.report import SHOWN, table
from self_test.modules.chaos.outcomes import outcome


def test_a_good_run() -> None:
    said = table(outcome([], order_latency={"sent": Leg(orders=9, mean_s=0.02, median_s=0.01, p95_s=0.05)}))
    for line in (
        "orders sent                            80 (40 entries)",
        "4: drop 3, cut 1",
        "yes, 1.50 s",
        "2.50 s / 2.25 s",
        "no fault met, longest    1.75 s",
        "sent, median / 95 % at most            0.01 s / 0.05 s",
        "broken invariants: none",
    ):
        assert line in said


def test_a_bad_run_tells_what_is_broken_and_never_everything() -> None:
    said = table(
        outcome(
            [f"line {n}" for n in range(SHOWN + 2)],
            flat=False,
            flatten_s=None,
            faults_injected={},
            recovery_max_s=None,
            recovery_spared_max_s=None,
        )
    )
    for line in (
        f"broken invariants: {SHOWN + 2}",
        "  line 0",
        f"  line {SHOWN - 1}",
        "  and 2 more",
        "NO, never",
        "0: none",
        "never / 2.25 s",
        "longest    none",
    ):
        assert line in said
    assert f"line {SHOWN}\n" not in said

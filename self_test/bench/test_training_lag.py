"""The figures of the loop's lag under training: memory from the kernel's words, a table that says whether the goal was met, real jobs."""

from __future__ import annotations

import pytest

from bench.panel_lag import Lag
from bench.training_lag import Stretch, Trainings, resident_kb, table
from modules.learning.candles import Place
from modules.learning.child import Child
from modules.learning.jobs import Answer, Job, Train


def stretch(p99_s: float) -> Stretch:
    lag = Lag(name="x", samples=240, above_goal=3, p99_below_s=p99_s, highest_below_s=0.1, load=1.5)
    return Stretch(lag=lag, rss_kb=204_800, trained=4, cpu_s=31.5)


def test_memory_is_what_the_kernel_says() -> None:
    assert resident_kb("Name:\tpython\nVmRSS:\t  123456 kB\nVmSwap:\t 7 kB\n") == 123_456
    with pytest.raises(ValueError, match="gone"):
        resident_kb("Name:\tpython\nState:\tZ (zombie)\n")


def test_the_last_stretch_decides_whether_the_goal_was_met() -> None:
    met, missed = (table([stretch(0.1 - last), stretch(last)], 102_400) for last in (0.01, 0.03))
    assert met.endswith("while it trains: met\n") and missed.endswith("while it trains: MISSED\n")
    assert "200.0" in met and "100.0" in met and "31.5" in met


@pytest.mark.asyncio
@pytest.mark.parametrize("refused, counted", [("", 1), ("the seeds disagree on 40%", 1), ("too few", 0)])
async def test_a_training_that_does_no_work_measures_nothing(refused: str, counted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(_self: Child, job: Job, _limit_s: float) -> Answer:
        assert isinstance(job, Train) and job.algorithm == "sb3_dqn"
        return Answer(refused=refused, cpu_s=2.0)

    monkeypatch.setattr(Child, "ask", ask)
    jobs = Trainings(Place(folder="", instruments=(), config=""), 5)
    if not counted:
        with pytest.raises(ValueError, match="too few"):
            await jobs.once()
    else:
        await jobs.once()
    assert (jobs.done, jobs.cpu_s) == (counted, 2.0 * counted)

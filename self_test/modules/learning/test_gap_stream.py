"""The trainer's process is asked when something closed, seldom, and what it says reaches the detectors once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from modules.learning.candles import CandleStore
from modules.learning.child import Child
from modules.learning.gap_stream import GapStream
from modules.learning.jobs import Answer, Gaps, Job
from modules.learning.trainer import Trainer
from self_test.modules.learning.test_drift_watch import Watched, trade_row
from self_test.modules.learning.training import Bench, Process
from state.accounts import Domain
from state.messages import Control
from state.stages import Toggles
from strategy.drift_levels import DAY_MS, Source

CRYPTO = Domain.CRYPTO


class Telling(Process):
    """A trainer's process that knows of gaps."""

    gaps: Answer = Answer()

    async def ask(self, job: Job, limit_s: float) -> Answer:
        if isinstance(job, Gaps):
            self.asked.append(job)
            return self.gaps
        return await super().ask(job, limit_s)


class Streamed:
    """A watch and its stream."""

    def __init__(self, folder: Path) -> None:
        self.at = Watched(folder)
        self.stream, self.now = GapStream(self.at.watch), self.at.desk.now

    def trades(self, first: int, n: int, **more: str) -> None:
        self.at.rows(first, [trade_row(first + k, 0.5, self.now, **more) for k in range(n)])

    def due(self, days: float) -> Gaps | None:
        return self.stream.job(CRYPTO, self.now + int(days * DAY_MS), DAY_MS)

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.at.memory.watched.streams[Source.GAP].values]


def test_nothing_is_asked_for_while_nothing_that_counts_has_closed(tmp_path: Path) -> None:
    one = Streamed(tmp_path)
    assert one.due(3) is None
    one.trades(1, 4, strategy="demo")
    assert one.due(3) is None and one.stream.job(Domain.FOREX, one.now, DAY_MS) is None


def test_what_is_new_is_told_once_and_asked_for_once_a_day(tmp_path: Path) -> None:
    one = Streamed(tmp_path)
    one.trades(1, 4)
    job = one.due(3)
    assert job == Gaps(domain=CRYPTO, now=one.now + 3 * DAY_MS, since=0)
    answer = {"gaps": [[one.now + 5, 0.25], [one.now + 9, -0.5]], "left": False}
    one.stream.tell(job, answer)
    one.stream.tell(job, answer)  # told again, it changes nothing
    assert one.values == [0.25, -0.5] and one.at.watch.gap_ts("CRYPTO") == one.now + 9
    assert one.due(3.5) is None and one.due(9) is None, "nothing has closed since"
    one.trades(20, 1)
    assert one.due(3.9) is None
    again = one.due(9)
    assert again is not None and again.since == one.now + 9


def test_what_could_not_be_told_yet_is_asked_for_again(tmp_path: Path) -> None:
    one = Streamed(tmp_path)
    one.trades(1, 1)
    job = one.due(1)
    assert job is not None
    one.stream.tell(job, {"gaps": [], "left": True})
    assert one.due(1.5) is None
    again = one.due(2)
    assert again is not None
    one.stream.tell(again, {})
    assert one.due(5) is None, "refused: it waits for the next trade"


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    one = Streamed(tmp_path)
    one.trades(1, 4)
    job = one.due(3)
    assert job is not None
    two = Streamed(tmp_path)
    assert two.due(3) == job, "it was not told before the end"
    newest = two.at.watch.closed_ts("CRYPTO")
    two.stream.tell(job, {"gaps": [[newest, 0.1]], "left": False})
    assert Streamed(tmp_path).due(9) is None and Streamed(tmp_path).values == [0.1]


@pytest.mark.asyncio
async def test_the_learning_task_asks_also_with_learning_off_and_a_change_of_the_gap_is_an_alarm(tmp_path: Path) -> None:
    one, bench = Streamed(tmp_path), Bench(tmp_path / "bench")
    process = bench.process = Telling()
    bench.state.toggles = Toggles(learning=False)
    bench.trainer = Trainer(
        bench.folder, bench.settings, bench.state, bench.clock, bench.put, dict, cast(Child, process),
        CandleStore(bench.folder, dict.fromkeys(bench.state.instruments, 300_000)), [CRYPTO], one.stream,
    )  # fmt: skip
    assert await bench.trainer.step() and process.asked == []
    one.trades(1, 1)
    bench.state.ts = one.now + DAY_MS
    rng = np.random.default_rng(2)
    values = [(one.now + k * DAY_MS // 4, float(rng.normal()) * 0.2 - 0.5 * (k > 200)) for k in range(400)]
    process.gaps = Answer(result={"gaps": values, "left": False})
    assert await bench.trainer.step() and await bench.trainer.step()
    assert process.asked == [Gaps(domain=CRYPTO, now=one.now + DAY_MS, since=0)]
    (event,) = one.at.told
    assert isinstance(event, Control) and (event.args["level"], event.args["stream"]) == ("2", Source.GAP)
    assert len(one.values) < 400, "after the alarm the stream began anew"

"""What the watch was told, on disk: fed again it is the same, whatever happened in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modules.learning.drift_domain import TRADE_WARMUP
from modules.learning.drift_store import Bar, Closed, DriftMemory, Gap, Predicted, rounded
from strategy.drift_levels import DAY_MS, Source
from strategy.drift_shape import CELLS, SHAPES
from telemetry.demotion import DemotionConfig

T = 1_700_000_000_000
Told = Bar | Predicted | Closed | Gap


def memory(folder: Path) -> DriftMemory:
    return DriftMemory(folder, "CRYPTO", DemotionConfig())


def story(n: int = 200) -> list[Told]:
    """Bars, predictions and trades of a policy that is right on average and then is not."""
    rng = np.random.default_rng(4)
    told: list[Told] = []
    for k in range(n):
        ts = T + k * DAY_MS // 4
        told.append(Bar(ts, values=[rounded(float(x)) for x in rng.standard_normal(3)], cells=[[CELLS // 2] * len(SHAPES)]))
        told.append(Predicted(ts, 10 * k + 1, "a|k|C1", 0.3, 0.5))
        r = rounded(0.6 + 0.5 * float(rng.standard_normal()) - 2.0 * (k > n // 2))
        told.append(Closed(ts + 1, 10 * k + 2, "a|k|C1", r, slippage=rounded(0.02 + 0.01 * float(rng.standard_normal()))))
        told.append(Gap(ts + 2, value=rounded(0.1 * float(rng.standard_normal()))))
    return told


@pytest.mark.parametrize("compacted", [False, True])
@pytest.mark.parametrize("at", [5, 430, 500])
def test_after_a_restart_it_raises_the_same_alarms(tmp_path: Path, at: int, *, compacted: bool) -> None:
    told = story()
    straight = memory(tmp_path / "straight")
    expected = [straight.take(one) for one in told]
    assert {alarm.stream for alarms in expected for alarm in alarms} >= {Source.CALIBRATION, Source.POLICY}
    first = memory(tmp_path / "cut")
    found = [first.take(one) for one in told[:at]]
    if compacted:
        first.compact()
    second = memory(tmp_path / "cut")
    assert second.alarms == ([] if compacted else [alarm for alarms in found for alarm in alarms]) and second.row == first.row
    second.compact()
    found += [second.take(one) for one in told[at:]]
    assert found == expected and second.watched.state() == straight.watched.state()


def test_what_was_applied_before_changes_nothing(tmp_path: Path) -> None:
    """A kill between the snapshot and the removal of the log: its lines come twice."""
    one = memory(tmp_path)
    for told in story(40):
        one.take(told)
    lines = (tmp_path / "drift" / "CRYPTO.jsonl").read_bytes()
    one.compact()
    (tmp_path / "drift" / "CRYPTO.jsonl").write_bytes(lines)
    assert memory(tmp_path).watched.state() == one.watched.state()


def test_calibration_compares_what_was_said_with_what_came_for_the_size_taken(tmp_path: Path) -> None:
    one = memory(tmp_path)
    one.take(Predicted(T, 1, "a|k|C1", 0.3, 0.5))
    one.take(Closed(T + 5, 2, "a|k|C1", 1.0))
    one.take(Closed(T + 6, 3, "a|k|C2", 1.0, explored=True, slippage=0.04))
    streams = one.watched.streams
    assert streams[Source.CALIBRATION].values == [(T + 5, 0.2)] and streams[Source.SLIPPAGE].values == [(T + 6, 0.04)]
    assert [r for _, r in one.watched.state().trades] == [1.0], "an explored trade is none of the policy's"


def test_a_torn_line_costs_that_line(tmp_path: Path) -> None:
    one = memory(tmp_path)
    for told in story(3):
        one.take(told)
    log = tmp_path / "drift" / "CRYPTO.jsonl"
    log.write_bytes(log.read_bytes() + b'\n{"t":"gap","ts":')
    again = memory(tmp_path)
    assert again.watched.state() == one.watched.state()
    again.take(Gap(T + 9 * DAY_MS, value=0.5))
    assert memory(tmp_path).watched.streams[Source.GAP].values[-1] == (T + 9 * DAY_MS, 0.5), "what follows a torn line is read"


def test_a_damaged_snapshot_is_set_aside_and_the_watch_begins_anew(tmp_path: Path) -> None:
    one = memory(tmp_path)
    one.take(Gap(T, value=0.5))
    one.compact()
    snapshot = tmp_path / "drift" / "CRYPTO.json"
    snapshot.write_bytes(snapshot.read_bytes()[:-7])
    again = memory(tmp_path)
    assert not again.watched.streams[Source.GAP].values and not snapshot.exists()
    assert any(path.name.startswith("CRYPTO.json") for path in snapshot.parent.iterdir()), "kept beside"


def test_a_disk_that_refuses_costs_the_remembering_alone(tmp_path: Path) -> None:
    (tmp_path / "drift").write_text("a file stands where the folder should be")
    one = memory(tmp_path)
    for told in story(TRADE_WARMUP):
        one.take(told)
    assert one.watched.streams[Source.GAP].scale is not None
    with pytest.raises(OSError):
        one.compact()

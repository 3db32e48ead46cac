"""The observer beside a real engine: what it takes of bars and rows, what it asks for, and that a restart loses nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from modules.learning.drift_domain import BAR_STREAMS
from modules.learning.drift_watch import DriftWatch, alarm_event, closed, predicted
from self_test.scenarios.desk import Desk
from state.ledger import LedgerRow, Ref, RowKind
from state.messages import Control, Event, Record, Tick
from strategy.actions import FULL, action_of
from strategy.base import BASE
from strategy.drift_levels import DAY_MS, Alarm, Source

KEY = "CRYPTO:AAAUSDT"


def trade_row(n: int, r: float, ts: int, **more: Any) -> Record:
    row = {
        "account": "CRYPTO/PAPER",
        "symbol": "AAAUSDT",
        "strategy": "C1",
        "exit_ts": ts + n * DAY_MS // 4,
        "r": r,
        "risk": "2",
        "slippage": "0.04",
    }
    return Record("trade", row | more)


def decision_row(ts: int, value: float | None, order: str = "id") -> Record:
    values = [0.0] * 7
    action = action_of(BASE, FULL)
    told: list[float | None] = [*values]
    told[action] = value
    row = {"account": "CRYPTO/PAPER", "key": KEY, "strategy": "C1", "ts": ts, "action": action, "order": order, "values": told}
    return Record("decision", row)


class Watched:
    """A desk with a watch; `told` are the events that it put."""

    def __init__(self, folder: Path, rows: list[LedgerRow] | None = None) -> None:
        self.desk, self.told = Desk(), list[Event]()
        self.watch = DriftWatch(self.desk.engine, folder, self.told.append, rows or [])
        self.memory = self.watch._memory["CRYPTO"]

    def rows(self, first: int, records: list[Record]) -> None:
        for k, record in enumerate(records):
            self.watch.observe(first + k, Tick(self.desk.now), [record])


def losing(ts: int) -> list[Record]:
    return [trade_row(n, -1.0, ts) for n in range(25)]


def test_a_losing_policy_is_asked_to_go(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.rows(1, losing(one.desk.now))
    (event,) = one.told
    assert isinstance(event, Control) and (event.name, event.args["level"], event.args["stream"]) == ("drift", "3", "policy_r")
    one.desk.tell(event)
    assert one.desk.engine.state.drift["CRYPTO"].level == 3


def test_the_demo_and_other_domains_are_no_evidence(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.rows(1, [trade_row(n, -1.0, one.desk.now, strategy="DEMO") for n in range(30)])
    one.rows(50, [trade_row(n, -1.0, one.desk.now, account="FOREX/PAPER") for n in range(30)])
    one.rows(90, [trade_row(n, -1.0, one.desk.now, explored=True) for n in range(30)])
    assert one.told == [] and len(one.memory.watched.streams[Source.SLIPPAGE].values) == 30


def test_a_prediction_is_held_against_its_trade(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    ts = one.desk.now
    one.rows(
        1,
        [
            decision_row(ts, 0.25),
            trade_row(0, 1.0, ts),
            decision_row(ts, None),
            trade_row(1, 1.0, ts),
            decision_row(ts, 0.3, order=""),
            trade_row(2, 1.0, ts),
        ],
    )
    assert [value for _, value in one.memory.watched.streams[Source.CALIBRATION].values] == [0.75]


@pytest.mark.parametrize(
    "row", [{"values": None, "order": "x", "action": 4}, {"values": [0.0] * 7, "order": "", "action": 4}, {"order": "x"}]
)
def test_decisions_without_a_figure_or_an_order_predict_nothing(row: dict[str, Any]) -> None:
    assert predicted(1, {"ts": 1, "account": "a", "key": "k", "strategy": "C1"} | row) is None


def test_slippage_is_told_in_r_where_it_is_known() -> None:
    row = {"account": "a", "symbol": "S", "strategy": "C1", "exit_ts": 5, "r": 0.5}
    assert closed(1, "CRYPTO", row).slippage is None
    assert closed(1, "CRYPTO", row | {"risk": "4", "slippage": "0.1"}).slippage == 0.025
    assert closed(1, "CRYPTO", row | {"risk": "0", "slippage": "0.1"}).slippage is None


@pytest.mark.parametrize("killed_at", [3, 19])
def test_rows_that_it_was_not_told_of_are_fed_at_the_start_and_none_twice(tmp_path: Path, killed_at: int) -> None:
    records = losing(Desk().now)
    stored = [LedgerRow(RowKind.TRADE, Ref(1 + k, 0), msgspec.Raw(msgspec.json.encode(one.row))) for k, one in enumerate(records)]
    first = Watched(tmp_path)
    first.rows(1, records[:killed_at])
    second = Watched(tmp_path, stored)
    (event,) = second.watch.events()
    assert isinstance(event, Control) and event.args["level"] == "3" and second.watch.events() == []
    straight = Watched(tmp_path / "straight")
    straight.rows(1, records)
    assert second.memory.watched.state() == straight.memory.watched.state()
    third = Watched(tmp_path, stored)
    assert third.watch.events() == [] and third.memory.watched.state() == straight.memory.watched.state()


def test_an_alarm_that_the_engine_knows_is_not_told_again(tmp_path: Path) -> None:
    first = Watched(tmp_path)
    first.rows(1, losing(first.desk.now))
    second = Watched(tmp_path)
    second.desk.tell(msgspec.structs.replace(first.told[0], ts=second.desk.now + 30 * DAY_MS))
    assert second.watch.events() == []


def test_gaps_come_from_outside(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    rng = np.random.default_rng(2)
    for k in range(400):
        one.watch.gap("CRYPTO", one.desk.now + k * DAY_MS // 4, float(rng.normal()) * 0.2 - 0.5 * (k > 200))
        one.watch.gap("FOREX", one.desk.now + k, 1.0)
    assert [one.args["level"] for one in one.told if isinstance(one, Control)] == ["2"]


def test_the_mean_of_the_newest_gaps_is_told_by_domain_also_after_a_restart(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    assert one.watch.mean(Source.GAP) == {}
    for k in range(60):
        one.watch.gap("CRYPTO", one.desk.now + k, 5.0 if k < 10 else 0.25)
    assert one.watch.mean(Source.GAP) == Watched(tmp_path).watch.mean(Source.GAP) == {"CRYPTO": 0.25}
    assert one.watch.mean(Source.CALIBRATION) == {}
    ts = one.desk.now
    one.rows(1, [decision_row(ts, 0.5), trade_row(0, 0.75, ts)])
    assert one.watch.mean(Source.CALIBRATION) == {"CRYPTO": 0.25}


def test_a_level_ends_after_seven_quiet_days_and_is_asked_for_once(tmp_path: Path) -> None:
    one = Watched(tmp_path)
    one.desk.tell(alarm_event("CRYPTO", Alarm(ts=one.desk.now, level=2, stream="gap", reason="x"), one.desk.now))
    for days, asked in ((6, 0), (7, 1), (8, 1)):
        event = one.desk.bars(10_000)
        one.watch.observe(1, msgspec.structs.replace(event, ts=one.desk.engine.state.drift["CRYPTO"].alarm_ts + days * DAY_MS), [])
        assert len(one.told) == asked
    one.desk.tell(one.told[0])
    assert one.desk.engine.state.drift["CRYPTO"].level == 0


def test_each_primary_close_is_one_value_of_each_feature_stream(tmp_path: Path) -> None:
    """A month of bars so that there is an observation, then a few more beside the watch."""
    one = Watched(tmp_path)
    desk, rng = one.desk, np.random.default_rng(1)
    level = 10_000
    for _ in range(3 * 2_881):
        desk.later(300_000)
        level = max(5_000, level + int(rng.integers(-9, 10)))
        desk.engine.process(desk.bars(level, level + 5, level - 5))
    one.watch._seen = [int(n) for n in desk.engine.state.observed["n"]]
    for _ in range(9):
        desk.later(300_000)
        event = desk.bars(level + int(rng.integers(-9, 10)), level + 12, level - 12)
        one.watch.observe(1, event, desk.engine.process(event))
    streams = one.memory.watched.streams
    assert [len(streams[name].values) for name in BAR_STREAMS] == [3, 3, 3]
    steps = np.diff([ts for ts, _ in streams[BAR_STREAMS[0]].values])
    assert steps.tolist() == [900_000, 900_000] and one.memory.watched.bar_ts % 900_000 == 0
    again = Watched(tmp_path)
    assert again.memory.watched.state() == one.memory.watched.state()

"""From a state's folder, as a run leaves it, to the report: ledger, candles, journal, artefacts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.learning.candles import Place
from modules.learning.checkpoint import Manifest, folder_of, save
from modules.ui.report_learning_source import artefacts_of, events_of, read_report
from self_test.fakes.lived import lived
from self_test.fakes.markets import market
from state.accounts import Domain
from state.journal import Journal
from state.ledger import read_ledger
from state.messages import Control, encode_event
from state.runtime import RuntimeState
from strategy.lcb_table import SHAPE

MARKET = market(Domain.PERPS, days=45, seed=2, holes=False)
NOW = int(MARKET.ts[-1]) + MARKET.confirm_ms


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return lived(tmp_path_factory.mktemp("lived"), MARKET, CONFIG, frozenset({0, 1, 2, 3}))


def state() -> RuntimeState:
    return fresh_engine(CONFIG, MARKET.instruments, frozenset(), 0, quotes=False)[0].state


def rows(folder: Path) -> list[tuple[str, bytes]]:
    return [(str(one.kind), bytes(one.row)) for one in read_ledger(folder / "ledger")]


def test_a_lived_state_has_outcomes_and_fills_that_agree_with_them(place: Place) -> None:
    folder = Path(place.folder)
    found, experiences = read_report(folder, state(), rows(folder), CONFIG, "simulated", NOW)
    (one,) = found.domains
    assert one.decisions > 100 and one.labelled > 0.8 * one.decisions and found.notes == ()
    assert one.gap.n >= 10 and one.gap.value == pytest.approx(0.0, abs=1e-4), "the paper venue over bars is the simulator"
    assert one.policy_r.value == pytest.approx(one.static_r.value), "static decided all of it"
    assert one.verdict[-1].startswith("nothing learned has been in force") and experiences[0][0] == "PERPS"
    assert sum(one.actions.values()) == one.decisions == len(experiences[0][1].rows)


def test_without_candles_nothing_is_made_up(place: Place, tmp_path: Path) -> None:
    found, _ = read_report(tmp_path, state(), rows(Path(place.folder)), CONFIG, "simulated", NOW)
    (one,) = found.domains
    assert one.labelled == 0 and one.unlabelled == {"no_candle": one.decisions} and one.curve == ()
    assert any("no outcome is known" in note for note in found.notes)


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    found, experiences = read_report(tmp_path, state(), [], CONFIG, "simulated", NOW)
    assert found.notes == ("nothing has been decided yet: there is nothing to show and nothing to learn from",) and experiences == []


def test_policy_and_drift_events_come_from_the_journal(tmp_path: Path) -> None:
    journal, _ = Journal.open(tmp_path / "journal")
    for event in (
        Control(1, "policy", {"domain": "PERPS", "version": "abc", "level": "1", "reason": "LB95 0.1"}, "learning"),
        Control(2, "pause", {}, "policy"),
        Control(3, "drift", {"domain": "CRYPTO", "level": "2", "stream": "gap", "reason": "fills differ"}, "the drift watch"),
    ):
        journal.record(encode_event(event), b"[]")
    journal.close()
    found = events_of(tmp_path)
    assert [(one.ts, one.what, one.words) for one in found["PERPS"]] == [(1, "policy", "level 1, version abc: LB95 0.1")]
    assert found["CRYPTO"][0].words == "level 2, stream gap: fills differ" and set(found) == {"PERPS", "CRYPTO"}


def test_artefacts_are_told_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    manifest = Manifest(
        domain=Domain.PERPS, version="", algorithm="lcb_table", hyperparameters={}, window=(0, 1), data="", decisions=9, seeds=[],
        libraries={}, made_ts=5,
    )  # fmt: skip
    whole = save(tmp_path, manifest, {"lower": np.zeros(SHAPE, np.float32)}).version
    broken = save(tmp_path, manifest, {"lower": np.ones(SHAPE, np.float32)}).version
    (folder_of(tmp_path, Domain.PERPS) / broken / "weights.safetensors").write_bytes(b"x")
    found, damaged = artefacts_of(tmp_path, Domain.PERPS)
    assert [one.version for one in found] == [whole] and len(damaged) == 1 and broken in damaged[0]

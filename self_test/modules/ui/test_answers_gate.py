from __future__ import annotations

import msgspec
import pytest

from modules.ui import answers_gate as gate
from modules.ui.recent import Recent
from modules.ui.scene import Scene
from self_test.modules.ui.scenes import fits, scene_of
from self_test.telemetry.ledgers import START, stream
from state.standing import Fall, Level, Standing
from telemetry.gate_config import GateConfig
from telemetry.gates import evaluate
from telemetry.kpi import kpis
from telemetry.ledger_rows import DAY_MS, read_rows
from telemetry.sample import sample_of
from utils.errors import Refusal


@pytest.fixture(scope="module")
def judged() -> tuple[bytes, list[object]]:
    """A scalper of 40 days: the engine's verdict as the ledger has it, and the figures of `kpi --json`."""
    book = read_rows(stream(40))
    now = START + 40 * DAY_MS
    verdict = evaluate(sample_of(book, "CRYPTO/PAPER", "scalp", "simulated", now, 1), GateConfig(), now)
    row = {"what": "verdict", "account": "CRYPTO/PAPER", "style": "scalp", **msgspec.to_builtins(verdict)}
    return msgspec.json.encode(row), msgspec.to_builtins(kpis(book, now))


def with_verdict(judged: tuple[bytes, list[object]]) -> Scene:
    scene = scene_of()
    scene.state.evidence = [("verdict", b'{"what":"start","account":"CRYPTO/PAPER","style":"scalp"}'), ("verdict", judged[0])]
    scene.recent = Recent(scene.state)
    scene.kpis = {"kpi": judged[1], "ts": START + 40 * DAY_MS}
    return scene


def test_the_stages_are_told_with_what_the_gate_still_misses(judged: tuple[bytes, list[object]]) -> None:
    scene = with_verdict(judged)
    scene.state.stage, scene.state.earned = 1, 2
    scene.state.standings["CRYPTO/swing"] = Standing(level=Level.CANARY, since_ts=START, reason="confirmed by me")
    scene.state.standings["CRYPTO/scalp"] = Standing(offered_ts=START, falls=(Fall(START, Level.PAPER, "drawdown"),))
    found = gate.stage(scene, {})
    assert fits(found)
    text = "\n".join(found.lines)
    assert "*1 Crypto Paper (Learn): crypto paper" in text
    assert "+2 Crypto Live + Exploration" in text
    assert "CRYPTO/swing: canary since 03-03 00:00, confirmed by me" in text
    assert "CRYPTO/scalp: real money is offered" in text
    assert "CRYPTO/PAPER scalp: insufficient evidence" in text or "CRYPTO/PAPER scalp: FAIL" in text
    assert found.table is not None
    assert {row[0] for row in found.table.rows} == {"scalp"}
    assert len(found.table.rows) == len(found.data["unmet"]) > 0
    assert all(one["finding"] for one in found.data["unmet"])
    assert [wanted.line for _, wanted in found.more] == ["stage 2", "stage 3", "stage 4", "stage 5", "promote CRYPTO/scalp"]


def test_key_figures_of_a_style_stand_beside_their_targets(judged: tuple[bytes, list[object]]) -> None:
    found = gate.kpi(with_verdict(judged), {"style": "CRYPTO/scalp"})
    assert fits(found)
    assert found.table is not None
    rows = {row[0]: row for row in found.table.rows}
    _, value, bound, asked, ok = rows["win rate"]
    assert value.endswith("%")
    assert bound.endswith("%")
    assert (asked, ok) == ("61.0%", "NO") or ok in {"yes", "NO"}
    assert any("win rate" in line and "CRYPTO/PAPER paper:" in line for line in found.lines)
    assert found.data["verdicts"][0]["subject"]["style"] == "scalp"


def test_the_overview_has_a_headline_for_each_verdict_and_the_account_s_figures(judged: tuple[bytes, list[object]]) -> None:
    found = gate.kpi(with_verdict(judged), {})
    assert fits(found)
    assert found.table is not None
    assert found.table.head == ("figure", "CRYPTO")
    assert found.lines[0].startswith("CRYPTO/PAPER scalp:")
    assert "CRYPTO/scalp" in [label for label, _ in found.more]


def test_before_the_first_day_is_over_it_says_so() -> None:
    scene = scene_of()
    for found in (gate.kpi(scene, {}), gate.kpi(scene, {"style": "CRYPTO/swing"}), gate.stage(scene, {})):
        assert any("no verdict yet" in line for line in found.lines)
    scene.live = False
    assert not any("ask again" in line for line in gate.kpi(scene, {}).lines)


def test_a_style_that_is_not_traded_is_refused_with_those_that_are() -> None:
    with pytest.raises(Refusal, match="there are CRYPTO/scalp, CRYPTO/swing"):
        gate.kpi(scene_of(), {"style": "OPTIONS/swing"})

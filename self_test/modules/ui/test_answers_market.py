from __future__ import annotations

import pytest

from modules.ui import answers_market as market
from modules.ui.commands import Wanted
from self_test.fakes.books import M5
from self_test.modules.ui.scenes import BTC, BTC_PERP, PAPER, PEPE, PERP, T0, hold, scene_of
from self_test.telemetry.samples import fill, place, refused
from state.exploring import DAY_MS, LiveTrial
from state.messages import Tick
from strategy.regime import CHOP, UNKNOWN
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE


def test_why_tells_the_last_decisions_newest_first_with_figures_and_regime() -> None:
    scene = scene_of()
    scene.recent(1, Tick(T0), [refused(ts=T0)])
    scene.recent(2, Tick(T0), [refused(ts=T0 + M5)])
    executed = fill("0.25")
    executed.row.update(ts=T0 + 2 * M5, order_id="CP-BTCUSDT-1-e", side="buy", qty="0.002")
    scene.recent(3, Tick(T0), [place()])
    scene.recent(4, Tick(T0), [executed])
    hold(scene, PAPER, BTC)
    found = market.why(scene, {"symbol": "BTC"})
    assert found.lines[0].startswith("BTC now: regime trend for 1h25, live")
    assert found.lines[1] == "  CRYPTO/PAPER: long 1, +0.45 R"
    told = [line for line in found.lines if line.startswith("03-05")]
    assert [line.split()[2] for line in told] == ["FILL", "ENTER", "SKIP"]
    assert "cost 0.24 R, limit 0.15 R" in told[-1]
    assert "  CRYPTO/PAPER, regime trend, 2 times since 03-05 14:25" in found.lines
    assert [one["what"] for one in found.data["decisions"]] == ["fill", "entered", "refused"]


def test_why_of_what_was_never_decided_says_so() -> None:
    found = market.why(scene_of(), {"symbol": "1000PEPEUSDT"})
    assert "nothing to decide" in found.lines[-1]
    with pytest.raises(Refusal, match="did you mean"):
        market.why(scene_of(), {"symbol": "PEPEUSDT"})


def test_the_instrument_meant_is_the_one_that_is_held() -> None:
    scene = scene_of()
    assert market.one_key(scene, "BTC") == BTC
    hold(scene, PERP, BTC_PERP)
    assert market.one_key(scene, "BTC") == BTC_PERP


def test_a_regime_is_told_since_the_close_it_was_known() -> None:
    scene = scene_of()
    row = scene.state.market[0]
    row["dwell"] = 1
    assert market.since_of(scene.state, 0) == int(row["primary_ts"]) + int(row["primary_ms"])
    scene.state.market[1]["regime"] = UNKNOWN
    found = market.regime(scene, {})
    assert found.table is not None
    assert found.table.rows[0] == ("BTC", "trend", "03-05 14:15", "10m")
    assert found.table.rows[1] == ("1000PEPE", "unknown", "–", "–")
    assert any(line.startswith("unknown:") for line in found.lines)
    assert found.data[PEPE]["since_ts"] is None


def test_pairs_tell_data_spread_position_and_the_last_refusal() -> None:
    scene = scene_of()
    state = scene.state
    state.spreads[0, :13], state.spread_n[0] = 2, 13
    state.spreads[0, 12] = 5
    state.feeds_down["bybit-linear"] = "lost"
    state.market[1]["last_ts"] = T0 - 3 * M5
    hold(scene, PAPER, BTC)
    scene.recent(1, Tick(T0), [refused(ts=T0)])
    found = market.pairs(scene, {})
    assert found.table is not None
    assert found.table.rows == (
        ("BTC", "live", "trend", "2.5x", "long"),
        ("1000PEPE", "late 10", "trend", "–", "–"),
        ("BTC perp", "down", "trend", "–", "–"),
    )
    assert any("refused C1 long BTCUSDT: cost_too_high" in line for line in found.lines)
    assert found.data[BTC]["last_refusal"]["rule"] == "cost_too_high"
    state.market[1]["last_ts"] = 0
    assert market.data_text(scene, 1) == "none"


def test_exploration_shows_its_base_and_what_chop_makes_of_it() -> None:
    scene = scene_of()
    scene.state.market[2]["regime"] = CHOP
    found = market.explore(scene, {})
    assert found.table is not None
    assert [row[2] for row in found.table.rows] == ["10%", "10%", "25%"]
    assert "as configured" in found.lines[0]
    assert "CRYPTO/PAPER" in found.lines[2]
    assert [label for label, _ in found.more] == ["+1", "+5", "explore_live on"]
    scene.state.exploration = 20
    again = market.explore(scene, {})
    assert "base 20% of decisions, set by the operator" in again.lines[0]
    assert [wanted.args["percent"] for _, wanted in again.more[:-1]] == ["15", "19", "21", "25"]


def test_exploration_with_real_money_is_shown_with_what_it_has_lost_of_its_budgets() -> None:
    scene = scene_of()
    assert (
        market.explore(scene, {}).lines[3] == "with the money of CRYPTO/LIVE: off, lost 0.00 of 2.50 today, lost 0.00 of 10.00 in 30 days"
    )
    scene.state.live_trials["CRYPTO"] = LiveTrial(on=True, days={scene.now // DAY_MS: -MONEY_SCALE})
    found = market.explore(scene, {})
    assert found.lines[3] == "with the money of CRYPTO/LIVE: ON, lost 1.00 of 2.50 today, lost 1.00 of 10.00 in 30 days"
    assert found.data["live"] == {"CRYPTO/LIVE": True} and found.more[-1] == ("explore_live off", Wanted("explore_live", {"to": "off"}))
    paper = market.explore(scene_of(accounts=(PAPER,)), {})
    assert len(paper.lines) == 3 and paper.more[-1][0] == "+5"

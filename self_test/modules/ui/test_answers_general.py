from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import structlog

from modules.learning.checkpoint import Manifest, save
from modules.learning.plan import Plan
from modules.learning.trainer import save_plan
from modules.ui import answers_general as general
from modules.ui.commands import VOCABULARY
from self_test.modules.ui.scenes import BTC, LIVE, PAPER, T0, fits, hold, scene_of
from self_test.utils.test_logs import put_logging_back  # noqa: F401  used by its name
from state.accounts import Domain
from state.drift import Drift
from state.policies import PolicyRef
from state.sentiment import Felt
from state.stages import Toggles
from state.standing import Standing
from strategy.lcb_table import SHAPE
from utils.fixed import MONEY_SCALE
from utils.logs import setup


def test_status_says_what_keeps_the_bot_from_entering() -> None:
    scene = scene_of()
    state = scene.state
    hold(scene, PAPER, BTC)
    state.acct[1]["equity"] = 900 * MONEY_SCALE
    state.halted[str(LIVE)] = "flatten by me"
    state.holds[str(LIVE)] = {"deficit": "12 USDT less than booked"}
    state.feeds_down["bybit-spot"] = "connection lost"
    state.toggles = Toggles(paused=True, learning=True)
    state.standings["CRYPTO/swing"] = Standing(offered_ts=5)
    found = general.status(scene, {})
    assert found.table is not None
    assert found.table.rows[:2] == (("CRYPTO/PAPER", "1,000.00", "0.0%", "1"), ("CRYPTO/LIVE", "900.00", "10.0%", "0"))
    text = "\n".join(found.lines)
    for words in (
        "2025-03-05 14:25 UTC",
        "HALTED CRYPTO/LIVE: flatten by me",
        "held CRYPTO/LIVE: 12 USDT less than booked",
        "feed bybit-spot DOWN: connection lost",
        "feed bybit-linear up",
        "half size at 8%, no entries at 12%, halt at 15%",
        "entries PAUSED; forex OFF; options OFF; learning ON",
        "real money is offered: CRYPTO/swing",
    ):
        assert words in text, words
    assert found.data["halted"] is True
    assert found.data["accounts"]["CRYPTO/PAPER"]["open_positions"][0]["symbol"] == "BTCUSDT"
    assert [label for label, _ in found.more][-1] == "promote CRYPTO/swing"


def test_status_says_what_rule_bars_entries_and_until_when() -> None:
    scene = scene_of()
    state = scene.state
    state.toggles = Toggles()
    state.halted.clear()
    state.acct["day_start"], state.acct["day_stopped"] = state.acct["equity"], 1
    found = general.status(scene, {})
    words = "entries barred until 00:00 UTC: the day's loss reached its limit (now +0.0%)"
    assert f"CRYPTO/PAPER: {words}" in found.lines and "day's loss limit: no entries at 3%" in found.lines
    assert "entries BARRED; forex OFF; options OFF; learning OFF" in found.lines
    assert found.data["accounts"]["CRYPTO/PAPER"]["barred"] == [words] and fits(found)


def test_a_stored_status_says_that_it_is_not_live() -> None:
    scene = scene_of()
    scene.live = False
    assert "stored: no bot answers" in general.status(scene, {}).lines[0]
    assert general.status(scene, {}).data["live"] is False


def test_learning_says_who_decides_and_offers_the_other_way_of_its_switch(tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    found = general.learn(scene, {})
    assert found.lines[:3] == [
        "the switch is OFF: nothing is trained or promoted, the log of decisions goes on",
        "CRYPTO: the static policy decides",
        "CRYPTO: no training is due while it is off",
    ]
    assert found.table is not None and found.table.rows == (("CRYPTO", "static", "never"), ("PERPS", "static", "never"))
    assert found.more[0][1].args == {"to": "on"} and fits(found)
    scene.state.toggles = Toggles(learning=True)
    found = general.learn(scene, {})
    assert "CRYPTO: training due as soon as there is enough" in found.lines and found.more[0][1].args == {"to": "off"}


def test_learning_tells_of_champion_challenger_and_the_next_training(tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    state, week = scene.state, 7 * 86_400_000
    state.toggles = Toggles(learning=True)
    manifest = Manifest(
        domain=Domain.CRYPTO, version="", algorithm="lcb_table", hyperparameters={}, window=(0, 1), data="", decisions=1_234, seeds=[],
        libraries={}, made_ts=T0,
    )  # fmt: skip
    version = save(tmp_path, manifest, {"lower": np.zeros(SHAPE, np.float32)}).version
    state.policies["CRYPTO"] = PolicyRef(version=version, level=1, half_until=T0 + 1, challenger="static", offered="b" * 12)
    save_plan(tmp_path, Domain.CRYPTO, Plan(champion=version, number=3, last_train_ts=T0 - 60_000))
    found = general.learn(scene, {})
    assert f"CRYPTO: {version} (L1) decides, half size" in found.lines and "CRYPTO: static decides in shadow" in found.lines
    assert "CRYPTO: learned from 1,234 decisions, training 3" in found.lines
    assert "CRYPTO: training due 2025-03-12 14:24 UTC, or after drift" in found.lines
    assert any("waits for a person" in line for line in found.lines) and fits(found)
    assert ("promote", {"style": "CRYPTO/policy"}) in [(wanted.name, wanted.args) for _, wanted in found.more]
    assert "another policy is offered: CRYPTO/policy" in general.status(scene, {}).lines
    told = found.data["domains"]["CRYPTO"]
    assert told["next_train_ts"] == T0 - 60_000 + week and told["learned_from"] == 1_234
    state.drift["CRYPTO"] = Drift(level=2, since_ts=T0, alarm_ts=T0)
    assert "CRYPTO: no training is due while drift lasts" in general.learn(scene, {}).lines
    (tmp_path / "policies" / "crypto" / version / "manifest.json").write_text("{}")
    assert general.learn(scene, {}).data["domains"]["CRYPTO"]["learned_from"] == 0


def test_drift_says_level_reason_and_end_of_each_domain() -> None:
    scene = scene_of()
    assert general.drift(scene, {}).lines == ["nothing was found to have changed"]
    day = 86_400_000
    change = Drift(
        level=2, since_ts=scene.now - day, alarm_ts=scene.now - day, stream="calibration", reason="its mean has changed", person=True
    )
    scene.state.drift["CRYPTO"] = change
    scene.state.sentiment["CRYPTO"] = Felt(milli=-620, ts=scene.now, source="file mood.csv")
    found = general.drift(scene, {})
    assert found.table is not None and ("CRYPTO", "2", "2025-03-04 14:25 UTC", "calibration") in found.table.rows
    assert found.lines == [
        "CRYPTO: its mean has changed",
        "CRYPTO: ends 2025-03-11 14:25 UTC without another alarm; size x 0.5",
        "CRYPTO: nothing is learned or promoted until then",
        "CRYPTO: sentiment (file mood.csv) -0.62 at 2025-03-05 14:25 UTC",
    ]
    scene.state.drift["CRYPTO"] = Drift(person=True)
    scene.state.sentiment["CRYPTO"] = Felt(source="x")
    assert general.drift(scene, {}).lines == [
        "CRYPTO: the next promotion of a policy waits for a person",
        "CRYPTO: sentiment (x) nothing that could be understood",
    ]
    assert general.drift(scene, {}).data["domains"]["CRYPTO"]["person"] is True


@pytest.mark.usefixtures("put_logging_back")
def test_the_log_is_masked_and_its_lines_are_short() -> None:
    setup(level="warning", stream=io.StringIO(), secrets=["s3cret-value"], keep=50)
    log = structlog.get_logger("feed")
    log.info("one")
    log.info("two s3cret-value " + "x\n" * 500)  # noqa: G003
    found = general.logs(scene_of(), {"n": "5"})
    assert len(found.lines) == 2
    assert "s3cret" not in str(found)
    assert all(len(line) <= general.LONGEST_LINE and line.isprintable() for line in found.lines)
    assert len(general.logs(scene_of(), {"n": "1"}).lines) == 1


def test_without_a_log_it_says_so() -> None:
    assert general.logs(scene_of(), {}).lines == ["nothing was logged since the start"]


def test_help_names_every_command_or_explains_one() -> None:
    assert len(general.help_(scene_of(), {}).lines) == len(VOCABULARY)
    one = general.help_(scene_of(), {"command": "close"})
    assert one.lines == ["close SYMBOL [ACCOUNT]: close a position at market", "e.g. close BTCUSDT"]
    assert one.data == {"close SYMBOL [ACCOUNT]": "close a position at market"}
    assert len(general.help_(scene_of(), {"command": "pause"}).lines) == 1


def test_the_panel_s_address_is_told_where_there_is_one() -> None:
    scene = scene_of()
    assert "no web panel" in general.panel(scene, {}).lines[0]
    scene.panel_url = lambda: "http://127.0.0.1:9108/"
    assert "9108" in general.panel(scene, {}).lines[0]

"""All faces of a run, as the daemon gets them: what runs, what the banner says, and that what is last reaches who watches."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from config import CONFIG
from modules.accounts import Lineup
from modules.environment import Environment
from modules.face_floor import FaceFloor
from modules.fulfil import Building
from modules.options import RunOptions
from modules.ui.commands import parse
from modules.ui.notices import Topic
from self_test.scenarios.desk import Desk
from state.accounts import Account, Domain
from state.market import Candle
from state.messages import Control
from telemetry.metrics import MetricsObserver
from utils.clock import FakeClock

pytestmark = pytest.mark.asyncio


def floor(folder: Path, desk: Desk) -> FaceFloor:
    async def nobody(_account: Account) -> str:
        return ""

    lineup = Lineup(domains=(Domain.CRYPTO,), paper=(desk.account,), live=())
    options = RunOptions(stage=1, env=Environment.SIMULATED, state_dir=folder)
    options.folder.mkdir(parents=True)
    building = Building(
        options=options,
        config=CONFIG,
        state=desk.engine.state,
        clock=FakeClock(),
        venue_ts=lambda: desk.now,
        put=lambda _event: None,
        lineup=lineup,
        lineup_of=lambda _options: lineup,
        account_id=nobody,
        another_life=lambda _options: None,
    )
    return FaceFloor(building, desk.engine, random.Random(1), list, lambda: "http://127.0.0.1:9108")


@pytest.mark.parametrize("token", ["", "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])
async def test_what_runs_and_what_the_banner_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    for name, value in (("TELEGRAM_BOT_TOKEN", token), ("TELEGRAM_CHAT_ID", "42")):
        monkeypatch.setenv(name, value)
    faces = floor(tmp_path, Desk())
    names = [name for name, _ in faces.jobs()]
    assert names == ["notices", "views", "panel", *(["telegram"] if token else [])]
    assert faces.notes[0].startswith("Telegram: on" if token else "Telegram: off")


async def test_a_chart_begins_with_the_candles_of_the_warm_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    desk = Desk()
    faces = floor(tmp_path, desk)
    key = desk.engine.state.instruments[0].key
    faces.prime([Candle(key, n * 300_000, 100, 102, 99, 101, 1.0) for n in range(40)])
    found = await faces.operator.picture(parse(f"chart {key.partition(':')[2]}"))
    assert found.picture is not None
    assert len(faces._recent.bars(key, 99)) == 40


async def test_looking_goes_to_the_views_and_the_last_news_to_who_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TELEGRAM_BOT_TOKEN", raising=False)
    desk = Desk()
    faces = floor(tmp_path, desk)
    assert "http://127.0.0.1:9108" in " ".join(faces.operator.look(parse("panel")).lines)
    watch = faces.operator.watch()
    event = Control(desk.now, "pause", {}, "anna")
    faces.observe(7, event, desk.tell(event))
    await faces.goodbye()
    assert getattr(await watch.take(), "kind", None) is Topic.ASKED


async def test_what_the_faces_count_is_in_the_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TELEGRAM_BOT_TOKEN", "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ("TELEGRAM_CHAT_ID", "42")):
        monkeypatch.setenv(name, value)
    faces, registry = floor(tmp_path, Desk()), CollectorRegistry()
    metrics = MetricsObserver(registry, FakeClock(), environment="simulated", version="0")
    faces.panel.site.tries.failed("10.0.0.1", 1)
    for _ in range(2):  # asked for twice, counted once
        faces.sample(metrics)
    assert registry.get_sample_value("bot_panel_wrong_logins_total") == 1
    assert registry.get_sample_value("bot_chat_strangers_total", {"reason": "another chat"}) == 0
    assert registry.get_sample_value("bot_chat_up") == 0

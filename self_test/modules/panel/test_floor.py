from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from config import CONFIG
from modules.panel.floor import PanelFloor
from modules.panel.settings import Panel
from modules.panel.token import token_file
from self_test.modules.panel.house import Aside, House
from self_test.telemetry.samples import BTC, T0
from state.market import Quote
from utils.clock import FakeClock
from utils.errors import Refusal

pytestmark = pytest.mark.asyncio


class Beside(Aside):
    """As `Aside`, with the command it was asked to run."""

    async def command(self, words: list[str] | None = None) -> bytes:
        self.asked.append(("command", words))
        return self.kpi


async def test_it_is_mounted_unless_it_is_switched_off(tmp_path: Path) -> None:
    for on in (True, False):
        app = web.Application()
        config = CONFIG.model_copy(update={"panel": Panel(on=on)})
        PanelFloor(config, tmp_path, {}, FakeClock()).mount(app)
        assert any(route.resource is not None and route.resource.canonical == "/controls" for route in app.router.routes()) is on
    assert token_file(tmp_path).exists()


async def test_it_reads_what_it_was_given(tmp_path: Path) -> None:
    house, aside = House(), Beside()
    floor = PanelFloor(CONFIG, tmp_path / "simulated", {"PANEL_TOKEN": "long-enough-for-a-token"}, house.clock)
    floor.on_quote(Quote(BTC, T0, 1, 3, 1, 1))  # before there is an engine: nothing to keep
    floor.attach("simulated", house.recent, house.operator, list, aside)
    floor.on_quote(Quote(BTC, T0, 1, 3, 1, 1))
    source = floor.site.sources
    assert source.forming.bar(house.state.instruments[0]) == [T0 // 1000 // 300 * 300, 0.2, 0.2, 0.2, 0.2, ""]
    await source.figures.read()
    words = aside.asked[0][1]
    assert words[2:] == ["kpi", "--json", "--env", "simulated", "--state-dir", str(tmp_path)]


async def test_a_token_that_can_be_guessed_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="PANEL_TOKEN"):
        PanelFloor(CONFIG, tmp_path, {"PANEL_TOKEN": "short"}, FakeClock())

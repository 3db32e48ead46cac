from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modules.ui import answers_pictures as pictures
from modules.ui.beside import Beside
from modules.ui.periods import Period
from modules.ui.recent import DayEquity
from modules.ui.scene import DAY_MS, HOUR_MS
from self_test.fakes.books import M5
from self_test.modules.ui.scenes import BTC, PAPER, T0, hold, scene_of
from self_test.telemetry.samples import trade
from state.market import Candle
from state.messages import BarsClosed, Tick
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE


def test_a_price_chart_reaches_back_to_what_is_held_and_was_traded() -> None:
    scene = scene_of()
    assert pictures.price_chart(scene, BTC).from_ts == T0 - pictures.WINDOW_MS
    hold(scene, PAPER, BTC)
    scene.state.pos[0]["opened_ts"] = T0 - 20 * HOUR_MS
    for account in (str(PAPER), "PERPS/PAPER"):
        scene.recent(1, Tick(T0), [trade("1", 1.0, account=account, entry_ts=T0 - 30 * HOUR_MS)])
    scene.recent(2, Tick(T0), [trade("1", 1.0, entry_ts=T0 - 9 * DAY_MS)])
    found = pictures.price_chart(scene, BTC)
    assert found.from_ts == T0 - 31 * HOUR_MS
    assert len(found.trades) == 1
    assert [(one.account, one.stop, one.target, one.long) for one in found.held] == [("CRYPTO/PAPER", 98.0, 106.0, True)]
    assert (found.tick, found.unit, found.width_ms) == (0.01, "USDT", M5)


@pytest.mark.asyncio
async def test_charts_are_drawn_beside_the_daemon() -> None:
    scene = scene_of()
    for n in range(30):
        price = 10_000 + 7 * n
        scene.state.acct[0]["equity"] = (1_000 + n) * MONEY_SCALE
        scene.recent(n, BarsClosed(T0 + n * M5, (Candle(BTC, T0 + (n - 1) * M5, price, price + 9, price - 9, price + 5, 1.0),)), [])
    scene.state.ts = T0 + 30 * M5
    beside = Beside()
    one = await pictures.chart(scene, {"what": "BTC"}, beside)
    assert one.picture is not None
    assert one.picture.startswith(b"\x89PNG")
    assert one.data["symbol"] == "BTCUSDT"
    assert len(one.picture) < 300_000
    equity = await pictures.chart(scene, {"what": "equity"}, beside)
    assert equity.picture is not None
    assert len(equity.picture) < 300_000
    assert equity.lines[0] == "CRYPTO/PAPER: 1,029.00 USDT, drawdown 0.0%"
    with pytest.raises(Refusal, match="no symbol"):
        await pictures.chart(scene, {"what": "NOPE"}, beside)


def test_equity_is_days_of_the_ledger_then_the_marks_of_this_life_and_not_too_many() -> None:
    scene = scene_of()
    name = str(PAPER)
    today = T0 // DAY_MS
    scene.recent.days[name].extend([DayEquity(today - 2, 950.0, 990.0), DayEquity(today - 1, 990.0, 1_000.0)])
    scene.recent.equity[name].append((T0, 1_010 * MONEY_SCALE))
    expected = (((today - 2) * DAY_MS, 950.0), ((today - 1) * DAY_MS, 990.0), (today * DAY_MS, 1_000.0), (T0, 1_010.0))
    assert pictures.equity_points(scene, name) == expected
    scene.recent.equity[name].extend((T0 + n * M5, (1_010 + n) * MONEY_SCALE) for n in range(1, 2_000))
    found = pictures.equity_points(scene, name)
    assert len(found) <= pictures.MOST_POINTS
    assert found[-1] == (T0 + 1_999 * M5, 3_009.0)
    assert (np.diff([ts for ts, _ in found]) > 0).all()
    assert pictures.equity_points(scene, "PERPS/PAPER") == ()


class Maker:
    """Makes reports as the daemon's command does, and counts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, list[str]()

    async def __call__(self, period: Period, _now: int) -> None:
        self.made.append(period.name)
        place = self.folder / "reports" / period.name
        place.mkdir(parents=True, exist_ok=True)
        (place / "report.md").write_text("# Report\n\n**3 trades**, `+1.2` USDT\n\n| a | b |\n")
        for name in ("crypto-paper-costs.png", "crypto-paper-equity.png", "targets.png"):
            (place / name).write_bytes(name.encode())


@pytest.mark.asyncio
async def test_a_report_is_made_once_and_shown_with_its_pictures(tmp_path: Path) -> None:
    scene = scene_of(tmp_path)
    scene.recent.days[str(PAPER)].append(DayEquity(T0 // DAY_MS - 3, 1.0, 1.0))
    maker = Maker(tmp_path)
    for _ in range(2):
        found = await pictures.report(scene, {"period": "daily"}, maker)
    assert maker.made == ["daily-2025-03-04"]
    assert found.title == "Report daily-2025-03-04"
    assert found.picture == b"crypto-paper-equity.png"
    assert [title for title, _ in found.pictures] == ["crypto paper costs", "targets"]
    assert found.lines == ["3 trades, +1.2 USDT", "3 pictures"]


@pytest.mark.asyncio
async def test_a_period_that_is_not_over_is_made_anew(tmp_path: Path) -> None:
    scene, maker = scene_of(tmp_path), Maker(tmp_path)
    for _ in range(2):
        found = await pictures.report(scene, {"period": "weekly"}, maker)
    assert maker.made == ["weekly-2025-W10"] * 2
    assert found.data["complete"] is False


@pytest.mark.asyncio
async def test_a_report_that_was_not_made_is_a_refusal(tmp_path: Path) -> None:
    async def nothing(_period: Period, _now: int) -> None:
        return

    with pytest.raises(Refusal, match="not there"):
        await pictures.report(scene_of(tmp_path), {"period": "daily"}, nothing)
    scene = scene_of(tmp_path)
    scene.state.ts = 0
    with pytest.raises(Refusal, match="nothing to report"):
        await pictures.report(scene, {}, nothing)

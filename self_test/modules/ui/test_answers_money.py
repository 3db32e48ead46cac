from __future__ import annotations

from typing import Any

import pytest

from modules.ui import answers_money as money_views
from modules.ui.scene import DAY_MS
from self_test.modules.ui.scenes import BTC, BTC_PERP, LIVE, PAPER, PERP, T0, hold, scene_of
from self_test.telemetry.samples import trade
from state.books import PENDING
from state.messages import Record, Tick
from utils.fixed import MONEY_SCALE


def test_a_position_is_told_with_stop_target_result_and_age() -> None:
    scene = scene_of()
    hold(scene, PAPER, BTC)
    i = hold(scene, PERP, BTC_PERP, mark=9_900, side=-1)
    scene.state.pos[i]["value"] = 10_000 * 10_000 * int(scene.state.inst[i]["unit"])
    found = money_views.positions(scene, {})
    assert found.table is not None
    assert found.table.rows == (("BTC", "long", "+0.45", "+0.90", "3h12"), ("BTC perp", "short", "+0.45", "+0.90", "3h12"))
    assert found.lines[:5] == [
        "BTCUSDT long 1, CRYPTO/PAPER, C1",
        "  entry 100, now 101 (+1.0%)",
        "  stop 98 (-3.0%)",
        "  target 106 (+5.0%)",
        "  +0.45 R, +0.90 USDT, held 3 h 12 min",
    ]
    row = found.data["CRYPTO/PAPER"][0]
    assert {"symbol", "side", "qty", "entry", "stop", "target", "opened_ts"} <= set(row), "what `positions --json` promises"
    assert (row["r"], row["age_ms"]) == (0.45, 11_520_000)
    assert found.data["CRYPTO/LIVE"] == []
    assert found.more[1][1].args == {"symbol": "BTCUSDT", "account": "PERPS/PAPER"}


def test_an_entry_on_its_way_is_no_position() -> None:
    scene = scene_of()
    i = hold(scene, LIVE, BTC)
    scene.state.pos[i]["status"] = PENDING
    found = money_views.positions(scene, {})
    assert found.title == "0 open positions"
    assert found.lines == ["BTCUSDT long: an entry is on its way, CRYPTO/LIVE"]


def test_nothing_held_and_nothing_traded_are_said() -> None:
    scene = scene_of()
    assert money_views.positions(scene, {}).lines == ["nothing is held"]
    assert money_views.trades(scene, {}).lines == ["no trade has closed yet"]
    assert money_views.pnl(scene, {}).lines[0].startswith("CRYPTO/PAPER: equity +0.00")


def test_the_newest_trades_come_first() -> None:
    scene = scene_of()
    for n in range(7):
        row = trade(f"{n}.239", float(n), "max_hold", exit_ts=T0 + n * 60_000, account="PERPS/PAPER")
        scene.recent(n, Tick(T0), [row])
    found = money_views.trades(scene, {"n": "3"})
    assert found.table is not None
    assert [row[3] for row in found.table.rows] == ["+6.24", "+5.24", "+4.24"]
    assert found.table.rows[0] == ("14:31", "BTC perp", "+6.00", "+6.24", "time")
    assert found.more[0][1].args == {"n": "6"}
    assert len(found.data) == 3
    assert money_views.trades(scene, {"n": "50"}).more == ()


def day_row(days_ago: int, start: float, equity: float) -> Record:
    row: dict[str, Any] = {"ts": T0, "account": str(PAPER), "day": T0 // DAY_MS - days_ago, "start": str(start), "equity": str(equity)}
    return Record("equity", row)


@pytest.mark.parametrize(
    ("period", "trades", "net", "change"), [("day", 1, "+2.00", 100.0), ("week", 2, "+5.00", 150.0), ("all", 3, "+16.00", None)]
)
def test_profit_counts_the_trades_of_its_period_and_what_equity_did(period: str, trades: int, net: str, change: float | None) -> None:
    scene = scene_of()
    for days_ago, pnl in ((5, "11"), (2, "3"), (0, "2")):  # a Friday, Monday and today, Wednesday
        scene.recent(1, Tick(T0), [trade(pnl, 1.0, exit_ts=T0 - days_ago * DAY_MS)])
    for row in (day_row(5, 800, 900), day_row(2, 950, 990), day_row(1, 990, 1_000)):
        scene.recent(1, Tick(T0), [row])
    scene.state.acct[0]["equity"] = 1_100 * MONEY_SCALE
    hold(scene, PAPER, BTC)
    found = money_views.pnl(scene, {"period": period})
    assert found.table is not None
    assert found.table.rows[0] == ("CRYPTO/PAPER", str(trades), "100%", net, "+0.90")
    mine = found.data["accounts"]["CRYPTO/PAPER"]
    assert mine["equity_change"] == change
    assert mine["fees"] == f"{0.212 * trades:.3f}"


def test_a_wallet_that_was_reset_says_what_counts_since() -> None:
    scene = scene_of()
    scene.recent(1, Tick(T0), [trade("2", 1.0)])
    assert any("0 of them since its wallet was reset: +0.00" in line for line in money_views.pnl(scene, {"period": "all"}).lines)

"""An option is shown alike on every face: by its own symbol, premiums as premiums, moments on the pair's chart, money in dollars."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from config import CONFIG
from modules.panel import facts, series
from modules.requests import request_event
from modules.ui import answers_general, answers_market, answers_money, answers_pictures, chart_drawing
from modules.ui.charts import PriceChart
from modules.ui.commands import parse
from modules.ui.notices import Notices, Topic, exited
from modules.ui.scene import Scene, keys_of, short_name, short_symbol
from modules.ui.wording import entered, told
from self_test.modules.ui.option_scenes import CALL, EUR_OPT, JPY_OPT, NOW, OPT, PUT, SLOTS, hold_option, option_scene, option_trade
from self_test.modules.ui.scenes import fits
from self_test.telemetry.samples import place
from state.intents import Side
from state.market import Candle
from state.messages import BarsClosed, OrderFilled, Record, Report, Tick
from state.orders import Fill
from utils.errors import Refusal

M15 = 900_000


def scene(*, surfaces: bool = True) -> Scene:
    found = option_scene()
    if not surfaces:
        found.state.surfaces = {}
    hold_option(found.state)
    hold_option(found.state, PUT, lots=3, premium=2_000, mark=2_200)
    return found


def candles(found: Scene, n: int = 60) -> None:
    """EURUSD rises by a pip every quarter of an hour up to NOW."""
    for k in range(n):
        ts, price = NOW - (n - k) * M15, 103_180 - 10 * (n - k)
        found.recent(k + 1, BarsClosed(ts + M15, (Candle(EUR_OPT, ts, price, price + 12, price - 3, price + 10, 1.0),)), [])


# --- looking ----------------------------------------------------------------------------------------------------------------------------


def test_positions_tell_terms_greeks_and_premium_and_close_by_the_option_s_own_symbol() -> None:
    found = answers_money.positions(scene(), {})
    assert fits(found) and found.table is not None
    assert [row[0] for row in found.table.rows] == ["EURUSD C", "USDJPY P"]
    assert found.lines[:6] == [
        "EURUSD-20250307-C-1.03500 long 900, OPTIONS/PAPER, O1",
        "  call at 1.03500, expires 2025-03-07 15:00 UTC, 24.2 days left (4h/1h)",
        "  delta +0.47 (+0.19 per 1 % of spot), vega 0.9492 USD a vol point, theta -0.1821 USD a day, vol 8.3 %",
        "  premium 0.01, now 0.011 (+10.0%), intrinsic 0",
        "  stop 0.005 (-54.5%)",
        "  target 0.02 (+81.8%)",
    ]
    assert "  premium as quoted: 110 USD pips, 1.066 % EUR, 1.063 % USD, 103 EUR pips" in found.lines
    assert "  premium as quoted: 220 JPY pips, 1.448 % USD, 1.457 % JPY, 0.9588 USD pips" in found.lines
    assert found.more[0][1].args == {"symbol": CALL.symbol, "account": "OPTIONS/PAPER"}
    assert parse(found.more[0][1].line).args == found.more[0][1].args
    assert found.data["OPTIONS/PAPER"][1]["option"]["right"] == "put"
    # 300 USD of base at 0.2 JPY each, in dollars
    assert found.table.rows[1][3] == "+0.39"


def test_status_has_the_same_figures() -> None:
    found = answers_general.status(scene(), {})
    one = found.data["accounts"]["OPTIONS/PAPER"]["open_positions"][0]
    assert one["option"]["delta"] == pytest.approx(0.4665, abs=1e-3) and one["option"]["timeframe"] == "4h/1h"
    assert found.data["quotes"]["OPTIONS/PAPER"] == "USD"


@pytest.mark.parametrize("symbol", ["EURUSD", CALL.symbol])
def test_why_takes_the_pair_and_the_option(symbol: str) -> None:
    found = answers_market.why(scene(), {"symbol": symbol})
    assert f"  OPTIONS/PAPER: long {CALL.symbol} 900, +0.20 R" in found.lines
    assert "  surface file, quoted 2025-02-10 15:00 UTC, 19 h old" in found.lines
    assert ("FOREX:EURUSD" in found.data["keys"]) == (symbol == "EURUSD")


def test_why_says_that_without_a_surface_nothing_is_bought() -> None:
    found = answers_market.why(scene(surfaces=False), {"symbol": PUT.symbol})
    assert "  surface none: nothing is priced, no option is bought" in found.lines
    assert "    greeks are unknown: no volatility surface" in found.lines


def test_pairs_name_the_slots_and_the_age_of_their_surfaces() -> None:
    found = answers_market.pairs(scene(), {})
    assert fits(found) and found.table is not None
    assert [row[0] for row in found.table.rows] == ["EURUSD fx", "USDJPY fx", "EURUSD opt", "USDJPY opt"]
    assert sum(line.endswith("19 h old") for line in found.lines) == 2


def test_names() -> None:
    state = scene().state
    assert [short_name(one) for one in SLOTS] == ["EURUSD opt", "USDJPY opt"]
    assert short_symbol(state, "OPTIONS/PAPER", PUT.symbol) == "USDJPY P"
    assert keys_of(state, PUT.symbol.lower()) == [JPY_OPT]
    with pytest.raises(Refusal, match="no symbol GBPUSD-20250307"):
        keys_of(state, "GBPUSD-20250307-C-1.2")
    assert parse(f"why {CALL.symbol.lower()}").args["symbol"] == CALL.symbol
    with pytest.raises(Refusal, match="is no symbol"):
        parse("why EURUSD-2025-C-1")


def test_trades_and_refusals_of_a_slot_are_found_by_its_pair() -> None:
    found = scene()
    report = Report(
        ts=NOW, what="refused", account=str(OPT), key=EUR_OPT, rule="stale_surface", text="O1 long EURUSD skipped: stale_surface, old"
    )
    found.recent(1, Tick(NOW), [Record("trade", option_trade("exercised", exit="0.0031")), report])
    assert found.recent.newest_trades(9, key=EUR_OPT) and not found.recent.newest_trades(9, key=JPY_OPT)
    why = answers_market.why(found, {"symbol": "EURUSD"})
    assert any(f"O1 long {CALL.symbol} exercised at 0.0031" in line for line in why.lines)
    trades = answers_money.trades(found, {})
    assert fits(trades) and trades.table is not None and trades.table.rows[0][1] == "EURUSD C"


# --- asking -----------------------------------------------------------------------------------------------------------------------------


def test_closing_takes_the_slot_or_the_option() -> None:
    state = scene().state
    for symbol in ("EURUSD", CALL.symbol):
        (event,) = request_event(state, CONFIG, "close", {"symbol": symbol, "account": "all"}, 7, "me")
        assert event.args == {"account": "OPTIONS/PAPER", "key": EUR_OPT}
    with pytest.raises(Refusal, match=rf"not traded here; did you mean {CALL.symbol}"):
        request_event(state, CONFIG, "close", {"symbol": "EURUSD-20250314-C-1.03500", "account": "all"}, 7, "me")


# --- being told -------------------------------------------------------------------------------------------------------------------------


def filled(found: Scene, **changes: Any) -> OrderFilled:
    values: dict[str, Any] = {"account": OPT, "key": EUR_OPT, "order_id": "x", "exec_id": "e", "ts": NOW, "side": Side.LONG}
    return OrderFilled(NOW, Fill(**values, price=1_000, steps=9, fee=0, maker=False), **changes)


def test_an_entry_tells_contract_premium_stop_target_and_r() -> None:
    found = scene()
    opened = Report(ts=NOW, what="opened", account=str(OPT), key=EUR_OPT, text="long")
    (one,) = Notices()(filled(found), [opened, Record("fill", {})], found.state)
    assert one.text.splitlines() == [
        f"ENTER long {CALL.symbol} (OPTIONS/PAPER)",
        "O1 swing in trend",
        "call at 1.03500, expires 2025-03-07 15:00 UTC, 24.2 days left (4h/1h)",
        "delta +0.47 (+0.19 per 1 % of spot), vega 0.9492 USD a vol point, theta -0.1821 USD a day, vol 8.3 %",
        "900 at 0.01 premium = 9.00 USD",
        "stop 0.005 (-50.00%)",
        "target 0.02 (+100.00%)",
        "1 R = 4.50 USD, fees 0.00",
    ]


@pytest.mark.parametrize(
    ("reason", "left", "title"),
    [
        ("exercised", "0.0031", f"EXERCISED {CALL.symbol}, worth 0.0031 (OPTIONS/PAPER)"),
        ("expired", "0", f"EXPIRED worthless {CALL.symbol} (OPTIONS/PAPER)"),
        ("stop", "0.005", f"CLOSED long {CALL.symbol} by stop (OPTIONS/PAPER)"),
    ],
)
def test_an_exit_says_whether_it_was_exercised_or_expired(reason: str, left: str, title: str) -> None:
    assert exited(option_trade(reason, exit=left), "USD").title == title


def test_a_settlement_is_told_with_its_fixing() -> None:
    found = option_scene()
    text = f"{CALL.symbol} exercised at the cut: fixing 1.03810, intrinsic value 0.0031, delivery 2025-03-11"
    settled = Report(ts=NOW, what="settled", account=str(OPT), key=EUR_OPT, rule="exercised", text=text)
    (one,) = Notices()(Tick(NOW), [Record("trade", option_trade("exercised", exit="0.0031")), settled], found.state)
    assert (one.kind, one.lines[-1]) == (Topic.EXIT, text)
    line = told(settled)
    assert line is not None and line.word == "SETTLED"
    late = msgspec.structs.replace(settled, what="settled_late")
    (one,) = Notices()(Tick(NOW), [Record("trade", option_trade("exercised", exit="0.0031")), late], found.state)
    loud = told(late)
    assert one.lines[-1] == text and loud is not None and loud.style != line.style


def test_an_order_is_told_by_the_option_it_is_for() -> None:
    intent = msgspec.structs.replace(place().order.intent, key=EUR_OPT, contract=CALL, reference=1_000)
    assert f" {CALL.symbol} " in str(entered(intent, SLOTS[0], 1))


# --- pictures and the panel -------------------------------------------------------------------------------------------------------------


def test_a_chart_marks_moments_at_the_pair_s_price_and_no_premium_level() -> None:
    found = scene()
    candles(found)
    put = option_trade("stop", PUT)
    for n, row in enumerate((option_trade(), put | {"symbol": CALL.symbol.replace("-C-", "-P-"), "r": -1.0})):
        found.recent(100 + n, Tick(NOW), [Record("trade", row)])
    chart = answers_pictures.price_chart(found, EUR_OPT)
    (held,) = chart.held
    assert (held.stop, held.target, held.long) == (None, None, True)
    assert held.entry == pytest.approx(1.03180 - 16 * 0.0001 + 0.0001)
    assert [one.long for one in chart.trades] == [False, True]
    assert all(1.02 < price < 1.04 for one in chart.trades for price in (one.entry, one.exit))
    assert chart.sides == ("call bought", "put bought")
    figure = chart_drawing.draw_price(chart)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert not any("stop" in one or "target" in one or "entry" in one for one in words)
    empty = msgspec.structs.replace(chart, bars=b"", held=(), trades=())
    assert chart_drawing.draw_price(empty).axes == []


def test_a_price_outside_the_bars_is_the_nearest_and_none_without_bars() -> None:
    rows = np.array([[100, 1, 1, 1, 50, 0], [200, 1, 1, 1, 60, 0]], np.int64)
    assert [answers_pictures.near(rows, ts, 0.5) for ts in (0, 100, 199, 200, 900)] == [25.0, 25.0, 25.0, 30.0, 30.0]
    assert answers_pictures.near(rows[:0], 100, 0.5) == 0.0


@pytest.mark.asyncio
async def test_a_chart_says_where_the_levels_are() -> None:
    found = scene()
    candles(found, 30)

    class Drawn:
        async def run(self, _job: str, given: bytes) -> bytes:
            return msgspec.msgpack.decode(given, type=PriceChart).title.encode()

    one = await answers_pictures.chart(found, {"what": CALL.symbol}, Drawn())  # type: ignore[arg-type]  # only `run` is asked
    assert one.picture == b"EURUSD (pair of the options)  1.0318"
    assert one.lines[1:] == [answers_pictures.PREMIUMS, "OPTIONS/PAPER: call since 02-11 06:00"]


def test_the_panel_s_positions_name_contract_greeks_and_dollars() -> None:
    found = scene()
    call, put = facts.positions(found.state)
    assert (call.symbol, call.key, call.home, put.home) == (CALL.symbol, EUR_OPT, "USD", "USD")
    assert call.about.startswith("call at 1.03500") and put.moves.startswith("delta -0.45")
    assert (call.entry, call.mark, call.stop, call.target) == ("0.01000", "0.01100", "0.00500", "0.02000")
    surfaces = [one.surface for one in facts.markets(found.state)]
    assert surfaces[:2] == ["", ""] and surfaces[2].startswith("file, quoted")
    assert [one.name for one in facts.checks(found.state, [])] == ["feed oanda", "paper venue FOREX/PAPER", "paper venue OPTIONS/PAPER"]


def test_the_panel_s_chart_has_moments_and_a_level_without_a_price() -> None:
    found = scene()
    candles(found)
    row = option_trade("target", PUT) | {"symbol": CALL.symbol.replace("-C-", "-P-")}
    found.recent(100, Tick(NOW), [Record("trade", row)])
    assert series.levels(found.recent, SLOTS[0]) == [{"kind": "entry", "price": None, "text": CALL.symbol}]
    marks = series.marks(found.recent, SLOTS[0], 0)
    assert [(one["kind"], one["up"]) for one in marks] == [("entry", False), ("entry", True), ("exit", True)]

"""What is told of an option: its terms in fills and trades, its symbol everywhere, and settlements without fee, spread or slippage."""

from __future__ import annotations

import msgspec
import pytest

from modules.engine import option_exits
from modules.engine.recovery import restore, snapshot_of
from self_test.fakes.option_markets import FREE, by_engine, entry_for, far_exits, ms, slot, still_market
from self_test.modules.engine.test_option_pick import ACCOUNT, NOW, bar, engine_of, wants
from self_test.scenarios.desk import kinds
from state.intents import ExitReason
from state.messages import BarsClosed, OrderCancelled, OrderFilled, Place, Record, Report, StopFilled
from state.options import OptionContract
from state.orders import Fill

M15 = 900_000
DAY = 86_400_000


def test_fills_and_trades_bear_the_contract_and_its_terms() -> None:
    expiry = ms("2025-04-04T14:00")
    entry, spot, strike = entry_for("EURUSD", expiry, -1)
    grid = still_market("EURUSD", entry - DAY, expiry + DAY // 2, lambda ts: spot if ts < entry + DAY else strike - 2_000)
    played = by_engine(grid, {entry: -1}, FREE, far_exits)
    (trade,) = played.trades
    assert trade["symbol"] == f"EURUSD-20250404-P-{strike / 1e5:.5f}"
    assert trade["option"] == {
        "right": "put",
        "strike": f"{strike / 1e5:.5f}".rstrip("0"),
        "expiry": "2025-04-04",
        "delta": pytest.approx(-0.5, abs=0.1),
        "vol": pytest.approx(0.085, abs=0.01),
    }
    fills = [one.row for _, commands in played.told for one in kinds(commands, Record) if one.kind == "fill"]
    assert [one["symbol"] for one in fills] == [trade["symbol"]] * 2
    assert [(one["side"], "fixing" in one) for one in fills] == [("buy", False), ("sell", True)]
    assert float(fills[1]["fixing"]) == (strike - 2_000) / 1e5
    texts = {one.what: one.text for one in played.reports}
    assert texts["opened"].startswith(f"long {trade['symbol']} opened at {trade['entry']}")
    assert f"{trade['symbol']} closed by exercised at 0.02" in texts["closed"]
    assert texts["settled"].endswith("intrinsic value 0.02, delivery 2025-04-08")
    assert "slippage" not in trade


def test_what_is_no_option_has_no_terms() -> None:
    engine = engine_of()
    assert option_exits.details(engine.state, 0) == {}, "flat"
    out: list[object] = []
    fill = Fill(ts=1, account=ACCOUNT, key=slot("EURUSD").key, order_id="a", exec_id="b", side=-1, price=1, steps=1, fee=0)
    option_exits.settled(engine.state, 0, fill, ExitReason.EXPIRED, out)  # type: ignore[arg-type]
    assert out == []


@pytest.mark.parametrize(
    ("late_ms", "what", "when"), [(60_000, "settled", "at the cut"), (60_001, "settled_late", "LATE, 0.02 hours after the cut")]
)
def test_a_fixing_of_more_than_a_minute_after_the_cut_is_told_loudly(late_ms: int, what: str, when: str) -> None:
    engine, place = held()
    contract = place.order.intent.contract
    assert contract is not None
    fill = Fill(
        ts=contract.expiry_ts + late_ms, account=ACCOUNT, key=slot("EURUSD").key, order_id="a", exec_id="b", side=-1, price=0, steps=1,
        fee=0, fixing=contract.strike, fixing_ts=contract.expiry_ts + late_ms,
    )  # fmt: skip
    out: list[Report] = []
    option_exits.settled(engine.state, 0, fill, ExitReason.EXPIRED, out)  # type: ignore[attr-defined,arg-type]
    (report,) = out
    assert report.what == what and f"{contract.symbol} expired {when}: fixing" in report.text


def held() -> tuple[object, Place]:
    engine = engine_of()
    (place,) = kinds(wants(engine), Place)
    intent = place.order.intent
    fill = Fill(
        ts=NOW, account=ACCOUNT, key=intent.key, order_id=place.order.order_id, exec_id="e", side=1, price=intent.reference,
        steps=intent.steps, fee=0,
    )  # fmt: skip
    engine.process(OrderFilled(NOW, fill))
    return engine, place


def test_without_a_surface_a_position_keeps_its_mark_and_is_sold_by_time_all_the_same() -> None:
    engine, place = held()
    mark = int(engine.state.pos[0]["mark"])  # type: ignore[attr-defined]
    state = engine.state  # type: ignore[attr-defined]
    state.surfaces.clear()
    hour = (NOW // (4 * M15) + 1) * 4 * M15
    engine.process(BarsClosed(hour, (bar(hour, 104_000),)))  # type: ignore[attr-defined]
    assert int(state.pos[0]["mark"]) == mark
    contract = place.order.intent.contract
    assert contract is not None
    late = contract.expiry_ts - 3 * DAY
    commands = engine.process(BarsClosed(late, (bar(late, 104_000),)))  # type: ignore[attr-defined]
    assert any(getattr(one, "reduce", None) is not None for one in commands) and int(state.pos[0]["closing"]) > 0


def test_an_entry_that_is_cancelled_names_its_contract() -> None:
    engine = engine_of()
    (place,) = kinds(wants(engine), Place)
    contract = place.order.intent.contract
    assert contract is not None
    (report,) = kinds(engine.process(OrderCancelled(NOW, ACCOUNT, place.order.order_id, "gone")), Report)
    assert report.text == f"entry of {contract.symbol} cancelled: gone"


def test_a_held_option_survives_a_restart() -> None:
    engine, place = held()
    again = restore(snapshot_of(engine, 1))  # type: ignore[arg-type]
    assert again.state.symbol_of(0) == place.order.intent.contract.symbol  # type: ignore[union-attr]
    assert again.mandate.option_frames == engine.mandate.option_frames  # type: ignore[attr-defined]
    assert again.state.surfaces == engine.state.surfaces  # type: ignore[attr-defined]
    contract = again.state.contract_of(0)
    assert isinstance(contract, OptionContract)
    fill = Fill(
        ts=contract.expiry_ts, account=ACCOUNT, key=slot("EURUSD").key, order_id="s", exec_id="s-1", side=-1, price=0,
        steps=int(again.state.pos[0]["steps"]), fee=0, fixing=contract.strike,
    )  # fmt: skip
    event = StopFilled(contract.expiry_ts, fill, ExitReason.EXPIRED)
    rows = {one.kind: one.row for one in kinds(again.process(msgspec.json.decode(msgspec.json.encode(event), type=StopFilled)), Record)}
    assert rows["trade"]["reason"] == "expired" and rows["trade"]["exit"] == "0" and rows["fill"]["price"] == "0"

"""The side as a whole: time in order, the week's end, financing, scripts, restart, determinism."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from modules.simulator.faults import parse
from modules.simulator.oanda_side import parse_balance
from self_test.modules.simulator.oanda_stage import START, Flat, Stage
from self_test.modules.simulator.oanda_toy import D
from utils.errors import Refusal

HOUR, DAY = 60, 1440
LEGS: Any = {"stopLossOnFill": {"price": "1.09500"}, "takeProfitOnFill": {"price": "1.10500"}}


def kinds(stage: Stage) -> list[str]:
    return [row["type"] for row in stage.side.desk.rows]


def test_it_sleeps_until_somebody_asks() -> None:
    stage = Stage()
    stage.go(5)
    assert not stage.side.awake and kinds(stage) == ["CREATE", "CLIENT_CONFIGURE", "TRANSFER_FUNDS"]
    assert stage.ask("GET", "summary")[1]["account"]["balance"] == "10000.0000" and stage.side.awake


def test_a_stop_fires_at_its_own_instant_whatever_the_stride() -> None:
    ledgers = []
    for strides in ([60.0], [1.0] * 60, [0.25] * 240):
        stage = Stage(Flat(("EUR_USD", 30, 109_000)))
        stage.buy(**LEGS)
        for stride in strides:
            stage.go(stride)
        fill = next(row for row in stage.side.desk.rows if row.get("reason") == "STOP_LOSS_ORDER")
        assert (fill["price"], fill["time"]) == ("1.09500", "2025-03-04T08:30:20.000000000Z")
        ledgers.append(stage.side.ledger()["hash"])
    assert len(set(ledgers)) == 1


def test_friday_evening_it_shuts_and_on_sunday_it_opens() -> None:
    """Tuesday 08:00 UTC to Friday 22:00 UTC (17:00 New York) is 3 days and 14 hours."""
    stage = Stage()
    stage.buy(**LEGS)
    stage.go(3 * DAY + 14 * HOUR - 1)
    line = stage.listen("pricing", "EUR_USD")
    stage.go(1)
    last = [one for one in stage.heard(line) if one["type"] == "PRICE"][-1]
    assert last["tradeable"] is False and last["status"] == "non-tradeable"
    assert stage.buy()["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    stage.go(47 * HOUR - 1)
    assert stage.buy()["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    stage.go(2)
    assert "orderFillTransaction" in stage.buy(), "Sunday 17:00 in New York, by then summer time"


def test_financing_is_booked_at_the_turn_of_the_day() -> None:
    stage = Stage()
    stage.buy("10000")
    stage.go(14 * HOUR - 1)
    assert "DAILY_FINANCING" not in kinds(stage)
    stage.go(1)
    [row] = [one for one in stage.side.desk.rows if one["type"] == "DAILY_FINANCING"]
    assert row["time"] == "2025-03-04T22:00:00.000000000Z" and row["financing"] == f"{D('-0.0268') * D('11000.5') / 365:.4f}"


def test_a_scripted_gap_is_jumped_over() -> None:
    stage = Stage()
    stage.buy(**LEGS)
    stage.fault(kind="price_gap", symbol="EURUSD", value=-0.02)
    stage.go(5)
    fill = next(row for row in stage.side.desk.rows if row.get("reason") == "STOP_LOSS_ORDER")
    assert fill["price"] == "1.07800", "on the far side"


def test_a_pair_that_is_stopped_and_goes_on() -> None:
    stage = Stage()
    stage.fault(kind="filters", symbol="EUR_USD", value={"status": "Closed"})
    assert stage.buy()["orderCancelTransaction"]["reason"] == "MARKET_HALTED" and "orderFillTransaction" in stage.buy(name="GBP_USD")
    stage.fault(kind="filters", symbol="EUR_USD", value={"status": "Trading"})
    assert "orderFillTransaction" in stage.buy()


def test_a_scripted_closeout_and_a_coin_that_is_not_ours() -> None:
    stage = Stage()
    stage.buy()
    stage.fault(kind="liquidate", symbol="EURUSD")
    assert stage.side.desk.open_trades() == [] and stage.side.desk.rows[-1]["reason"] == "MARKET_ORDER_MARGIN_CLOSEOUT"
    assert not stage.side.script(parse({"kind": "liquidate", "symbol": "BTCUSDT"}), stage.ts)


def test_a_good_till_date_order_ends_before_a_price_that_would_have_filled_it() -> None:
    stage = Stage(Flat(("EUR_USD", 30, 109_000)))
    order = {
        "type": "LIMIT",
        "instrument": "EUR_USD",
        "units": "10",
        "price": "1.09500",
        "timeInForce": "GTD",
        "gtdTime": "2025-03-04T08:29:00Z",
    }
    stage.ask("POST", "orders", {"order": order})
    stage.go(HOUR)
    assert stage.side.desk.rows[-1]["reason"] == "TIME_IN_FORCE_EXPIRED" and stage.side.desk.rows[-1]["time"].startswith(
        "2025-03-04T08:29:00"
    )


def started(folder: Path, *moves: tuple[str, int, int], at: int = START, **access: str) -> Stage:
    stage = Stage(Flat(*moves), folder, at=at, **access)
    stage.side._keeping = True
    stage.side.save()
    return stage


def test_a_restart_goes_on_from_the_last_change(tmp_path: Path) -> None:
    first = started(tmp_path)
    first.buy(**LEGS)
    first.fault(kind="filters", symbol="GBP_USD", value={"status": "Closed"})
    before = first.side.ledger()
    del first  # killed: nothing is saved at the end
    second = Stage(Flat(("EUR_USD", 30, 109_000)), tmp_path, at=START + 10 * 60_000)
    assert second.side.ledger() == before and second.account == second.side.account_id
    second.go(0)
    assert second.side.awake and len(second.side.desk.open_trades()) == 1, "something is held: it is looked after at once"
    assert second.buy(name="GBP_USD")["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    second.go(50)
    assert second.side.desk.open_trades() == []


def test_what_happened_while_it_was_away_happens_at_its_time(tmp_path: Path) -> None:
    started(tmp_path).buy(**LEGS)
    second = Stage(Flat(("EUR_USD", 30, 109_000)), tmp_path, at=START + 60 * 60_000)
    second.side.wake()
    fill = next(row for row in second.side.desk.rows if row.get("reason") == "STOP_LOSS_ORDER")
    assert fill["time"] == "2025-03-04T08:30:20.000000000Z"


def test_a_gap_outlives_a_restart(tmp_path: Path) -> None:
    first = started(tmp_path)
    first.buy()
    first.fault(kind="price_gap", symbol="EURUSD", value=0.01)
    second = Stage(Flat(), tmp_path, at=START + 5 * 60_000)
    assert second.ask("GET", "pricing", instruments="EUR_USD")[1]["prices"][0]["bids"][0]["price"] == "1.11100"


def test_options_that_disagree_with_what_is_kept(tmp_path: Path) -> None:
    first = started(tmp_path, oanda_token="mine", oanda_balance="5000")
    assert first.side.token == "mine"
    wrong: Any
    for wrong in ({"oanda_balance": "6000"}, {"oanda_account": "101-1-1-1"}):
        with pytest.raises(Refusal, match=next(iter(wrong)).replace("_", "-")):
            Stage(None, tmp_path, **wrong)
    assert Stage(None, tmp_path).side.token == "mine" and Stage(None, tmp_path, oanda_token="new").side.token == "new"


def test_a_token_is_refused_and_good_again() -> None:
    stage = Stage()
    line = stage.listen("transactions")
    assert not stage.side.revoke("somebody", revoked=True) and stage.side.revoke("oanda", revoked=True)
    assert stage.ask("GET", "summary")[0] == 401 and line.ended
    assert stage.side.revoke(stage.account, revoked=False) and stage.ask("GET", "summary")[0] == 200


def test_money_in_and_out() -> None:
    stage = Stage()
    stage.buy("100000")
    assert stage.side.transfer("somebody", D("1")) is None
    assert stage.side.transfer("oanda", D("-500")) == {"account": stage.account, "coin": "USD", "balance": "9500.0000"}
    for wrong in ("0", "-5832", "NaN", "0.00001"):  # 3,663 are bound
        with pytest.raises(ValueError, match="amount"):
            stage.side.transfer("oanda", D(wrong))
    assert stage.side.desk.rows[-1]["type"] == "TRANSFER_FUNDS"


def test_balances() -> None:
    assert parse_balance("USD=12.5") == D("12.5")
    for bad in ("x", "-1", "NaN", "1.00001"):
        with pytest.raises(Refusal, match="--oanda-balance"):
            parse_balance(bad)

"""The ledger: cash sums to the balance, what stands without a stop, a hash that knows nothing of names."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator.oanda_ledger import accounts_row
from self_test.modules.simulator.oanda_stage import START, Stage


def lived(name: str) -> Stage:
    stage = Stage()
    stage.buy("1000", clientExtensions={"id": name}, stopLossOnFill={"price": "1.00000"})
    stage.go(15 * 60)
    stage.buy("-400", clientExtensions={"id": name})
    stage.buy("500", "USD_JPY")
    return stage


def test_cash_sums_to_the_balance() -> None:
    stage = lived("a")
    found = stage.side.ledger()
    assert sum(Decimal(row["amount"]) for row in found["cash"]) == stage.side.desk.state.balance
    assert {row["kind"] for row in found["cash"]} == {"TRANSFER_FUNDS", "ORDER_FILL", "DAILY_FINANCING"}
    assert all(row["account"] == "oanda" for part in ("orders", "fills", "cash", "positions") for row in found[part])


def test_what_stands_without_a_stop() -> None:
    assert [row["instrument"] for row in lived("a").side.ledger()["unprotected"]] == ["USD_JPY"]


def test_times_without_a_stop_are_told_from_batch_to_batch() -> None:
    stage = Stage()
    trade = stage.buy("1000", stopLossOnFill={"price": "1.00000"})["orderFillTransaction"]["id"]
    stage.ask("PUT", f"trades/{trade}/orders", {"stopLoss": {"price": "1.01000"}})
    assert stage.side.ledger()["unprotected"] == [], "a replacement is one step"
    stage.go(1)
    stage.ask("PUT", f"trades/{trade}/orders", {"stopLoss": None})
    stage.go(2)
    stage.ask("PUT", f"trades/{trade}/orders", {"stopLoss": {"price": "1.02000"}})
    stage.ask("PUT", f"trades/{trade}/close", {"units": "ALL"})
    other = stage.buy("10")["orderFillTransaction"]["id"]
    first, second = stage.side.ledger()["unprotected"]
    assert (first["trade"], first["from_ts"], first["to_ts"]) == (trade, START + 60_000, START + 180_000)
    assert (second["trade"], second["to_ts"]) == (other, None)


def test_names_do_not_change_the_hash_and_deals_do() -> None:
    one, other = lived("a"), lived("b")
    assert one.side.ledger()["hash"] == other.side.ledger()["hash"]
    other.buy("1")
    assert one.side.ledger()["hash"] != other.side.ledger()["hash"]


def test_the_row_of_the_control_api() -> None:
    stage = lived("a")
    found = accounts_row(stage.side.desk, "t")
    assert found["uid"] == stage.account and found["token"] == "t" and len(found["positions"]) == 2 and found["open_orders"] == 1

"""Financing by hand: EURUSD long and short, USDJPY, three days on Wednesday, none at the weekend, summer time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from modules.simulator import oanda_financing as financing
from self_test.modules.simulator.oanda_toy import D, broker, buy


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


TUESDAY, WEDNESDAY, THURSDAY, SATURDAY = (at(f"2025-03-{day} 22:00") for day in ("04", "05", "06", "08"))


@pytest.mark.parametrize(
    ("name", "units", "turn", "amount"),
    [
        ("EUR_USD", "10000", TUESDAY, "-0.8077"),  # 10000 x 1.10005 x -0.0268 / 365
        ("EUR_USD", "-10000", TUESDAY, "0.1959"),  # … x 0.0065
        ("EUR_USD", "10000", WEDNESDAY, "-2.4231"),  # three days
        ("USD_JPY", "10000", TUESDAY, "0.6932"),  # 10000 x 150.005 x 0.0253 / 365 yen, at 150.005
        ("USD_CAD", "10000", WEDNESDAY, "0.1425"),  # it settles a day earlier: one day on Wednesday,
        ("USD_CAD", "10000", THURSDAY, "0.4274"),  # three on Thursday
    ],
)
def test_worked_cases(name: str, units: str, turn: int, amount: str) -> None:
    machine = broker()
    buy(machine, units, name)
    row = financing.settle(machine.desk, turn)
    assert row is not None and row["financing"] == amount and row["type"] == "DAILY_FINANCING"
    assert machine.desk.state.balance == 10_000 + D(amount) == D(row["accountBalance"])
    [trade] = machine.desk.open_trades()
    assert trade.financing == D(amount) and row["positionFinancings"][0]["openTradeFinancings"][0]["tradeID"] == trade.id


def test_nothing_is_booked_at_the_weekend_and_without_a_trade() -> None:
    machine = broker()
    assert financing.settle(machine.desk, TUESDAY) is None
    buy(machine)
    assert financing.settle(machine.desk, SATURDAY) is None


def test_the_day_turns_at_five_in_new_york() -> None:
    assert financing.next_turn(at("2025-03-07 21:59")) == at("2025-03-07 22:00")
    assert financing.next_turn(at("2025-03-07 22:00")) == at("2025-03-08 22:00")
    assert financing.next_turn(at("2025-03-08 22:00")) == at("2025-03-09 21:00"), "summer time began that night"
    assert financing.weekday(at("2025-03-10 21:00")) == 0

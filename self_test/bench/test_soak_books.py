"""Books that are the venues' pass; a lost, foreign, doubled or differing row of either side is told, on every account."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bench.soak_books import books, broker, exchange, most_remembered, own
from modules.chaos.verdict import Told
from modules.simulator.account import KEEP_ROWS

FOREX, PAPER = "FOREX/LIVE", "CRYPTO/PAPER"
BROKER: dict[str, Any] = {
    "fills": [
        {"id": "5", "instrument": "EUR_USD", "units": "10", "price": "1.1"},
        {"id": "9", "instrument": "EUR_USD", "units": "-10", "price": "1.2"},
    ],
    "cash": [{"coin": "USD", "amount": "1000"}, {"coin": "USD", "amount": "1"}],
    "positions": [],
}
EMPTY: dict[str, Any] = {"orders": [], "fills": [], "cash": [], "positions": [], "unprotected": []}


def cash(account: str, amount: str, ref: str = "x") -> Told:
    return Told(kind="cash", row={"account": account, "amount": amount, "ref": ref, "kind": "pnl", "ts": 1})


def fill(name: str, side: str, price: str, qty: str = "10") -> Told:
    return Told(kind="fill", row={"account": FOREX, "symbol": "EURUSD", "exec_id": name, "side": side, "price": price, "qty": qty})


def trade(account: str, pnl: str) -> Told:
    return Told(kind="trade", row={"account": account, "pnl": pnl})


def view(balance: str, closed: int, pnl: str) -> dict[str, Any]:
    return {"balance": balance, "closed_trades": closed, "realised_pnl": pnl, "open_positions": []}


LEDGER = [
    cash(FOREX, "1000", "start"), fill("5", "buy", "1.1"), fill("9", "sell", "1.20"), cash(FOREX, "1"), trade(FOREX, "1"),
    cash(PAPER, "500"), cash(PAPER, "-2.5"), trade(PAPER, "-2.5"),
]  # fmt: skip
ACCOUNTS = {FOREX: view("1001", 1, "1"), PAPER: view("497.5", 1, "-2.5")}
Change = Callable[[list[Told], dict[str, Any], dict[str, Any]], None]


def test_equal_books_pass() -> None:
    assert books(LEDGER, EMPTY | {"oanda": BROKER}, ACCOUNTS) == []


def forget(told: list[Told], _: dict[str, Any], __: dict[str, Any]) -> None:
    del told[1]


def invent(told: list[Told], _: dict[str, Any], __: dict[str, Any]) -> None:
    told.append(fill("77", "buy", "1.1"))


def double(told: list[Told], _: dict[str, Any], __: dict[str, Any]) -> None:
    told.append(fill("9", "sell", "1.2"))


def reprice(_: list[Told], venue: dict[str, Any], __: dict[str, Any]) -> None:
    venue["fills"][0]["price"] = "1.10001"


def earn(_: list[Told], venue: dict[str, Any], __: dict[str, Any]) -> None:
    venue["cash"].append({"coin": "USD", "amount": "0.0001"})


def hold(_: list[Told], venue: dict[str, Any], __: dict[str, Any]) -> None:
    venue["positions"].append({"instrument": "EUR_USD"})


@pytest.mark.parametrize(
    "change, words",
    [
        (forget, ["lost fill at the broker: 5"]),
        (invent, ["the broker does not know fill 77"]),
        (double, ["execution 9 comes up twice"]),
        (reprice, ["fill 5 is booked as"]),
        (earn, ["the cash rows sum to 1001, the broker has 1001.0001", "the balance is 1001, the broker has 1001.0001"]),
        (hold, ["not flat at the broker: EUR_USD"]),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_each_difference_with_the_broker_is_told(change: Change, words: list[str]) -> None:
    told, venue, accounts = list(LEDGER), copy.deepcopy(BROKER), copy.deepcopy(ACCOUNTS)
    change(told, venue, accounts)
    found = broker(told, venue, accounts[FOREX])
    assert len(found) == len(words) and all(word in line for word, line in zip(words, found, strict=True)), found


@pytest.mark.parametrize(
    "figures, words",
    [
        ({"balance": "497"}, "the cash rows sum to 497.5, the balance is 497"),
        ({"closed_trades": 2}, "2 closed trades, the ledger has 1"),
        ({"realised_pnl": "-2"}, "realised -2, the trades sum to -2.5"),
        ({"open_positions": [{"symbol": "BTCUSDT"}]}, "not flat: BTCUSDT"),
    ],
)
def test_each_account_must_agree_with_itself(figures: dict[str, Any], words: str) -> None:
    [line] = own(LEDGER, {PAPER: ACCOUNTS[PAPER] | figures})
    assert words in line


def test_the_broker_of_a_bot_that_never_went_there_is_no_difference() -> None:
    asleep = {"fills": [], "cash": [{"coin": "USD", "amount": "10000"}], "positions": []}
    assert broker([], asleep, None) == []


def test_what_the_exchange_forgets_cannot_be_compared() -> None:
    rows = [{"account": "1", "kind": "TRADE", "coin": "USDT", "amount": "0", "ref": str(n), "ts": n} for n in range(KEEP_ROWS)]
    assert most_remembered(EMPTY | {"cash": rows[:-1]}) == KEEP_ROWS - 1
    assert any("older ones cannot be compared" in line for line in exchange([], EMPTY | {"cash": rows}))
    assert not any("older ones cannot be compared" in line for line in exchange([], EMPTY | {"cash": rows[:-1]}))
    assert most_remembered(EMPTY) == 0

"""Ledger rows as typed values: money read as numbers, what cannot be read is named."""

from __future__ import annotations

import random

import pytest

from self_test.telemetry.ledgers import START, book, day, row, started, stream, trade
from telemetry.ledger_rows import HEALTH, Book, read_rows


def test_a_trade_row_of_the_engine_is_read():
    found = book([trade(START, -0.5, funding="-0.03")]).trades[0]
    assert (found.notional, found.risk, found.pnl, found.r) == (50.0, 1.0, -0.5, -0.5)
    assert found.costs == pytest.approx(0.03)  # fees and slippage; funding received saves nothing


def test_what_an_older_row_does_not_say_is_unknown_not_zero():
    kind, text = trade(START, 1.0)
    old = text.replace(b',"slippage":"0.01"', b"").replace(b',"standing":"paper"', b"")
    found = book([(kind, old)]).trades[0]
    assert found.slippage is None and found.standing == "" and not found.explored
    days = book([row("equity", ts=START, account="CRYPTO/PAPER", day=1, equity="1000")]).days[0]
    assert days.start is None and days.policy is None and days.health is None


def test_the_risk_is_the_rows_own_or_the_distance_to_the_stop():
    assert book([trade(START, 1.0, risk="1.25")]).trades[0].risk == 1.25
    assert book([trade(START, 1.0, stop="96")]).trades[0].risk == 2.0


def test_fills_cash_and_verdicts():
    found = book(
        [
            row("fill", ts=1, account="CRYPTO/PAPER", symbol="ETHUSDT", side="buy", price="100", qty="0.5", fee="0.05", maker=False),
            row("cash", ts=1, account="CRYPTO/PAPER", kind="deposit", amount="1000", ref="start"),
            row("cash", ts=2, account="CRYPTO/PAPER", kind="fee", amount="-0.05", ref="e1"),
            row("cash", ts=3, account="CRYPTO/LIVE", kind="trade", amount="0.5", ref="e1", coin="ETH"),
            row("verdict", ts=4, state="FAIL"),
            started(),
        ]
    )
    assert found.fills[0].price == 100.0
    assert [(cash.kind, cash.flow) for cash in found.cash] == [("deposit", True), ("fee", False)]
    assert found.verdicts == ({"ts": 4, "state": "FAIL"},) and found.starts[0].style == "scalp"
    assert found.accounts() == ("CRYPTO/PAPER",)


@pytest.mark.parametrize(
    "kind, text, word",
    [
        ("trade", b"{", "trade row"),
        ("trade", b'{"account":"CRYPTO/PAPER","exit_ts":5}', "at 5"),
        ("equity", b'{"ts":1,"account":"A/PAPER","day":1,"equity":"nan"}', "equity is 'nan'"),
        ("equity", b'{"ts":1,"account":"A/PAPER","day":1,"equity":"5","policy":{"swing":"inf"}}', "swing is 'inf'"),
        ("cash", b'{"ts":1,"account":"A/PAPER","kind":"fee","amount":null}', "amount is None"),
        ("tomorrow", b"{}", "tomorrow row"),
        ("verdict", b'{"what":"start","ts":"x"}', "verdict row"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(kind: str, text: bytes, word: str):
    found = read_rows([(kind, text)])
    assert found.damaged and word in found.damaged[0].what
    assert not (found.trades or found.days or found.cash or found.starts)


@pytest.mark.parametrize(
    ("account", "symbol", "notional"),
    [
        ("FOREX/PAPER", "USDJPY", 1_000.0),
        ("OPTIONS/PAPER", "USDJPY-20250328-P-148.000", 1_000.0),
        ("FOREX/PAPER", "EURUSD", 150_000.0),
        ("PERPS/PAPER", "BTCUSDT", 150_000.0),
    ],
)
def test_a_trade_s_value_is_in_the_account_s_currency(account: str, symbol: str, notional: float) -> None:
    """1,000 at 150, a stop 1.5 away: 10 dollars were at stake where prices are in yen."""
    terms = {"qty": "1000", "entry": "150", "stop": "148.5", "risk": "10"}
    assert book([trade(START + 5, 1.0, account=account, symbol=symbol, **terms)]).trades[0].notional == pytest.approx(notional)
    without = {"qty": "1000", "entry": "150", "stop": "150", "risk": "0"}
    assert book([trade(START + 5, 1.0, account=account, symbol=symbol, **without)]).trades[0].notional == 150_000.0


def test_what_policies_learn_from_is_no_damage():
    """The rows of decisions stand in the same ledger; a report of a healthy one called every one of them damaged."""
    found = book([row("decision", id="CP-ETHUSDT-1", ts=1, account="CRYPTO/PAPER", mask=6), trade(START, 1.0)])
    assert found.damaged == () and len(found.trades) == 1


def test_the_order_of_rows_is_of_no_meaning():
    rows = stream(20)
    shuffled = list(rows)
    random.Random(3).shuffle(shuffled)
    assert book(shuffled) == book(rows)


def test_an_empty_ledger_is_an_empty_book():
    assert book([]) == Book() and Book().accounts() == ()


def test_health_counts_that_a_writer_does_not_know_are_none():
    assert book([day(0, 1.0, health={"bars": 7})]).days[0].health == dict.fromkeys(HEALTH, 0) | {"bars": 7}

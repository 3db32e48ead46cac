"""The auditor must see what it is there to see: right books pass, each kind of damage is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.audit import audit, replayed, rows_of
from self_test.fakes.stored import Played
from state.ledger import LedgerRow, Ref
from state.runtime import account_view

Told = dict[str, Any]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[LedgerRow], Told]:
    """A ledger with closed trades and two open positions, and the accounts that go with it."""
    folder = tmp_path_factory.mktemp("books") / "simulated"
    bot = Played(folder)
    bot.minutes(20)
    while len(bot.engine._held) < 2:
        bot.minutes(1)
    view = msgspec.to_builtins(account_view(bot.engine.state, 0))
    bot.close()
    return rows_of(folder), {"CRYPTO/PAPER": view}


def changed(rows: list[LedgerRow], kind: str, change: Callable[[Told], None]) -> list[LedgerRow]:
    """The rows with the first of `kind` changed."""
    out, done = [], False
    for row in rows:
        if row.kind == kind and not done:
            told = json.loads(bytes(row.row))
            change(told)
            row, done = msgspec.structs.replace(row, row=msgspec.Raw(json.dumps(told).encode())), True  # noqa: PLW2901
        out.append(row)
    return out


def test_right_books_pass(books: tuple[list[LedgerRow], Told]) -> None:
    rows, accounts = books
    assert audit(rows, accounts) == []
    assert accounts["CRYPTO/PAPER"]["closed_trades"] > 0 and len(accounts["CRYPTO/PAPER"]["open_positions"]) == 2


@pytest.mark.parametrize(
    "kind, field, value, said",
    [
        ("cash", "amount", "999", "cash rows sum to"),
        ("fill", "price", "1", "the cash rows say"),
        ("fill", "qty", "9", "round trips in fills"),
        ("trade", "pnl", "5", "the fills say"),
        ("trade", "fees", "5", "the fills say"),
        ("trade", "qty", "5", "the fills say"),
    ],
)
def test_a_changed_row_is_told(books: tuple[list[LedgerRow], Told], kind: str, field: str, value: str, said: str) -> None:
    rows, accounts = books
    wrong = audit(changed(rows, kind, lambda told: told.update({field: value})), accounts)
    assert any(said in line for line in wrong), wrong


@pytest.mark.parametrize("kind", ["cash", "fill", "trade"])
def test_a_lost_row_and_a_doubled_row_are_told(books: tuple[list[LedgerRow], Told], kind: str) -> None:
    rows, accounts = books
    victim = next(row for row in rows if row.kind == kind)
    assert audit([row for row in rows if row is not victim], accounts)
    assert any("comes up twice" in line for line in audit([*rows, victim], accounts))
    moved = msgspec.structs.replace(victim, ref=Ref(10**9, 0))
    assert audit([*rows, moved], accounts), "doubled under another number"


@pytest.mark.parametrize("field, value", [("balance", "1"), ("closed_trades", 99), ("realised_pnl", "7"), ("open_positions", [])])
def test_a_status_that_says_otherwise_is_told(books: tuple[list[LedgerRow], Told], field: str, value: object) -> None:
    rows, accounts = books
    assert audit(rows, {"CRYPTO/PAPER": accounts["CRYPTO/PAPER"] | {field: value}})


@pytest.mark.parametrize("field, value", [("qty", "1"), ("entry", "5"), ("stop", None), ("side", "short")])
def test_a_position_that_is_another_is_told(books: tuple[list[LedgerRow], Told], field: str, value: object) -> None:
    rows, accounts = books
    view = accounts["CRYPTO/PAPER"]
    first, second = view["open_positions"]
    assert audit(rows, {"CRYPTO/PAPER": view | {"open_positions": [first | {field: value}, second]}})


def test_rows_that_a_kill_kept_from_the_ledger_are_read_from_the_journal(tmp_path: Path) -> None:
    bot = Played(tmp_path / "simulated")
    bot.minutes(30)
    bot.crash()
    whole = rows_of(tmp_path / "simulated")
    (log,) = (tmp_path / "simulated" / "ledger").glob("*.log")
    for lost in (1, 7, len(whole)):
        kept = log.read_bytes()
        log.write_bytes(b"".join(kept.splitlines(keepends=True)[:-lost]))
        assert [(row.ref, bytes(row.row)) for row in rows_of(tmp_path / "simulated")] == [(row.ref, bytes(row.row)) for row in whole]
        log.write_bytes(kept)


def test_replaying_works_on_a_copy(tmp_path: Path) -> None:
    bot = Played(tmp_path / "simulated")
    bot.minutes(30)
    bot.crash()
    found = replayed(tmp_path / "simulated", tmp_path / "copy")
    assert found.events > 30 and found.differing == 0
    assert not (tmp_path / "copy").exists()
    with pytest.raises(AssertionError, match="no snapshot"):
        (tmp_path / "nothing").mkdir()
        replayed(tmp_path / "nothing", tmp_path / "copy")

"""Rows of the transaction log: which count, and that none is half understood."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.bybit_cash import EXECUTED, LOG, movement
from modules.exchange.bybit_lists import PAGE
from modules.exchange.reports import CashReport
from self_test.modules.exchange.bybit_scripted import NOW, scripted
from state.accounts import Domain
from utils.frames import FrameError


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "type": "TRANSFER_OUT",
        "currency": "USDT",
        "change": "-12.5",
        "transactionTime": str(NOW),
        "category": "",
    } | changes


def test_a_transfer_is_a_signed_amount_with_an_id() -> None:
    assert movement(row()) == CashReport(ref="r1", kind="transfer_out", coin="USDT", amount=Decimal("-12.5"), ts=NOW)


@pytest.mark.parametrize("kind", sorted(EXECUTED))
def test_what_executions_tell_of_is_never_booked_twice(kind: str) -> None:
    assert movement(row(type=kind)) is None


def test_funding_is_told_under_the_id_of_its_execution() -> None:
    settled = row(type="SETTLEMENT", category="linear", symbol="ETHUSDT", tradeId="x7", change="-0.25", funding="-0.25")
    assert movement(settled) == CashReport(ref="x7", kind="settlement", coin="USDT", amount=Decimal("-0.25"), ts=NOW, key="PERPS:ETHUSDT")
    assert movement(settled | {"category": "option"}) is None, "no perpetual, no funding"


@pytest.mark.parametrize("field", ["tradeId", "symbol"])
def test_bad_input_funding_of_nobody_knows_what_is_refused(field: str) -> None:
    settled = row(type="SETTLEMENT", category="linear", symbol="ETHUSDT", tradeId="x7") | {field: ""}
    with pytest.raises(FrameError) as refused:
        movement(settled)
    assert refused.value.field == field


@pytest.mark.parametrize("kind", ["BONUS", "INTEREST", "AIRDROP", "FEE_REFUND", "CURRENCY_SELL", "SOMETHING_NEW"])
def test_every_other_type_counts_also_an_unknown_one(kind: str) -> None:
    found = movement(row(type=kind))
    assert found is not None and found.kind == kind.lower()


@pytest.mark.parametrize(
    ("field", "value"),
    [("id", ""), ("type", ""), ("currency", ""), ("change", ""), ("change", "NaN"), ("change", "x"), ("transactionTime", "soon")],
)
def test_bad_input_a_row_that_is_half_empty_is_refused_by_the_field(field: str, value: str) -> None:
    with pytest.raises(FrameError) as refused:
        movement(row(**{field: value}))
    assert refused.value.field == field


def test_bad_input_a_missing_field_is_refused_by_name() -> None:
    broken = row()
    del broken["change"]
    with pytest.raises(FrameError) as refused:
        movement(broken)
    assert "change" in str(refused.value)


@pytest.mark.asyncio
@pytest.mark.parametrize("domain", [Domain.CRYPTO, Domain.PERPS])
async def test_the_log_is_read_to_its_last_page_and_told_oldest_first(domain: Domain) -> None:
    async with scripted(domain) as (venue, one):
        pages = {
            "": [row(id="c", transactionTime=str(NOW)), row(id="t", type="TRADE")],
            "next": [row(id="b", transactionTime=str(NOW - 5)), row(id="btc", currency="BTC"), row(id="a", transactionTime=str(NOW - 5))],
        }
        venue.answers[LOG] = lambda asked: {
            "list": pages[asked.get("cursor", "")],
            "nextPageCursor": "" if asked.get("cursor") else "next",
        }
        assert [found.ref for found in await one.movements(NOW - 60_000)] == ["a", "b", "c"]
        [(_, first), (_, second)] = [asked for asked in venue.asked if asked[0] == LOG]
        assert first["accountType"] == "UNIFIED" and first["currency"] == "USDT" and "category" not in first
        assert int(first["startTime"]) == NOW - 60_000 and int(first["limit"]) == PAGE[LOG] == 50 and second["cursor"] == "next"


@pytest.mark.asyncio
async def test_a_long_absence_is_read_a_week_at_a_time() -> None:
    async with scripted() as (venue, one):
        venue.rows(LOG, row())
        await one.movements(NOW - 15 * 86_400_000)
        times = [(int(asked["startTime"]), int(asked["endTime"])) for path, asked in venue.asked if path == LOG]
        assert len(times) == 3 and all(end - start < 7 * 86_400_000 for start, end in times) and times[-1][1] >= NOW

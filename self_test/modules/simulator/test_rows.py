"""Instrument rows carry every field that a strict client insists on."""

from __future__ import annotations

from typing import Any

from modules.simulator import filters, rows

SPOT_LOT = (
    "basePrecision quotePrecision minOrderQty maxOrderQty minOrderAmt maxOrderAmt maxLimitOrderQty maxMarketOrderQty "
    "postOnlyMaxLimitOrderSize"
)
LINEAR_LOT = "minOrderQty maxOrderQty qtyStep maxMktOrderQty postOnlyMaxOrderQty minNotionalValue"


def leaves(row: dict[str, Any]) -> list[Any]:
    return [leaf for value in row.values() for leaf in (leaves(value) if isinstance(value, dict) else [value])]


def test_spot() -> None:
    listed = filters.listing("BTCUSDT", "spot")
    assert listed is not None
    row = rows.spot(listed)
    assert set(SPOT_LOT.split()) == set(row["lotSizeFilter"])
    assert (row["priceFilter"]["tickSize"], row["lotSizeFilter"]["basePrecision"], row["lotSizeFilter"]["minOrderAmt"]) == (
        "0.01",
        "0.000001",
        "5",
    )
    assert (row["baseCoin"], row["quoteCoin"], row["status"]) == ("BTC", "USDT", "Trading")
    assert all(isinstance(leaf, str) for leaf in leaves(row))


def test_linear() -> None:
    listed = filters.listing("BTCUSDT", "linear")
    assert listed is not None
    row = rows.linear(listed)
    assert set(LINEAR_LOT.split()) == set(row["lotSizeFilter"])
    assert (row["priceFilter"]["tickSize"], row["priceScale"], row["lotSizeFilter"]["qtyStep"]) == ("0.1", "1", "0.001")
    assert (row["fundingInterval"], row["contractType"], row["settleCoin"], row["unifiedMarginTrade"]) == (
        480,
        "LinearPerpetual",
        "USDT",
        True,
    )
    assert float(row["leverageFilter"]["maxLeverage"]) >= 3

"""The instrument rows of spot and linear, with every field that a strict client insists on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from modules.simulator.filters import Listing
from utils.fixed import plain

LAUNCHED = "1584230400000"
MAX_SPOT_AMOUNT = "4000000"


def spot(listing: Listing) -> dict[str, Any]:
    """A row of instruments-info, category spot."""
    one = listing.instrument
    return {
        "symbol": one.symbol,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "innovation": "0",
        "status": listing.status,
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(one.step),
            "quotePrecision": "0.0000001",
            "minOrderQty": plain(one.min_qty),
            "maxOrderQty": plain(one.max_qty),
            "minOrderAmt": plain(one.min_notional),
            "maxOrderAmt": MAX_SPOT_AMOUNT,
            "maxLimitOrderQty": plain(one.max_qty),
            "maxMarketOrderQty": plain(one.max_qty / 2),
            "postOnlyMaxLimitOrderSize": plain(one.max_qty),
        },
        "priceFilter": {"tickSize": plain(one.tick)},
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
    }


def linear(listing: Listing) -> dict[str, Any]:
    """A row of instruments-info, category linear."""
    one = listing.instrument
    scale = max(0, -int(one.tick.normalize().as_tuple().exponent))
    return {
        "symbol": one.symbol,
        "contractType": "LinearPerpetual",
        "status": listing.status,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "settleCoin": one.quote,
        "launchTime": LAUNCHED,
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(scale),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "50.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": plain(one.tick), "maxPrice": plain(one.tick * Decimal(1_999_999_998)), "tickSize": plain(one.tick)},
        "lotSizeFilter": {
            "minOrderQty": plain(one.min_qty),
            "maxOrderQty": plain(one.max_qty),
            "qtyStep": plain(one.step),
            "maxMktOrderQty": plain(one.max_qty / 5),
            "postOnlyMaxOrderQty": plain(one.max_qty),
            "minNotionalValue": plain(one.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": one.funding_interval_min,
        "copyTrading": "none",
        "upperFundingRate": plain(listing.funding_cap),
        "lowerFundingRate": plain(-listing.funding_cap),
        "isPreListing": False,
        "preListingInfo": None,
        "displayName": "",
        "riskParameters": {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"},
    }

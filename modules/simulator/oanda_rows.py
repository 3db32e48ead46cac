"""How the simulated OANDA shows its account, trades, positions, orders and prices: the field names of oanda_v20, "Objects"."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator.oanda_desk import USER, Desk
from modules.simulator.oanda_fills import DEPTH
from modules.simulator.oanda_pairs import HOME, PAIRS
from modules.simulator.oanda_types import ZERO, Order, Row, Trade, stamp

LEG_FIELDS = {"TAKE_PROFIT": "takeProfitOrder", "STOP_LOSS": "stopLossOrder", "TRAILING_STOP_LOSS": "trailingStopLossOrder"}
ON_FILL_FIELDS = {"tp": "takeProfitOnFill", "sl": "stopLossOnFill", "tsl": "trailingStopLossOnFill"}


def summary(desk: Desk) -> Row:
    """AccountSummary."""
    state, found, text = desk.state, desk.figures(), desk.text
    created = stamp(state.created)
    percent = f"{found.closeout_percent:.5f}"
    trades = desk.open_trades()
    return {
        "id": state.account_id, "alias": state.alias, "currency": HOME, "balance": text(state.balance), "createdByUserID": USER,
        "createdTime": created, "guaranteedStopLossOrderMode": "DISABLED", "pl": text(state.pl), "resettablePL": text(state.pl),
        "resettablePLTime": created, "financing": text(state.financing), "commission": "0.0000", "dividendAdjustment": "0",
        "guaranteedExecutionFees": "0.0000", "marginRate": "0.0333", "openTradeCount": len(trades),
        "openPositionCount": len({one.instrument for one in trades}), "pendingOrderCount": len(desk.pending()), "hedgingEnabled": False,
        "unrealizedPL": text(found.unrealized), "NAV": text(found.nav), "marginUsed": text(found.margin_used),
        "marginAvailable": text(found.margin_available), "positionValue": text(found.position_value),
        "marginCloseoutUnrealizedPL": text(found.closeout_unrealized), "marginCloseoutNAV": text(found.closeout_nav),
        "marginCloseoutMarginUsed": text(found.margin_used), "marginCloseoutPercent": percent,
        "marginCloseoutPositionValue": text(found.position_value), "withdrawalLimit": text(min(state.balance, found.margin_available)),
        "marginCallMarginUsed": text(found.margin_used), "marginCallPercent": percent, "lastTransactionID": desk.last_id,
    }  # fmt: skip


def changing(desk: Desk) -> Row:
    """The part of an account that moves with prices (AccountChangesState)."""
    found, text = desk.figures(), desk.text
    trades = desk.open_trades()
    return {
        "unrealizedPL": text(found.unrealized), "NAV": text(found.nav), "marginUsed": text(found.margin_used),
        "marginAvailable": text(found.margin_available), "positionValue": text(found.position_value),
        "marginCloseoutUnrealizedPL": text(found.closeout_unrealized), "marginCloseoutNAV": text(found.closeout_nav),
        "marginCloseoutMarginUsed": text(found.margin_used), "marginCloseoutPercent": f"{found.closeout_percent:.5f}",
        "withdrawalLimit": text(min(desk.state.balance, found.margin_available)),
        "orders": [
            {"id": one.id, "trailingStopValue": desk.pair(one.instrument).price(one.trail)}
            for one in desk.pending()
            if one.trail is not None
        ],
        "trades": [
            {"id": one.id, "unrealizedPL": text(desk.unrealized(one)), "marginUsed": text(desk.margin_of(one.instrument, one.units))}
            for one in trades
        ],
        "positions": [
            {
                "instrument": name, "netUnrealizedPL": text(sum((desk.unrealized(one) for one in desk.open_trades(name)), ZERO)),
                "longUnrealizedPL": text(_unrealized(desk, name, 1)), "shortUnrealizedPL": text(_unrealized(desk, name, -1)),
                "marginUsed": text(desk.margin_of(name, desk.net(name))),
            }
            for name in dict.fromkeys(one.instrument for one in trades)
        ],
    }  # fmt: skip


def _unrealized(desk: Desk, instrument: str, sign: int) -> Decimal:
    return sum((desk.unrealized(one) for one in desk.open_trades(instrument) if one.units * sign > 0), ZERO)


def order(desk: Desk, one: Order) -> Row:
    """Any order, pending or not."""
    pair = desk.pair(one.instrument)
    closes = one.type in LEG_FIELDS
    found: Row = {
        "id": one.id,
        "createTime": stamp(one.ts),
        "type": one.type,
        "state": one.state,
        "clientExtensions": one.ext or None,
        "timeInForce": one.tif,
        "gtdTime": None if one.gtd is None else stamp(one.gtd),
        "price": None if one.price is None else pair.price(one.price),
        "distance": None if one.distance is None else pair.price(one.distance),
        "trailingStopValue": None if one.trail is None else pair.price(one.trail),
        "priceBound": None if one.bound is None else pair.price(one.bound),
        "triggerCondition": None if one.type == "MARKET" else one.trigger,
        "fillingTransactionID": one.filling or None,
        "filledTime": stamp(one.done_ts) if one.filling and one.done_ts is not None else None,
        "cancellingTransactionID": one.cancelling or None,
        "cancelledTime": stamp(one.done_ts) if one.cancelling and one.done_ts is not None else None,
        "tradeOpenedID": one.opened or None,
        "tradeReducedID": one.reduced or None,
        "tradeClosedIDs": one.closed or None,
        "replacesOrderID": one.replaces or None,
        "replacedByOrderID": one.replaced_by or None,
    }
    if closes:
        found |= {"tradeID": one.trade_id, "clientTradeID": one.trade_client_id or None}
    else:
        found |= {
            "instrument": one.instrument,
            "units": str(one.units),
            "positionFill": one.position_fill,
            "tradeClientExtensions": one.trade_ext or None,
        }
        for name, field in ON_FILL_FIELDS.items():
            spec: Row | None = getattr(one, name)
            found[field] = None if spec is None else {key: value for key, value in spec.items() if key != "gtd"}
    return {name: value for name, value in found.items() if value is not None}


def trade(desk: Desk, one: Trade, *, full: bool = True) -> Row:
    """A trade with its pending orders, or (not `full`) a TradeSummary with their ids."""
    pair, text = desk.pair(one.instrument), desk.text
    is_open = one.close_ts is None
    found: Row = {
        "id": one.id, "instrument": one.instrument, "price": pair.price(one.price), "openTime": stamp(one.ts),
        "state": "OPEN" if is_open else "CLOSED", "initialUnits": str(one.initial), "initialMarginRequired": text(one.margin),
        "currentUnits": str(one.units), "realizedPL": text(one.pl), "financing": text(one.financing), "dividendAdjustment": "0.0000",
        "clientExtensions": one.ext or None,
    }  # fmt: skip
    if is_open:
        found |= {"unrealizedPL": text(desk.unrealized(one)), "marginUsed": text(desk.margin_of(one.instrument, one.units))}
    else:
        found["closeTime"] = stamp(one.close_ts or 0)
    if one.average_close is not None:
        found["averageClosePrice"] = pair.price(one.average_close)
        found["closingTransactionIDs"] = one.closing
    for type_, field in LEG_FIELDS.items():
        if (number := one.legs.get(type_)) is not None:
            found[field if full else f"{field}ID"] = order(desk, desk.state.orders[number]) if full else number
    return {name: value for name, value in found.items() if value is not None}


def position(desk: Desk, instrument: str) -> Row:
    """Both sides of a pair."""
    pair, text = desk.pair(instrument), desk.text
    brought = desk.state.position_pl.get(instrument, [ZERO] * 4)
    found: Row = {"instrument": instrument}
    unrealized = ZERO
    for name, sign, at in (("long", 1, 0), ("short", -1, 1)):
        trades = [one for one in desk.open_trades(instrument) if one.units * sign > 0]
        units = sum((one.units for one in trades), ZERO)
        open_pl = sum((desk.unrealized(one) for one in trades), ZERO)
        unrealized += open_pl
        side: Row = {
            "units": str(units), "pl": text(brought[at]), "resettablePL": text(brought[at]), "financing": text(brought[at + 2]),
            "dividendAdjustment": "0.0000", "guaranteedExecutionFees": "0.0000", "unrealizedPL": text(open_pl),
        }  # fmt: skip
        if trades:
            side["averagePrice"] = pair.price(sum((one.units * one.price for one in trades), ZERO) / units)
            side["tradeIDs"] = [one.id for one in trades]
        found[name] = side
    margin = desk.margin_of(instrument, desk.net(instrument))
    return found | {
        "pl": text(brought[0] + brought[1]), "resettablePL": text(brought[0] + brought[1]), "financing": text(brought[2] + brought[3]),
        "commission": "0.0000", "dividendAdjustment": "0", "guaranteedExecutionFees": "0.0000", "unrealizedPL": text(unrealized),
        "marginUsed": text(margin),
    }  # fmt: skip


def positions(desk: Desk, *, open_only: bool) -> list[Row]:
    """Of every pair that is (or ever was) held."""
    held = {one.instrument for one in desk.open_trades()}
    return [position(desk, name) for name in PAIRS if name in held or (not open_only and name in desk.state.position_pl)]


def account(desk: Desk) -> Row:
    """The whole account."""
    return summary(desk) | {
        "trades": [trade(desk, one, full=False) for one in desk.open_trades()],
        "positions": positions(desk, open_only=False),
        "orders": [order(desk, one) for one in desk.pending()],
    }


def price(desk: Desk, instrument: str, *, factors: bool = False) -> Row:
    """ClientPrice."""
    pair, quote, open_ = desk.pair(instrument), desk.quotes[instrument], desk.tradeable(instrument)
    found: Row = {
        "type": "PRICE",
        "time": stamp(quote.ts),
        "bids": [{"price": pair.price(quote.bid - ticks * pair.tick), "liquidity": size} for size, ticks in DEPTH],
        "asks": [{"price": pair.price(quote.ask + ticks * pair.tick), "liquidity": size} for size, ticks in DEPTH],
        "closeoutBid": pair.price(quote.bid),
        "closeoutAsk": pair.price(quote.ask),
        "status": "tradeable" if open_ else "non-tradeable",
        "tradeable": open_,
    }
    if factors:
        gain, loss = desk.factors(pair.quote)
        found["quoteHomeConversionFactors"] = {"positiveUnits": f"{gain:.8f}", "negativeUnits": f"{loss:.8f}"}
    return found | {"instrument": instrument}


def conversions(desk: Desk, names: list[str]) -> list[Row]:
    """HomeConversions of the currencies of these pairs."""
    currencies = dict.fromkeys(one for name in names for one in (PAIRS[name].base, PAIRS[name].quote))
    found = []
    for one in currencies:
        gain, loss = desk.factors(one)
        found.append(
            {"currency": one, "accountGain": f"{gain:.8f}", "accountLoss": f"{loss:.8f}", "positionValue": f"{(gain + loss) / 2:.8f}"}
        )
    return found

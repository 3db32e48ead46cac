"""The private rows of the venue (bybit_v5 §6): nouns in, strings out; empty is "" and spot has no tpslMode or createType."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from modules.simulator import margin
from modules.simulator.account import QUOTE, Account, ClosedPnl, LedgerRow, Position
from modules.simulator.margin import Figures, Tier
from modules.simulator.order_types import ZERO, Execution, Order
from utils.fixed import plain

Row = dict[str, Any]
PLACES = Decimal("1e-8")


def text(value: Decimal | None) -> str:
    """A number that may be missing: "" then."""
    return "" if value is None else plain(value)


def rounded(value: Decimal) -> str:
    """A computed number, to eight decimals."""
    return plain(value.quantize(PLACES))


def order(one: Order, *, stream: bool = False) -> Row:
    """An order (§6.2)."""
    linear = one.category == "linear"
    coin = next(iter(one.fees), "")
    price = one.price if linear or one.order_type == "Limit" else ZERO
    row: Row = {
        "orderId": one.order_id,
        "orderLinkId": one.link_id,
        "blockTradeId": "",
        "symbol": one.symbol,
        "price": plain(price),
        "qty": plain(one.qty),
        "side": one.side,
        "isLeverage": "" if linear else "0",
        "positionIdx": one.position_idx,
        "orderStatus": one.status,
        "cancelType": one.cancel_type,
        "rejectReason": one.reject_reason,
        "avgPrice": rounded(one.filled_value / one.filled) if one.filled else "",
        "leavesQty": plain(one.leaves if not one.by_quote else ZERO),
        "leavesValue": plain(one.leaves if one.by_quote else one.leaves * price),
        "cumExecQty": plain(one.filled),
        "cumExecValue": plain(one.filled_value),
        "cumExecFee": plain(sum(one.fees.values(), ZERO)),
        "timeInForce": "IOC" if one.order_type == "Market" else one.time_in_force,
        "orderType": one.order_type,
        "stopOrderType": one.stop_order_type,
        "orderIv": "",
        "triggerPrice": text(one.trigger_price) if linear else plain(one.trigger_price or ZERO),
        "takeProfit": text(one.take_profit),
        "stopLoss": text(one.stop_loss),
        "tpTriggerBy": one.tp_trigger_by if linear and one.take_profit else "",
        "slTriggerBy": one.sl_trigger_by if linear and one.stop_loss else "",
        "tpLimitPrice": plain(one.tp_limit_price or ZERO) if linear else text(one.tp_limit_price),
        "slLimitPrice": plain(one.sl_limit_price or ZERO) if linear else text(one.sl_limit_price),
        "triggerDirection": one.trigger_direction,
        "triggerBy": one.trigger_by if linear and one.trigger_price else "",
        "lastPriceOnCreated": plain(one.last_price),
        "reduceOnly": one.reduce_only,
        "closeOnTrigger": one.close_on_trigger,
        "placeType": "",
        "smpType": one.smp_type,
        "smpGroup": 0,
        "smpOrderId": one.smp_order_id,
        "marketUnit": one.market_unit,
        "createdTime": str(one.created),
        "updatedTime": str(one.updated),
        "cumFeeDetail": {name: plain(fee) for name, fee in one.fees.items()},
        "slippageToleranceType": one.slippage_type or "UNKNOWN",
        "slippageTolerance": text(one.slippage),
    }
    if linear:
        row |= {"tpslMode": one.tpsl_mode, "createType": one.create_type, "parentOrderLinkId": ""}
    else:
        row |= {"ocoTriggerBy": ""}
    if stream:
        row |= {"category": one.category, "feeCurrency": coin, "closedPnl": plain(one.closed_pnl)}
    return row


def execution(one: Execution, *, stream: bool = False) -> Row:
    """An execution (§6.3)."""
    linear = one.category == "linear"
    row: Row = {
        "symbol": one.symbol,
        "orderId": one.order_id,
        "orderLinkId": one.link_id,
        "side": one.side,
        "orderPrice": plain(one.order_price),
        "orderQty": plain(one.order_qty),
        "leavesQty": plain(one.leaves),
        "orderType": one.order_type,
        "stopOrderType": one.stop_order_type or ("UNKNOWN" if linear else ""),
        "execFee": plain(one.fee),
        "execId": one.exec_id,
        "execPrice": plain(one.price),
        "execQty": plain(one.qty),
        "execType": one.exec_type,
        "execValue": plain(one.value),
        "execTime": str(one.ts),
        "feeCurrency": one.fee_coin,
        "isMaker": one.is_maker,
        "feeRate": plain(one.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(one.mark),
        "indexPrice": plain(one.index),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": plain(one.closed_size) if linear else "",
        "seq": one.seq,
        "createType": one.create_type if linear else "",
        "extraFees": "",
    }
    if stream:
        row |= {"category": one.category, "isLeverage": "0", "marketUnit": one.market_unit, "execPnl": plain(one.pnl)}
    return row


def fast_execution(one: Execution) -> Row:
    """A row of execution.fast."""
    return {
        "category": one.category,
        "symbol": one.symbol,
        "execId": one.exec_id,
        "execPrice": plain(one.price),
        "execQty": plain(one.qty),
        "orderId": one.order_id,
        "isMaker": one.is_maker,
        "orderLinkId": one.link_id,
        "side": one.side,
        "execTime": str(one.ts),
        "seq": one.seq,
    }


def position(
    account: Account,
    one: Position,
    mark: Decimal,
    sums: Figures,
    tiers: Sequence[Tier],
    tick: Decimal,
    fee: Decimal,
    *,
    stream: bool = False,
) -> Row:
    """A position (§6.4); REST leaves empty what the stream calls 0."""
    held = bool(one.size)
    nothing = "0" if stream else ""
    value = one.size * mark
    tier = margin.tier_at(tiers, value)
    leverage = account.lever(one.symbol)
    profit = one.profit_at(mark)
    needed = margin.maintenance(tiers, value)
    liq = bust = nothing
    if held:
        balance, wanted = (one.margin + profit, needed) if account.isolated else (sums.margin_balance, sums.position_mm)
        price = margin.liquidation(one, mark, balance, wanted, tiers, tick)
        liq = plain(price) if price is not None else nothing
        bust = plain(margin.bankruptcy(one, mark, balance, fee, tick))
    initial = one.margin if account.isolated else value / leverage
    even = (one.cost + one.sign * one.open_fee) / one.size / (1 - one.sign * fee) if held else ZERO
    row: Row = {
        "positionIdx": one.idx,
        "riskId": tier.number,
        "riskLimitValue": plain(tier.limit),
        "symbol": one.symbol,
        "side": one.side if held else "",
        "size": plain(one.size),
        "positionValue": rounded(one.cost) if held else nothing,
        "tradeMode": 0,
        "positionStatus": one.status,
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if held else 0,
        "leverage": plain(leverage),
        "positionBalance": rounded(initial) if held else "0",
        "markPrice": plain(mark),
        "liqPrice": liq,
        "bustPrice": bust,
        "positionMM": rounded(needed) if held else nothing,
        "positionIM": rounded(initial) if held else nothing,
        "positionMMByMp": rounded(needed) if held else nothing,
        "positionIMByMp": rounded(initial) if held else nothing,
        "tpslMode": "Full",
        "takeProfit": text(one.take_profit or None) or nothing,
        "stopLoss": text(one.stop_loss or None) or nothing,
        "trailingStop": plain(one.trailing_stop),
        "unrealisedPnl": rounded(profit) if held else nothing,
        "curRealisedPnl": rounded(one.realised),
        "cumRealisedPnl": rounded(one.realised_ever),
        "sessionAvgPrice": nothing,
        "breakEvenPrice": rounded(even) if held else nothing,
        "createdTime": str(one.created),
        "updatedTime": str(one.updated),
        "openTime": one.opened,
        "seq": one.seq,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "entryPrice" if stream else "avgPrice": rounded(one.average),
    }
    if stream:
        row["category"] = "linear"
    return row


def wallet(account: Account, sums: Figures, prices: Mapping[str, Decimal], locked: Mapping[str, Decimal], coins: Sequence[str] = ()) -> Row:
    """The wallet (§6.4), in USD; only the quote coin is collateral."""
    shown = list(coins) or [coin for coin, amount in account.wallet.items() if amount or locked.get(coin)]
    everything = sum((account.balance(coin) * prices.get(coin, ZERO) for coin in account.wallet), ZERO)
    balance = sums.margin_balance
    isolated = account.isolated
    taken = sums.position_im + sums.order_im
    return {
        "accountType": "UNIFIED",
        "accountIMRate": "" if isolated else rounded(taken / balance if balance > 0 else ZERO),
        "accountMMRate": "" if isolated else rounded(sums.position_mm / balance if balance > 0 else ZERO),
        "accountLTV": "0",
        "totalEquity": rounded(everything + sums.unrealised),
        "totalWalletBalance": rounded(everything),
        "totalMarginBalance": "" if isolated else rounded(balance),
        "totalAvailableBalance": "" if isolated else rounded(max(ZERO, sums.available)),
        "totalPerpUPL": rounded(sums.unrealised),
        "totalInitialMargin": "" if isolated else rounded(taken),
        "totalMaintenanceMargin": "" if isolated else rounded(sums.position_mm),
        "coin": [_coin(account, sums, coin, prices.get(coin, ZERO), locked.get(coin, ZERO)) for coin in shown],
    }


def _coin(account: Account, sums: Figures, coin: str, price: Decimal, locked: Decimal) -> Row:
    quote = coin == QUOTE
    balance = account.balance(coin)
    equity = balance + (sums.unrealised if quote else ZERO)
    return {
        "coin": coin,
        "equity": plain(equity),
        "usdValue": rounded(equity * price),
        "walletBalance": plain(balance),
        "locked": plain(locked),
        "spotHedgingQty": "0",
        "borrowAmount": "0",
        "availableToBorrow": "",
        "availableToWithdraw": "",
        "accruedInterest": "0",
        "totalOrderIM": rounded(sums.order_im) if quote else "0",
        "totalPositionIM": rounded(sums.position_im) if quote else "0",
        "totalPositionMM": rounded(sums.position_mm) if quote else "0",
        "unrealisedPnl": rounded(sums.unrealised) if quote else "0",
        "cumRealisedPnl": plain(account.realised.get(coin, ZERO)),
        "bonus": "0",
        "collateralSwitch": quote,
        "marginCollateral": quote,
        "spotBorrow": "0",
    }


def transaction(one: LedgerRow) -> Row:
    """A row of the transaction log (§3.4)."""
    return {
        "id": one.row_id,
        "symbol": one.symbol,
        "category": one.category,
        "side": one.side,
        "transactionTime": str(one.ts),
        "type": one.kind,
        "qty": plain(one.qty),
        "size": plain(one.size),
        "currency": one.coin,
        "tradePrice": plain(one.price),
        "funding": plain(one.funding) if one.kind == "SETTLEMENT" else "",
        "fee": plain(one.fee),
        "cashFlow": plain(one.cash_flow),
        "change": plain(one.change),
        "cashBalance": plain(one.balance),
        "feeRate": plain(one.fee_rate),
        "bonusChange": "",
        "tradeId": one.exec_id,
        "orderId": one.order_id,
        "orderLinkId": one.link_id,
        "extraFees": "",
    }


def closed_pnl(one: ClosedPnl) -> Row:
    """A row of closed-pnl (§3.3)."""
    return {
        "symbol": one.symbol,
        "orderId": one.order_id,
        "side": one.side,
        "qty": plain(one.qty),
        "orderPrice": plain(one.order_price),
        "orderType": one.order_type,
        "execType": one.exec_type,
        "closedSize": plain(one.closed_size),
        "cumEntryValue": rounded(one.entry_value),
        "avgEntryPrice": rounded(one.entry_value / one.closed_size),
        "cumExitValue": rounded(one.exit_value),
        "avgExitPrice": rounded(one.exit_value / one.closed_size),
        "closedPnl": rounded(one.pnl),
        "fillCount": "1",
        "leverage": plain(one.leverage),
        "openFee": rounded(one.open_fee),
        "closeFee": rounded(one.close_fee),
        "createdTime": str(one.ts),
        "updatedTime": str(one.ts),
    }


def risk_limit(symbol: str, tier: Tier) -> Row:
    """A row of risk-limit (§3.1)."""
    return {
        "id": tier.number,
        "symbol": symbol,
        "riskLimitValue": plain(tier.limit),
        "maintenanceMargin": plain(tier.mmr),
        "initialMargin": plain((1 / tier.max_leverage).quantize(Decimal("0.0001"))),
        "isLowestRisk": 1 if tier.number == 1 else 0,
        "maxLeverage": plain(tier.max_leverage),
        "mmDeduction": plain(tier.deduction),
    }

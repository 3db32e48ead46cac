"""The routes of positions (bybit_v5 §3.3): list, leverage, position mode, margin mode, trading-stop, closed profits."""

from __future__ import annotations

from typing import Any

from modules.simulator import order_requests, rows_private
from modules.simulator.account import QUOTE, ClosedPnl
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.paging import page
from modules.simulator.private_calls import Answer, Call, Route, Routes, done, empty, window
from modules.simulator.request_fields import Fields, invalid

MARGIN_MODES = ("REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN")
NO_PORTFOLIO = {"reasonCode": "3400000", "reasonMsg": "Portfolio margin is not available on this account"}
NOT_SET = 3400045


def positions(call: Call) -> Answer:
    """By symbol: rows even when empty; by settleCoin: those with a size."""
    fields = call.fields
    category = fields.category()
    limit = fields.limit(20, 200)
    symbol, settle = fields.text("symbol"), fields.text("settleCoin")
    if category == "spot":
        raise ApiError(PARAMETER, "params error: Category is invalid")
    if category != "linear":
        return empty(category)
    if not symbol and not settle:
        raise ApiError(PARAMETER, "params error: symbol or settleCoin is missing")
    if symbol:
        call.check_listed(category, symbol)
        rows = call.exchange.positions(call.uid, symbol)
    else:
        rows = call.exchange.positions(call.uid) if settle == QUOTE else []

    def key(row: dict[str, Any]) -> str:
        return f"{row['symbol']}:{row['positionIdx']}"

    shown, cursor = page(sorted(rows, key=key), key, limit, fields.text("cursor"), newest_first=False)
    return Answer({"category": category, "list": shown, "nextPageCursor": cursor})


def set_leverage(call: Call) -> Answer:
    """Both sides' leverage of a symbol."""
    fields = call.fields
    symbol = _symbol(call)
    buy, sell = fields.needed_number("buyLeverage"), fields.needed_number("sellLeverage")
    return done(call.exchange.set_leverage(call.uid, symbol, buy, sell, call.now))


def switch_mode(call: Call) -> Answer:
    """One-way (0) or hedge (3), for a symbol or for all of a coin."""
    fields = call.fields
    linear(fields)
    mode = fields.integer("mode", (0, 3))
    if mode is None:
        raise ApiError(PARAMETER, "params error: mode is missing")
    symbol, coin = fields.text("symbol"), fields.text("coin")
    if symbol:
        call.check_listed("linear", symbol)
    elif not coin:
        raise ApiError(PARAMETER, "params error: symbol or coin is missing")
    elif coin != QUOTE:
        raise invalid("coin")
    return done(call.exchange.switch_mode(call.uid, symbol or None, mode, call.now))


def trading_stop(call: Call) -> Answer:
    """Take profit, stop loss and trailing stop of a position."""
    request = order_requests.trading_stop(call.fields)
    call.check_listed("linear", request.symbol)
    return done(call.exchange.trading_stop(call.uid, request, call.now))


def closed_pnl(call: Call) -> Answer:
    """Closes of up to seven days, newest first."""
    fields = call.fields
    category = fields.category()
    limit = fields.limit(50, 100)
    start, end = window(fields, call.now.ts)
    symbol = fields.text("symbol")
    if category != "linear":
        return empty(category)
    if symbol:
        call.check_listed(category, symbol)

    def key(one: ClosedPnl) -> str:
        return f"{one.seq:012d}"

    rows = (one for one in call.exchange.closed_pnl(call.uid) if symbol in {"", one.symbol} and start <= one.ts <= end)
    shown, cursor = page(rows, key, limit, fields.text("cursor"))
    return Answer({"category": category, "list": [rows_private.closed_pnl(one) for one in shown], "nextPageCursor": cursor})


def set_margin_mode(call: Call) -> Answer:
    """Cross or isolated for the whole account; a refusal says why in `reasons`."""
    mode = call.fields.choice("setMarginMode", MARGIN_MODES)
    if mode == "PORTFOLIO_MARGIN":
        return Answer({"reasons": [NO_PORTFOLIO]}, code=NOT_SET, message="Set margin mode failed")
    refused = call.exchange.set_margin_mode(call.uid, mode, call.now)
    if refused is not None:
        reasons = [{"reasonCode": str(refused.code), "reasonMsg": refused.message}]
        return Answer({"reasons": reasons}, code=refused.code, message=refused.message)
    return Answer({"reasons": []}, message="Request accepted")


def linear(fields: Fields) -> None:
    """ApiError unless the category has positions here."""
    if order_requests.tradable(fields) != "linear":
        raise ApiError(PARAMETER, "params error: Category is invalid")


def _symbol(call: Call) -> str:
    linear(call.fields)
    symbol = call.fields.needed("symbol")
    call.check_listed("linear", symbol)
    return symbol


_NEED = "Position"
ROUTES: Routes = {
    ("GET", "/v5/position/list"): Route(handle=positions, limit=50),
    ("POST", "/v5/position/set-leverage"): Route(handle=set_leverage, limit=10, need=_NEED),
    ("POST", "/v5/position/switch-mode"): Route(handle=switch_mode, limit=10, need=_NEED),
    ("POST", "/v5/position/trading-stop"): Route(handle=trading_stop, limit=10, need=_NEED),
    ("GET", "/v5/position/closed-pnl"): Route(handle=closed_pnl, limit=50),
    ("POST", "/v5/account/set-margin-mode"): Route(handle=set_margin_mode, limit=5, need=_NEED),
}

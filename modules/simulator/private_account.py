"""The routes of account, user and asset (bybit_v5 §3.4): wallet, fees, transaction log, transferable amounts, the key itself, coins."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from modules.simulator import rows_private
from modules.simulator.account import LedgerRow
from modules.simulator.credentials import Key
from modules.simulator.envelope import PARAMETER, ApiError
from modules.simulator.paging import page
from modules.simulator.private_calls import DAY_MS, Answer, Call, Route, Routes, listed_category, window
from modules.simulator.private_order_lists import base_of
from utils.fixed import plain

UNIFIED = "UNIFIED"
FUNDING_WALLET = "FUND"
MOST_COINS = 20
FOREVER = "1970-01-01T00:00:00Z"
NEVER_TOLD_AGAIN = ""
"""In place of a secret, which is told once, when its key is made."""
ZERO = Decimal(0)


def wallet_balance(call: Call) -> Answer:
    """The unified wallet; without `coin` only coins that are not zero."""
    if call.fields.needed("accountType") != UNIFIED:
        raise ApiError(PARAMETER, "accountType only support UNIFIED.")
    return Answer({"list": [call.exchange.wallet(call.uid, call.fields.words("coin"))]})


def info(call: Call) -> Answer:
    """Kind of account, margin mode."""
    return Answer(call.exchange.account_info(call.uid))


def fee_rate(call: Call) -> Answer:
    """Rates of a symbol or of all; linear unless said otherwise, as ccxt leaves the category out."""
    category, symbol = call.fields.category("linear"), call.fields.text("symbol")
    known = listed_category(category)
    if known is None:
        return Answer({"list": []})
    if symbol:
        call.check_listed(category, symbol)
    return Answer({"list": call.exchange.fee_rates(known, symbol or None)})


def transaction_log(call: Call) -> Answer:
    """Cash movements, newest first; the last day unless times are given."""
    fields = call.fields
    if fields.has("accountType") and fields.text("accountType") != UNIFIED:
        raise ApiError(PARAMETER, "accountType only support UNIFIED.")
    category = fields.category() if fields.has("category") else ""
    limit = fields.limit(20, 50)
    start, end = window(fields, call.now.ts, DAY_MS)
    currency, kind, base = fields.text("currency"), fields.text("type"), fields.text("baseCoin")

    def wanted(one: LedgerRow) -> bool:
        return (
            start <= one.ts <= end
            and category in {"", one.category}
            and currency in {"", one.coin}
            and kind in {"", one.kind}
            and base in {"", base_of(one.symbol)}
        )

    rows = (one for one in call.exchange.transaction_log(call.uid) if wanted(one))
    shown, cursor = page(rows, lambda one: f"{one.seq:012d}", limit, fields.text("cursor"))
    return Answer({"list": [rows_private.transaction(one) for one in shown], "nextPageCursor": cursor})


def withdrawal(call: Call) -> Answer:
    """What could be transferred out, per coin."""
    call.fields.needed("coinName")
    coins = call.fields.words("coinName")
    if not 1 <= len(coins) <= MOST_COINS:
        raise ApiError(PARAMETER, "params error: coinName is invalid")
    amounts = {coin: plain(call.exchange.transferable(call.uid, coin)) for coin in coins}
    return Answer({"availableWithdrawal": amounts[coins[0]], "availableWithdrawalMap": amounts})


def dcp_info(_: Call) -> Answer:
    """Nothing: only institutional accounts have it."""
    return Answer({"dcpInfos": []})


def query_api(call: Call) -> Answer:
    """What the key may do."""
    key = call.key if call.key is not None else Key(api_key="", secret=NEVER_TOLD_AGAIN, uid=call.uid)
    expires = FOREVER if key.expires_ms is None else _date(key.expires_ms)
    left = 0 if key.expires_ms is None else max(0, key.expires_ms - call.now.wall) // DAY_MS
    return Answer(
        {
            "id": key.uid,
            "note": "simulator",
            "apiKey": key.api_key,
            "readOnly": int(key.read_only),
            "secret": NEVER_TOLD_AGAIN,
            "permissions": {scope: list(names) for scope, names in key.permissions.items()},
            "ips": list(key.ips) or ["*"],
            "type": 1,
            "deadlineDay": left,
            "expiredAt": expires,
            "createdAt": _date(key.created_ms),
            "unified": 0,
            "uta": 1,
            "userID": int(key.uid) if key.uid.isascii() and key.uid.isdigit() else 1,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": not key.parent,
            "parentUid": key.parent or "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }
    )


def coin_info(call: Call) -> Answer:
    """Coins with their chain."""
    asked = call.fields.text("coin")
    return Answer({"rows": [_coin(coin) for coin in _coins(call) if asked in {"", coin}]})


def coin_balances(call: Call) -> Answer:
    """Balances of the funding wallet (always empty here) or of the unified one, as a list."""
    account = call.fields.needed("accountType")
    asked = call.fields.words("coin")
    coins = asked or (_coins(call) if account == UNIFIED else [])
    return Answer({"accountType": account, "memberId": call.uid, "balance": [_balance(call, account, coin) for coin in coins]})


def coin_balance(call: Call) -> Answer:
    """The balance of one coin."""
    account, coin = call.fields.needed("accountType"), call.fields.needed("coin")
    row = _balance(call, account, coin) | {"transferSafeAmount": "", "ltvTransferSafeAmount": ""}
    return Answer({"accountType": account, "accountId": call.uid, "memberId": call.uid, "bizType": 1, "balance": row})


def _balance(call: Call, account: str, coin: str) -> dict[str, str]:
    if account not in {UNIFIED, FUNDING_WALLET}:
        raise ApiError(PARAMETER, "params error: accountType is invalid")
    held, free = "0", ZERO
    if account == UNIFIED:
        held = next((row["walletBalance"] for row in call.exchange.wallet(call.uid, [coin])["coin"] if row["coin"] == coin), "0")
        free = call.exchange.transferable(call.uid, coin)
    return {"coin": coin, "walletBalance": held, "transferBalance": plain(free), "bonus": ""}


def _coins(call: Call) -> list[str]:
    quotes = {one.instrument.quote: None for one in call.listings.values()}
    return list(quotes | {one.instrument.base: None for one in call.listings.values()})


def _coin(coin: str) -> dict[str, Any]:
    chain = {
        "chain": coin,
        "chainType": coin,
        "confirmation": "6",
        "withdrawFee": "0",
        "depositMin": "0",
        "withdrawMin": "0",
        "minAccuracy": "8",
        "chainDeposit": "0",
        "chainWithdraw": "0",
        "withdrawPercentageFee": "0",
        "contractAddress": "",
        "safeConfirmNumber": "6",
    }
    return {"name": coin, "coin": coin, "remainAmount": "0", "chains": [chain]}


def _date(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


ROUTES: Routes = {
    ("GET", "/v5/account/wallet-balance"): Route(handle=wallet_balance, limit=50),
    ("GET", "/v5/account/info"): Route(handle=info, limit=50),
    ("GET", "/v5/account/fee-rate"): Route(handle=fee_rate, limit=5),
    ("GET", "/v5/account/transaction-log"): Route(handle=transaction_log, limit=25),
    ("GET", "/v5/account/withdrawal"): Route(handle=withdrawal, limit=50),
    ("GET", "/v5/account/query-dcp-info"): Route(handle=dcp_info, limit=5),
    ("GET", "/v5/user/query-api"): Route(handle=query_api, limit=10),
    ("GET", "/v5/asset/coin/query-info"): Route(handle=coin_info, limit=5),
    ("GET", "/v5/asset/transfer/query-account-coins-balance"): Route(handle=coin_balances, limit=5),
    ("GET", "/v5/asset/transfer/query-account-coin-balance"): Route(handle=coin_balance, limit=450),
}

"""The truth about the simulated OANDA account, for tests that compare a bot with it: orders, fills, cash, positions, what is unprotected.

Rows are the venue's own (orders as shown, ORDER_FILL transactions), with `account` = `oanda`. The hash is the sha256 of orders, fills and
cash with client ids numbered by appearance: same seed and same requests at the same venue times, same hash.
"""

from __future__ import annotations

import hashlib

import msgspec

from modules.simulator import oanda_rows as rows
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_pairs import HOME
from modules.simulator.oanda_types import Row, parse_time

ACCOUNT = "oanda"
CASH = {"TRANSFER_FUNDS": "amount", "ORDER_FILL": "pl", "DAILY_FINANCING": "financing"}
"""Transactions that move the balance, and the field that says by how much."""
STOPS = frozenset({"STOP_LOSS_ORDER", "TRAILING_STOP_LOSS_ORDER", "GUARANTEED_STOP_LOSS_ORDER"})
UNHASHED = frozenset({"requestID", "accountID"})


def ledger(desk: Desk) -> Row:
    """All sections, oldest first."""
    orders = [{"account": ACCOUNT, **rows.order(desk, one)} for one in desk.state.orders.values()]
    fills = [{"account": ACCOUNT, **row} for row in desk.rows if row["type"] == "ORDER_FILL"]
    cash = [
        {
            "ts": parse_time(row["time"]), "account": ACCOUNT, "coin": HOME, "amount": row[CASH[row["type"]]], "kind": row["type"],
            "ref": row["id"],
        }
        for row in desk.rows
        if row["type"] in CASH
    ]  # fmt: skip
    found: Row = {"orders": orders, "fills": fills, "cash": cash}
    found["hash"] = digest(found)
    found["positions"] = [{"account": ACCOUNT, **one} for one in rows.positions(desk, open_only=True)]
    found["trades"] = [{"account": ACCOUNT, **rows.trade(desk, one)} for one in desk.open_trades()]
    found["unprotected"] = unprotected(desk)
    return found


def unprotected(desk: Desk) -> list[Row]:
    """Each time that a trade stood without a stop: from one batch of transactions to a later one; `to_ts` None while it goes on."""
    trade_of: dict[str, str] = {}
    bare: dict[str, Row] = {}
    past: list[Row] = []

    def covered(trade: str, row: Row) -> None:
        if (gap := bare.pop(trade, None)) is not None and gap.pop("batch") != row["batchID"]:
            past.append(gap | {"to_ts": parse_time(row["time"])})

    def uncovered(trade: str, instrument: str, row: Row) -> None:
        bare[trade] = {
            "account": ACCOUNT, "instrument": instrument, "trade": trade, "from_ts": parse_time(row["time"]), "to_ts": None,
            "batch": row["batchID"],
        }  # fmt: skip

    for row in desk.rows:
        if row["type"] in STOPS:
            trade_of[row["id"]] = row["tradeID"]
            covered(row["tradeID"], row)
        elif row["type"] == "ORDER_CANCEL" and row["orderID"] in trade_of and row["reason"] != "LINKED_TRADE_CLOSED":
            trade = trade_of[row["orderID"]]
            uncovered(trade, desk.state.trades[trade].instrument if trade in desk.state.trades else "", row)
        elif row["type"] == "ORDER_FILL":
            for closed in row.get("tradesClosed", ()):
                covered(closed["tradeID"], row)
            if "tradeOpened" in row:
                uncovered(row["tradeOpened"]["tradeID"], row["instrument"], row)
    return past + [{name: value for name, value in gap.items() if name != "batch"} for gap in bare.values()]


def digest(found: Row) -> str:
    """The hash of orders, fills and cash."""
    names: dict[str, str] = {}

    def plain(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {
                name: plain(one, name if key != "clientExtensions" else f"ext-{name}")
                for name, one in value.items()
                if name not in UNHASHED
            }
        if isinstance(value, list):
            return [plain(one) for one in value]
        if key in {"clientOrderID", "clientTradeID", "ext-id"}:
            return names.setdefault(str(value), f"#{len(names)}")
        return value

    content = {part: plain(found[part]) for part in ("orders", "fills", "cash")}
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def accounts_row(desk: Desk, token: str) -> Row:
    """The account as the control API shows it."""
    return {"uid": desk.state.account_id, "account": ACCOUNT, "token": token, "open_orders": len(desk.pending()), **rows.summary(desk),
            "positions": rows.positions(desk, open_only=True)}  # fmt: skip

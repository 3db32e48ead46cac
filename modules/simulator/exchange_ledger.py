"""The truth a test compares a bot with: every order, fill, cash movement and position, times without a stop, and a hash of what happened.

The hash is the sha256 of the sorted-key compact JSON of orders, fills and cash. Ids become numbers by their order of first appearance, so
it depends on what was asked and what the market did, not on how ids are made. It covers what is remembered (see account.py).
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from modules.simulator import rows_private
from modules.simulator.desk import Desk
from modules.simulator.order_types import Now
from modules.simulator.protection import Interval
from utils.fixed import plain

ID_FIELDS = frozenset({"orderId", "orderLinkId", "execId", "account", "ref", "smpOrderId"})


def ledger(desk: Desk, now: Now) -> dict[str, Any]:
    """All sections; rows in the field names of bybit_v5 §6, oldest first, each with its `account` and `category`."""
    accounts = list(desk.accounts.values())
    orders = sorted((one for account in accounts for one in account.orders.values()), key=lambda one: one.number)
    fills = sorted((one for account in accounts for one in account.executions), key=lambda one: one.seq)
    cash = sorted((one for account in accounts for one in account.log), key=lambda one: one.seq)
    found: dict[str, Any] = {
        "orders": [{"account": one.uid, **rows_private.order(one, stream=True)} for one in orders],
        "fills": [{"account": one.uid, **rows_private.execution(one, stream=True)} for one in fills],
        "cash": [
            {
                "ts": one.ts,
                "account": one.uid,
                "coin": one.coin,
                "amount": plain(one.change),
                "kind": one.kind,
                "ref": one.exec_id or one.row_id,
            }
            for one in cash
        ],
    }
    found["hash"] = digest(found)
    found["positions"] = [
        {"account": account.uid, "category": "linear", **desk.position_row(account, one)} for account in accounts for one in account.held()
    ]
    found["unprotected"] = [_gap(one, now) for one in (*desk.protection.past, *desk.protection.running.values())]
    return found


def _gap(one: Interval, now: Now) -> dict[str, Any]:
    """An interval; one that goes on has `to_ts` null and lasts until now."""
    return {
        "account": one.uid,
        "category": one.category,
        "symbol": one.symbol,
        "positionIdx": one.idx,
        "from_ts": one.from_ts,
        "to_ts": one.to_ts,
        "wall_ms": (now.wall if one.to_wall is None else one.to_wall) - one.from_wall,
        "qty": plain(one.qty),
    }


def digest(found: dict[str, Any]) -> str:
    """The hash of orders, fills and cash."""
    names: dict[str, str] = {}
    content = {
        part: [{key: _name(names, value) if key in ID_FIELDS and value else value for key, value in row.items()} for row in found[part]]
        for part in ("orders", "fills", "cash")
    }
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _name(names: dict[str, str], value: str) -> str:
    return names.setdefault(value, f"#{len(names)}")

"""Two ledgers that agree, made by hand: a spot trade and a perpetual trade of one bot on two accounts of the venue, flat at the end."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from modules.chaos.verdict import Told
from utils.fixed import plain

Row = dict[str, Any]
SPOT_UID, PERP_UID = "100000001", "100000002"
UIDS = {"spot": SPOT_UID, "linear": PERP_UID}
ACCOUNTS = {"spot": "CRYPTO/LIVE", "linear": "PERPS/LIVE"}


class Books:
    """Both sides, written by one hand so that they agree; a test then damages one of them."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.venue: Row = {"orders": [], "fills": [], "cash": [], "positions": [], "unprotected": []}
        for category in UIDS:
            self.money(category, "USDT", "1000", "TRANSFER_IN", "deposit", "start")

    def money(self, category: str, coin: str, amount: str, kind: str, our_kind: str, ref: str) -> None:
        """A movement that both know."""
        self.venue["cash"].append({"ts": 1, "account": UIDS[category], "coin": coin, "amount": amount, "kind": kind, "ref": ref})
        row = {"account": ACCOUNTS[category], "kind": our_kind, "amount": amount, "ref": ref}
        self.told.append(Told(kind="cash", row=row if coin == "USDT" else row | {"coin": coin}))

    def order(self, category: str, link: str, side: str, qty: str, *, kind: str = "", status: str = "Filled") -> Row:
        """An order at the venue."""
        row = {
            "account": UIDS[category],
            "category": category,
            "symbol": "AAAUSDT",
            "orderId": f"o{len(self.venue['orders'])}",
            "orderLinkId": link,
            "side": side,
            "qty": qty,
            "orderStatus": status,
            "stopOrderType": kind,
            "orderType": "Market",
        }
        self.venue["orders"].append(row)
        return row

    def fill(self, order: Row, qty: str, price: str, *, fee: str = "0.1", base_fee: str = "0", pnl: str = "0") -> None:
        """An execution that both know, with what it did to cash and coins."""
        category, name = order["category"], f"x{len(self.venue['fills'])}"
        sign = 1 if order["side"] == "Buy" else -1
        self.venue["fills"].append(
            {
                "account": order["account"],
                "category": category,
                "symbol": order["symbol"],
                "execId": name,
                "execType": "Trade",
                "orderId": order["orderId"],
                "orderLinkId": order["orderLinkId"],
                "side": order["side"],
                "execQty": qty,
                "execPrice": price,
                "orderQty": order["qty"],
            }
        )
        self.told.append(
            Told(
                kind="fill",
                row={
                    "account": ACCOUNTS[category],
                    "symbol": order["symbol"],
                    "exec_id": name,
                    "side": order["side"].lower(),
                    "qty": qty,
                    "price": price,
                    "fee": fee,
                    "order_id": order["orderLinkId"],
                },
            )
        )
        if category == "spot":
            self.money(category, "USDT", plain(-sign * Decimal(qty) * Decimal(price) - Decimal(fee)), "TRADE", "trade", name)
            self.money(category, "AAA", plain(sign * Decimal(qty) - Decimal(base_fee)), "TRADE", "trade", name)
        else:
            self.money(category, "USDT", plain(Decimal(pnl) - Decimal(fee)), "TRADE", "trade", name)

    def naked(self, wall_ms: int, *, to_ts: int | None = 3_000, category: str = "spot") -> None:
        """A time without a stop."""
        self.venue["unprotected"].append(
            {
                "account": UIDS[category],
                "category": category,
                "symbol": "AAAUSDT",
                "from_ts": 2_000,
                "to_ts": to_ts,
                "wall_ms": wall_ms,
                "qty": "1",
            }
        )

    def booked(self, kind: str, number: int) -> Row:
        """The `number`-th row of a kind in the bot's ledger, to be damaged."""
        return [one.row for one in self.told if one.kind == kind][number]

    def copy(self) -> Books:
        """The same again."""
        return copy.deepcopy(self)


def good_books() -> Books:
    """A spot trade in two fills that leaves a crumb, closed by the venue's own bracket, and a perpetual trade closed by us."""
    books = Books()
    entry = books.order("spot", "CLabc-AAAUSDT-1f-e", "Buy", "2")
    books.fill(entry, "1.5", "100", fee="0", base_fee="0.0015")
    books.fill(entry, "0.5", "100", fee="0", base_fee="0.0005")
    books.fill(books.order("spot", "87654321", "Sell", "1.99", kind="BidirectionalTpslOrder"), "1.99", "101")
    books.fill(books.order("linear", "PLabc-AAAUSDT-1f-e", "Sell", "3"), "3", "100")
    books.order("linear", "", "Buy", "3", kind="StopLoss", status="Deactivated")
    books.fill(books.order("linear", "PLabc-AAAUSDT-2f-x", "Buy", "3"), "3", "99", pnl="3")
    again = books.order("spot", "CLabc-AAAUSDT-3f-e", "Buy", "2")
    books.fill(again, "2", "100", fee="0", base_fee="0.002")
    books.fill(books.order("spot", "CLabc-AAAUSDT-4f-x", "Sell", "1.99"), "1.99", "100")
    return books

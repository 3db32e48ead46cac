"""What the client library holds, made by hand for tests that run without it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

UNSET = 1.7976931348623157e308
MOMENT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)


def contract(**changes: Any) -> Any:
    plain = {
        "symbol": "EUR", "secType": "FOP", "multiplier": "125000", "right": "C", "strike": 1.1, "lastTradeDateOrContractMonth": "20261204",
    }  # fmt: skip
    return SimpleNamespace(**(plain | changes))


def trade(ref: str = "bot-1", *, on: Any = None, status: str = "Submitted", filled: float = 0.0, **changes: Any) -> Any:
    plain = {
        "orderRef": ref, "permId": 900, "orderId": 5, "action": "BUY", "totalQuantity": 1.0, "orderType": "LMT", "lmtPrice": 0.008,
        "auxPrice": UNSET, "filledQuantity": UNSET, "clientId": 7, "account": "DU1234567", "ocaGroup": "",
    }  # fmt: skip
    state = SimpleNamespace(status=status, filled=filled, permId=0)
    return SimpleNamespace(contract=on or contract(), order=SimpleNamespace(**(plain | changes)), orderStatus=state)


def stop(level: float, size: float = 1.0, **changes: Any) -> Any:
    plain: dict[str, Any] = {"action": "SELL", "orderType": "STP", "auxPrice": level, "lmtPrice": 0.0, "totalQuantity": size}
    return trade("bot-1:stop", status="PreSubmitted", **(plain | changes))


def target(level: float, size: float = 1.0, **changes: Any) -> Any:
    return trade("bot-1:target", action="SELL", lmtPrice=level, totalQuantity=size, **changes)


def fill(*, on: Any = None, commission: str = "e.01", **changes: Any) -> Any:
    plain = {
        "execId": "e.01", "orderRef": "bot-1", "side": "BOT", "price": 0.008, "shares": 1.0, "permId": 900, "lastLiquidity": 2,
        "acctNumber": "DU1234567", "time": MOMENT,
    }  # fmt: skip
    cost = SimpleNamespace(execId=commission, commission=2.47, currency="USD")
    return SimpleNamespace(contract=on or contract(), execution=SimpleNamespace(**(plain | changes)), commissionReport=cost)


def position(size: float, *, on: Any = None, account: str = "DU1234567", cost: float = 1_000.0) -> Any:
    return SimpleNamespace(contract=on or contract(), account=account, position=size, avgCost=cost)

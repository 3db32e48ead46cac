"""The way of each order in the log, a line a step: decided, accepted, filled, closed; each with the id of the decision behind it.

`decision` is our id of the order, the one that the decision's row in the ledger names (`order`) and the venue knows. A listener: it is told
when the commands have left, so that no order waits for its line.
"""

from __future__ import annotations

from typing import Any

import structlog

from state.messages import (
    Cancel,
    Close,
    Command,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Place,
    StopFilled,
)
from state.orders import Fill

log = structlog.get_logger("orders")


def order_lines(seq: int, event: Event, commands: list[Command]) -> None:
    """Log what event `seq` of the journal says of an order, and what it led to."""
    came = _came(event)
    if came is not None:
        log.info(came[0], seq=seq, ts=event.ts, **came[1])
    for command in commands:
        went = _went(command)
        if went is not None:
            log.info(went[0], seq=seq, ts=event.ts, **went[1])


def _came(event: Event) -> tuple[str, dict[str, Any]] | None:
    match event:
        case OrderAccepted(account=account, order_id=name):
            return "order accepted", {"decision": name, "account": str(account)}
        case OrderRejected(account=account, order_id=name, reason=reason, kind=kind):
            return "order rejected", {"decision": name, "account": str(account), "reason": reason, "kind": kind}
        case OrderCancelled(account=account, order_id=name, reason=reason):
            return "order cancelled", {"decision": name, "account": str(account), "reason": reason}
        case OrderUnknown(account=account, order_id=name, reason=reason):
            return "order unknown", {"decision": name, "account": str(account), "reason": reason}
        case OrderFilled(fill=fill, left=left):
            return "order filled", {"decision": fill.order_id, **_filled(fill, left)}
        case StopFilled(fill=fill, left=left, trigger=trigger):  # an order of the venue's, that nobody decided in this moment
            return "protection filled", {"order": fill.order_id, "trigger": str(trigger), **_filled(fill, left)}
    return None


def _filled(fill: Fill, left: int) -> dict[str, Any]:
    """Prices in ticks, quantities in steps."""
    whose = {"account": str(fill.account), "key": fill.key, "side": fill.side}
    return {**whose, "price": fill.price, "steps": fill.steps, "left": left, "exec_id": fill.exec_id}


def _went(command: Command) -> tuple[str, dict[str, Any]] | None:
    match command:
        case Place(order):
            intent = order.intent
            whose = {"account": str(intent.account), "key": intent.key, "strategy": intent.strategy, "side": int(intent.side)}
            prices = {"steps": intent.steps, "limit": intent.limit, "stop": intent.exits.stop, "target": intent.exits.target}
            return "entry decided", {"decision": order.order_id, **whose, **prices}
        case Close(reduce):
            return "exit decided", {
                "decision": reduce.order_id,
                "account": str(reduce.account),
                "key": reduce.key,
                "reason": str(reduce.reason),
            }
        case Cancel(account, key, name):
            return "order taken back", {"decision": name, "account": str(account), "key": key}
    return None

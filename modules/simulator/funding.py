"""Funding of a perpetual: at the settlement longs pay size × mark × rate when the rate is positive, shorts receive it."""

from __future__ import annotations

from decimal import Decimal

from modules.simulator.account import QUOTE, cash
from modules.simulator.desk import Desk
from modules.simulator.order_types import ZERO, Execution, Now, PrivateEvent
from modules.simulator.rows_private import execution as execution_row


def settle(desk: Desk, symbol: str, rate: Decimal, now: Now) -> None:
    """Every position of the symbol pays or receives: an execution of type Funding, a SETTLEMENT row, a wallet event.

    An isolated position pays out of its own margin what the free wallet cannot.
    """
    point = desk.point("linear", symbol)
    for account in desk.accounts.values():
        for position in account.held(symbol):
            value = position.size * point.mark
            paid = cash(value * rate * position.sign)
            number = desk.ids.next()
            found = Execution(
                uid=account.uid, seq=number, exec_id=desk.ids.uuid("exec", number), exec_type="Funding", category="linear", symbol=symbol,
                order_id=desk.ids.uuid("funding", number), link_id="", side=position.side, order_type="UNKNOWN", stop_order_type="UNKNOWN",
                create_type="", order_price=ZERO, order_qty=ZERO, leaves=ZERO, price=point.mark, qty=position.size, value=value, fee=paid,
                fee_coin=QUOTE, fee_rate=rate, is_maker=False, ts=now.ts, mark=point.mark, index=point.index, position_idx=position.idx,
            )  # fmt: skip
            account.ran(found)
            desk.emit(account.uid, PrivateEvent("execution", "linear", now.ts, execution_row(found, stream=True)))
            if account.isolated:
                missing = paid - max(ZERO, desk.figures(account).available)
                position.margin -= min(position.margin, max(ZERO, missing))
            position.realised -= paid
            position.realised_ever -= paid
            account.realised[QUOTE] = account.realised.get(QUOTE, ZERO) - paid
            desk.book_cash(account, now, "SETTLEMENT", QUOTE, funding=-paid, execution=found, size=position.sign * position.size)
            desk.touch_position(account.uid, symbol, position.idx)

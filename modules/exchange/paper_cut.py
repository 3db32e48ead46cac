"""What the cut pays for an option that is held on paper, over quotes as over bars."""

from __future__ import annotations

from modules.engine.option_prices import settlement
from state.accounts import Account
from state.intents import ExitReason
from state.messages import StopFilled
from state.options import OptionContract
from state.orders import Fill


def paid_out(
    contract: OptionContract, account: Account, key: str, side: int, steps: int, ts: int, fixing: int, fixing_ts: int, part: int = 1
) -> StopFilled:
    """The end of `steps` held on slot `key`: their worth at the fixing (ticks, made at `fixing_ts`), without spread or fee.

    `part`: which fill of its exit it is, from 1.
    """
    worth = settlement(int(contract.right), contract.strike, fixing)
    order_id = f"{key}-{ts:x}-s"
    fill = Fill(
        ts=ts, account=account, key=key, order_id=order_id, exec_id=f"{order_id}-{part}", side=-side, price=worth, steps=steps, fee=0,
        fixing=fixing, fixing_ts=fixing_ts,
    )  # fmt: skip
    return StopFilled(ts, fill, ExitReason.EXERCISED if worth > 0 else ExitReason.EXPIRED)

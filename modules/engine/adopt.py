"""What was done stands: where today's program would have decided otherwise than the journal, the recorded commands win.

Used by recovery alone. The answers of the venue that follow in the journal belong to the recorded orders, so those must be in the state
and orders that were never sent must not.
"""

from __future__ import annotations

from modules.engine.core import Engine
from modules.engine.decide import ARM_NAMES, reserve
from modules.engine.scene import remember
from state.booking import release
from state.books import PENDING
from state.messages import Close, Command, Place, Protect
from state.orders import Order, OrderState
from state.runtime import REASONS


def adopt(engine: Engine, ours: list[Command], recorded: list[Command]) -> None:
    """Bring the state, to which `ours` has just been applied, to what `recorded` did."""
    done = {command.order.order_id for command in recorded if isinstance(command, Place)}
    closed = {command.reduce.order_id for command in recorded if isinstance(command, Close)}
    for command in ours:
        if isinstance(command, Place) and command.order.order_id not in done:
            _unplace(engine, command)
        elif isinstance(command, Close) and command.reduce.order_id not in closed:
            engine.state.orders.pop(command.reduce.order_id, None)
            row = engine.state.pos[engine.state.row_of(command.reduce.account, command.reduce.key)]
            row["closing"] = 0
            row["closes"] -= 1
            row["close_leg"] -= 1
    for command in recorded:
        match command:
            case Place() if command.order.order_id not in engine.state.orders:
                _place(engine, command)
            case Close() if command.reduce.order_id not in engine.state.orders:
                _close(engine, command)
            case Protect():
                row = engine.state.pos[engine.state.row_of(command.account, command.key)]
                row["stop"], row["target"] = command.stop, command.target


def _unplace(engine: Engine, command: Place) -> None:
    """An order that today's rules would send was never sent."""
    state = engine.state
    state.orders.pop(command.order.order_id, None)
    i = state.row_of(command.order.intent.account, command.order.intent.key)
    if state.pos[i]["status"] == PENDING:
        release(state.pos, i)


def _place(engine: Engine, command: Place) -> None:
    """An order that was sent, whatever today's rules say of it."""
    state, mandate, intent = engine.state, engine.mandate, command.order.intent
    names = [card.name for card in mandate.strategies]
    reserve(
        state.pos,
        mandate.rules,
        state.row_of(intent.account, intent.key),
        names.index(intent.strategy),
        ARM_NAMES.index(intent.arm),
        0,  # the regime of then is not in the order; it is only told, never used again
        int(intent.side),
        intent.steps,
        intent.reference,
        intent.limit,
        intent.ts,
        intent.expires_ts,
        intent.exits.stop,
        intent.exits.target,
        intent.exits.atr,
    )
    row = state.pos[state.row_of(intent.account, intent.key)]
    row["explored"] = intent.explored
    remember(row, intent.scene)
    order = Order(order_id=command.order.order_id, account=intent.account, key=intent.key, entry=True, steps=intent.steps, ts=intent.ts)
    state.orders[order.order_id] = order.to(OrderState.IN_FLIGHT)


def _close(engine: Engine, command: Close) -> None:
    """A close that was asked for."""
    state, reduce = engine.state, command.reduce
    row = state.pos[state.row_of(reduce.account, reduce.key)]
    row["closes"] += 1
    row["close_ts"] = max(reduce.ts, int(row["close_ts"]))
    row["close_leg"] = int(reduce.order_id.rpartition("-x")[2] or 1)
    row["closing"] = REASONS.index(reduce.reason) + 1
    order = Order(order_id=reduce.order_id, account=reduce.account, key=reduce.key, entry=False, steps=int(row["steps"]), ts=reduce.ts)
    state.orders[order.order_id] = order.to(OrderState.IN_FLIGHT)

"""The base coins of a live spot account: what fills really brought after fees in the coin, what is left over, and what cannot be sold.

A buy on a real venue pays its fee in the coin bought. The position is what a whole number of steps holds; the rest is dust, kept in the
account's own coins and taken into the next position of the coin. The trade is charged with its fee at the price of the fill, the account
with what it paid for the dust, so cash equals the venue's to the last unit. Source: definitions, "The user's own coins"; field notes 17
to 20.
"""

from __future__ import annotations

from decimal import Decimal

from state.accounts import Mode
from state.books import OPEN
from state.messages import Command, Record
from state.orders import Fill
from state.runtime import RuntimeState
from utils.fixed import ceil_steps, plain

UNIT = Decimal(1).scaleb(-10)
"""One money unit in quote currency."""


def in_coins(state: RuntimeState, i: int) -> bool:
    """Whether what seat `i` buys is coins. An option is paid in full as they are, and is a position at its venue all the same."""
    return bool(state.inst[i]["spot"]) and not state.inst[i]["option"]


def counted(state: RuntimeState, i: int) -> bool:
    """Whether coins of seat `i` are counted: on live spot accounts only; elsewhere fees are in the quote coin and nothing is left over."""
    return in_coins(state, i) and state.account_of(i).mode is Mode.LIVE


def _move(state: RuntimeState, i: int, fill: Fill, qty: Decimal, out: list[Command]) -> Decimal:
    """Add `qty` to the account's own coins; returns what it has then."""
    own, base = state.coins.setdefault(str(fill.account), {}), state.instrument(i).base
    own[base] = own.get(base, Decimal(0)) + qty
    row = {"ts": fill.ts, "account": str(fill.account), "kind": "trade", "amount": plain(qty), "ref": fill.exec_id, "coin": base}
    out.append(Record("cash", row))
    return own[base]


def received(state: RuntimeState, i: int, fill: Fill, out: list[Command]) -> tuple[int, int, int]:
    """(steps by which the position grows, its fee, what was paid for dust) of an entry fill; amounts in money units.

    Dust of earlier positions is taken in, which makes the last figure negative.
    """
    if not counted(state, i):
        return fill.steps, fill.fee, 0
    instrument = state.instrument(i)
    own = _move(state, i, fill, instrument.qty(fill.steps) - fill.base_fee, out)
    held = int(state.pos[i]["steps"]) if state.pos[i]["status"] == OPEN else 0
    steps = max(0, instrument.steps(own) - held)  # coins that left otherwise can make it less than none
    beyond = fill.price * (fill.steps - steps) * instrument.unit
    if steps == 0:
        return 0, fill.fee, beyond
    fee = ceil_steps(fill.base_fee * instrument.price(fill.price), UNIT)
    return steps, fill.fee + fee, beyond - fee


def paid_for_dust(state: RuntimeState, i: int, units: int) -> None:
    """What was paid for coins that are no whole step of the position; a fill may bring nothing else."""
    state.acct[int(state.inst[i]["account"])]["cash"] -= units


def given(state: RuntimeState, i: int, fill: Fill, out: list[Command]) -> None:
    """An exit fill takes its coins out of the account's own."""
    if counted(state, i):
        _move(state, i, fill, -state.instrument(i).qty(fill.steps), out)


def strayed(state: RuntimeState, i: int, fill: Fill, out: list[Command]) -> None:
    """A fill that belongs to no position moves the account's own coins all the same."""
    if not counted(state, i):
        return
    qty = state.instrument(i).qty(fill.steps)
    _move(state, i, fill, qty - fill.base_fee if fill.side > 0 else -qty, out)


def unsellable(state: RuntimeState, i: int) -> bool:
    """Whether what seat `i` holds is below the venue's smallest order at its mark, or would be at its stop: dust, not a position."""
    return _too_small(state, i, min(int(state.pos[i]["mark"]), int(state.pos[i]["stop"])))


def worthless_at_stop(state: RuntimeState, i: int) -> bool:
    """Whether what seat `i` holds is below the venue's smallest order at its stop, so that no protection can stand for it."""
    return _too_small(state, i, int(state.pos[i]["stop"]))


def _too_small(state: RuntimeState, i: int, price: int) -> bool:
    if not counted(state, i) or state.pos[i]["status"] != OPEN:
        return False
    steps, inst = int(state.pos[i]["steps"]), state.inst[i]
    return steps < int(inst["min_steps"]) or steps * price * int(inst["unit"]) < int(inst["min_notional"])

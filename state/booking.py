"""How a fill changes a position and its wallet, in integers; live, paper, replay and sweep book through these functions alone.

Spot moves the quote coin itself: a buy takes the value out of cash, a sale brings it back. A perpetual leaves the value alone and books
what was gained or lost. Fees are charged in quote, rounded up. One position per instrument: an entry fill grows it, an exit fill
shrinks it, and closing the last step frees the row.
"""

from __future__ import annotations

from state.books import FLAT, OPEN, Rows
from utils.kernel import kernel


@kernel
def mul_div(value: int, factor: int, divisor: int) -> int:
    """floor(value * factor / divisor) for divisor > 0 without overflowing where value * factor alone would."""
    return (value // divisor) * factor + ((value % divisor) * factor) // divisor


@kernel
def fee_of(value: int, ppm: int) -> int:
    """Fee on a notional `value` (money units), rounded up: equals Decimal ROUND_UP."""
    return (value // 1_000_000) * ppm + ((value % 1_000_000) * ppm + 999_999) // 1_000_000


@kernel
def fill_entry(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, steps: int, fee: int, ts: int) -> None:
    """Book an entry execution of instrument `i`; the first one opens the position at `ts`."""
    a = inst[i]["account"]
    value = price * steps * inst[i]["unit"]
    if pos[i]["status"] != OPEN:
        pos[i]["status"] = OPEN
        pos[i]["opened_ts"] = ts
        pos[i]["steps"] = 0
        pos[i]["value"] = 0
        pos[i]["filled"] = 0
        pos[i]["fees"] = 0
        pos[i]["funding"] = 0
        pos[i]["realised"] = 0
        pos[i]["exit_value"] = 0
        pos[i]["exit_steps"] = 0
        pos[i]["exit_reason"] = 0
        pos[i]["closing"] = 0
        pos[i]["closes"] = 0
        pos[i]["unprotected_ms"] = 0
        pos[i]["extreme"] = price
        pos[i]["mark"] = price
        pos[i]["initial_stop"] = pos[i]["stop"]
    pos[i]["steps"] += steps
    pos[i]["working"] = max(0, pos[i]["working"] - steps)
    pos[i]["filled"] += steps
    pos[i]["value"] += value
    pos[i]["fees"] += fee
    entry = pos[i]["value"] // (pos[i]["steps"] * inst[i]["unit"])
    pos[i]["risk"] = abs(entry - pos[i]["initial_stop"])
    if inst[i]["spot"]:
        acct[a]["cash"] -= value
    acct[a]["cash"] -= fee


@kernel
def fill_exit(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, steps: int, fee: int) -> int:
    """Book an exit execution; returns what it realised before fees (money units). The position row is freed by `release`."""
    a = inst[i]["account"]
    value = price * steps * inst[i]["unit"]
    share = pos[i]["value"] if steps == pos[i]["steps"] else mul_div(pos[i]["value"], steps, pos[i]["steps"])
    gained = pos[i]["side"] * (value - share)
    pos[i]["steps"] -= steps
    pos[i]["value"] -= share
    pos[i]["fees"] += fee
    pos[i]["realised"] += gained
    pos[i]["exit_value"] += value
    pos[i]["exit_steps"] += steps
    acct[a]["cash"] += value if inst[i]["spot"] else gained
    acct[a]["cash"] -= fee
    return int(gained)


@kernel
def funding_of(side: int, steps: int, unit: int, price: int, rate_e8: int) -> int:
    """What a position of `steps` owes at a settlement at `price`: money units, positive = paid; long pays a positive rate."""
    return int(side * mul_div(price * steps * unit, rate_e8, 100_000_000))


@kernel
def pay_funding(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, rate_e8: int) -> int:
    """Settle funding on an open position at `price`; returns money units paid (negative: received)."""
    amount = funding_of(pos[i]["side"], pos[i]["steps"], inst[i]["unit"], price, rate_e8)
    book_funding(pos, inst, acct, i, amount)
    return int(amount)


@kernel
def book_funding(pos: Rows, inst: Rows, acct: Rows, i: int, amount: int) -> None:
    """Book a funding amount that the venue stated (money units, positive = paid)."""
    pos[i]["funding"] += amount
    acct[inst[i]["account"]]["cash"] -= amount


@kernel
def release(pos: Rows, i: int) -> None:
    """Free the row of a closed position or an entry that never filled."""
    pos[i]["status"] = FLAT
    pos[i]["steps"] = 0
    pos[i]["working"] = 0
    pos[i]["value"] = 0
    pos[i]["closing"] = 0


@kernel
def equity_of(pos: Rows, inst: Rows, acct: Rows, a: int) -> int:
    """Cash plus what is held at its mark: the whole value for spot, the unrealised result for perpetuals (money units)."""
    total = acct[a]["cash"]
    for i in range(len(pos)):
        if pos[i]["status"] == OPEN and inst[i]["account"] == a:
            marked = pos[i]["mark"] * pos[i]["steps"] * inst[i]["unit"]
            total += marked if inst[i]["spot"] else pos[i]["side"] * (marked - pos[i]["value"])
    return int(total)


@kernel
def gross_of(pos: Rows, inst: Rows, i: int) -> int:
    """Notional that instrument `i` has open, resting or in flight (money units)."""
    if pos[i]["status"] == FLAT:
        return 0
    return int((pos[i]["mark"] * pos[i]["steps"] + pos[i]["reference"] * pos[i]["working"]) * inst[i]["unit"])

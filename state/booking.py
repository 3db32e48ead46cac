"""How a fill changes a position and its wallet, in integers; live, paper, replay and sweep book through these functions alone.

Spot moves the quote coin itself: a buy takes the value out of cash, a sale brings it back. A perpetual or a currency pair leaves the value
alone and books what was gained or lost. Values stay in quote currency; whatever reaches the wallet is turned into its currency at the rate
of the moment (`state/conversion.py`); of what was paid for, the gain is what comes back less what was given, each at the rate of its own
moment, so trades add up to the wallet. Fees are rounded up. One position per instrument: an entry fill grows it, an exit fill
shrinks it, and closing the last step frees the row.
"""

from __future__ import annotations

from state.books import FLAT, OPEN, Rows
from state.conversion import home_of, mul_div
from utils.kernel import kernel

RATE_SCALE = 100_000_000
YEAR_DAYS = 365


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
        pos[i]["paid"] = 0
        pos[i]["bought"] = 0
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
    pos[i]["bought"] += value
    pos[i]["fees"] += fee
    entry = pos[i]["value"] // (pos[i]["steps"] * inst[i]["unit"])
    pos[i]["risk"] = abs(entry - pos[i]["initial_stop"])
    if inst[i]["spot"]:
        paid = home_of(inst, i, value)
        pos[i]["paid"] += paid
        acct[a]["cash"] -= paid
    acct[a]["cash"] -= fee


@kernel
def _share(amount: int, steps: int, held: int) -> int:
    return amount if steps == held else mul_div(amount, steps, held)


@kernel
def gain_of(pos: Rows, inst: Rows, i: int, price: int, steps: int) -> int:
    """What ending `steps` of position `i` at `price` gains before fees (money units of the account's currency)."""
    value, held = price * steps * inst[i]["unit"], pos[i]["steps"]
    if inst[i]["spot"]:
        return int(home_of(inst, i, value) - _share(pos[i]["paid"], steps, held))
    return int(home_of(inst, i, pos[i]["side"] * (value - _share(pos[i]["value"], steps, held))))


@kernel
def fill_exit(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, steps: int, fee: int) -> int:
    """Book an exit execution; returns what it realised before fees (money units). The position row is freed by `release`."""
    gained = gain_of(pos, inst, i, price, steps)
    book_exit(pos, inst, acct, i, price, steps, fee, gained)
    return int(gained)


@kernel
def book_exit(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, steps: int, fee: int, gained: int) -> None:
    """Book an exit execution of which the venue has said what it `gained` (money units, fees apart)."""
    a = inst[i]["account"]
    value = price * steps * inst[i]["unit"]
    held = pos[i]["steps"]
    pos[i]["value"] -= _share(pos[i]["value"], steps, held)
    pos[i]["paid"] -= _share(pos[i]["paid"], steps, held)
    pos[i]["steps"] -= steps
    pos[i]["fees"] += fee
    pos[i]["realised"] += gained
    pos[i]["exit_value"] += value
    pos[i]["exit_steps"] += steps
    acct[a]["cash"] += home_of(inst, i, value) if inst[i]["spot"] else gained
    acct[a]["cash"] -= fee


@kernel
def funding_of(inst: Rows, i: int, side: int, steps: int, price: int, told: int) -> int:
    """What a position of `steps` owes at a settlement at `price`: money units of the account's currency, positive = paid.

    `told` is what the settlement says. Of a perpetual: the rate x 1e8, a long pays a positive one to a short. Of a pair on margin: for how
    many days the position's own yearly rate is due, units x price x rate / 365 x days.
    """
    value = price * steps * inst[i]["unit"]
    if inst[i]["on_margin"]:
        rate = inst[i]["swap_long_e8"] if side > 0 else inst[i]["swap_short_e8"]
        return home_of(inst, i, -mul_div(value, rate * told, YEAR_DAYS * RATE_SCALE))
    return home_of(inst, i, side * mul_div(value, told, RATE_SCALE))


@kernel
def pay_funding(pos: Rows, inst: Rows, acct: Rows, i: int, price: int, told: int) -> int:
    """Settle funding on an open position at `price`; returns money units paid (negative: received)."""
    amount = funding_of(inst, i, pos[i]["side"], pos[i]["steps"], price, told)
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
    pos[i]["paid"] = 0
    pos[i]["closing"] = 0


@kernel
def equity_of(pos: Rows, inst: Rows, acct: Rows, a: int) -> int:
    """Cash plus what is held at its mark: the whole value for spot, else the unrealised result (money units)."""
    total = acct[a]["cash"]
    for i in range(len(pos)):
        if pos[i]["status"] == OPEN and inst[i]["account"] == a:
            marked = pos[i]["mark"] * pos[i]["steps"] * inst[i]["unit"]
            total += home_of(inst, i, marked if inst[i]["spot"] else pos[i]["side"] * (marked - pos[i]["value"]))
    return int(total)


@kernel
def gross_of(pos: Rows, inst: Rows, i: int) -> int:
    """Notional that instrument `i` has open, resting or in flight (money units of the account's currency)."""
    if pos[i]["status"] == FLAT:
        return 0
    return home_of(inst, i, (pos[i]["mark"] * pos[i]["steps"] + pos[i]["reference"] * pos[i]["working"]) * inst[i]["unit"])

"""From quote currency to the account's: which pair a rate comes from, the rate, and amounts turned by it. Integers, one rounding.

Prices, and the values made of them, stay in quote currency; what a wallet sees is home currency. A pair quoted in it needs no rate
(`PAR_E9`, nothing is rounded); another goes through the pair of its quote currency and home: GBP through GBPUSD (its price), JPY through
USDJPY (one over its price), USDCAD through itself. The rate is that pair's last closed bar, so it changes at bars alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from state.accounts import Domain
from state.books import PAR_E9, Rows
from state.instruments import Instrument
from utils.errors import Refusal
from utils.kernel import kernel

Ints = npt.NDArray[np.int64]
HOME = "USD"
"""Account currency of the domains that trade currencies."""


class Via(msgspec.Struct, frozen=True):
    """Where an instrument's rate comes from: market row of a pair (-1: no rate is needed), and whether it is one over its price."""

    market: int
    inverse: bool


PAR = Via(-1, False)


def home_currency(instrument: Instrument) -> str:
    """The currency of the account that trades it: crypto settles in what it is quoted in."""
    return HOME if instrument.domain in {Domain.FOREX, Domain.OPTIONS} else instrument.quote


def via_of(instruments: Sequence[Instrument], m: int) -> Via:
    """Where instrument `m` gets its rate from among `instruments`; Refusal that names the pair that is missing."""
    one = instruments[m]
    home, quote = home_currency(one), one.quote
    if quote == home:
        return PAR
    for n, other in enumerate(instruments):
        if other.domain is one.domain and {other.base, other.quote} == {quote, home}:
            return Via(n, other.base == home)
    missing = f"{home}{quote} (or {quote}{home})"
    raise Refusal(f"{one.symbol} is booked in {home}, and nothing here says what {quote} is worth in it: add {missing} to the symbols")


@kernel
def mul_div(value: int, factor: int, divisor: int) -> int:
    """floor(value * factor / divisor) for divisor > 0 without overflowing where value * factor alone would."""
    return (value // divisor) * factor + ((value % divisor) * factor) // divisor


@kernel
def home_of(inst: Rows, i: int, amount: int) -> int:
    """`amount` money units of instrument `i`'s quote currency in the account's, rounded down (a loss is never made smaller)."""
    rate = inst[i]["rate_e9"]
    return int(amount if rate == PAR_E9 else mul_div(amount, rate, PAR_E9))


@kernel
def rate_at(inst: Rows, i: int, close: int) -> int:
    """INST.rate_e9 of instrument `i` while its conversion pair stands at `close` ticks; what it was where that is not known (0)."""
    if close <= 0:
        return int(inst[i]["rate_e9"])
    price = close * inst[i]["via_tick"]
    return int(np.floor((1e9 / price if inst[i]["inverse"] else price * 1e9) + 0.5))


@kernel
def turn_rates(inst: Rows, market: Rows) -> None:
    """Bring every rate to the last closed bar of its pair; one that is known is never lost."""
    for i in range(len(inst)):
        if inst[i]["via"] >= 0:
            inst[i]["rate_e9"] = rate_at(inst, i, market[inst[i]["via"]]["last_close"])


@kernel
def turn_to(inst: Rows, close: Ints, k: int) -> None:
    """`turn_rates` over stored bars: to the last close up to column `k`; `close` (instruments, bars) in ticks, 0 where one is missing."""
    for i in range(len(inst)):
        via = inst[i]["via"]
        if via >= 0:
            at = k
            while at > 0 and close[via, at] == 0:
                at -= 1
            inst[i]["rate_e9"] = rate_at(inst, i, close[via, at])

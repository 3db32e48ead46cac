"""Rows as production builds them, over made-up instruments, with wallets of round numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from config import CONFIG
from modules.settings import Risk, instrument_rows, limit_rows, rule_rows
from state.accounts import Account, Domain, Mode
from state.books import ACCT, INST, OPEN, POS, Rows, rows
from state.instruments import Instrument
from utils.fixed import MONEY_SCALE

M5, M15 = 300_000, 900_000
SPOT, PERP = Account(Domain.CRYPTO, Mode.PAPER), Account(Domain.PERPS, Mode.PAPER)


def coin(symbol: str, domain: Domain = Domain.CRYPTO, **changes: Any) -> Instrument:
    """An instrument with a cent tick and a step of a ten-thousandth, least order 5."""
    plain: dict[str, Any] = {
        "domain": domain,
        "symbol": symbol,
        "base": symbol.removesuffix("USDT"),
        "quote": "USDT",
        "tick": Decimal("0.01"),
        "step": Decimal("0.0001"),
        "min_qty": Decimal("0.0001"),
        "min_notional": Decimal(5),
        "max_qty": Decimal(1_000_000),
        "funding_interval_min": 480 if domain is Domain.PERPS else 0,
    }
    return Instrument(**{**plain, **changes})


def seat_of(unit: int) -> Rows:
    """The row of one instrument whose step is worth `unit` money units a tick; no conversion, no session."""
    found = rows(INST)
    found["unit"] = unit
    return found


class Books(msgspec.Struct, eq=False):
    """The five tables that kernels take together."""

    instruments: tuple[Instrument, ...]
    pos: Rows
    inst: Rows
    acct: Rows
    rules: Rows
    limits: Rows

    def hold(self, i: int, notional: float, price: int = 10_000, side: int = 1, strategy: int = 0) -> None:
        """Put a position of about `notional` quote units at `price` ticks into row `i`; the wallet is left alone."""
        unit = int(self.inst[i]["unit"])
        steps = round(notional * MONEY_SCALE / (price * unit))
        row = self.pos[i]
        row["status"], row["side"], row["strategy"] = OPEN, side, strategy
        row["steps"], row["filled"], row["mark"], row["reference"] = steps, steps, price, price
        row["value"] = price * steps * unit
        row["paid"] = row["value"] if self.inst[i]["spot"] else 0
        row["stop"], row["target"] = price - side * price // 10, price + side * price // 5
        row["initial_stop"], row["extreme"], row["risk"] = row["stop"], price, price // 10

    def wallet(self, quote: float, a: int = 0) -> None:
        """A wallet that began the day with `quote` and still has it."""
        for name in ("cash", "equity", "peak", "day_start"):
            self.acct[a][name] = round(quote * MONEY_SCALE)


def books(*instruments: Instrument, balance: float = 1_000, risk: Risk | None = None) -> Books:
    """Tables over `instruments`, all of one domain, and one wallet of `balance`."""
    chosen = instruments or (coin("AAAUSDT"), coin("BBBUSDT"), coin("CCCUSDT"))
    domains = {one.domain: 0 for one in chosen}
    made = Books(
        instruments=chosen,
        pos=rows(POS, len(chosen)),
        inst=instrument_rows(chosen, [(domains[one.domain], m) for m, one in enumerate(chosen)], CONFIG.domains),
        acct=rows(ACCT),
        rules=rule_rows(M15),
        limits=limit_rows(risk or Risk()),
    )
    made.wallet(balance)
    return made

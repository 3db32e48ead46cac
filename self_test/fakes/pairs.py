"""Currency pairs as a broker lists them, and tables over them with rates in place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from config import CONFIG
from modules.settings import Risk, Swap, instrument_rows, limit_rows, rule_rows
from self_test.fakes.books import Books
from state.accounts import Account, Domain, Mode
from state.books import ACCT, POS, rows
from state.conversion import turn_rates
from state.instruments import Instrument

FX = Account(Domain.FOREX, Mode.PAPER)
H1 = 3_600_000
MARGINS = {"EURUSD": "0.02", "GBPUSD": "0.05", "USDJPY": "0.04", "AUDUSD": "0.03", "USDCAD": "0.02", "EURGBP": "0.05", "EURJPY": "0.04"}
PRICES = {
    "EURUSD": "1.10000", "GBPUSD": "1.25000", "USDJPY": "150.000", "AUDUSD": "0.65000", "USDCAD": "1.35000", "EURGBP": "0.88000",
    "EURJPY": "165.000",
}  # fmt: skip
ALL = tuple(MARGINS)


def pair(symbol: str, **changes: Any) -> Instrument:
    """A currency pair on its usual grid: units of one, least order 1."""
    tick = Decimal("0.001") if symbol.endswith("JPY") else Decimal("0.00001")
    plain: dict[str, Any] = {
        "domain": Domain.FOREX, "symbol": symbol, "base": symbol[:3], "quote": symbol[3:], "tick": tick, "step": Decimal(1),
        "min_qty": Decimal(1), "min_notional": Decimal(0), "max_qty": Decimal(100_000_000), "margin_rate": Decimal(MARGINS[symbol]),
        "pip": tick * 10,
    }  # fmt: skip
    return Instrument(**{**plain, **changes})


def ticks(symbol: str, price: str = "") -> int:
    """A price (default: the pair's usual one) on the pair's grid."""
    return pair(symbol).ticks(Decimal(price or PRICES[symbol]))


def fx_books(*symbols: str, balance: float = 1_000, risk: Risk | None = None, swap: dict[str, Swap] | None = None) -> Books:
    """Tables over these pairs (default: all seven) with the rates of `PRICES`, and one wallet of `balance` dollars."""
    names = symbols or ALL
    chosen = tuple(pair(name) for name in names)
    settings = CONFIG.domains[Domain.FOREX].model_copy(update={"swap": swap or {}})
    made = Books(
        instruments=chosen,
        pos=rows(POS, len(chosen)),
        inst=instrument_rows(chosen, [(0, m) for m in range(len(chosen))], {Domain.FOREX: settings}),
        acct=rows(ACCT),
        rules=rule_rows(H1),
        limits=limit_rows(risk or Risk()),
    )
    made.wallet(balance)
    price_all(made)
    return made


def price_all(made: Books, **prices: str) -> None:
    """Every pair's last close is its usual price, or the one given; rates follow."""
    market = np.zeros(len(made.instruments), [("last_close", "i8")])
    for m, one in enumerate(made.instruments):
        market[m]["last_close"] = ticks(one.symbol, prices.get(one.symbol, ""))
    turn_rates(made.inst, market)

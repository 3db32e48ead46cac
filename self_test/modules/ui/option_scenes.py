"""Scenes with options: slots of EURUSD and USDJPY beside the pairs themselves, an option held by hand, the surfaces of 2025-02-10."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import make_mandate, make_state
from modules.ui.recent import Recent
from modules.ui.scene import Scene
from self_test.fakes.pairs import FX, pair
from self_test.forex.smiles import EURUSD, USDJPY
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.conversion import home_of
from state.instruments import option_slot
from state.options import OptionContract, Right
from state.runtime import RuntimeState
from utils.fixed import MONEY_SCALE

OPT = Account(Domain.OPTIONS, Mode.PAPER)
PAIRS = (pair("EURUSD"), pair("USDJPY"))
SLOTS = tuple(option_slot(one) for one in PAIRS)
EUR_OPT, JPY_OPT = (one.key for one in SLOTS)
NOW = 1_739_268_000_000
"""2025-02-11 10:00 UTC, nineteen hours after the surfaces."""
CALL = OptionContract.parse("EURUSD-20250307-C-1.03500")
PUT = OptionContract.parse("USDJPY-20250307-P-151.000")
CLOSES = {"EURUSD": 103_180, "USDJPY": 151_950}


def option_state(*, surfaces: bool = True, pairs: bool = True) -> RuntimeState:
    """1,000 USD on each account, the pairs at their prices, nothing held."""
    instruments, accounts = (PAIRS + SLOTS, (FX, OPT)) if pairs else (SLOTS, (OPT,))
    state = make_state(CONFIG, instruments, accounts)
    for a in range(len(accounts)):
        for field in ("cash", "equity", "peak", "day_start"):
            state.acct[a][field] = 1_000 * MONEY_SCALE
    state.ts = NOW
    for m, one in enumerate(instruments):
        state.market[m]["last_close"], state.market[m]["last_ts"], state.market[m]["regime"] = CLOSES[one.symbol], NOW - 900_000, 1
    for i in range(len(state.seats)):
        if state.instrument(i).symbol == "USDJPY":
            state.inst[i]["rate_e9"] = round(1e9 / 151.95)
    if surfaces:
        state.surfaces = {one.pair: msgspec.structs.replace(one, ts=NOW - 19 * 3_600_000) for one in (EURUSD, USDJPY)}
    return state


def hold_option(state: RuntimeState, contract: OptionContract = CALL, *, lots: int = 9, premium: int = 1_000, mark: int = 1_100) -> int:
    """`lots` hundreds of base currency bought at `premium` ticks four hours ago: half of it is the stop, twice of it the target."""
    i = state.row_of(OPT, f"OPTIONS:{contract.pair}")
    row, unit = state.pos[i], int(state.inst[i]["unit"])
    row["status"], row["side"], row["steps"], row["filled"], row["mark"] = OPEN, 1, lots, lots, mark
    row["value"] = row["bought"] = lots * premium * unit
    row["paid"] = home_of(state.inst, i, lots * premium * unit)
    row["risk"], row["regime"], row["strategy"], row["arm"] = premium // 2, 1, 7, 1
    row["initial_stop"] = row["stop"] = premium // 2
    row["target"], row["opened_ts"], row["reference"] = 2 * premium, NOW - 4 * 3_600_000, premium
    row["right"], row["strike"], row["expiry_ts"] = int(contract.right), contract.strike, contract.expiry_ts
    return i


def option_scene(state: RuntimeState | None = None, folder: Path = Path()) -> Scene:
    """A scene over `option_state`."""
    state = state or option_state()
    mandate = make_mandate(CONFIG, state.instruments, state.accounts, frozenset({7}), quotes=True)
    return Scene(Engine(state, mandate), Recent(state), "simulated", folder=folder)


def option_trade(reason: str = "target", contract: OptionContract = CALL, **changes: object) -> dict[str, object]:
    """A closed trade's row as the ledger has it."""
    right = "call" if contract.right is Right.CALL else "put"
    row: dict[str, object] = {
        "account": str(OPT),
        "symbol": contract.symbol,
        "strategy": "O1",
        "style": "swing",
        "arm": 1,
        "regime": 1,
        "side": "long",
        "qty": "900",
        "entry_ts": NOW - 8 * 3_600_000,
        "entry": "0.01",
        "exit_ts": NOW - 3_600_000,
        "exit": "0.02",
        "reason": reason,
        "fees": "0",
        "funding": "0",
        "pnl": "9",
        "r": 2.0,
        "risk": "4.5",
        "stop": "0.005",
        "target": "0.02",
        "option": {"right": right, "strike": "1.035", "expiry": contract.expiry_day.isoformat(), "delta": 0.44, "vol": 0.081},
    }
    return {**row, **changes}

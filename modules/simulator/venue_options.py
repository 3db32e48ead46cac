"""What a simulated venue is asked to be, and whether a stored one is that. Apart from the venue itself: who starts one need not load it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from modules.simulator import state_folder
from modules.simulator.state_folder import Stored

Pace = Literal["lockstep", "free"]
RECORDED = "recorded:"


class SimulatorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line may say; None = not said (a stored venue then decides, else the default)."""

    host: str = "127.0.0.1"
    port: int = 0
    speed: float = 1.0
    pace: Pace | None = None
    """Default: lockstep above x10, else free."""
    seed: int | None = None
    market: str | None = None
    """`generated` or `recorded:DIR`."""
    from_ms: int | None = None
    to_ms: int | None = None
    symbols: tuple[str, ...] = ()
    embedded: bool = False
    state_folder: Path | None = None
    api_key: str | None = None
    """Default: made from the seed, and then kept."""
    api_secret: str | None = None
    balance: str | None = None
    """What the account begins with, e.g. `USDT=10000,BTC=1`."""
    perp_api_key: str | None = None
    """Of the second account, as above."""
    perp_api_secret: str | None = None
    perp_balance: str | None = None
    """Default: as `balance`."""
    oanda_port: int = 0
    """Of the simulated OANDA's REST; its streams have a port of their own."""
    oanda_stream_port: int = 0
    oanda_token: str | None = None
    """Default: made from the seed, as the account's id is."""
    oanda_account: str | None = None
    oanda_balance: str | None = None
    """What its account begins with, in its home currency."""
    faults: Path | None = None
    """A JSON list of faults, each as it would be posted."""
    ledger: Path | None = None
    """Where the ledger is written at the end."""


def market_name(text: str) -> str:
    """The market as it is stored and compared: a recorded one by its absolute folder, so that the working directory does not matter."""
    return RECORDED + str(Path(text.removeprefix(RECORDED)).resolve()) if text.startswith(RECORDED) and text != RECORDED else text


def agree(stored: Stored, options: SimulatorOptions) -> None:
    """Refusal naming the option that asks for another venue than the stored one."""
    market = None if options.market is None else market_name(options.market)
    state_folder.check_same(stored, market=market, seed=options.seed, start_ms=options.from_ms)

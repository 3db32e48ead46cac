"""What the banner of a run says, gathered from what was asked for and what was built."""

from __future__ import annotations

import msgspec

from modules.engine.core import Engine
from modules.environment import Environment
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.ui.banner import Banner
from modules.version import VERSION
from state.accounts import Account, Mode
from state.stages import STAGES
from utils.fixed import money


class Pace(msgspec.Struct, frozen=True):
    """The market of a run and how fast its time goes."""

    market: str
    speed: float
    pace: str


def facts(options: RunOptions, config: BotConfig, engine: Engine, pace: Pace, *, resumed: bool, http: str) -> Banner:
    """The banner; a paper wallet that is not opened yet shows the balance it will be opened with, a live one has what its venue holds."""
    state, mandate = engine.state, engine.mandate
    balances = {
        str(account): f"{money(int(acct['equity'])):,.2f} USDT" if acct["peak"] else _unopened(account, config)
        for account, acct in zip(state.accounts, state.acct, strict=True)
    }
    trading = frozenset().union(*mandate.allowed.values())
    return Banner(
        name="Trading bot",
        version=VERSION,
        env=str(options.env),
        asked_for=options.env_named,
        stage=options.stage,
        stage_name=STAGES[options.stage].name,
        accounts=balances,
        symbols=tuple(one.symbol for one in state.instruments),
        strategies=tuple(card.name for s, card in enumerate(mandate.strategies) if s in trading),
        market=pace.market,
        speed=pace.speed if options.env is Environment.SIMULATED else 1.0,
        pace=pace.pace,
        state_dir=str(options.folder),
        resumed=resumed,
        http=http,
    )


def _unopened(account: Account, config: BotConfig) -> str:
    return "as on the venue" if account.mode is Mode.LIVE else f"{config.domains[account.domain].paper_balance:,.2f} USDT"

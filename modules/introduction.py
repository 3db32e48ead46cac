"""What the banner of a run says, gathered from what was asked for and what was built."""

from __future__ import annotations

from pathlib import Path

import msgspec

from modules.engine.core import Engine
from modules.environment import Environment
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.state_place import DEFAULT, folder
from modules.ui.banner import Banner
from modules.version import VERSION
from state.accounts import Account, Domain, Mode
from state.stages import STAGES
from telemetry.gate_config import GateConfig, Profile, WinRateMode
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
        str(account): f"{money(int(acct['equity'])):,.2f} {_currency(account)}" if acct["peak"] else _unopened(account, config)
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
        symbols=tuple(f"{one.symbol}{' options' if one.domain is Domain.OPTIONS else ''}" for one in state.instruments),
        strategies=tuple(card.name for s, card in enumerate(mandate.strategies) if s in trading),
        market=pace.market,
        speed=pace.speed if options.env is Environment.SIMULATED else 1.0,
        pace=pace.pace,
        state_dir=str(options.folder),
        resumed=resumed,
        look_in=look_in(options.state_dir),
        http=http,
        gate=gate_words(config.gates) if options.stage == 1 else "",
    )


def look_in(state_dir: Path) -> str:
    """How another terminal in this folder names `state_dir`; empty where that is what it takes by itself, without a variable."""
    here, wanted = folder("."), folder(str(state_dir))
    if wanted == folder(DEFAULT):
        return ""
    return str(wanted.relative_to(here) if wanted.is_relative_to(here) and wanted != here else wanted)


def gate_words(gates: GateConfig) -> str:
    """How long the earliest pass takes, and what the shipped strategies cannot reach."""
    days, fewer = (_two_passes(one.min_days, gates.checkpoint_days) for one in (gates.swing, gates.scalp))
    text = (
        f"real money takes evidence: at the earliest {days} days and {gates.swing.min_trades} trades (swing), {fewer} days and "
        f"{gates.scalp.min_trades} trades (scalp), passed at two checkpoints in a row, and a person's word."
    )
    if gates.win_rate.mode is WinRateMode.TARGET and gates.profile is Profile.TARGETS_AND_EVIDENCE:
        text += f" Trend strategies like C1 and C2 cannot meet the {gates.swing.win_rate:.0%} win rate that it asks for (docs/rollout.md)."
    return text


def _two_passes(least: int, step: int) -> int:
    """Days until a second checkpoint in a row can pass, when none before day `least` can."""
    return (-(-least // step) + 1) * step


def _unopened(account: Account, config: BotConfig) -> str:
    balance = f"{config.domains[account.domain].paper_balance:,.2f} {_currency(account)}"
    return "as on the venue" if account.mode is Mode.LIVE else balance


def _currency(account: Account) -> str:
    """What an account is kept in."""
    return "USDT" if account.domain in {Domain.CRYPTO, Domain.PERPS} else "USD"

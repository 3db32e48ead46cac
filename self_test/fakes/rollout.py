"""A floor for the rollout: CRYPTO and FOREX with a paper and a live account each, an engine without a venue, a made-up ledger.

FOREX is a made-up domain here (no venue, no real strategy): its instrument trades on the terms of perpetuals by the rules of C1.
"""

from __future__ import annotations

from typing import Any

import msgspec

from config import CONFIG
from modules import rollout
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, make_mandate, make_state
from modules.engine.mandate import Mandate
from self_test.fakes.books import coin
from self_test.telemetry.ledgers import HASH, START
from state.accounts import Account, Domain, Mode
from state.messages import Command, Control, Event, Record, Report
from state.standing import Fall, Level, Standing, standing_key
from strategy.base import C1
from utils.fixed import MONEY_SCALE

PAPER, LIVE = Account(Domain.CRYPTO, Mode.PAPER), Account(Domain.CRYPTO, Mode.LIVE)
FX_PAPER, FX_LIVE = Account(Domain.FOREX, Mode.PAPER), Account(Domain.FOREX, Mode.LIVE)
EVERYWHERE = (LIVE, PAPER, FX_LIVE, FX_PAPER)
CONFIGURED = CONFIG.model_copy(update={"domains": {**CONFIG.domains, Domain.FOREX: CONFIG.domains[Domain.PERPS]}})
SWING, SCALP = 0, 1


def mandate_of(accounts: tuple[Account, ...], **changes: Any) -> Mandate:
    """The shipped mandate for CRYPTO, and C1 on FOREX; `accounts` are those that may enter."""
    crypto = tuple(one for one in accounts if one.domain is Domain.CRYPTO)
    plain = make_mandate(CONFIGURED, (coin("AAAUSDT"),), crypto, chosen_strategies(None), quotes=True)
    told: dict[str, Any] = {
        "allowed": dict(plain.allowed) | {one: frozenset({C1}) for one in accounts if one.domain is Domain.FOREX},
        "lives": dict(plain.lives) | {Domain.FOREX: frozenset({C1})},
        "feed_of": dict(plain.feed_of) | {"FOREX:EURUSD": "forex"},
        "procedures": {f"{domain}/{style}": HASH for domain in Domain for style in rollout.STYLE_NAMES},
    }
    return msgspec.structs.replace(plain, **(told | changes))


class Floor:
    """One engine over both domains, and what it said."""

    def __init__(self, accounts: tuple[Account, ...] = EVERYWHERE, **changes: Any) -> None:
        coins = (coin("AAAUSDT"), coin("EURUSD", Domain.FOREX, base="EUR", quote="USD"))
        self.engine = Engine(make_state(CONFIGURED, coins, EVERYWHERE), mandate_of(accounts, **changes))
        self.now = START

    @property
    def state(self) -> Any:
        return self.engine.state

    @property
    def mandate(self) -> Mandate:
        return self.engine.mandate

    def acct(self, account: Account = LIVE) -> Any:
        return self.state.acct[self.state.accounts.index(account)]

    def tell(self, event: Event) -> list[Command]:
        return self.engine.process(event)

    def control(self, name: str, **args: str) -> list[Command]:
        return self.tell(Control(self.now, name, args, "me"))

    def boot(self, stage: int = 1, **args: str) -> list[Command]:
        return self.control("boot", stage=str(stage), **args)

    def restart(self, accounts: tuple[Account, ...], **changes: Any) -> None:
        """The same state under another mandate, as after a restart."""
        self.engine = Engine(self.state, mandate_of(accounts, **changes))

    def open(self, account: Account, balance: int = 1_000) -> list[Command]:
        return self.control("open_wallet", account=str(account), balance_units=str(balance * MONEY_SCALE))

    def day(self, account: Account, ts: int) -> list[Command]:
        """The end of a day of `account`, as `value_account` ends it, its rows kept."""
        out: list[Command] = []
        rollout.at_day(self.state, self.mandate, self.state.accounts.index(account), ts, out)
        return self.keep(out)

    def keep(self, out: list[Command]) -> list[Command]:
        """Rows of a direct call go where the engine puts them."""
        self.state.evidence.extend(rollout._rows(out))
        return out

    def stands(self, level: Level, *falls: Fall, account: Account = LIVE, style: str = "swing", **changes: Any) -> None:
        key = standing_key(account.domain, style)
        self.state.standings[key] = Standing(level=level, falls=falls, **changes)
        if level is Level.CANARY and account in self.state.accounts:
            self.acct(account)["canary"][rollout.STYLE_NAMES.index(style)] = 1

    def level(self, account: Account = LIVE, style: str = "swing") -> Level:
        return rollout.standing(self.state, account.domain, style).level

    def offered(self, account: Account = PAPER, style: str = "swing") -> bool:
        return bool(rollout.standing(self.state, account.domain, style).offered_ts)


def said(commands: list[Command], rule: str) -> list[str]:
    """What the rollout reported under `rule`."""
    return [one.text for one in commands if isinstance(one, Report) and one.what == "rollout" and one.rule == rule]


def starts(commands: list[Command]) -> list[tuple[str, str, str]]:
    """(account, style, reason) of each sample that began."""
    found = [one.row for one in commands if isinstance(one, Record) and one.kind == "verdict" and one.row["what"] == "start"]
    return [(row["account"], row["style"], row["reason"]) for row in found]

"""What a person reads first: which environment and whose money, what trades what, where to look, what to do next. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator

import msgspec

LABEL = 13
"""Columns of the left side."""

PROMISE = "No profit is promised. Most strategies lose after costs; results on paper prove nothing about real money."


class Banner(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a start."""

    name: str
    version: str
    env: str
    asked_for: bool = False
    """The environment was named on the command line, not chosen for want of a key."""
    stage: int
    stage_name: str
    accounts: dict[str, str]
    """Account -> its balance with currency, `1,000 USDT`."""
    symbols: tuple[str, ...]
    strategies: tuple[str, ...]
    market: str
    """`generated, seed 7`, `recorded, <folder>`, `Bybit`."""
    speed: float = 1.0
    pace: str = ""
    """`lockstep` or `free`, in simulated."""
    state_dir: str
    resumed: bool = False
    """A state was found there and is gone on with."""
    look_in: str = ""
    """What other commands must be told as `--state-dir`; empty where they look there by themselves."""
    http: str
    """`http://127.0.0.1:9108`."""
    gate: str = ""
    """What real money takes, in words; empty where none is asked."""


def environment(banner: Banner) -> str:
    """The environment in capitals and what it means for money."""
    live = [account for account in banner.accounts if account.endswith("/LIVE")]
    match banner.env:
        case "simulated":
            why = "" if banner.asked_for else "no key found: "
            where = "the built-in exchange"
            how = f"{' and '.join(live)} over the wire of {where}" if live else f"trading on paper against {where}"
            return f"SIMULATED - {why}{how}, nothing here is real money"
        case "demo" | "testnet":
            return f"{banner.env.upper()} - Bybit's {banner.env} exchange, play money"
        case "live" if live:
            return f"LIVE - REAL MONEY on {', '.join(live)}"
        case "live":
            return "LIVE - real market data; this stage trades on paper only, no order leaves this machine"
    return banner.env.upper()


def next_step(banner: Banner) -> str:
    """What to do from here."""
    where = f" --state-dir {shlex.quote(banner.look_in)}" if banner.look_in else ""
    watch = f"In another terminal: python main.py status{where}. Ctrl-C stops in order; the same command goes on from there."
    if banner.env != "simulated" or any(account.endswith("/LIVE") for account in banner.accounts):
        return watch
    key = "On the real market, still on paper and without a key: --env live."
    return f"{watch} {key}"


def banner_lines(banner: Banner, width: int = 80) -> Iterator[str]:
    """The banner, wrapped to `width` columns."""
    yield f"{banner.name} {banner.version}"
    rows = [
        ("environment", environment(banner)),
        ("stage", f"{banner.stage}, {banner.stage_name}"),
        ("accounts", ", ".join(f"{account} {balance}" for account, balance in banner.accounts.items()) or "none"),
        ("symbols", f"{len(banner.symbols)}: {', '.join(banner.symbols)}"),
        ("strategies", ", ".join(banner.strategies)),
        ("market", banner.market),
        ("speed", f"x{banner.speed:g} venue time{f', pace {banner.pace}' if banner.pace else ''}"),
        ("state", f"{banner.state_dir} ({'going on from there' if banner.resumed else 'new'})"),
        ("http", f"{banner.http} (/metrics /healthz /readyz /status)"),
        *((("gate", banner.gate),) if banner.gate else ()),
        ("next", next_step(banner)),
        ("honestly", PROMISE),
    ]
    for label, text in rows:
        yield from textwrap.wrap(
            text, width, initial_indent=f"{label:<{LABEL}}", subsequent_indent=" " * LABEL, break_long_words=False, break_on_hyphens=False
        )

"""Which world the bot lives in: the built-in exchange, a venue's demo or testnet, or the real one. State never crosses them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from utils.errors import Refusal


class Environment(StrEnum):
    """The four worlds."""

    SIMULATED = "simulated"
    DEMO = "demo"
    TESTNET = "testnet"
    LIVE = "live"


class Hosts(msgspec.Struct, frozen=True):
    """Where a world's Bybit market data come from."""

    http: str
    ws: str


HOSTS = {
    Environment.DEMO: Hosts("https://api.bybit.com", "wss://stream.bybit.com"),  # a demo account trades on the real market's data
    Environment.TESTNET: Hosts("https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com"),
    Environment.LIVE: Hosts("https://api.bybit.com", "wss://stream.bybit.com"),
}
CHANNELS = {"bybit-spot": "/v5/public/spot", "bybit-linear": "/v5/public/linear"}
"""Feed name -> path of its stream."""


def choose(asked: str | None, environ: Mapping[str, str]) -> Environment:
    """The environment asked for; by default `live` when a key is set, else `simulated`. Refusal names an unknown one."""
    if asked is None:
        return Environment.LIVE if environ.get("BYBIT_API_KEY") else Environment.SIMULATED
    try:
        return Environment(asked)
    except ValueError:
        raise Refusal(f"--env: {asked!r} is not one of {', '.join(Environment)}") from None

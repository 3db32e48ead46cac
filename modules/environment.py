"""Which world the bot lives in: the built-in exchange, a venue's demo or testnet, or the real one. State never crosses them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from utils.errors import ExitCode, Refusal


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
PRIVATE_HOSTS = HOSTS | {Environment.DEMO: Hosts("https://api-demo.bybit.com", "wss://stream-demo.bybit.com")}
"""Where a world's accounts are; a demo account has addresses of its own."""


class BrokerHosts(msgspec.Struct, frozen=True):
    """Where OANDA answers, and where it streams."""

    http: str
    stream: str


OANDA_HOSTS = {
    "practice": BrokerHosts("https://api-fxpractice.oanda.com", "https://stream-fxpractice.oanda.com"),
    "live": BrokerHosts("https://api-fxtrade.oanda.com", "https://stream-fxtrade.oanda.com"),
}
"""By `OANDA_ENV`."""


class IbkrPlace(msgspec.Struct, frozen=True):
    """Where the gateway of Interactive Brokers listens, as which client we call, and for which account."""

    host: str
    port: int
    client_id: int
    account: str

    def __repr__(self) -> str:
        return f"IbkrPlace({self.host}:{self.port}, client {self.client_id})"


IBKR_PAPER_PORT = 4002
"""IB Gateway's port of a paper account; of a live one it is 4001, of TWS 7497 and 7496."""
CHANNELS = {"bybit-spot": "/v5/public/spot", "bybit-linear": "/v5/public/linear"}
"""Name of a feed of Bybit -> path of its stream."""


SECRETS = (
    "BYBIT_API_KEY",
    "BYBIT_API_SECRET",
    "BYBIT_PERP_API_KEY",
    "BYBIT_PERP_API_SECRET",
    "OANDA_API_TOKEN",
    "OANDA_ACCOUNT_ID",
    "IBKR_ACCOUNT",
    "TELEGRAM_BOT_TOKEN",
    "PANEL_TOKEN",
)
"""Cut from every line that is logged, and never handed down to a process of ours."""
SECRETS_FOLDER = "CREDENTIALS_DIRECTORY"
"""Variable that names the folder where secrets may lie as files."""


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process beside ours: it is told no secrets, and not where they lie."""
    return {name: value for name, value in environ.items() if name not in {*SECRETS, SECRETS_FOLDER}}


def secret(name: str, environ: Mapping[str, str]) -> str | None:
    """A secret from the environment, else from the file `$CREDENTIALS_DIRECTORY/<name in lower case>`; None when it is empty or nowhere."""
    folder = environ.get(SECRETS_FOLDER)
    if environ.get(name) or not folder:
        return environ.get(name) or None
    try:
        return (Path(folder) / name.lower()).read_text().strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{name}: {Path(folder) / name.lower()} cannot be read: {type(error).__name__}", ExitCode.CREDENTIALS) from error


def known_secrets(environ: Mapping[str, str]) -> list[str]:
    """The values of all secrets that are there: what is cut from lines and tracebacks. Refusal as `secret`."""
    return [value for name in SECRETS if (value := secret(name, environ)) is not None]


def oanda_site(env: Environment, environ: Mapping[str, str]) -> str:
    """Which site of OANDA the token is for: `OANDA_ENV`, else `practice`. Refusal for another, and for `live` outside --env live."""
    site = environ.get("OANDA_ENV") or "practice"
    if site not in OANDA_HOSTS:
        raise Refusal(f"OANDA_ENV: {site!r} is not one of {', '.join(OANDA_HOSTS)}", ExitCode.CREDENTIALS)
    if site == "live" and env is not Environment.LIVE:
        raise Refusal(f"OANDA_ENV=live does not go with --env {env}: there it is practice's account", ExitCode.CREDENTIALS)
    return site


def ibkr_place(environ: Mapping[str, str]) -> IbkrPlace | None:
    """The gateway that `IBKR_*` names; None without `IBKR_ACCOUNT`. Refusal that names the variable which makes no sense."""
    account = secret("IBKR_ACCOUNT", environ)
    if account is None:
        return None
    numbers = {}
    for name, otherwise, least, most in (("IBKR_PORT", IBKR_PAPER_PORT, 1, 65535), ("IBKR_CLIENT_ID", 1, 1, 999_999)):
        text = environ.get(name) or str(otherwise)
        if not text.isdecimal() or not least <= int(text) <= most:
            raise Refusal(f"{name}: {text!r} is not a number from {least} to {most}", ExitCode.CREDENTIALS)
        numbers[name] = int(text)
    return IbkrPlace(environ.get("IBKR_HOST") or "127.0.0.1", numbers["IBKR_PORT"], numbers["IBKR_CLIENT_ID"], account)


def choose(asked: str | None, environ: Mapping[str, str]) -> Environment:
    """The environment asked for; by default `live` when a key is set, else `simulated`. Refusal names an unknown one."""
    if asked is None:
        return Environment.LIVE if secret("BYBIT_API_KEY", environ) else Environment.SIMULATED
    try:
        return Environment(asked)
    except ValueError:
        raise Refusal(f"--env: {asked!r} is not one of {', '.join(Environment)}") from None

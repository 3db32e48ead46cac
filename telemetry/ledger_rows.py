"""Rows of the ledger as typed values: what statistics and gates may know of the past. Pure: whoever has the rows hands them in.

Money becomes float here, for statistics only; nothing computed from it is ever booked. A row with a value that is no finite number is
not dropped silently: it is named in `Book.damaged`, and what it belongs to can no longer be judged.

What the writers put into the rows beyond the fields that every row has:

- `trade`: `explored`, `standing` (paper, canary or live), `procedure` (hash), `slippage` (quote currency, paid > 0), `risk` (quote
  currency that was at stake between entry and stop);
- `equity` (one a UTC day and account, when the day is over): `start` (equity at its beginning, moved by deposits as the engine moves it),
  `policy` (style -> marked profit of that day of the style's counting policy trades), `health` (counts, see `HEALTH`);
- `verdict` with `"what": "start"`: a fresh sample of evidence begins (`ts`, `account`, `style`, `procedure`, `reason`);
- `verdict` with `"what": "damage"`: rows from before `ts` were lost (`text`): no sample begun before is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from state.accounts import OF_PAIRS
from state.conversion import HOME

DAY_MS = 86_400_000

HEALTH = (
    "bars",
    "missing_bars",
    "orders",
    "rejects",
    "reconcile_errors",
    "feeds",
    "slow_feeds",
    "decisions",
    "slow_decisions",
    "acks",
    "slow_acks",
)
"""Counts of one day of one account. `slow_` ones took longer than their limit, so "p99 within the limit" is slow / all <= 1 %."""

TRADING_CASH = frozenset({"trade", "fee", "pnl", "funding", "rounding"})
"""Kinds of cash rows that trading causes; every other kind came or went by other ways (deposit, withdrawal, reset, ...)."""


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """A closed trade. Money in the account's currency, `r` in multiples of what was at stake, fees and slippage as costs (> 0)."""

    exit_ts: int
    entry_ts: int
    account: str
    symbol: str
    strategy: str
    style: str
    side: str
    notional: float
    risk: float
    pnl: float
    r: float
    fees: float
    funding: float
    slippage: float | None = None
    explored: bool = False
    standing: str = ""
    procedure: str = ""
    reason: str = ""
    entry: float = 0.0
    exit: float | None = None
    """Average prices."""
    regime: int | None = None
    """Of the market at entry, as the row has it."""

    @property
    def costs(self) -> float:
        """Fees, slippage where it is known, and funding that was paid; funding received is no cost saved."""
        return self.fees + (self.slippage or 0.0) + max(0.0, self.funding)


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One execution."""

    ts: int
    account: str
    symbol: str
    side: str
    price: float
    qty: float
    fee: float
    maker: bool


class Cash(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a wallet in its quote currency."""

    ts: int
    account: str
    kind: str
    amount: float

    @property
    def flow(self) -> bool:
        """Whether it came or went by other ways than trading."""
        return self.kind not in TRADING_CASH


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One account on one UTC day, `day` counted from 1970-01-01; None where the writer did not measure."""

    ts: int
    account: str
    day: int
    equity: float
    start: float | None = None
    policy: dict[str, float] | None = None
    health: dict[str, int] | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh sample of evidence of a style on an account begins."""

    ts: int
    account: str
    style: str
    procedure: str
    reason: str = ""


class Damage(msgspec.Struct, frozen=True):
    """A row that could not be read as numbers: whose, what is wrong, and of when where that could be read."""

    account: str
    what: str
    ts: int | None = None

    def concerns(self, account: str, since: int = 0) -> bool:
        """Whether it may belong to what `account` did from `since` on."""
        return self.account in {account, ""} and (self.ts is None or self.ts >= since)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger as statistics see it: every kind sorted by time, then by everything else, so that the order of rows is of no meaning."""

    trades: tuple[Trade, ...] = ()
    fills: tuple[Fill, ...] = ()
    cash: tuple[Cash, ...] = ()
    days: tuple[Day, ...] = ()
    starts: tuple[Start, ...] = ()
    verdicts: tuple[dict[str, Any], ...] = ()
    damaged: tuple[Damage, ...] = ()

    def accounts(self) -> tuple[str, ...]:
        """Every account that a row names."""
        rows: tuple[Trade | Fill | Cash | Day, ...] = (*self.trades, *self.fills, *self.cash, *self.days)
        return tuple(sorted({row.account for row in rows} | {one.account for one in self.damaged if one.account}))


def read_rows(rows: Iterable[tuple[str, bytes]], lost: Iterable[str] = ()) -> Book:
    """The rows (kind, JSON as stored) as a Book; a row that cannot be read is named in `damaged`, never guessed.

    `lost`: what stands in the ledger and could not be handed in, in words; it may belong to anybody.
    """
    found: dict[str, list[Any]] = {"trade": [], "fill": [], "cash": [], "equity": [], "verdict": [], "start": []}
    damaged = [Damage("", what) for what in lost]
    for kind, text in rows:
        if kind == "decision":
            continue  # what policies learn from: no money moved
        row: dict[str, Any] = {}
        try:
            row = msgspec.json.decode(text, type=dict[str, Any])
            if kind == "cash" and "coin" in row:
                continue  # coins of a live spot wallet, not its quote currency
            if kind == "verdict" and row.get("what") == "damage":
                damaged.append(Damage("", str(row["text"]), int(row["ts"])))
                continue
            name = "start" if kind == "verdict" and row.get("what") == "start" else kind
            found[name].append(_READ[name](row))
        except (KeyError, ValueError, TypeError, msgspec.MsgspecError) as error:
            ts = next((row[name] for name in ("exit_ts", "ts") if type(row.get(name)) is int), None)
            where = "" if ts is None else f" at {ts}"
            damaged.append(Damage(str(row.get("account", "")), f"{kind} row{where}: {error!r}", ts))
    ordered = {name: tuple(sorted(values, key=_order)) for name, values in found.items()}
    return Book(
        trades=ordered["trade"],
        fills=ordered["fill"],
        cash=ordered["cash"],
        days=ordered["equity"],
        starts=ordered["start"],
        verdicts=ordered["verdict"],
        damaged=tuple(sorted(damaged, key=lambda one: (one.account, one.what))),
    )


def _order(value: Any) -> tuple[Any, bytes]:
    if isinstance(value, Trade):
        first = value.exit_ts
    elif isinstance(value, Day):
        first = value.day
    else:
        first = int(value.get("ts", 0)) if isinstance(value, dict) else value.ts
    return first, msgspec.json.encode(value, order="deterministic")


def _number(row: dict[str, Any], name: str) -> float:
    """A finite number; ValueError with its name otherwise."""
    try:
        value = float(row[name])
    except (ValueError, TypeError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {row[name]!r}, no number")
    return value


def _trade(row: dict[str, Any]) -> Trade:
    qty, entry, stop = _number(row, "qty"), _number(row, "entry"), _number(row, "stop")
    risk = _number(row, "risk") if "risk" in row else abs(entry - stop) * qty
    return Trade(
        exit_ts=int(row["exit_ts"]),
        entry_ts=int(row["entry_ts"]),
        account=str(row["account"]),
        symbol=str(row["symbol"]),
        strategy=str(row["strategy"]),
        style=str(row["style"]),
        side=str(row["side"]),
        notional=_notional(str(row["account"]), str(row["symbol"]), entry, qty, stop, risk),
        risk=risk,
        pnl=_number(row, "pnl"),
        r=_number(row, "r"),
        fees=_number(row, "fees"),
        funding=_number(row, "funding"),
        slippage=_number(row, "slippage") if row.get("slippage") is not None else None,
        explored=bool(row.get("explored", False)),
        standing=str(row.get("standing", "")),
        procedure=str(row.get("procedure", "")),
        reason=str(row.get("reason", "")),
        entry=entry,
        exit=_number(row, "exit") if "exit" in row else None,
        regime=int(row["regime"]) if "regime" in row else None,
    )


def _notional(account: str, symbol: str, entry: float, qty: float, stop: float, risk: float) -> float:
    """What a trade was worth at its entry, in the account's currency: a pair's own value is in its quote currency.

    The row has no rate; what was at stake stands in it in both currencies, |entry - stop| and `risk`.
    """
    foreign = account.partition("/")[0] in OF_PAIRS and symbol[3:6] != HOME
    return entry * risk / abs(entry - stop) if foreign and entry != stop and risk > 0.0 else entry * qty


def _fill(row: dict[str, Any]) -> Fill:
    return Fill(
        ts=int(row["ts"]),
        account=str(row["account"]),
        symbol=str(row["symbol"]),
        side=str(row["side"]),
        price=_number(row, "price"),
        qty=_number(row, "qty"),
        fee=_number(row, "fee"),
        maker=bool(row["maker"]),
    )


def _cash(row: dict[str, Any]) -> Cash:
    return Cash(ts=int(row["ts"]), account=str(row["account"]), kind=str(row["kind"]), amount=_number(row, "amount"))


def _day(row: dict[str, Any]) -> Day:
    policy, health = row.get("policy"), row.get("health")
    return Day(
        ts=int(row["ts"]),
        account=str(row["account"]),
        day=int(row["day"]),
        equity=_number(row, "equity"),
        start=_number(row, "start") if row.get("start") is not None else None,
        policy=None if policy is None else {str(style): _number(policy, style) for style in policy},
        health=None if not health else {name: int(health.get(name, 0)) for name in HEALTH},
    )


def _start(row: dict[str, Any]) -> Start:
    return msgspec.convert({name: row[name] for name in Start.__struct_fields__ if name in row}, Start)


_READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "trade": _trade,
    "fill": _fill,
    "cash": _cash,
    "equity": _day,
    "verdict": dict,
    "start": _start,
}

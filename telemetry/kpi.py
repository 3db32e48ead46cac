"""Key figures of an account, and of each style and standing on it, from the ledger. Pure; None with the reason where a figure is undefined.

An account's own row rests on its daily equity and on every trade but explored ones. The rows of a style rest on the marked daily profit of
its policy trades and on those trades; the demo is no style. What exploring cost stands apart in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from telemetry import stats
from telemetry.ledger_rows import DAY_MS, HEALTH, Book, Day, Trade
from telemetry.sample import FIVE_DAYS_A_WEEK, NOT_EVIDENCE, Floats, day_text, monday_after

ALL = "all"
MAX_GAPS = 0.01
"""Share of days that may be missing before figures of daily returns are undefined."""

FEW_DAYS = "fewer than two days are over"


class Figure(msgspec.Struct, frozen=True):
    """One figure. `value` is None where it is undefined, and `reason` says why."""

    value: float | None
    unit: str
    """`share` 0..1, `R`, `quote` (the account's currency), `ratio` or `count`."""
    reason: str = ""


class Kpi(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one row."""

    account: str
    style: str
    """`all`: the account as a whole."""
    standing: str
    """paper, canary or live; `all`."""
    since_ts: int
    until_ts: int
    figures: dict[str, Figure]


class Slice(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one row rests on."""

    account: str
    style: str
    standing: str
    since_ts: int
    until_ts: int
    trades: tuple[Trade, ...]
    explored: tuple[Trade, ...]
    days: tuple[Day, ...]
    returns: Floats | None
    """Daily returns with flat days; None where undefined."""
    why: str
    periods: int


def slices(book: Book, now: int, account: str | None = None) -> list[Slice]:
    """The rows there are: each account as a whole, then each style by standing."""
    found = []
    for name in book.accounts():
        if account not in {None, name}:
            continue
        trades = [trade for trade in book.trades if trade.account == name and trade.exit_ts <= now]
        days = [day for day in book.days if day.account == name and (day.day + 1) * DAY_MS <= now]
        found.append(_slice(book, name, ALL, ALL, trades, days, now))
        for style in sorted({trade.style for trade in trades if trade.strategy not in NOT_EVIDENCE}):
            own = [trade for trade in trades if trade.style == style and trade.strategy not in NOT_EVIDENCE]
            standings = sorted({_standing(trade) for trade in own})
            for standing in standings:
                part = [trade for trade in own if _standing(trade) == standing]
                if len(standings) == 1:
                    found.append(_slice(book, name, style, standing, part, days, now))
                else:
                    # A standing lasts from its first entry to its last exit; its days are those it touches.
                    first, last = min(trade.entry_ts for trade in part), max(trade.exit_ts for trade in part)
                    touched = [day for day in days if first // DAY_MS <= day.day <= last // DAY_MS]
                    found.append(_slice(book, name, style, standing, part, touched, last))
    return found


def kpis(book: Book, now: int, account: str | None = None) -> list[Kpi]:
    """The figures of every row (of one account)."""
    return [kpi_of(part) for part in slices(book, now, account)]


def kpi_of(part: Slice) -> Kpi:
    """The figures of one row."""
    figures = {**_trading(part), **_daily(part), **_costs(part), **_order(part.days)}
    return Kpi(
        account=part.account, style=part.style, standing=part.standing, since_ts=part.since_ts, until_ts=part.until_ts, figures=figures
    )


def _standing(trade: Trade) -> str:
    return trade.standing or trade.account.partition("/")[2].lower()


def _slice(book: Book, account: str, style: str, standing: str, trades: list[Trade], days: list[Day], now: int) -> Slice:
    since = min([trade.entry_ts for trade in trades] + [day.day * DAY_MS for day in days], default=now)
    domain = account.partition("/")[0]
    returns, why = _returns(book, account, style, days, domain)
    damaged = [one.what for one in book.damaged if one.concerns(account)]
    if damaged:
        returns, why = None, damaged[0]
    return Slice(
        account=account,
        style=style,
        standing=standing,
        since_ts=since,
        until_ts=now,
        trades=tuple(trade for trade in trades if not trade.explored),
        explored=tuple(trade for trade in trades if trade.explored),
        days=tuple(days),
        returns=returns,
        why=why,
        periods=260 if domain in FIVE_DAYS_A_WEEK else 365,
    )


def _returns(book: Book, account: str, style: str, days: list[Day], domain: str) -> tuple[Floats | None, str]:
    """Daily returns, or why there are none."""
    if not days:
        return None, "no day is over yet"
    numbers = [day.day for day in days]
    if len(set(numbers)) != len(numbers):
        return None, "the clock jumped: a day ended twice"
    expected = range(numbers[0], numbers[-1] + 1)
    wanted = [day for day in expected if domain not in FIVE_DAYS_A_WEEK or (day + 3) % 7 < 5]
    missing = sorted(set(wanted) - set(numbers))
    if wanted and len(missing) / len(wanted) >= MAX_GAPS:
        return None, f"{len(missing)} of {len(wanted)} days missing, the first {day_text(missing[0])}"
    gained, base = [], []
    before: Day | None = None
    for day in days:
        start = day.start if day.start is not None else _start(book, account, before, day)
        if start is None or start <= 0.0:
            return None, f"day {day_text(day.day)} has no equity at its start"
        if style != ALL and day.policy is None:
            return None, f"day {day_text(day.day)} has no marked policy profit"
        gained.append(day.equity - start if style == ALL else (day.policy or {}).get(style, 0.0))
        base.append(start)
        before = day
    return monday_after(np.array(numbers, np.int64), np.array(gained), np.array(base), domain in FIVE_DAYS_A_WEEK), ""


def _start(book: Book, account: str, before: Day | None, day: Day) -> float | None:
    """Equity at the start of `day` from the evening before, with what came in or went out since by other ways than trading."""
    since = before.ts if before else 0
    flows = [cash for cash in book.cash if cash.account == account and cash.flow and since < cash.ts <= day.ts]
    opened = before.equity if before else 0.0
    return opened + math.fsum(cash.amount for cash in flows)


def _mean(values: Sequence[float], unit: str, none: str) -> Figure:
    return Figure(math.fsum(values) / len(values), unit) if values else Figure(None, unit, none)


def _defined(value: float | None, unit: str, why: str) -> Figure:
    return Figure(value, unit, "" if value is not None else why)


def _trading(part: Slice) -> dict[str, Figure]:
    """What the closed trades show."""
    trades = part.trades
    won, lost = [trade for trade in trades if trade.pnl > 0.0], [trade for trade in trades if trade.pnl <= 0.0]
    none, no_win, no_loss = "no closed trade", "no winning trade", "no losing trade"
    bounds = stats.wilson_interval(wins=len(won), n=len(trades), confidence=0.90, sides=1)
    return {
        "trades": Figure(float(len(trades)), "count"),
        "win_rate": _defined(len(won) / len(trades) if trades else None, "share", none),
        "win_rate_lower": _defined(bounds[0] if bounds else None, "share", none),
        "average_win": _mean([trade.pnl / trade.notional for trade in won if trade.notional > 0], "share", no_win),
        "average_loss": _mean([trade.pnl / trade.notional for trade in lost if trade.notional > 0], "share", no_loss),
        "average_win_r": _mean([trade.r for trade in won], "R", no_win),
        "average_loss_r": _mean([trade.r for trade in lost], "R", no_loss),
        "expectancy_r": _mean([trade.r for trade in trades], "R", none),
        "expectancy": _mean([trade.pnl for trade in trades], "quote", none),
        "net": Figure(math.fsum(trade.pnl for trade in trades), "quote"),
        "profit_factor": _defined(stats.profit_factor(pnl=[trade.pnl for trade in trades]), "ratio", no_loss if trades else none),
        "drawdown_r": _defined(stats.max_drawdown_r(r_multiples=[trade.r for trade in trades]), "R", none),
        "exposure": _exposure(part),
    }


def _exposure(part: Slice) -> Figure:
    """Share of the time with at least one position, of trades that are closed."""
    length = part.until_ts - part.since_ts
    if length <= 0 or not part.trades:
        return Figure(None, "share", "no closed trade")
    held, end = 0, part.since_ts
    for entry, leave in sorted((trade.entry_ts, trade.exit_ts) for trade in part.trades):
        held += max(0, leave - max(entry, end))
        end = max(end, leave)
    return Figure(held / length, "share")


def _daily(part: Slice) -> dict[str, Figure]:
    """What daily equity shows, flat days included."""
    returns = part.returns
    if returns is None:
        return {name: Figure(None, unit, part.why) for name, unit in (("sharpe", "ratio"), ("sortino", "ratio"), ("drawdown", "share"))}
    few = FEW_DAYS if len(returns) < 2 else ""
    flat = few or "the daily returns do not vary"
    return {
        "sharpe": _defined(stats.sharpe(returns=returns, periods_per_year=part.periods), "ratio", flat),
        "sortino": _defined(stats.sortino(returns=returns, periods_per_year=part.periods), "ratio", few or "no losing day"),
        "drawdown": _defined(stats.max_drawdown(returns=returns), "share", flat),
    }


def _costs(part: Slice) -> dict[str, Figure]:
    """What trading cost, and what exploring did: costs are positive."""
    trades = part.trades
    slipped = [trade.slippage for trade in trades if trade.slippage is not None]
    unknown = len(trades) - len(slipped)
    slippage = (
        Figure(None, "quote", f"not measured in {unknown} of {len(trades)} trades") if unknown else Figure(math.fsum(slipped), "quote")
    )
    return {
        "fees": Figure(math.fsum(trade.fees for trade in trades), "quote"),
        "slippage": slippage,
        "funding": Figure(math.fsum(trade.funding for trade in trades), "quote"),
        "explored_trades": Figure(float(len(part.explored)), "count"),
        "exploration_cost": Figure(0.0 - math.fsum(trade.pnl for trade in part.explored), "quote"),
    }


def _order(days: Sequence[Day]) -> dict[str, Figure]:
    """The error budget and latencies, of the account."""
    measured = [day.health for day in days if day.health is not None]
    total = {name: sum(health[name] for health in measured) for name in HEALTH}
    none = "not measured" if days else "no day is over yet"

    def share(part: str, whole: str) -> Figure:
        return (
            Figure(total[part] / total[whole], "share") if total[whole] else Figure(None, "share", none if not measured else f"no {whole}")
        )

    return {
        "data_gaps": share("missing_bars", "bars"),
        "order_rejects": share("rejects", "orders"),
        "reconcile_errors": Figure(float(total["reconcile_errors"]), "count") if measured else Figure(None, "count", none),
        "slow_feed": share("slow_feeds", "feeds"),
        "slow_decisions": share("slow_decisions", "decisions"),
        "slow_acks": share("slow_acks", "acks"),
    }

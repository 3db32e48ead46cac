"""The sample of evidence: which trades and days of a ledger speak for one style on one account, as arrays. Pure.

It begins at the newest `Start` row of (account, style) and holds the trades of that row's procedure only. Trades of the demo and explored
trades never count. Paper and live never mix, because an account is one of them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from telemetry.ledger_rows import DAY_MS, HEALTH, Book, Day, Start, Trade

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOT_EVIDENCE = frozenset({"demo"})
"""Strategies whose trades never count."""
FIVE_DAYS_A_WEEK = frozenset({"FOREX", "OPTIONS"})
TRIAL_DAYS = 365
LEAST_TRIAL_DAYS = 10


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged: a style on an account, in an environment, under one procedure."""

    account: str
    style: str
    env: str
    procedure: str
    factor: int = 1
    """How often the minimum number of trades is needed: 2 after a demotion."""

    @property
    def domain(self) -> str:
        """The account's domain."""
        return self.account.partition("/")[0]

    @property
    def live(self) -> bool:
        """Whether the account is a live one."""
        return self.account.endswith("/LIVE")

    @property
    def week(self) -> int:
        """Trading days a week."""
        return 5 if self.domain in FIVE_DAYS_A_WEEK else 7

    @property
    def periods(self) -> int:
        """Trading days a year: 260 where markets close at weekends, else 365."""
        return 260 if self.domain in FIVE_DAYS_A_WEEK else 365


class Trial(msgspec.Struct, frozen=True):
    """An earlier sample on the same forward stream: a look at luck that must be paid for."""

    ts: int
    days: int
    sharpe: float | None
    """Per day, None where undefined."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Trades sorted by exit, and days; arrays of one length each."""

    subject: Subject
    start_ts: int | None
    """None: no sample has begun."""
    exit_ts: Ints
    pnl: Floats
    r: Floats
    cost_r: Floats
    """Fees, slippage and funding paid, in R."""
    notional: Floats
    day: Ints
    """UTC days since 1970-01-01."""
    day_pnl: Floats
    """Marked profit of the style's policy trades on that day (quote currency)."""
    day_base: Floats
    """The account's equity at the day's start."""
    health: Ints
    """(days, len(HEALTH)) counts; -1 in a row that was not measured."""
    trials: tuple[Trial, ...] = ()
    wrong: tuple[str, ...] = ()
    """What makes it impossible to judge, in words."""
    unknown_slippage: int = 0
    """Trades whose slippage nobody measured."""

    def until(self, ts: int) -> Sample:
        """What was known at `ts`: trades closed and days over by then."""
        n, m = int(np.searchsorted(self.exit_ts, ts, side="right")), int(np.searchsorted(self.day, ts // DAY_MS, side="left"))
        return msgspec.structs.replace(
            self,
            exit_ts=self.exit_ts[:n],
            pnl=self.pnl[:n],
            r=self.r[:n],
            cost_r=self.cost_r[:n],
            notional=self.notional[:n],
            day=self.day[:m],
            day_pnl=self.day_pnl[:m],
            day_base=self.day_base[:m],
            health=self.health[:m],
        )

    def count(self, name: str) -> int:
        """The sum of one health count over the days."""
        return int(self.health[:, HEALTH.index(name)].clip(min=0).sum())

    def digest(self) -> str:
        """sha256 of everything that a verdict rests on."""
        found = hashlib.sha256(msgspec.json.encode([self.subject, self.start_ts, self.trials, self.wrong], order="deterministic"))
        for part in (self.exit_ts, self.pnl, self.r, self.cost_r, self.notional, self.day, self.day_pnl, self.day_base, self.health):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()


def daily_returns(sample: Sample) -> Floats:
    """Simple returns by trading day: marked policy profit over the account's equity at the day's start, flat days as 0."""
    return monday_after(sample.day, sample.day_pnl, sample.day_base, sample.subject.week == 5)


def monday_after(day: Ints, gained: Floats, base: Floats, closes: bool) -> Floats:
    """Returns `gained / base` by trading day (`day`: UTC days since 1970-01-01).

    In domains that close at weekends what Saturday and Sunday brought counts on Monday, so that a year has 260 returns.
    """
    if not closes:
        return gained / base
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
    trading = day + np.where(weekday > 4, 7 - weekday, 0)
    _, first, group = np.unique(trading, return_index=True, return_inverse=True)
    return np.asarray(np.bincount(group, weights=gained, minlength=len(first)) / base[first], dtype=np.float64)


def current_start(book: Book, account: str, style: str, now: int) -> Start | None:
    """The newest beginning of a sample up to `now`."""
    found = [start for start in book.starts if start.account == account and start.style == style and start.ts <= now]
    return found[-1] if found else None


def sample_of(book: Book, account: str, style: str, env: str, now: int, factor: int = 1) -> Sample:
    """The evidence for `style` on `account` at `now`."""
    start = current_start(book, account, style, now)
    subject = Subject(account=account, style=style, env=env, procedure=start.procedure if start else "", factor=factor)
    if start is None:
        return empty(subject)
    trials = tuple(_trials(book, start, subject, now))
    return _between(book, start, now, subject, trials)


def asked_for(book: Book, account: str, style: str) -> int:
    """How often the minimum number of trades is asked for, as the newest stored verdict has it: twice after a demotion."""
    subjects = [row["subject"] for row in book.verdicts if row.get("account") == account and row.get("style") == style and "subject" in row]
    return int(subjects[-1].get("factor", 1)) if subjects else 1


def empty(subject: Subject, start_ts: int | None = None) -> Sample:
    """A sample of nothing."""
    none, whole = np.zeros(0), np.zeros(0, np.int64)
    return Sample(
        subject=subject,
        start_ts=start_ts,
        exit_ts=whole,
        pnl=none,
        r=none,
        cost_r=none,
        notional=none,
        day=whole,
        day_pnl=none,
        day_base=none,
        health=np.zeros((0, len(HEALTH)), np.int64),
    )


def counts(trade: Trade) -> bool:
    """Whether a trade can be evidence at all."""
    return not trade.explored and trade.strategy not in NOT_EVIDENCE


def _between(book: Book, start: Start, end: int, subject: Subject, trials: tuple[Trial, ...]) -> Sample:
    """Trades of `start` that were entered and closed within [start, end], and its days."""
    trades = [
        trade
        for trade in book.trades
        if trade.account == start.account
        and trade.style == start.style
        and trade.procedure == start.procedure
        and min(trade.entry_ts, trade.exit_ts) >= start.ts  # one that was entered before was decided by what was before
        and counts(trade)
    ]
    days = [day for day in book.days if day.account == start.account and day.day >= start.ts // DAY_MS]
    wrong = [one.what for one in book.damaged if one.concerns(start.account, start.ts)]
    wrong += _clock(trades, days, end)
    kept = [trade for trade in trades if trade.risk > 0.0 and trade.exit_ts <= end]
    wrong += [f"the trade on {trade.symbol} closed at {trade.exit_ts} risked nothing" for trade in trades if trade.risk <= 0.0]
    marked = {day.day: day for day in days if (day.day + 1) * DAY_MS <= end}
    for day in marked.values():
        if day.policy is None:
            wrong.append(f"day {day_text(day.day)} has no marked policy profit")
        if day.start is None or day.start <= 0.0:
            wrong.append(f"day {day_text(day.day)} has no equity at its start")
    usable = [day for day in marked.values() if day.policy is not None and day.start is not None and day.start > 0.0]
    return Sample(
        subject=subject,
        start_ts=start.ts,
        exit_ts=np.array([trade.exit_ts for trade in kept], np.int64),
        pnl=np.array([trade.pnl for trade in kept], np.float64),
        r=np.array([trade.r for trade in kept], np.float64),
        cost_r=np.array([trade.costs / trade.risk for trade in kept], np.float64),
        notional=np.array([trade.notional for trade in kept], np.float64),
        day=np.array([day.day for day in usable], np.int64),
        day_pnl=np.array([(day.policy or {}).get(start.style, 0.0) for day in usable], np.float64),
        day_base=np.array([day.start for day in usable], np.float64),
        health=np.array([_health(day) for day in usable], np.int64).reshape(len(usable), len(HEALTH)),
        trials=trials,
        wrong=tuple(wrong),
        unknown_slippage=sum(trade.slippage is None for trade in kept),
    )


def _health(day: Day) -> list[int]:
    return [-1] * len(HEALTH) if day.health is None else [day.health[name] for name in HEALTH]


def _clock(trades: list[Trade], days: list[Day], now: int) -> list[str]:
    """What shows that a clock jumped."""
    said = [f"the clock jumped: a trade on {t.symbol} closed at {t.exit_ts}, before its entry" for t in trades if t.exit_ts < t.entry_ts]
    said += [f"the clock jumped: a trade on {t.symbol} closed at {t.exit_ts}, after now" for t in trades if t.exit_ts > now]
    seen: set[int] = set()
    for day in days:
        if day.day in seen:
            said.append(f"the clock jumped: day {day_text(day.day)} ended twice")
        if day.day * DAY_MS > now:
            said.append(f"the clock jumped: day {day_text(day.day)} lies after now")
        seen.add(day.day)
    return said


def _trials(book: Book, current: Start, subject: Subject, now: int) -> list[Trial]:
    """Earlier samples of the same account and style that began within a year before `now`."""
    starts = [start for start in book.starts if start.account == current.account and start.style == current.style and start.ts < current.ts]
    found = []
    for start, following in zip(starts, [*starts, current][1:], strict=True):
        if start.ts < now - TRIAL_DAYS * DAY_MS:
            continue
        part = _between(book, start, following.ts, subject, ())
        found.append(Trial(start.ts, len(part.day), day_sharpe(daily_returns(part))))
    return found


def day_sharpe(returns: Floats) -> float | None:
    """Mean over standard deviation (ddof 1) of daily returns; None when undefined."""
    if len(returns) < 2:
        return None
    spread = float(returns.std(ddof=1))
    return float(returns.mean()) / spread if spread > 1e-12 else None


def day_text(day: int) -> str:
    """A day number as its date (UTC)."""
    return str(np.datetime64(day, "D"))


def moment_text(ts: int) -> str:
    """A time as its UTC date."""
    return day_text(ts // DAY_MS)


def as_builtins(value: Any) -> Any:
    """A Struct as plain JSON values, keys in their order."""
    return msgspec.to_builtins(value)

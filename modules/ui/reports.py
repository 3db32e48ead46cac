"""A report assembled: what the ledger says about a period, as one document and as Markdown. Pure.

Figures come from `telemetry/kpi.py` and `telemetry/gates.py` and are only arranged here. What is missing is said in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from modules.ui.periods import DAY_MS, Kind, Period
from state.accounts import Domain
from state.stages import paper_account
from strategy.regime import NAMES
from telemetry.gate_config import GateConfig
from telemetry.gates import Verdict, evaluate
from telemetry.kpi import ALL, Kpi, Slice, kpi_of, slices
from telemetry.kpi_table import LABELS, cell
from telemetry.ledger_rows import Book, Day
from telemetry.sample import FIVE_DAYS_A_WEEK, asked_for, day_text, sample_of
from telemetry.verdict_words import words

QUOTE = {"CRYPTO": "USDT", "PERPS": "USDT"}
"""Currency of a domain's accounts; the others' is USD."""
WINDOW_DAYS = {Kind.DAILY: 30, Kind.WEEKLY: 90}
"""How far back the equity curve goes; a stage's goes to the beginning."""
MODEL_PRICED = "premiums are model prices, from a volatility surface and the pair's price: no evidence here opens real money"
NO_TRADE = "no trade was closed in this period"


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """The trades that were entered in one regime of the market."""

    name: str
    kpi: Kpi


class AccountReport(msgspec.Struct, frozen=True, kw_only=True):
    """One account in the period; amounts in `quote`, None where no day is over."""

    account: str
    quote: str
    equity_start: float | None
    equity_end: float | None
    result: float | None
    """Marked: what equity gained over the days that are over, without what came in or went out by other ways than trading."""
    flows: float
    """What came in (> 0) or went out by other ways than trading."""
    kpis: tuple[Kpi, ...]
    regimes: tuple[Regime, ...]
    notes: tuple[str, ...]
    """What is missing, in words."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The document."""

    env: str
    stage: int | None
    period: Period
    now: int
    """Venue time it was made at, ms UTC."""
    accounts: tuple[AccountReport, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]


def with_starts(book: Book) -> Book:
    """Days that do not know the equity they began with get that of the evening before, moved by what came in or went out since."""
    found: list[Day] = []
    evening: dict[str, Day] = {}
    for day in book.days:
        before = evening.get(day.account)
        if day.start is None:
            since = before.ts if before else 0
            moved = math.fsum(row.amount for row in book.cash if row.account == day.account and row.flow and since < row.ts <= day.ts)
            opened = (before.equity if before else 0.0) + moved
            found.append(msgspec.structs.replace(day, start=opened if opened > 0.0 else None))
        else:
            found.append(day)
        evening[day.account] = day
    return msgspec.structs.replace(book, days=tuple(found))


def within(book: Book, from_ts: int, until_ts: int) -> Book:
    """The rows of [from_ts, until_ts): trades by their exit, days that lie wholly in it."""
    return msgspec.structs.replace(
        book,
        trades=tuple(trade for trade in book.trades if from_ts <= trade.exit_ts < until_ts),
        fills=tuple(row for row in book.fills if from_ts <= row.ts < until_ts),
        cash=tuple(row for row in book.cash if from_ts <= row.ts < until_ts),
        days=tuple(day for day in book.days if from_ts <= day.day * DAY_MS and (day.day + 1) * DAY_MS <= until_ts),
        verdicts=tuple(row for row in book.verdicts if int(row.get("ts", 0)) < until_ts),
        damaged=tuple(one for one in book.damaged if one.ts is None or one.ts >= from_ts),  # it tells of what was lost before it
    )


def assemble(book: Book, period: Period, *, env: str, stage: int | None, gate: GateConfig, now: int, only: str | None = None) -> Report:
    """The report about `period` (of one account) at `now`."""
    book = with_starts(book)
    part = within(book, period.from_ts, period.until_ts)
    found = slices(part, period.until_ts, only)
    names = [name for name in book.accounts() if only in {None, name}]
    notes = (
        [] if period.complete else [f"this {'week' if period.kind is Kind.WEEKLY else 'day'} is not over: figures up to {moment_text(now)}"]
    )
    notes += [] if names else ["the ledger is empty: nothing has been traded and no day is over"]
    notes += [f"THE LEDGER IS DAMAGED, figures tell of less than happened: {one.account or 'ledger'}: {one.what}" for one in part.damaged]
    ended = min(now, period.until_ts)
    known = within(book, 0, ended + 1)  # a verdict on a time past knows nothing later
    judged = sorted({(start.account, start.style) for start in book.starts if only in {None, start.account} and start.ts <= ended})
    return Report(
        env=env,
        stage=stage,
        period=period,
        now=now,
        accounts=tuple(_account(name, book, part, [one for one in found if one.account == name], period) for name in names),
        verdicts=tuple(
            evaluate(sample_of(known, account, style, env, ended, asked_for(known, account, style)), gate, ended)
            for account, style in judged
        ),
        notes=tuple(notes),
    )


def _account(name: str, book: Book, part: Book, found: Sequence[Slice], period: Period) -> AccountReport:
    days = [day for day in part.days if day.account == name]
    whole = next((one for one in found if one.style == ALL), None)
    known = [day for day in days if day.start is not None]
    trades = (*whole.trades, *whole.explored) if whole else ()
    notes = [MODEL_PRICED] if name == str(paper_account(Domain.OPTIONS)) else []
    notes += [] if trades else [NO_TRADE]
    notes += _explored(whole)
    notes += _missing(name, book, days, period)
    marked = bool(days) and len(known) == len(days)
    return AccountReport(
        account=name,
        quote=QUOTE.get(name.partition("/")[0], "USD"),
        equity_start=days[0].start if marked else None,
        equity_end=days[-1].equity if days else None,
        result=math.fsum(_made(book, day) for day in days) if marked else None,
        flows=math.fsum(row.amount for row in part.cash if row.account == name and row.flow),
        kpis=tuple(_kpi(one, period) for one in found),
        regimes=tuple(_regimes(whole)) if whole else (),
        notes=tuple(notes),
    )


def _explored(whole: Slice | None) -> list[str]:
    """What was explored in the period, and how it went; empty where nothing was."""
    if whole is None or not whole.explored:
        return []
    mean = math.fsum(trade.r for trade in whole.explored) / len(whole.explored)
    many = f"{len(whole.explored)} trades were" if len(whole.explored) > 1 else "1 trade was"
    return [f"{many} explored, {mean:+.2f} R each on average: told apart from the policy's in every figure"]


def _kpi(part: Slice, period: Period) -> Kpi:
    """The figures of one row. Time in a position is left out of a day's and a week's: its trades may have begun before."""
    found = kpi_of(part)
    if period.kind is Kind.STAGE:
        return found
    return msgspec.structs.replace(found, figures={name: one for name, one in found.figures.items() if name != "exposure"})


def _regimes(whole: Slice) -> Iterator[Regime]:
    for number, name in enumerate(NAMES):
        trades = tuple(trade for trade in whole.trades if trade.regime == number)
        yield Regime(name=name, kpi=kpi_of(msgspec.structs.replace(whole, trades=trades, explored=())))
    unnamed = tuple(trade for trade in whole.trades if trade.regime is None)
    if unnamed:
        yield Regime(name="not recorded", kpi=kpi_of(msgspec.structs.replace(whole, trades=unnamed, explored=())))


def _made(book: Book, day: Day) -> float:
    """What a day brought, in money: a day on which money came or left tells its start in the scale of its evening, for returns."""
    flows = [row.amount for row in book.cash if row.account == day.account and row.flow and row.ts // DAY_MS == day.day]
    evening = [one for one in book.days if one.account == day.account and one.day == day.day - 1]
    if flows and evening:
        return day.equity - evening[0].equity - math.fsum(flows)
    return day.equity - (day.start or 0.0)


def _missing(name: str, book: Book, days: Sequence[Day], period: Period) -> list[str]:
    """Days that are over and have no row of equity."""
    began = [row.ts for row in book.cash if row.account == name][:1] + [day.day * DAY_MS for day in book.days if day.account == name][:1]
    if not began:
        return []
    closes = name.partition("/")[0] in FIVE_DAYS_A_WEEK
    wanted = [day for day in period.days if day >= min(began) // DAY_MS and not (closes and (day + 3) % 7 > 4)]
    gone = sorted(set(wanted) - {day.day for day in days})
    if not wanted:
        return ["no day is over yet: no equity to compare"] if not days else []
    listed = ", ".join(day_text(day) for day in gone[:5]) + (", ..." if len(gone) > 5 else "")
    return [f"{len(gone)} of {len(wanted)} days have no row of equity: {listed}"] if gone else []


def equity_curve(book: Book, account: str, period: Period) -> tuple[list[tuple[int, float]], list[tuple[int, float]], str]:
    """(equity by time, drawdown as a share of the peak by time, why there is no drawdown), up to the period's end.

    The drawdown is that of daily returns, so deposits and withdrawals do not show in it.
    """
    back = WINDOW_DAYS.get(period.kind)
    since = 0 if back is None else period.until_ts - back * DAY_MS
    part = within(with_starts(book), since, period.until_ts)
    whole = next((one for one in slices(part, period.until_ts, account) if one.style == ALL), None)
    days = list(whole.days) if whole else []
    if whole is None or not days:
        return [], [], "no day is over yet: nothing to draw"
    equity = [(days[0].day * DAY_MS, days[0].start)] if days[0].start is not None else []
    points = [*((ts, value) for ts, value in equity), *(((day.day + 1) * DAY_MS, day.equity) for day in days)]
    if whole.returns is None:
        return points, [], whole.why
    falls, wealth, peak = [(days[0].day * DAY_MS, 0.0)], 1.0, 1.0
    for day in days:
        wealth *= day.equity / day.start if day.start else 1.0
        peak = max(peak, wealth)
        falls.append(((day.day + 1) * DAY_MS, 1.0 - wealth / peak))
    return points, falls, ""


def oldest(book: Book) -> int:
    """The time of the first row, ms UTC; 0 when there is none."""
    times = [trade.entry_ts for trade in book.trades] + [day.day * DAY_MS for day in book.days[:1]]
    times += [row.ts for row in book.cash[:1]] + [row.ts for row in book.fills[:1]] + [row.ts for row in book.starts[:1]]
    return min(times, default=0)


def moment_text(ts: int) -> str:
    """A time as `2025-03-04 14:30 UTC`."""
    return f"{day_text(ts // DAY_MS)} {ts // 3_600_000 % 24:02}:{ts // 60_000 % 60:02} UTC"


def span_text(period: Period) -> str:
    """The period's days in words."""
    first, last = day_text(period.from_ts // DAY_MS), day_text((period.until_ts - 1) // DAY_MS)
    return first if first == last else f"{first} to {last}"


def headline(report: Report) -> str:
    """The report in one line."""
    stage = f", stage {report.stage}" if report.stage is not None else ""
    return f"{report.period.kind.capitalize()} report, {span_text(report.period)} (UTC), {report.env}{stage}"


def markdown(report: Report, pictures: Sequence[tuple[str, str]] = (), gate: GateConfig | None = None) -> str:
    """The report for people; `pictures` are (title, file) beside it."""
    lines = [f"# {headline(report)}", ""]
    if report.notes:
        lines += [*(f"- {note}" for note in report.notes), ""]
    for one in report.accounts:
        lines += [f"## {one.account}", "", *_equity_lines(one), *(f"- {note}" for note in one.notes), ""]
        if one.kpis:
            lines += [*_table(one.kpis), ""]
        if any(regime.kpi.figures["trades"].value for regime in one.regimes):
            lines += [*_regime_table(one), ""]
    if report.verdicts:
        lines += ["## What the gates say", "", "```"]
        lines += [line for verdict in report.verdicts for line in words(verdict, gate or GateConfig())] + ["```", ""]
    if pictures:
        lines += ["## Plots", "", *(f"![{title}]({file})" for title, file in pictures), ""]
    lines += [f"Made at venue time {moment_text(report.now)}. Past results, few trades above all, say little about the next ones.", ""]
    return "\n".join(lines)


def _equity_lines(one: AccountReport) -> list[str]:
    if one.equity_end is None:
        return []
    if one.result is None or one.equity_start is None:
        return [f"- equity {one.equity_end:,.2f} {one.quote} at the end; what it was before is not known"]
    flows = f"; {one.flows:+,.2f} came in or went out by other ways than trading" if one.flows else ""
    return [f"- equity {one.equity_start:,.2f} to {one.equity_end:,.2f} {one.quote}, result {one.result:+,.2f} (marked){flows}"]


def _table(found: Sequence[Kpi]) -> list[str]:
    heads = ["account" if one.style == ALL else f"{one.style}, {one.standing}" for one in found]
    lines = ["| figure | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    reasons: dict[str, list[str]] = {}
    for name, label in LABELS.items():
        figures = [one.figures[name] for one in found if name in one.figures]
        if len(figures) < len(found):
            continue
        lines.append(f"| {label.strip()} | " + " | ".join(cell(figure) for figure in figures) + " |")
        for figure in figures:
            if figure.reason:
                reasons.setdefault(figure.reason, []).append(label.strip())
    return [*lines, "", *(f"- – {reason}: {', '.join(dict.fromkeys(labels))}" for reason, labels in reasons.items())]


def _regime_table(one: AccountReport) -> list[str]:
    shown = ("trades", "win_rate", "expectancy_r", "net")
    lines = ["| regime at entry | " + " | ".join(LABELS[name] for name in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    return lines + [
        f"| {regime.name} | " + " | ".join(cell(regime.kpi.figures[name]) for name in shown) + " |"
        for regime in one.regimes
        if regime.kpi.figures["trades"].value
    ]

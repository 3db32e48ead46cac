"""The pictures of a report: which there are, and the figures that each is drawn from."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from modules.ui.periods import Period
from modules.ui.reports import AccountReport, Report, equity_curve, span_text, within
from modules.ui.wording import span
from state.accounts import Domain
from telemetry import plots
from telemetry.gate_checks import Check, Kind
from telemetry.gates import Verdict
from telemetry.kpi import ALL, Kpi, slices
from telemetry.kpi_table import LABELS, cell
from telemetry.ledger_rows import Book, Trade
from telemetry.plots import Bar, Candles, Mark, Target
from telemetry.verdict_words import NAMES, figures, finding, headline

MOST_SYMBOLS = 3
"""Price charts an account: of the symbols traded most."""
MOST_MARKS = 60
"""Trades on one price chart: the newest."""
TITLES = {Kind.TARGET: "Figures against targets", Kind.EVIDENCE: "Evidence that it is not luck"}
FILES = {Kind.TARGET: "targets", Kind.EVIDENCE: "evidence"}
COSTS = ("fees", "slippage", "funding", "exploration_cost")
Find = Callable[[str, str, int, int], Candles | None]
"""(domain, symbol, from, until) -> candles, None where none are stored."""


class Picture(msgspec.Struct, frozen=True):
    """A file of the report."""

    title: str
    file: str
    png: bytes


def no_candles(_domain: str, _symbol: str, _from_ts: int, _until_ts: int) -> Candles | None:
    """Nothing is stored."""
    return None


def pictures(book: Book, report: Report, find: Find = no_candles) -> Iterator[Picture]:
    """Every picture of `report`, drawn one after the other."""
    part = within(book, report.period.from_ts, report.period.until_ts)
    for one in report.accounts:
        name = one.account.replace("/", "-").lower()
        whole = next((part for part in slices(part, report.period.until_ts, one.account) if part.style == ALL), None)
        trades = (*whole.trades, *whole.explored) if whole else ()
        where = f"{one.account}, {report.env}, {span_text(report.period)}"
        yield Picture(f"Equity and drawdown, {one.account}", f"{name}-equity.png", _equity(book, one, report))
        for symbol, png in _prices(one, trades, find, where):
            yield Picture(f"Trades, {one.account} {symbol}".rstrip(), f"{name}-trades{'-' if symbol else ''}{symbol.lower()}.png", png)
        yield Picture(
            f"Results in R, {one.account}", f"{name}-r.png", _results(one, [trade.r for trade in whole.trades] if whole else [], where)
        )
        yield Picture(f"Result by regime, {one.account}", f"{name}-regimes.png", _regimes(one, where))
        yield Picture(f"Costs, {one.account}", f"{name}-costs.png", _costs(one, where))
    for verdict in report.verdicts:
        name = f"{verdict.subject.account.replace('/', '-')}-{verdict.subject.style}".lower()
        for kind, title in TITLES.items():
            yield Picture(
                f"{title}, {verdict.subject.account} {verdict.subject.style}", f"{name}-{FILES[kind]}.png", against(verdict, kind)
            )
    if not report.verdicts:
        where = f"{report.env}, {span_text(report.period)}"
        yield Picture(TITLES[Kind.TARGET], "targets.png", plots.against_targets(TITLES[Kind.TARGET], where, []))


def whole_of(one: AccountReport) -> Kpi | None:
    """The figures of the account as a whole."""
    return next((kpi for kpi in one.kpis if kpi.style == ALL), None)


def _equity(book: Book, one: AccountReport, report: Report) -> bytes:
    equity, falls, why = equity_curve(book, one.account, report.period)
    first, last = (equity[0][0], equity[-1][0] - 1) if equity else (report.period.from_ts, report.period.until_ts - 1)
    shown = Period(kind=report.period.kind, from_ts=first, until_ts=last + 1, name="", complete=True)
    subtitle = f"{one.account}, {report.env}, {span_text(shown)}, by day"
    return plots.equity_and_drawdown("Equity and drawdown", subtitle, equity, falls, unit=one.quote, missing=why)


def _prices(one: AccountReport, trades: Sequence[Trade], find: Find, where: str) -> Iterator[tuple[str, bytes]]:
    domain = one.account.partition("/")[0]
    drawn = [trade for trade in trades if trade.exit is not None]
    if domain == Domain.OPTIONS:  # each contract has few trades: they are drawn on their pair
        drawn = [msgspec.structs.replace(trade, symbol=trade.symbol.partition("-")[0], side=_side(trade)) for trade in drawn]
    if not drawn:
        yield "", plots.trades_on_candles("Trades", where, [], None, unit=one.quote)
    counts = Counter(trade.symbol for trade in drawn)
    for symbol, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_SYMBOLS]:
        mine = [trade for trade in drawn if trade.symbol == symbol][-MOST_MARKS:]
        marks = [
            Mark(
                entry_ts=trade.entry_ts,
                entry=trade.entry,
                exit_ts=trade.exit_ts,
                exit=trade.exit if trade.exit is not None else trade.entry,
                long=trade.side == "long",
                won=trade.pnl > 0.0,
            )
            for trade in mine
        ]
        first, last = min(mark.entry_ts for mark in marks), max(mark.exit_ts for mark in marks)
        around = max((last - first) // 20, 3_600_000)
        candles = find(domain, symbol, first - around, last + around)
        if domain == Domain.OPTIONS and candles is not None:
            marks = [at_the_pair(mark, candles) for mark in marks]
        shown = f"the newest {len(marks)} of {count} trades" if count > len(marks) else f"{count} trade{'s' if count > 1 else ''}"
        how = f"{span(candles.width_ms / 1000)} candles" if candles else "no candles stored for this: the trades alone"
        if domain == Domain.OPTIONS:
            how += ", at the pair's price" if candles else ", at their premiums"
        yield symbol, plots.trades_on_candles(f"Trades, {symbol}", f"{where}; {shown}; {how}", marks, candles, unit=one.quote)


def _side(trade: Trade) -> str:
    """Which way an option gains: `long` of a call, `short` of a put."""
    return "short" if "-P-" in trade.symbol else "long"


def at_the_pair(mark: Mark, candles: Candles) -> Mark:
    """An option's trade where its pair stood: at the close of the candle that entry and exit lie in."""
    entry, left = (candles.close[max(bisect_right(candles.ts, ts) - 1, 0)] for ts in (mark.entry_ts, mark.exit_ts))
    return msgspec.structs.replace(mark, entry=entry, exit=left)


def _results(one: AccountReport, results: Sequence[float], where: str) -> bytes:
    kpi = whole_of(one)
    mean = kpi.figures["expectancy_r"].value if kpi else None
    count = f"{len(results)} closed trade{'' if len(results) == 1 else 's'}; 1 R is what was at stake"
    return plots.r_distribution("Results of trades, in R", f"{where}; {count}", results, mean)


def _regimes(one: AccountReport, where: str) -> bytes:
    rows = []
    for regime in one.regimes:
        found = regime.kpi.figures
        n = int(found["trades"].value or 0)
        remark = f"{n} trade{'' if n == 1 else 's'}, {cell(found['win_rate'])} won, {cell(found['expectancy_r'])} mean" if n else "no trade"
        rows.append(Bar(regime.name, found["net"].value if n else None, remark))
    return plots.bars("Result by market regime", f"{where}; regime at entry", rows, f"net result, {one.quote}")


def _costs(one: AccountReport, where: str) -> bytes:
    kpi = whole_of(one)
    if kpi is None or not (kpi.figures["trades"].value or kpi.figures["explored_trades"].value):
        return plots.bars("What trading cost", where, [], "")
    rows = []
    for name in COSTS:
        figure = kpi.figures[name]
        remark = figure.reason if figure.value is None else f"{figure.value:,.4f} {one.quote}"
        rows.append(Bar(LABELS[name], figure.value, remark.replace("-", "−") if figure.value is not None else remark))
    net = kpi.figures["net"].value or 0.0
    subtitle = f"{where}; net result after costs {net:+,.2f} {one.quote}".replace("+-", "-")
    return plots.bars("What trading cost", subtitle, rows, f"cost, {one.quote} (below 0: received)", costs=True)


def against(verdict: Verdict, kind: Kind) -> bytes:
    """Targets, or evidence, of one verdict, each figure with its bound."""
    rows = [_target(check) for check in verdict.checks if check.kind is kind] if verdict.start_ts is not None else []
    return plots.against_targets(TITLES[kind], headline(verdict), rows)


def _target(check: Check) -> Target:
    return Target(
        NAMES.get(check.name, check.name),
        check.value,
        check.lower,
        check.target,
        figures(check).replace(">=", "≥").replace("<=", "≤"),
        finding(check),
    )

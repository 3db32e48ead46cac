"""A report as files in a folder of its own: JSON, Markdown, CSV and PNG, each written whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dataio.archive import FOLDERS, Archive, DamagedFile, open_archive
from dataio.archive import Kind as MarketKind
from dataio.bars import MINUTE_MS
from modules.ui.periods import Period
from modules.ui.report_plots import Find, Picture
from modules.ui.reports import Report, markdown
from telemetry.gate_config import GateConfig
from telemetry.kpi import Kpi
from telemetry.plots import Candles
from utils.errors import Refusal
from utils.files import atomic_write, ensure_writable

MARKETS: dict[str, MarketKind] = {"CRYPTO": "spot", "PERPS": "perp", "FOREX": "fx", "OPTIONS": "fx"}
"""Where a domain's candles lie; an option's are its pair's."""
WIDTHS_MIN = (5, 15, 30, 60, 120, 240, 720, 1440)
MOST_CANDLES = 130
"""On a phone's width more than that are no candles any more."""
TRADE_COLUMNS = (
    "account",
    "symbol",
    "strategy",
    "style",
    "standing",
    "explored",
    "regime",
    "arm",
    "side",
    "qty",
    "entry_ts",
    "entry",
    "exit_ts",
    "exit",
    "reason",
    "fees",
    "slippage",
    "funding",
    "pnl",
    "r",
    "risk",
    "stop",
    "target",
    "procedure",
)
EQUITY_COLUMNS = ("account", "day", "ts", "start", "equity")
KPI_COLUMNS = ("account", "style", "standing", "since_ts", "until_ts", "figure", "value", "unit", "reason")
Rows = Sequence[tuple[str, bytes]]
"""(kind, JSON as stored) of the ledger."""


def write_report(
    out: Path, report: Report, rows: Rows, drawn: Iterable[Picture], gate: GateConfig, *, only: str | None = None
) -> list[Path]:
    """Every file of the report below `out/<name>`, the Markdown last; Refusal when it cannot be written."""
    folder = out / report.period.name
    ensure_writable(folder)
    found: list[Path] = []

    def put(name: str, data: bytes) -> None:
        try:
            atomic_write(folder / name, data)
        except OSError as error:
            raise Refusal(f"cannot write {folder / name}: {error.strerror}") from error
        found.append(folder / name)

    put("trades.csv", trades_csv(rows, report.period, only))
    put("equity.csv", equity_csv(rows, report.period, only))
    put("kpis.csv", kpis_csv([kpi for one in report.accounts for kpi in one.kpis]))
    named = []
    for picture in drawn:
        put(picture.file, picture.png)
        named.append((picture.title, picture.file))
    put("report.json", document(report))
    put("report.md", markdown(report, named, gate).encode())
    return found


def document(report: Report) -> bytes:
    """The report as one JSON object."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def _table(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _of(rows: Rows, kind: str, only: str | None) -> list[dict[str, Any]]:
    """Rows of one kind as stored; what is no JSON object is left out here and named in the report."""
    found = []
    for name, text in rows:
        if name == kind:
            try:
                row = msgspec.json.decode(text, type=dict[str, Any])
            except msgspec.MsgspecError:
                continue
            if only in {None, row.get("account")}:
                found.append(row)
    return found


def trades_csv(rows: Rows, period: Period, only: str | None = None) -> bytes:
    """Closed trades as the ledger has them, amounts as decimal strings, times in ms UTC."""
    return _table(TRADE_COLUMNS, [row for row in _of(rows, "trade", only) if _inside(row.get("exit_ts"), period.from_ts, period.until_ts)])


def equity_csv(rows: Rows, period: Period, only: str | None = None) -> bytes:
    """Daily equity as the ledger has it; `day` is counted from 1970-01-01."""
    return _table(
        EQUITY_COLUMNS, [row for row in _of(rows, "equity", only) if _inside(row.get("day"), period.days.start, period.days.stop)]
    )


def _inside(value: object, first: int, end: int) -> bool:
    return isinstance(value, int) and first <= value < end


def kpis_csv(found: Iterable[Kpi]) -> bytes:
    """One line a figure; an undefined one has no value and says why."""
    return _table(
        KPI_COLUMNS,
        (
            {
                "account": kpi.account,
                "style": kpi.style,
                "standing": kpi.standing,
                "since_ts": kpi.since_ts,
                "until_ts": kpi.until_ts,
                "figure": name,
                "value": "" if figure.value is None else repr(figure.value),
                "unit": figure.unit,
                "reason": figure.reason,
            }
            for kpi in found
            for name, figure in kpi.figures.items()
        ),
    )


def stored_candles(root: Path) -> Find:
    """Candles of a data root, as fine as a phone can show; Refusal when it is none. What is not there, or damaged, is None."""
    archive = open_archive(root, skip_damaged=True)

    def find(domain: str, symbol: str, from_ts: int, until_ts: int) -> Candles | None:
        market = MARKETS.get(domain)
        return _candles(archive, market, symbol, from_ts, until_ts) if market in FOLDERS else None

    return find


def _candles(archive: Archive, market: MarketKind | None, symbol: str, from_ts: int, until_ts: int) -> Candles | None:
    span = until_ts - from_ts
    width = next((minutes for minutes in WIDTHS_MIN if span / (minutes * MINUTE_MS) <= MOST_CANDLES), WIDTHS_MIN[-1]) * MINUTE_MS
    try:
        bars = archive.confirm_bars(market or "spot", symbol, width, from_ts // width * width, until_ts)
    except (Refusal, DamagedFile):
        return None
    if not len(bars):
        return None
    return Candles(
        width_ms=width,
        ts=bars.ts.tolist(),
        open=bars.open.tolist(),
        high=bars.high.tolist(),
        low=bars.low.tolist(),
        close=bars.close.tolist(),
    )

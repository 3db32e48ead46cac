"""What the data commands do and say: progress while they work, one line per series, a JSON document for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from dataio.archive import Kind, open_archive
from dataio.bars import utc_text
from dataio.compact import compact
from dataio.dataset import Dataset, Series
from dataio.importer import Imported, import_file, import_root
from dataio.tables import DamagedFile
from dataio.tail import read_tail
from dataio.verify import NOTICES, Finding, SeriesReport, verify
from utils.errors import ExitCode, Refusal
from utils.files import ensure_writable

_SHOWN = 10
"""Findings of one kind that the text lists before it only counts; the JSON has all."""


class Source(msgspec.Struct, frozen=True):
    """Where an import comes from: `root` with `kinds` and `symbols`, or `file` with `series`."""

    root: Path | None
    file: Path | None
    series: str | None
    kinds: tuple[Kind, ...]
    symbols: tuple[str, ...] | None


class Ticker:
    """A progress line: rewritten in place on a terminal, line by line elsewhere, silent when the output is for a machine."""

    def __init__(self, out: TextIO, *, silent: bool) -> None:
        self._out = out
        self._silent = silent
        self._in_place = out.isatty()
        self._width = 0

    def __call__(self, done: int, total: int, text: str) -> None:
        """Show one step; the signature of `importer.Progress`."""
        if self._silent:
            return
        line = f"[{done}/{total}] {text}"
        if self._in_place:
            self._out.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._out.write(line + "\n")
        self._out.flush()

    def close(self) -> None:
        """End the line that was rewritten in place."""
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._width = 0


def bring_in(data_dir: Path, source: Source, out: TextIO, *, as_json: bool) -> ExitCode:
    """`data import`: USAGE when a file or a row had to be left out, with what was good imported all the same."""
    dataset = Dataset(data_dir)
    ticker = Ticker(out, silent=as_json)
    damaged: dict[str, str] = {}
    if source.root is not None:
        if source.series is not None:
            raise Refusal("--series goes with --file, not with --from-root")
        archive = open_archive(source.root, skip_damaged=True)
        ensure_writable(data_dir)
        done = import_root(archive, dataset, kinds=source.kinds, symbols=source.symbols, progress=ticker)
        damaged = {str(path): fault for path, fault in archive.damaged.items()}
    else:
        if source.file is None or source.series is None:
            raise Refusal("--file needs --series VENUE/DOMAIN/SYMBOL/TIMEFRAME, e.g. bybit/crypto/BTCUSDT/5m")
        series = Series.parse(source.series)
        ensure_writable(data_dir)
        done = [import_file(source.file, dataset, series, progress=ticker)]
    ticker.close()
    bad = bool(damaged) or any(one.rejected for one in done)
    if as_json:
        _json(out, {"data_dir": str(data_dir), "ok": not bad, "imported": done, "damaged": damaged})
    else:
        out.writelines(f"damaged  {path}: {fault}\n" for path, fault in damaged.items())
        out.writelines(_imported_line(one) for one in done)
        changed = sum(one.changed for one in done)
        out.write(f"imported {sum(one.rows for one in done)} bars in {len(done)} series, {changed} new or changed\n")
    return ExitCode.USAGE if bad else ExitCode.DONE


def check(data_dir: Path, symbols: Sequence[str] | None, out: TextIO, *, as_json: bool) -> ExitCode:
    """`data verify`: USAGE when anything but gaps and leftovers was found."""
    dataset = Dataset(data_dir)
    chosen = _chosen(dataset, symbols)
    ticker = Ticker(out, silent=as_json)
    reports = []
    for index, series in enumerate(chosen):
        reports.append(verify(dataset, series))
        if out.isatty():
            ticker(index + 1, len(chosen), str(series))
    ticker.close()
    bad = sum(len(report.faults) for report in reports)
    if as_json:
        _json(out, {"data_dir": str(data_dir), "ok": not bad, "series": reports})
    else:
        out.writelines(_report_text(report) for report in reports)
        out.write(f"{len(reports)} series verified: {'no faults' if not bad else f'{bad} fault(s)'}\n")
    return ExitCode.USAGE if bad else ExitCode.DONE


def pack(data_dir: Path, symbols: Sequence[str] | None, out: TextIO, *, as_json: bool) -> ExitCode:
    """`data compact`: every series that can be; USAGE when one had a damaged file (its cache is left as it was)."""
    dataset = Dataset(data_dir)
    newest = read_tail(data_dir).series()
    chosen = [series for series in _chosen(dataset, symbols) if dataset.days(series) or series in newest]
    ensure_writable(data_dir)
    ticker = Ticker(out, silent=as_json)
    done = []
    damaged: dict[str, str] = {}
    for index, series in enumerate(chosen):
        try:
            one = compact(dataset, series)
        except DamagedFile as error:
            damaged[str(error.path)] = error.fault
            ticker(index + 1, len(chosen), f"{series}: not compacted, {error}")
            continue
        done.append(one)
        ticker(index + 1, len(chosen), f"{series}: {one.rows} bars of {one.days} days, {'written' if one.rewritten else 'up to date'}")
    ticker.close()
    if as_json:
        _json(out, {"data_dir": str(data_dir), "ok": not damaged, "compacted": done, "damaged": damaged})
    else:
        out.writelines(f"damaged  {path}: {fault}\n" for path, fault in damaged.items())
        written = sum(one.rewritten for one in done)
        out.write(
            f"{len(done)} series compacted ({written} written, {len(done) - written} up to date), {sum(one.rows for one in done)} bars\n"
        )
    return ExitCode.USAGE if damaged else ExitCode.DONE


def _chosen(dataset: Dataset, symbols: Sequence[str] | None) -> list[Series]:
    every = dataset.series()
    if not every:
        raise Refusal(f"no series in {dataset.root}: `data import` brings some")
    known = {series.symbol for series in every}
    unknown = [symbol for symbol in symbols or () if symbol not in known]
    if unknown:
        raise Refusal(f"unknown symbol {', '.join(unknown)} in {dataset.root}; there is: {', '.join(sorted(known))}")
    return [series for series in every if symbols is None or series.symbol in symbols]


def _imported_line(one: Imported) -> str:
    rejected = "".join(f", {count} row(s) {kind} left out" for kind, count in one.rejected.items())
    return f"{one.series}: {one.rows} bars, {one.changed} new or changed{rejected}\n"


def _report_text(report: SeriesReport) -> str:
    span = "empty" if report.first_ts is None or report.last_ts is None else f"{utc_text(report.first_ts)} to {utc_text(report.last_ts)}"
    lines = [f"{report.series}: {report.rows} bars in {report.days} days, {span}"]
    by_kind: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    for kind, findings in sorted(by_kind.items(), key=lambda item: item[0] in NOTICES):
        lines += [f"  {kind:<13} {one.path}: {one.text}" for one in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"  {kind:<13} and {len(findings) - _SHOWN} more (--json lists all)")
    return "\n".join(lines) + "\n"


def _json(out: TextIO, document: dict[str, Any]) -> None:
    out.write(msgspec.json.encode(document).decode() + "\n")

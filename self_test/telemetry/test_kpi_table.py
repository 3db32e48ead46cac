"""The table of key figures, as people see it."""

from __future__ import annotations

from self_test.telemetry.ledgers import START, book, stream, trade
from telemetry.kpi import Figure, kpis
from telemetry.kpi_table import LABELS, cell, every_table, table
from telemetry.ledger_rows import DAY_MS


def test_a_cell_carries_its_unit_and_a_dash_is_no_number():
    assert cell(Figure(0.1234, "share")) == "12.34%" and cell(Figure(3.0, "count")) == "3"
    assert cell(Figure(-0.5, "R")) == "-0.500 R" and cell(Figure(None, "R", "no trade")) == "–"


def test_a_table_has_each_figure_once_and_gives_reasons():
    rows = [*stream(10), trade(START + 2 * DAY_MS + 7_200_000, 1.0, account="PERPS/PAPER")]
    found = kpis(book(rows), START + 10 * DAY_MS)
    text = table(found)
    assert "CRYPTO/PAPER, 2025-03-03 to 2025-03-13" in text and "scalp paper" in text
    assert set(LABELS) == set(found[0].figures)
    assert all(text.count(f"\n{label:<24}") == 2 for label in LABELS.values())
    assert "no day is over yet (Sharpe, annual" in text
    assert max(len(line) for line in text.splitlines() if "(" not in line) <= 80


def test_an_empty_ledger_says_so():
    assert "no closed trade" in table([])


def test_all_statistics_are_a_line_each():
    text = every_table("CRYPTO", [("moments(r[3])", (3, 0.5)), ("pbo(x)", {"pbo": 0.5}), ("sharpe(r[1])", None), ("psr()", 0.25)])
    assert [line.split()[-1] for line in text.splitlines()] == ["CRYPTO", "0.5", "0.5", "–", "0.25"]

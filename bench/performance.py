"""The page of figures: tables between its markers are written from the JSON of the last measurement; the words around them are people's.

A block is `<!-- bench: NAME -->` to `<!-- end -->`; NAME is a part of the measurement, `machine` or `scaling`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.measure import Row, figure, goal_of, verdict_of
from bench.scaling import Scaling
from bench.scaling import table as scaling_table

BLOCK = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = ("figure", "median", "lowest", "highest", "unit", "goal", "", "how")


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a table."""
    lines = [f"| {' | '.join(HEAD)} |", "|---|---:|---:|---:|---|---:|---|---|"]
    for row in rows:
        cells = (row.name.strip(), *map(figure, (row.median, row.lowest, row.highest)), row.unit, goal_of(row), verdict_of(row), row.note)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def load_of(rows: Sequence[Row]) -> str:
    """Under what load a part was measured, in words."""
    loads = [row.load for row in rows if row.load is not None]
    return f"\n\nLoad of the machine meanwhile: {max(loads):.1f}." if loads else ""


def missed(rows: Sequence[Row]) -> str:
    """One line a goal that was missed."""
    found = [f"- {row.name.strip()}: {figure(row.median)} {row.unit}, goal {goal_of(row)}" for row in rows if row.met is False]
    return "\n".join(found) or "None."


def filled(text: str, machine: Mapping[str, object], rows: Sequence[Row], scaling: Scaling | None) -> str:
    """The page with every block written anew; a block of what was not measured says so."""

    def block(found: re.Match[str]) -> str:
        name = found[2]
        mine = [row for row in rows if row.part == name]
        if name == "machine":
            body = ", ".join(f"{key} {value}" for key, value in machine.items() if value is not None)
        elif name == "missed":
            body = missed(rows)
        elif name == "scaling":
            body = "Not measured yet." if scaling is None else f"```text\n{scaling_table(scaling)}```"
        else:
            body = markdown(mine) + load_of(mine) if mine else "Not measured yet."
        return f"{found[1]}\n{body}\n\n{found[3]}"

    return BLOCK.sub(block, text)


def write(doc: Path, machine: Mapping[str, object], rows: Sequence[Row], scaling: Path) -> None:
    """Bring the page up to date; OSError when it is not there."""
    grown = msgspec.json.decode(scaling.read_bytes(), type=Scaling) if scaling.exists() else None
    doc.write_text(filled(doc.read_text(), machine, rows, grown))

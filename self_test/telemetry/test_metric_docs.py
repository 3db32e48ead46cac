from __future__ import annotations

import os
import subprocess
import sys

from self_test.conftest import REPO
from telemetry import metric_docs
from telemetry.metric_table import TABLE


def test_the_page_in_docs_is_the_one_the_table_makes() -> None:
    assert (REPO / "docs" / "metrics.md").read_text(encoding="utf-8") == metric_docs.page()


def test_every_row_stands_in_the_page_with_type_labels_and_meaning() -> None:
    lines = [line for line in metric_docs.page().splitlines() if line.startswith("| `")]
    assert len(lines) == len(TABLE)
    for line, row in zip(lines, TABLE, strict=True):
        name, kind, labels, meaning = (cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|"))
        assert (name, kind, meaning) == (f"`{row.name}`", row.kind, row.text)
        assert labels == ", ".join(f"`{one}`" for one in row.labels)


def test_the_command_in_the_page_writes_it() -> None:
    done = subprocess.run([sys.executable, "-m", "telemetry.metric_docs"], cwd=REPO, env=dict(os.environ), capture_output=True, check=True)
    assert done.stdout.decode() == metric_docs.page()

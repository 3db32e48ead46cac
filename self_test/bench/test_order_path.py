from __future__ import annotations

import asyncio
import time
from pathlib import Path as Folder

import pytest

from bench.order_path import Path, Way, fsync_rows, perpetuals, signing_row, way_rows

ORDERS = 4


@pytest.mark.timeout(300)  # the first to ask compiles
def test_every_order_goes_the_whole_way(tmp_path: Folder) -> None:
    grid = perpetuals(1, 80)
    ways, tickets = [], []
    for paced in (None, frozenset({int(grid.ts[-1])})):
        folder = tmp_path / str(paced is None)
        folder.mkdir()
        path = Path(grid, folder)
        begin = time.perf_counter_ns()
        found = asyncio.run(asyncio.wait_for(path.run(paced, ORDERS), 120))
        spent = time.perf_counter_ns() - begin
        journal = b"".join(events + commands for _, events, commands in path.chain.journal.entries())
        path.chain.close()
        assert len(found) == ORDERS <= path.placed == len(path.desk.tickets)
        assert journal.count(b'"measured') == path.placed, "each was refused by the venue, and that was journalled"
        for one in found.values():
            assert 0 < one.whole < spent and one.whole == one.heard + one.decided + one.called
            assert min(one.heard, one.decided, one.called, one.computed) > 0
        ways.append(list(found))
        tickets.append([one.link_id for one in path.desk.tickets])
    assert ways[0] == ways[1] and tickets[0] == tickets[1], "the same market leads to the same orders"
    (row,) = (signing_row(path.desk.tickets),)
    assert 0 < row.lowest <= row.median <= row.highest


def test_a_way_has_its_parts_below_it() -> None:
    ways = [Way(1_000 * n, 100 * n, 600 * n, 300 * n, 800 * n) for n in range(1, 10)]
    rows = way_rows("order", ways, (6.0, 8.0), parts=True)
    assert [(row.name, row.median, row.met) for row in rows[:2]] == [("order, p50", 5.0, True), ("order, p99", 9.0, False)]
    assert [row.median for row in rows[2:]] == [0.5, 3.0, 1.5, 4.0]


def test_what_a_disk_takes_is_told_apart(tmp_path: Folder) -> None:
    half, most = fsync_rows(tmp_path)
    assert 0 < half.median <= most.median and half.goal is None

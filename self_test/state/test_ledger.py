from __future__ import annotations

from pathlib import Path

import pytest

from state.ledger import Ledger, LedgerRow, Ref, RowKind, read_ledger
from utils.errors import ExitCode, Refusal
from utils.files import Damaged
from utils.linelog import LineLog

ROWS = [
    (RowKind.FILL, Ref(3, 0), b'{"price":"100.10"}'),
    (RowKind.CASH, Ref(3, 1), b'{"amount":"-0.1001"}'),
    (RowKind.FILL, Ref(7, 0), b'{"price":"101.00"}'),
    (RowKind.TRADE, Ref(7, 1), b'{"realised":"0.79"}'),
    (RowKind.EQUITY, Ref(9, 0), b'{"equity":"1000.79"}'),
    (RowKind.VERDICT, Ref(9, 1), b'{"passed":false}'),
]


def filled(folder: Path) -> Ledger:
    ledger, _ = Ledger.open(folder, durable=False)
    assert all(ledger.append(*row) for row in ROWS)
    return ledger


def plain(row: LedgerRow) -> tuple[RowKind, Ref, bytes]:
    return row.kind, row.ref, bytes(row.row)


def test_rows_come_back_by_kind_byte_for_byte(tmp_path: Path):
    ledger = filled(tmp_path)
    assert [plain(row) for row in ledger.rows()] == ROWS
    for kind in RowKind:
        assert [plain(row) for row in ledger.rows(kind)] == [row for row in ROWS if row[0] == kind]
    assert [plain(row) for row in ledger.rows(after=Ref(7, 0))] == ROWS[3:]
    assert [plain(row) for row in ledger.rows(RowKind.FILL, after=Ref(3, 0))] == [ROWS[2]]
    assert ledger.sync() == ledger.count == 6
    ledger.close()


@pytest.mark.parametrize("start", range(len(ROWS)))
def test_rows_emitted_again_after_a_crash_are_stored_once(tmp_path: Path, start: int):
    ledger = filled(tmp_path)
    ledger.close()
    ledger, recovery = Ledger.open(tmp_path, last_seq=9)
    assert not recovery.lines
    assert ledger.last_ref == Ref(9, 1)
    assert [ledger.append(*row) for row in ROWS[start:]] == [False] * (len(ROWS) - start)
    assert ledger.append(RowKind.CASH, Ref(9, 2), b"{}")
    assert not ledger.append(RowKind.CASH, Ref(9, 2), b"{}")
    assert [plain(row) for row in ledger.rows()] == [*ROWS, (RowKind.CASH, Ref(9, 2), b"{}")]
    ledger.close()


def test_half_of_an_entrys_rows_is_completed(tmp_path: Path):
    ledger, _ = Ledger.open(tmp_path)
    for row in ROWS[:3]:  # the process died between (7, 0) and (7, 1)
        ledger.append(*row)
    ledger.close()
    ledger, _ = Ledger.open(tmp_path, last_seq=9)
    assert [ledger.append(*row) for row in ROWS] == [False, False, False, True, True, True]
    assert [plain(row) for row in ledger.rows()] == ROWS
    ledger.close()


@pytest.mark.parametrize("last_seq, kept", [(0, 0), (2, 0), (3, 2), (6, 2), (7, 4), (8, 4), (9, 6), (99, 6), (None, 6)])
def test_rows_of_a_history_that_the_journal_lost_are_set_aside(tmp_path: Path, last_seq: int | None, kept: int):
    filled(tmp_path).close()
    ledger, recovery = Ledger.open(tmp_path, last_seq=last_seq)
    assert [plain(row) for row in ledger.rows()] == ROWS[:kept]
    assert ledger.count == kept
    assert bool(recovery.lines) == recovery.damaged == (kept < 6)
    assert (list(tmp_path.glob("*.quarantine-1")) != []) == (kept < 6)
    assert ledger.append(RowKind.CASH, Ref(100, 0), b"{}")
    ledger.close()
    assert [plain(row) for row in read_ledger(tmp_path)] == [*ROWS[:kept], (RowKind.CASH, Ref(100, 0), b"{}")]


def test_an_observer_reads_a_torn_ledger_without_touching_it(tmp_path: Path):
    filled(tmp_path).close()
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:-4])
    assert [plain(row) for row in read_ledger(tmp_path)] == ROWS[:-1]
    assert [plain(row) for row in read_ledger(tmp_path, RowKind.FILL)] == [ROWS[0], ROWS[2]]
    assert list(tmp_path.iterdir()) == [path]
    ledger, recovery = Ledger.open(tmp_path)
    assert "torn last line 6" in recovery.lines[0]
    assert ledger.last_ref == Ref(9, 0)
    ledger.close()


def test_a_ledger_without_its_beginning_is_refused(tmp_path: Path):
    ledger, _ = Ledger.open(tmp_path, segment_bytes=100, durable=False)
    for row in ROWS:
        ledger.append(*row)
    ledger.close()
    min(tmp_path.iterdir()).unlink()
    with pytest.raises(Refusal) as caught:
        Ledger.open(tmp_path)
    assert caught.value.code == ExitCode.NO_STATE_CHAIN


@pytest.mark.parametrize("payload", [b'{"kind":"gift","ref":[1,0],"row":{}}', b'{"kind":"fill","ref":[1,0],"row":{}'])
def test_a_row_that_was_stored_malformed_is_told(tmp_path: Path, payload: bytes):
    log, _ = LineLog.open(tmp_path, "ledger")
    log.append(payload)
    log.close()
    with pytest.raises(Damaged, match="ledger row 1"):
        Ledger.open(tmp_path)

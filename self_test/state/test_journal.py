from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state.journal import Journal
from utils.errors import ExitCode, Refusal
from utils.files import Damaged
from utils.linelog import LineLog

EVENT = b'{"type":"candle","ts":1740787200000,"px":"0.10", "note":"\\u00e9 and \xc3\xa9"}'
COMMANDS = b'[{"type":"place","qty":1e3},{"type":"save"}]'


def test_bytes_come_back_as_they_were_recorded(tmp_path: Path):
    journal, _ = Journal.open(tmp_path)
    assert (journal.first_seq, journal.last_seq) == (1, 0)
    assert journal.record(EVENT, COMMANDS) == 1
    assert journal.record(b"null", b"[]") == 2
    assert journal.synced_seq == 0
    assert journal.sync() == journal.synced_seq == 2
    journal.close()
    journal, recovery = Journal.open(tmp_path)
    assert not recovery.lines
    assert list(journal.entries()) == [(1, EVENT, COMMANDS), (2, b"null", b"[]")]
    assert list(journal.entries(1)) == [(2, b"null", b"[]")]
    journal.close()


def test_a_line_is_a_checksum_and_json_that_people_can_read(tmp_path: Path):
    journal, _ = Journal.open(tmp_path)
    journal.record(EVENT, COMMANDS)
    journal.flush()
    line = next(tmp_path.iterdir()).read_bytes()
    assert line[8:9] == b" "
    assert json.loads(line[9:]) == {"n": 1, "e": json.loads(EVENT), "c": json.loads(COMMANDS)}
    journal.close()


leaves = st.none() | st.booleans() | st.integers() | st.text()
json_values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


@given(event=json_values, commands=st.lists(json_values), ascii_only=st.booleans())
def test_any_json_survives_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, event: object, commands: list[object], ascii_only: bool):
    folder = tmp_path_factory.mktemp("journal")
    wanted = tuple(json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass") for value in (event, commands))
    journal, _ = Journal.open(folder, durable=False)
    journal.record(*wanted)
    assert list(journal.entries()) == [(1, *wanted)]
    journal.close()


def test_a_newline_is_refused(tmp_path: Path):
    journal, _ = Journal.open(tmp_path)
    with pytest.raises(ValueError, match="newline"):
        journal.record(b'{\n"pretty":1}', b"[]")
    assert journal.last_seq == 0
    journal.close()


@pytest.mark.parametrize("payload", [b'{"n":1,"e":{,"c":[]}', b'{"n":1,"e":{}}', b'{"n":7,"e":{},"c":[]}'])
def test_an_entry_that_was_recorded_malformed_is_told(tmp_path: Path, payload: bytes):
    log, _ = LineLog.open(tmp_path, "journal")
    log.append(payload)
    log.close()
    journal, recovery = Journal.open(tmp_path)
    assert not recovery.lines
    with pytest.raises(Damaged, match="journal entry 1"):
        list(journal.entries())
    journal.close()


def test_rotation_and_pruning_keep_what_follows_a_snapshot(tmp_path: Path):
    journal, _ = Journal.open(tmp_path, segment_bytes=300, durable=False)
    for number in range(100):
        journal.record(b"%d" % number, b"[]")
        if number == 59:
            journal.rotate()
    assert journal.prune(61, keep_bytes=1_000_000) == 0
    assert journal.prune(61) > 0
    assert journal.first_seq == 61
    journal.close()
    journal, _ = Journal.open(tmp_path, after_seq=60)
    assert [seq for seq, _, _ in journal.entries(60)] == list(range(61, 101))
    journal.close()
    with pytest.raises(Refusal) as caught:
        Journal.open(tmp_path, after_seq=59)
    assert caught.value.code == ExitCode.NO_STATE_CHAIN

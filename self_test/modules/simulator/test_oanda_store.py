"""What is kept: snapshot and log agree, what was never answered is forgotten, damage is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from modules.simulator.oanda_store import LOG, NAME, Kept, OandaStore
from self_test.modules.simulator.oanda_toy import broker, buy
from utils.errors import Refusal


def kept(folder: Path) -> OandaStore:
    machine, store = broker(), OandaStore(folder)
    for _ in range(2):
        buy(machine)
        store.save(Kept(token="t", state=machine.desk.state), machine.desk.rows)
    return store


def test_there_and_back(tmp_path: Path) -> None:
    assert OandaStore(tmp_path).load() is None
    kept(tmp_path).close()
    found = OandaStore(tmp_path).load()
    assert found is not None and found[0].token == "t" and [row["id"] for row in found[1]] == ["1", "2", "3", "4"]
    assert found[0].state.trades["2"].units == 1000 and (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_never_answered_is_forgotten(tmp_path: Path) -> None:
    kept(tmp_path)
    with (tmp_path / LOG).open("ab") as log:
        log.write(b'{"id":"5"}\n{"id":')
    found = OandaStore(tmp_path).load()
    assert found is not None and len(found[1]) == 4 and (tmp_path / LOG).read_bytes().count(b"\n") == 4


@pytest.mark.parametrize(
    ("file", "content"), [(NAME, b"{"), (LOG, b'{"id":"1"}\n'), (NAME, b'{"schema":9,"token":"","state":{"account_id":"","created":0}}')]
)
def test_damage_is_refused_and_left(tmp_path: Path, file: str, content: bytes) -> None:
    kept(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(Refusal):
        OandaStore(tmp_path).load()
    assert (tmp_path / file).read_bytes() == content


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"):
        kept(tmp_path / "file")

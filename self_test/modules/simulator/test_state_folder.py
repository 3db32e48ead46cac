"""Stored venue time: round trip, refusal of what is damaged or different."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from modules.simulator import state_folder
from modules.simulator.state_folder import Stored
from utils.errors import Refusal

ONE = Stored(market="generated", seed=3, start_ms=1000, venue_ms=2000, symbols=("BTCUSDT",))


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_saved_is_loaded(tmp_path: Path, durable: bool) -> None:
    folder = tmp_path / "a" / "venue"
    assert state_folder.load(folder) is None
    state_folder.save(folder, ONE, durable=durable)
    assert state_folder.load(folder) == ONE
    assert [each.name for each in folder.iterdir()] == [state_folder.NAME]


@pytest.mark.parametrize("content", [b"", b"{", b'{"seed": "x"}', b"\x00" * 50])
def test_a_damaged_file_is_refused_and_left(tmp_path: Path, content: bytes) -> None:
    (tmp_path / state_folder.NAME).write_bytes(content)
    with pytest.raises(Refusal, match=state_folder.NAME):
        state_folder.load(tmp_path)
    assert (tmp_path / state_folder.NAME).read_bytes() == content


def test_another_schema_is_refused(tmp_path: Path) -> None:
    state_folder.save(tmp_path, msgspec.structs.replace(ONE, schema=99))
    with pytest.raises(Refusal, match="schema 99"):
        state_folder.load(tmp_path)


def test_an_unwritable_folder_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"):
        state_folder.save(tmp_path / "file" / "venue", ONE)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("--market", {"market": "recorded:x"}),
        ("--seed", {"seed": 4}),
        ("--from", {"start_ms": 1}),
    ],
)
def test_asking_for_another_venue_names_the_option(field: str, asked: dict[str, object]) -> None:
    nothing: dict[str, object] = {"market": None, "seed": None, "start_ms": None}
    with pytest.raises(Refusal, match=f"^{field}: "):
        state_folder.check_same(ONE, **(nothing | asked))  # type: ignore[arg-type]  # the point is to vary one of them
    state_folder.check_same(ONE, market="generated", seed=3, start_ms=1000)
    state_folder.check_same(ONE, market=None, seed=None, start_ms=None)

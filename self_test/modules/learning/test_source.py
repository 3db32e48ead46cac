from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from modules.learning.source import Source, data_hash
from self_test.fakes.searches import SEARCHED, SYMBOLS
from utils.errors import Refusal


def source(data: Path) -> Source:
    return Source(data=str(data), domain="CRYPTO", symbols=SYMBOLS, from_ms=None, to_ms=None, settings=SEARCHED.model_dump(mode="json"))


def test_a_source_survives_being_sent_and_reads_the_same_candles(candles: Path) -> None:
    one = source(candles)
    sent = msgspec.json.decode(msgspec.json.encode(one), type=Source)
    assert sent == one and sent.config() == SEARCHED
    assert data_hash(sent.grid()) == data_hash(one.grid())


def test_nothing_after_the_end_is_read_and_any_other_candle_is_other_data(candles: Path) -> None:
    one = source(candles)
    grid = one.grid()
    end = int(grid.ts[1000])
    cut = msgspec.structs.replace(one, to_ms=end).grid()
    assert int(cut.ts[-1]) < end
    assert data_hash(cut) != data_hash(grid)
    close = grid.close.copy()
    close[0, 7] += 1
    assert data_hash(msgspec.structs.replace(grid, close=close)) != data_hash(grid)
    assert np.array_equal(cut.close, grid.close[:, : len(cut.ts)])


def test_costs_that_cannot_be_read_are_refused(candles: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        msgspec.structs.replace(source(candles), costs_file=str(tmp_path / "none.json")).costs()
    assert source(candles).costs() == ()

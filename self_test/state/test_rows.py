from __future__ import annotations

import numpy as np

from state.rows import CHANNEL, CHANNEL_RING, CHOP, CLOSES, MARKET, MONTH_CONFIRM, PARAMS, RANGES, SLOPES


def test_no_field_hides_an_attribute_of_an_array() -> None:
    for kind in (MARKET, PARAMS):
        assert not [name for name in kind.names or () if hasattr(np.recarray, name)]


def test_scalars_come_first_and_everything_is_aligned() -> None:
    for kind in (MARKET, PARAMS):
        assert kind.isalignedstruct
        names = kind.names or ()
        nested = [bool(kind[name].shape) for name in names]
        assert nested == sorted(nested)
        for name in names:
            assert kind.fields is not None
            dtype, offset = kind.fields[name][:2]
            assert offset % dtype.alignment == 0, name


def test_rings_hold_their_windows() -> None:
    assert CLOSES > 97
    assert CLOSES & (CLOSES - 1) == RANGES & (RANGES - 1) == SLOPES & (SLOPES - 1) == 0
    assert RANGES > CHOP
    assert SLOPES > 16
    assert CHANNEL_RING == 3 * CHANNEL + 1


def test_a_bucket_can_count_a_whole_window() -> None:
    assert np.iinfo(MARKET["turnover_counts"].base).max >= MONTH_CONFIRM


def test_a_row_stays_small_enough_to_snapshot_often() -> None:
    assert MARKET.itemsize < 96_000

from __future__ import annotations

import pytest

from marketdata.intervals import LENGTH_MS, interval_name


def test_names_and_lengths_are_each_others_inverse():
    assert {interval_name(length): length for length in LENGTH_MS.values()} == LENGTH_MS
    assert interval_name(300_000) == "5"
    assert interval_name(86_400_000) == "D"


def test_a_length_without_a_name_is_refused():
    with pytest.raises(ValueError, match="120000"):
        interval_name(120_000)

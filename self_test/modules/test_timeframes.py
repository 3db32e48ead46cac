from __future__ import annotations

import pytest

from modules.timeframes import Frames, frames_of, parse_frames, parse_map

HOUR_MS = 3_600_000


def test_a_pair_of_timeframes_is_read_and_written() -> None:
    assert parse_frames(" 4h/1h ") == Frames(4 * HOUR_MS, HOUR_MS)
    assert str(Frames(HOUR_MS, HOUR_MS // 4)) == "1h/15m"


@pytest.mark.parametrize("text", ["1h", "1h/", "15m/1h", "1h/1h", "1h/25m", "5h/1h", "h/m"])
def test_what_does_not_nest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|does not"):
        parse_frames(text)


def test_the_map_names_symbols_and_others_follow_the_domain() -> None:
    found = parse_map("eurusd=4h/1h,")
    assert found == {"EURUSD": "4h/1h"}
    own = Frames(HOUR_MS, HOUR_MS // 4)
    assert frames_of("EURUSD", own, {"EURUSD": "4h/1h"}) == Frames(4 * HOUR_MS, HOUR_MS)
    assert frames_of("GBPUSD", own, {"EURUSD": "4h/1h"}) == own
    assert parse_map({"EURUSD": "4h/1h"}) == {"EURUSD": "4h/1h"}
    with pytest.raises(ValueError, match="EURUSD"):
        parse_map("EURUSD")

from __future__ import annotations

import pytest

from modules.timeframes import BY_DAYS, Frames, frames_of, map_of, parse_frames, parse_map

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


@pytest.mark.parametrize(
    "days, frames",
    [
        (42, "4h/1h"),
        (22, "4h/1h"),
        (21.001, "4h/1h"),
        (21, "1h/15m"),
        (10, "1h/15m"),
        (5, "1h/15m"),
        (4.999, "15m/5m"),
        (0, "15m/5m"),
        (-1, "15m/5m"),
    ],
)
def test_an_options_timeframes_follow_the_days_to_its_expiry(days: float, frames: str) -> None:
    """Definitions: above 21 days 4h/1h, 5 to 21 days 1h/15m, below 5 days 15m/5m."""
    assert str(map_of(BY_DAYS).at(days)) == frames


def test_another_map_is_data_alone() -> None:
    assert [str(map_of((">=10.5:1h/15m", " >= 0 : 30m/15m")).at(days)) for days in (10.5, 10.4)] == ["1h/15m", "30m/15m"]


@pytest.mark.parametrize(
    "written, why",
    [
        ((), "the last of them must be >=0"),
        ((">5:1h/15m",), "the last of them must be >=0"),
        ((">0:1h/15m",), "the last of them must be >=0"),
        ((">=5:1h/15m", ">5:4h/1h", ">=0:15m/5m"), "never used"),
        ((">=0:4h/1h", ">=5:1h/15m", ">=0:1h/15m"), "never used"),
        (("5:1h/15m", ">=0:15m/5m"), "is not >DAYS"),
        (("4h/1h",), "is not >DAYS"),
        ((">=0:15m",), "is not primary/confirm"),
    ],
)
def test_a_map_with_a_hole_or_a_rung_that_is_never_used_is_refused(written: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        map_of(written)

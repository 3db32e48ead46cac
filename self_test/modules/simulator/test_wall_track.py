"""Wall time of instants that are lived again."""

from __future__ import annotations

from modules.simulator.wall_track import WallTrack


def test_between_what_was_written_down_in_proportion() -> None:
    track = WallTrack(10.0, 9_000)
    assert track.at(5) == 9_000, "nothing is known: it is now"
    for ts, wall in ((1000, 500), (2000, 0), (3000, 700), (3000, 900)):
        track.add(ts, wall)
    assert [track.at(ts) for ts in (0, 1000, 2000, 2999)] == [500, 500, 600, 700]
    assert track.at(3000) == 900, "the last of one instant"
    assert track.at(8000) == 1400, "then at the speed of the venue"
    assert track.at(1_000_000) == 9_000, "but not beyond now"

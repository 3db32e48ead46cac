"""The control API's requests."""

from __future__ import annotations

import pytest

from modules.simulator.attachments import Attachments
from modules.simulator.control import BadRequest, Control
from self_test.modules.simulator import toy


def control() -> tuple[Control, toy.Desk, Attachments]:
    desk = toy.Desk()
    attached = Attachments(lambda: 5.0)
    return Control(desk.venue, desk.hub, attached, {"pace": "lockstep"}, lambda: 0.0), desk, attached


def test_a_daemon_registers_acknowledges_and_leaves() -> None:
    one, desk, attached = control()
    assert one.post_clock(b'{"register": "bot"}')["daemons"] == ["bot"]
    assert attached.behind(desk.clock.now_ms + 1) == ["bot"]
    one.post_clock(b'{"ack": %d, "name": "bot"}' % (desk.clock.now_ms + 1))
    assert attached.behind(desk.clock.now_ms + 1) == []
    assert one.post_clock(b'{"unregister": "bot"}')["daemons"] == []


def test_the_clock_says_where_it_is() -> None:
    one, desk, _ = control()
    found = one.clock()
    assert (found["now"], found["start"], found["end"], found["pace"]) == (
        desk.clock.now_ms,
        desk.market.start_ms,
        desk.market.end_ms,
        "lockstep",
    )
    assert found["achieved"] is None
    desk.clock.note(600.0)
    assert one.clock()["achieved"] == 0.0
    assert one.health() == {"ok": True, "now": desk.clock.now_ms, "clients": 0, "frames": 0, "pace": "lockstep"}


def test_speed_can_be_set() -> None:
    one, desk, _ = control()
    assert one.post_clock(b'{"speed": 50}')["speed"] == 50
    assert desk.clock.speed == 50


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"{}", "exactly one of"),
        (b'{"register": "a", "ack": 5}', "exactly one of"),
        (b'{"ack": 5}', "register first"),
        (b'{"ack": 5, "name": "x"}', "x is not registered"),
        (b'{"speed": -1}', "above 0"),
        (b'{"speed": "fast"}', "speed"),
        (b'{"warp": 9}', "warp"),
    ],
)
def test_nonsense_is_refused_with_the_reason(body: bytes, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        control()[0].post_clock(body)

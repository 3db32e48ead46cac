"""Private connections: order kept through a hold, who gets which message, faults on the way, and ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from modules.simulator import private_hub
from modules.simulator.hub import HOLD_S
from modules.simulator.order_types import PrivateEvent
from modules.simulator.private_hub import CUT, PrivateHub, split_topic
from self_test.modules.simulator import toy
from self_test.modules.simulator.private_toys import OTHER_UID, UID, Ear, Timers, event, fill, keyring


class Room:
    """A hub with one signed-in connection."""

    def __init__(self, *topics: str, **more: Any) -> None:
        self.hub, self.timers = PrivateHub(**more), Timers()
        self.one = self.enter(*topics)

    def enter(self, *topics: str, api_key: str = "k") -> Ear:
        ear = Ear(self.hub, self.timers)
        ear.line.key = keyring().find(api_key)
        ear.line.topics |= dict.fromkeys(topics)
        return ear


def test_a_hold_delays_what_follows_but_never_longer_than_itself() -> None:
    room = Room()
    line = room.one.line
    line.send("ack", "a", b"1", HOLD_S)
    line.send("data", "b", b"2")
    line.flush()
    assert room.one.wire.written == b"" and room.hub.held == 2
    room.timers.advance(HOLD_S / 2)
    line.send("ack", "a", b"3", HOLD_S)
    line.flush()
    room.timers.advance(HOLD_S / 2)
    assert toy.unframe(room.one.wire.written) == [b"1", b"2"]
    room.timers.advance(HOLD_S / 2)
    assert toy.unframe(room.one.wire.written) == [b"1", b"2", b"3"] and room.hub.held == 0


def test_requests_without_end_starve_nobody() -> None:
    room = Room()
    for number in range(100):
        room.one.line.send("ack", "a", b"%d" % number, HOLD_S)
        room.one.line.flush()
        room.timers.advance(0.005)
        assert room.hub.held <= HOLD_S / 0.005 + 1


def test_the_envelope() -> None:
    room = Room("order", "wallet")
    room.hub.publish(UID, [event("order", ts=5, orderId="a"), event("wallet", "", ts=6, coin=[])])
    order, wallet = room.one.take()
    assert list(order) == ["id", "topic", "creationTime", "data"]
    assert (order["topic"], order["creationTime"], order["data"]) == ("order", 5, [{"orderId": "a"}])
    assert (wallet["topic"], wallet["creationTime"], wallet["data"]) == ("wallet", 6, [{"coin": []}])
    assert order["id"] != wallet["id"]


def test_only_the_account_only_the_topic_every_connection() -> None:
    room = Room("order")
    twin, deaf, stranger = room.enter("order", "position"), room.enter(), room.enter("order", api_key="k2")
    nobody = Ear(room.hub, room.timers)
    nobody.line.topics["order"] = None
    room.hub.publish(UID, [event("order"), event("position")])
    assert [one["topic"] for one in room.one.take()] == ["order"]
    assert [one["topic"] for one in twin.take()] == ["order", "position"]
    assert deaf.take() == stranger.take() == nobody.take() == []
    room.hub.publish(OTHER_UID, [event("order")])
    assert room.one.take() == [] and len(stranger.take()) == 1


def test_fills_in_a_row_share_a_message_and_order_is_kept() -> None:
    room = Room("execution", "order")
    room.hub.publish(UID, [fill("1"), fill("2"), event("order", n=1), event("order", n=2), fill("3")])
    said = [(one["topic"], len(one["data"])) for one in room.one.take()]
    assert said == [("execution", 2), ("order", 1), ("order", 1), ("execution", 1)]


def test_categories() -> None:
    room = Room("execution.spot", "execution.linear", "order.linear")
    room.hub.publish(UID, [fill("1", "spot"), fill("2"), fill("3", "spot"), event("order", "spot")])
    said = {one["topic"]: [row["execId"] for row in one["data"]] for one in room.one.take()}
    assert said == {"execution.spot": ["1", "3"], "execution.linear": ["2"]}


def test_fast_executions_are_short_trades_without_id() -> None:
    room = Room("execution.fast", "execution.fast.spot")
    room.hub.publish(UID, [fill("1"), fill("2", exec_type="Funding")])
    [message] = room.one.take()
    assert list(message) == ["topic", "creationTime", "data"] and message["topic"] == "execution.fast"
    [row] = message["data"]
    assert row["execId"] == "1" and set(row) == set(private_hub.FAST_KEYS)
    room.hub.publish(UID, [fill("3", exec_type="Funding")])
    assert room.one.take() == []


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("order", ("order", "")),
        ("execution.fast", ("execution.fast", "")),
        ("execution.fast.spot", ("execution.fast", "spot")),
        ("execution.linear", ("execution", "linear")),
        ("dcp.future", ("dcp.future", "")),
    ],
)
def test_topic_names(name: str, parts: tuple[str, str]) -> None:
    assert split_topic(name) == parts


def test_faults_drop_duplicate_delay_and_reorder_frames() -> None:
    room = Room("order", "position", "wallet")
    faults: dict[str, Sequence[float]] = {"order": [], "position": [0, 0], "wallet": [0.5]}
    room.hub.frames_filter = lambda _, topic, payload, __: [(delay, payload) for delay in faults[topic]]
    room.hub.publish(UID, [event("wallet", ""), event("order"), event("position")])
    assert [one["topic"] for one in room.one.now()] == ["position", "position"]
    room.timers.advance(0.4)
    assert room.one.now() == []
    room.timers.advance(0.2)
    assert b'"wallet"' in room.one.wire.written, "it leaves by itself"


def test_a_publication_is_one_payload_for_all_its_listeners() -> None:
    room = Room("order", "order.linear")
    room.enter("order", "order.linear")
    seen: list[bytes] = []

    def remember(_kind: str, _topic: str, payload: bytes, _account: str) -> Sequence[tuple[float, bytes]]:
        seen.append(payload)
        return [(0.0, payload)]

    room.hub.frames_filter = remember
    room.hub.publish(UID, [event("order")])
    assert seen[0] is seen[1] and seen[2] is seen[3] and seen[0] is not seen[2]


def test_a_cut_ends_the_connection() -> None:
    room = Room("order")
    room.hub.frames_filter = lambda *_: [(0.0, CUT)]
    room.hub.publish(UID, [event("order")])
    assert room.one.wire.aborted and room.one.line.cut_off
    room.hub.frames_filter = private_hub.pass_on
    room.hub.publish(UID, [event("order")])
    assert room.one.take() == [] and room.hub.held == 0


def test_a_delayed_frame_does_not_reach_a_connection_that_is_gone() -> None:
    room = Room("order")
    room.hub.frames_filter = lambda _, __, payload, ___: [(0.5, payload)]
    room.hub.publish(UID, [event("order")])
    room.one.line.abort()
    assert room.one.take() == []


def test_requests_pass_the_filter_too() -> None:
    room = Room()
    heard: list[bytes] = []
    asked: list[tuple[str, str]] = []

    def lose(kind: str, topic: str, _payload: bytes, _account: str) -> Sequence[tuple[float, bytes]]:
        asked.append((kind, topic))
        return []

    room.one.line.arrived(b"1", lambda _, data: heard.append(data))
    room.hub.frames_filter = lose
    room.one.line.arrived(b"2", lambda _, data: heard.append(data))
    assert heard == [b"1"] and asked == [("request", "/v5/private")]


def test_an_event_may_be_kept_from_everybody_and_is_only_asked_about_when_somebody_listens() -> None:
    room = Room()
    asked: list[str] = []

    def secret(uid: str, one: PrivateEvent) -> bool:
        asked.append(uid)
        return bool(one.row["execId"] != "1")

    room.hub.events_filter = secret
    room.hub.publish(UID, [fill("1")])
    assert asked == []
    room.one.line.topics["execution"] = None
    room.hub.publish(UID, [fill("1"), fill("2")])
    [message] = room.one.take()
    assert [row["execId"] for row in message["data"]] == ["2"] and asked == [UID, UID]


def test_who_does_not_read_is_cut_off_and_nobody_else() -> None:
    room = Room("order", pile_limit=1000)
    quick = room.enter("order")
    room.one.wire.stuck = 1000
    room.hub.publish(UID, [event("order")])
    assert room.one.wire.aborted and len(quick.take()) == 1 and not quick.wire.aborted


def test_a_silent_connection_takes_everything_and_says_nothing() -> None:
    room = Room("order")
    room.one.line.send("ack", "a", b"{}", HOLD_S)
    room.one.line.silent = True
    room.hub.publish(UID, [event("order")])
    room.one.line.pong(b"")
    assert room.one.take() == [] and not room.one.wire.aborted and room.hub.held == 0


def test_closing_says_so_once() -> None:
    room = Room("order")
    room.one.wire.close = room.one.wire.abort  # type: ignore[attr-defined]
    room.one.line.close(1000, b"idle")
    room.one.line.close(1000, b"idle")
    room.hub.publish(UID, [event("order")])
    assert room.one.wire.written == b"\x88\x06\x03\xe8idle"


def test_a_closing_socket_is_not_written_to() -> None:
    room = Room()
    room.one.line.send("data", "t", b"{}")
    room.one.wire.aborted = True
    room.one.line.flush()
    assert room.one.wire.written == b"" and room.hub.held == 0


def test_a_pong_carries_the_payload() -> None:
    room = Room()
    room.one.line.pong(b"xyz")
    room.one.line.flush()
    assert room.one.wire.written == b"\x8a\x03xyz"


def test_ids_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_hub, "REMEMBERED", 2)
    line = Room().one.line
    assert line.first_use("a") and line.first_use("b") and not line.first_use("a")
    assert line.first_use("c") and line.first_use("a") and not line.first_use("c")

"""Requests on `/v5/private`: who may, what exists, what comes back and when, and odd input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modules.simulator.hub import HOLD_S
from modules.simulator.private_hub import PrivateHub
from modules.simulator.private_ws import TOPICS, PrivateStream
from self_test.modules.simulator.private_toys import OTHER_KEY, OTHER_SECRET, UID, WALL, Ear, Timers, auth, event, keyring


class Talk:
    def __init__(self, *, signed_in: bool = True) -> None:
        self.hub, self.timers = PrivateHub(), Timers()
        self.stream = PrivateStream(keyring(), lambda: WALL)
        self.one = Ear(self.hub, self.timers)
        if signed_in:
            self.say(auth())

    def say(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        return self.one.say(self.stream.handle, *requests)

    def subscribe(self, *args: Any, op: str = "subscribe") -> dict[str, Any]:
        [answer] = self.say({"op": op, "args": list(args)})
        return answer


@pytest.mark.parametrize("expires", [WALL + 1000, str(WALL + 10_000)])
def test_auth_with_number_or_text(expires: int | str) -> None:
    talk = Talk(signed_in=False)
    [answer] = talk.say(auth(expires=expires))
    assert answer == {"success": True, "ret_msg": "", "op": "auth", "conn_id": talk.one.line.id}
    assert talk.one.line.uid == UID


def test_the_known_vector() -> None:
    talk = Talk(signed_in=False)
    [answer] = talk.say({"op": "auth", "args": ["k", 1700000010000, "5ba7e487e0b166a3ac514cbb443e3ac58c40de7e5549e03f6cb0a7b976b7543a"]})
    assert answer["success"] is True


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (auth(expires=WALL), "Params Error"),
        (auth(secret="wrong"), "Params Error"),
        (auth(api_key="nobody"), "API key is invalid."),
        (auth(api_key="old"), "Your api key has expired."),
        (auth(expires="soon"), ""),
        ({"op": "auth"}, "Params Error"),
        ({"op": "auth", "args": "x"}, "Params Error"),
        ({"op": "auth", "args": ["k", True, "s"]}, "Params Error"),
        ({"op": "auth", "args": ["k", 1.5, "s"]}, "Params Error"),
        ({"op": "auth", "args": ["k", WALL + 5, "é"]}, "Params Error"),
        ({"op": "auth", "args": ["k", WALL + 5]}, "Params Error"),
        ({"op": "auth", "args": [["k"], WALL + 5, "s"]}, "Params Error"),
    ],
)
def test_who_is_not_let_in(request_: dict[str, Any], says: str) -> None:
    talk = Talk(signed_in=False)
    [answer] = talk.say(request_)
    assert answer["success"] is False and answer["op"] == "auth" and says in answer["ret_msg"] != ""
    assert talk.one.line.uid == ""
    assert talk.subscribe("order")["success"] is False


def test_no_subscription_without_auth() -> None:
    talk = Talk(signed_in=False)
    assert talk.subscribe("order")["ret_msg"] == "Request not authorized"
    talk.hub.publish(UID, [event("order")])
    assert talk.one.take() == []


def test_auth_may_be_repeated_but_not_as_somebody_else() -> None:
    talk = Talk()
    assert talk.say(auth())[0]["success"] is True
    assert talk.say(auth(OTHER_KEY, OTHER_SECRET))[0]["success"] is False
    assert talk.one.line.uid == UID


def test_everything_that_exists_can_be_subscribed() -> None:
    talk = Talk()
    for name in sorted(TOPICS):
        assert talk.subscribe(name)["success"] is True, name
    assert {"order", "execution.fast.inverse", "position.option", "wallet", "greeks", "dcp.future"} < TOPICS
    assert "position.spot" not in TOPICS and "wallet.linear" not in TOPICS


@pytest.mark.parametrize("args", [["nope"], ["order", "tickers.BTCUSDT"], [], None, [1], [["order"]], "order", ["order", "order.linear"]])
def test_what_is_refused_is_refused_whole(args: Any) -> None:
    talk = Talk()
    [answer] = talk.say({"op": "subscribe", "req_id": "r", "args": args})
    assert answer["success"] is False and answer["ret_msg"] and answer["op"] == "subscribe" and answer["req_id"] == "r"
    assert not talk.one.line.topics


def test_both_sorts_of_names_in_two_requests() -> None:
    talk = Talk()
    assert talk.subscribe("order")["success"] and talk.subscribe("order.linear", "execution")["success"]
    talk.hub.publish(UID, [event("order")])
    assert [one["topic"] for one in talk.one.take()] == ["order", "order.linear"]


def test_args_are_limited() -> None:
    assert Talk().subscribe(*["order"] * 5000)["success"] is False


def test_unsubscribe_ends_it() -> None:
    talk = Talk()
    talk.subscribe("order", "wallet")
    assert talk.subscribe("order", op="unsubscribe") == {"success": True, "ret_msg": "", "op": "unsubscribe", "conn_id": talk.one.line.id}
    assert talk.subscribe("order", op="unsubscribe")["success"] is True
    talk.hub.publish(UID, [event("order"), event("wallet", "")])
    assert [one["topic"] for one in talk.one.take()] == ["wallet"]


def test_three_topics_without_waiting_and_an_event_at_once() -> None:
    talk = Talk(signed_in=False)
    for request in (auth(), *({"op": "subscribe", "args": [name]} for name in ("order", "wallet", "execution"))):
        talk.one.line.arrived(json.dumps(request).encode(), talk.stream.handle)
    talk.hub.publish(UID, [event("order")])
    assert talk.one.now() == [], "acknowledgements and what follows them wait a moment"
    talk.timers.advance(HOLD_S)
    said = [one.get("topic", one.get("op")) for one in talk.one.now()]
    assert said == ["auth", "subscribe", "subscribe", "subscribe", "order"]
    talk.hub.publish(UID, [event("order")])
    assert len(talk.one.now()) == 1, "later ones do not wait"


def test_no_snapshot() -> None:
    talk = Talk()
    assert talk.subscribe("wallet", "position")["success"] is True
    assert talk.one.take() == []


@pytest.mark.parametrize("req_id", ["3f8c", 17, None])
def test_ping_and_req_id(req_id: object) -> None:
    talk = Talk()
    [pong] = talk.say({"op": "ping", "req_id": req_id})
    assert pong == {"op": "pong", "args": [str(WALL)], "conn_id": talk.one.line.id, "req_id": req_id}
    [bare] = talk.say({"op": "ping"})
    assert "req_id" not in bare
    [answer] = talk.say({"op": "subscribe", "req_id": req_id, "args": ["order"]})
    assert answer["req_id"] == req_id


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"[1]", b'"x"', b"null", b"\xff\xfe", b'{"op":"dance"}', b'{"op":null}', b"{}", b'{"op":["ping"]}'),
        *(b"[" * 100_000, b'{"op":1e999999999999999999999}', b"9" * 5000, b'{"op":"subscribe","args":[{}]}', b'{"op":"\\ud800"}'),
    ],
)
def test_odd_input_is_answered_and_never_fatal(text: bytes) -> None:
    talk = Talk()
    talk.one.line.arrived(text, talk.stream.handle)
    [answer] = talk.one.take()
    assert answer["success"] is False and answer["ret_msg"]
    assert talk.subscribe("order")["success"] is True


def test_an_id_that_is_no_plain_value_does_not_come_back() -> None:
    [answer] = Talk().say({"op": "subscribe", "req_id": [[1]], "args": ["order"]})
    assert answer["success"] is True and "req_id" not in answer

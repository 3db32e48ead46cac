"""Requests on `/v5/trade`: the envelope, what the stream itself refuses, and that the rest is the desk's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modules.simulator.hub import HOLD_S
from modules.simulator.private_hub import PrivateHub
from modules.simulator.trade_ws import PATHS, TradeStream
from self_test.modules.simulator.private_toys import UID, WALL, Clerk, Ear, Timers, auth, keyring

BODY = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}


def order(op: str = "order.create", body: Any = None, **more: Any) -> dict[str, Any]:
    header = {"X-BAPI-TIMESTAMP": str(WALL), "X-BAPI-RECV-WINDOW": "5000"}
    return {"header": header, "op": op, "args": [BODY if body is None else body]} | more


class Talk:
    def __init__(self, *, signed_in: bool = True) -> None:
        self.clerk, self.timers = Clerk(), Timers()
        self.stream = TradeStream(keyring(), self.clerk, lambda: WALL)
        self.one = Ear(PrivateHub(), self.timers, "/v5/trade")
        if signed_in:
            self.say(auth())

    def say(self, *requests: dict[str, Any]) -> list[dict[str, Any]]:
        return self.one.say(self.stream.handle, *requests)

    def code(self, request: dict[str, Any]) -> int:
        [answer] = self.say(request)
        assert answer["retMsg"] and answer["connId"] == self.one.line.id
        return int(answer["retCode"])


def test_auth_once() -> None:
    talk = Talk(signed_in=False)
    [answer] = talk.say(auth())
    assert answer == {"retCode": 0, "retMsg": "OK", "op": "auth", "connId": talk.one.line.id}
    assert talk.code(auth() | {"reqId": "a"}) == 20001
    assert talk.one.line.uid == UID


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (auth(api_key="nobody"), 10003),
        (auth(secret="wrong"), 10004),
        (auth(expires=WALL - 1), 10002),
        ({"op": "auth", "args": []}, 10001),
        ({"op": "auth"}, 10001),
    ],
)
def test_who_is_not_let_in(request_: dict[str, Any], code: int) -> None:
    talk = Talk(signed_in=False)
    assert talk.code(request_) == code
    assert talk.code(order()) == 10007 and talk.clerk.taken == []


def test_an_order_and_its_answer() -> None:
    talk = Talk()
    [answer] = talk.say(order(reqId="r1"))
    assert list(answer) == ["reqId", "retCode", "retMsg", "op", "data", "retExtInfo", "header", "connId"]
    assert (answer["reqId"], answer["retCode"], answer["retMsg"], answer["op"]) == ("r1", 0, "OK", "order.create")
    assert answer["data"] == {"orderId": "o1", "orderLinkId": ""} and answer["retExtInfo"] == {}
    header = answer["header"]
    assert (header["X-Bapi-Limit"], header["X-Bapi-Limit-Status"], header["X-Bapi-Limit-Reset-Timestamp"]) == ("10", "9", str(WALL))
    assert header["Timenow"] == str(WALL) and header["Traceid"] and "Other" not in header
    assert talk.clerk.taken == [(UID, "/v5/order/create", BODY)]


def test_each_op_does_the_work_of_its_rest_path() -> None:
    talk = Talk()
    for op, path in PATHS.items():
        [answer] = talk.say(order(op))
        assert answer["op"] == op and talk.clerk.taken[-1][1] == path
    assert PATHS["order.cancel-batch"] == "/v5/order/cancel-batch" and len(PATHS) == 6


def test_the_desks_no_is_passed_on() -> None:
    [answer] = Talk().say(order(body=BODY | {"symbol": "NO"}))
    assert (answer["retCode"], answer["retMsg"], answer["data"]) == (10001, "Not supported symbols", {})


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (order(op="order.dance"), 10404),
        (order(op="position.close"), 10404),
        ({"op": None}, 10404),
        (order(body=BODY | {"category": "futures"}), 10404),
        (order(body={"symbol": "BTCUSDT"}), 10404),
        (order(args=[]), 10001),
        (order(args=[BODY, BODY]), 10001),
        (order(args="x"), 10001),
        (order(args=None), 10001),
        (order(header={}), 10001),
        (order(header=[1]), 10001),
        (order(header={"X-BAPI-TIMESTAMP": "now"}), 10001),
        (order(header={"X-BAPI-TIMESTAMP": WALL, "X-BAPI-RECV-WINDOW": -5}), 10001),
        (order(header={"X-BAPI-TIMESTAMP": WALL - 5001}), 10002),
        (order(header={"X-BAPI-TIMESTAMP": str(WALL + 1000)}), 10002),
        (order(header={"X-BAPI-TIMESTAMP": WALL - 200, "X-BAPI-RECV-WINDOW": "100"}), 10002),
        (order(reqId="x" * 37), 10001),
        (order(reqId={}), 10001),
        (order(header={"X-BAPI-TIMESTAMP": WALL - 5000}), 0),
        (order(header={"X-BAPI-TIMESTAMP": str(WALL + 999)}), 0),
        (order(reqId=7), 0),
        (order(body=BODY | {"category": "inverse"}), 0),
    ],
)
def test_what_the_stream_itself_refuses(request_: dict[str, Any], code: int) -> None:
    talk = Talk()
    assert talk.code(request_) == code
    assert bool(talk.clerk.taken) == (code == 0)


def test_a_req_id_is_used_once_per_connection() -> None:
    talk = Talk()
    assert [talk.code(order(reqId=one)) for one in ("a", "b", "a")] == [0, 0, 20006]
    assert [talk.code(order()), talk.code(order()), talk.code(order(reqId=""))] == [0, 0, 0]
    assert Talk().code(order(reqId="a")) == 0


def test_answers_are_held_and_orders_are_not() -> None:
    talk = Talk()
    for number in range(5):
        talk.one.line.arrived(json.dumps(order(reqId=str(number))).encode(), talk.stream.handle)
    assert len(talk.clerk.taken) == 5 and talk.one.now() == []
    talk.timers.advance(HOLD_S)
    assert [one["reqId"] for one in talk.one.now()] == ["0", "1", "2", "3", "4"]


def test_ping() -> None:
    talk = Talk(signed_in=False)
    [pong] = talk.say({"op": "ping", "reqId": "p"})
    assert pong == {"reqId": "p", "retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(WALL)], "connId": talk.one.line.id}


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"op":1e99999999999999999999}'])
def test_odd_input_is_answered_and_never_fatal(text: bytes) -> None:
    talk = Talk()
    talk.one.line.arrived(text, talk.stream.handle)
    [answer] = talk.one.take()
    assert answer["retCode"] == 10001
    assert talk.code(order()) == 0


def test_fractions_arrive_exactly() -> None:
    talk = Talk()
    talk.one.line.arrived(json.dumps(order()).replace('"0.01"', "0.1000000000000000055").encode(), talk.stream.handle)
    assert str(talk.clerk.taken[0][2]["qty"]) == "0.1000000000000000055"

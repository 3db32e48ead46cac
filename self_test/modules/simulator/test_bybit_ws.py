"""Requests on a public stream: acknowledgement and its delay, limits, both kinds of no, and odd input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modules.simulator.bybit_ws import PublicStream
from self_test.modules.simulator import toy
from self_test.modules.simulator.test_topics import BEGIN


class Talk:
    def __init__(self, category: str = "spot") -> None:
        self.desk = toy.Desk()
        self.stream = PublicStream(self.desk.venue, self.desk.publisher)
        self.one = toy.Listener(category)
        self.desk.hub.clients.add(self.one.client)

    def say(self, **request: Any) -> list[dict[str, Any]]:
        self.stream.handle(self.one.client, json.dumps(request))
        return self.one.take()


def test_the_acknowledgement_comes_first_and_is_held() -> None:
    talk = Talk()
    talk.stream.handle(talk.one.client, '{"op":"subscribe","req_id":"a1","args":["orderbook.1.BTCUSDT","tickers.BTCUSDT"]}')
    talk.desk.advance(BEGIN + 1)  # takes effect at once: this point is among what is held
    talk.one.client.flush()
    assert talk.one.wire.written == b""
    ack, *data = talk.one.take()
    assert ack == {"success": True, "ret_msg": "subscribe", "conn_id": talk.one.client.id, "req_id": "a1", "op": "subscribe"}
    assert [each["topic"] for each in data] == ["orderbook.1.BTCUSDT", "tickers.BTCUSDT"] * 2


@pytest.mark.parametrize("req_id", ["3f8c", 17, None])
def test_req_id_comes_back_as_sent(req_id: object) -> None:
    [pong] = Talk().say(op="ping", req_id=req_id)
    assert pong["req_id"] == req_id and pong["ret_msg"] == "pong" and pong["op"] == "ping" and pong["success"] is True
    [bare] = Talk().say(op="ping")
    assert "req_id" not in bare


def test_ten_args_on_spot_any_number_on_linear() -> None:
    many = ["publicTrade.BTCUSDT"] * 11
    [refused] = Talk().say(op="subscribe", args=many)
    assert (refused["success"], refused["ret_msg"]) == (False, "args size >10")
    [taken] = Talk("linear").say(op="subscribe", args=many)
    assert taken["success"] is True
    [long] = Talk("linear").say(op="subscribe", args=["publicTrade.BTCUSDT"] * 2000)
    assert long["success"] is False


@pytest.mark.parametrize("topic", ["nope.BTCUSDT", "publicTrade.NOPEUSDT", "kline.7.BTCUSDT", "kline.1.BTCUSDT", "orderbook.3.BTCUSDT"])
def test_one_wrong_topic_refuses_the_request(topic: str) -> None:
    talk = Talk()
    [answer] = talk.say(op="subscribe", args=["publicTrade.BTCUSDT", topic])
    assert answer["success"] is False and answer["ret_msg"] == f"error:handler not found,topic:{topic}"
    talk.desk.advance(BEGIN + toy.FIVE)
    assert talk.one.take() == []
    assert talk.say(op="ping")[0]["success"] is True, "the socket stays up"


def test_no_args_and_no_symbols_of_that_category() -> None:
    assert Talk().say(op="subscribe", args=[])[0]["success"] is False
    assert Talk().say(op="subscribe")[0]["success"] is False
    assert Talk("inverse").say(op="subscribe", args=["publicTrade.BTCUSDT"])[0]["success"] is False


def test_unsubscribe_ends_it() -> None:
    talk = Talk()
    talk.say(op="subscribe", args=["publicTrade.BTCUSDT"])
    [answer] = talk.say(op="unsubscribe", req_id=2, args=["publicTrade.BTCUSDT", "publicTrade.ETHUSDT"])
    assert answer["success"] is True and answer["op"] == "unsubscribe" and answer["req_id"] == 2
    talk.desk.advance(BEGIN + toy.FIVE)
    assert talk.one.take() == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "null", b"\xff\xfe", '{"op":"dance"}', '{"op":null}', "{}", '{"op":["ping"]}'])
def test_odd_input_is_answered_and_never_fatal(text: str | bytes) -> None:
    talk = Talk()
    talk.stream.handle(talk.one.client, text)
    [answer] = talk.one.take()
    assert answer["success"] is False and answer["ret_msg"]

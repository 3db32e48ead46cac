"""Bybit v5 public streams: requests of one connection (subscribe, unsubscribe, ping) and the rules that clients stumble over.

Requests are handled in order and take effect at once; only the output of a connection is held for 30 ms after a subscription.
"""

from __future__ import annotations

from typing import Any

import msgspec

from modules.simulator.frames import text_frame
from modules.simulator.hub import Client
from modules.simulator.publisher import Publisher
from modules.simulator.topics import Topic, parse_topic
from modules.simulator.venue import Venue

SPOT_ARGS = 10
ARGS_CHARACTERS = 21_000
PUBLIC = ("spot", "linear")
"""Categories with a public stream here; inverse and option are accepted and have no symbols."""


class PublicStream:
    """Answers the requests of public connections."""

    def __init__(self, venue: Venue, publisher: Publisher) -> None:
        self._venue = venue
        self._publisher = publisher

    def handle(self, client: Client, text: str | bytes) -> None:
        """One message from the client; what is not understood is answered, never fatal."""
        try:
            request = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):  # the second: nested a hundred thousand deep
            self._reply(client, {}, "", success=False, message="Invalid JSON")
            return
        if not isinstance(request, dict):
            self._reply(client, {}, "", success=False, message="Request should be an object")
            return
        match request.get("op"):
            case "ping":
                self._reply(client, request, "ping", success=True, message="pong")
            case "subscribe":
                self._subscribe(client, request)
            case "unsubscribe":
                for name in _args(request):
                    self._publisher.unsubscribe(client, name)
                self._reply(client, request, "unsubscribe", success=True)
            case other:
                self._reply(client, request, str(other or ""), success=False, message=f"error:unknown op,op:{other}")

    def _subscribe(self, client: Client, request: dict[str, Any]) -> None:
        client.hold()
        names = _args(request)
        topics: list[Topic] = []
        problem = ""
        if not names:
            problem = "error:args is empty"
        elif client.category == "spot" and len(names) > SPOT_ARGS:
            problem = f"args size >{SPOT_ARGS}"
        elif sum(map(len, names)) > ARGS_CHARACTERS:
            problem = f"args length >{ARGS_CHARACTERS}"
        for name in names if not problem else ():
            topic = parse_topic(name)
            if topic is None or not self._can(client.category, topic):
                problem = f"error:handler not found,topic:{name}"
                break
            topics.append(topic)
        self._reply(
            client, request, "subscribe", success=not problem, message=problem or ("subscribe" if client.category == "spot" else "")
        )
        if not problem:
            for topic in topics:
                self._publisher.subscribe(client, topic)

    def _can(self, category: str, topic: Topic) -> bool:
        """Listed, and for klines not finer than the bars that the market has."""
        series = self._venue.series(category, topic.symbol)
        if series is None or (topic.kind == "allLiquidation" and category != "linear"):
            return False
        return topic.kind != "kline" or topic.argument in ("D", "W", "M") or int(topic.argument) * 60_000 >= series.tf_ms

    @staticmethod
    def _reply(client: Client, request: dict[str, Any], op: str, *, success: bool, message: str = "") -> None:
        answer: dict[str, Any] = {"success": success, "ret_msg": message, "conn_id": client.id}
        if "req_id" in request:
            answer["req_id"] = request["req_id"]
        answer["op"] = op
        client.send(text_frame(msgspec.json.encode(answer)))


def _args(request: dict[str, Any]) -> list[str]:
    args = request.get("args")
    return [one for one in args if isinstance(one, str)] if isinstance(args, list) else []

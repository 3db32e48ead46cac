"""A customer of the private REST API without sockets: signs, sends bytes, and reads the answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec

from modules.simulator.credentials import Credentials, Key, sign
from modules.simulator.order_types import Now
from modules.simulator.private_rest import PrivateRest
from modules.simulator.rate_limits import RateLimits
from self_test.modules.simulator.stage import UID, Stage, listed

WALL = 1_700_000_000_000
KEY = Key(api_key="k", secret="s3cr3t", uid=UID)
READ_ONLY = Key(api_key="r", secret="s3cr3t", uid=UID, read_only=True)
SPOT_ONLY = Key(api_key="s", secret="s3cr3t", uid=UID, permissions={"Spot": ("SpotTrade",)})
BOUND = Key(api_key="b", secret="s3cr3t", uid=UID, ips=("10.0.0.1",))
EXPIRED = Key(api_key="e", secret="s3cr3t", uid=UID, expires_ms=WALL)
LINEAR = {"category": "linear", "symbol": "BTCUSDT"}
SPOT = {"category": "spot", "symbol": "BTCUSDT"}


class Customer:
    """One key at a venue whose market is moved by hand (`stage`); wall time is `wall`, and stands still."""

    def __init__(self, usdt: str = "100000", *, limits: RateLimits | None = None, **coins: Any) -> None:
        self.stage = Stage(usdt, **coins)
        self.wall = WALL
        self.credentials = Credentials([KEY, READ_ONLY, SPOT_ONLY, BOUND, EXPIRED])
        self.listings = {one.key: one for one in (listed("spot"), listed("linear"))}
        self.rest = PrivateRest(self.stage.exchange, self.credentials, limits or RateLimits(scale=100), self.now, self.listings)

    def now(self) -> Now:
        return Now(self.stage.tick(1).ts, self.wall)

    def headers(self, payload: bytes, key: Key = KEY, **changed: str | None) -> dict[str, str]:
        stamp, window = str(self.wall), "5000"
        found: dict[str, str | None] = {
            "X-BAPI-API-KEY": key.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": sign(key.secret, f"{stamp}{key.api_key}{window}".encode() + payload),
            **{f"X-BAPI-{name.upper().replace('_', '-')}": value for name, value in changed.items()},
        }
        return {name: value for name, value in found.items() if value is not None}

    def send(
        self, method: str, path: str, payload: bytes = b"", *, key: Key = KEY, peer: str = "127.0.0.1", **changed: str | None
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Status, headers and decoded body of a request with this query or body."""
        query, body = (payload.decode(), b"") if method == "GET" else ("", payload)
        status, headers, answer = self.rest.handle(method, path, query, self.headers(payload, key, **changed), body, peer)
        return status, headers, msgspec.json.decode(answer)

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        """The result of a good answer."""
        return self._good(self.send("GET", path, urlencode(query).encode())[2])

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """The result of a good answer."""
        return self._good(self.send("POST", path, msgspec.json.encode(body))[2])

    def code(self, path: str, **body: Any) -> int:
        """The retCode of a POST."""
        code: int = self.send("POST", path, msgspec.json.encode(body))[2]["retCode"]
        return code

    def get_code(self, path: str, **query: str | int) -> int:
        """The retCode of a GET."""
        code: int = self.send("GET", path, urlencode(query).encode())[2]["retCode"]
        return code

    def order(self, **fields: Any) -> str:
        """Create an order and return its id."""
        made: str = self.post("/v5/order/create", **fields)["orderId"]
        return made

    def _good(self, answer: dict[str, Any]) -> dict[str, Any]:
        assert answer["retCode"] == 0, answer
        result: dict[str, Any] = answer["result"]
        return result

"""Who is asking: API keys and their accounts, signatures over the bytes as received, and the rule about time (bybit_v5 §2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

import msgspec

from modules.simulator.envelope import (
    BAD_SIGNATURE,
    CLOCK,
    KEY_EXPIRED,
    NO_PERMISSION,
    PARAMETER,
    UNKNOWN_KEY,
    WRONG_IP,
    ApiError,
)  # fmt: skip

DEFAULT_WINDOW_MS = 5000
LONGEST_WINDOW_MS = 60_000
EARLY_MS = 1000
"""How far a timestamp may run ahead of the venue."""
STREAM_TEXT = "GET/realtime"

ALL: dict[str, tuple[str, ...]] = {
    "ContractTrade": ("Order", "Position"),
    "Spot": ("SpotTrade",),
    "Wallet": ("AccountTransfer", "SubMemberTransferList"),
    "Options": (),
    "Derivatives": (),
    "CopyTrading": (),
    "BlockTrade": (),
    "Exchange": (),
    "NFT": (),
    "Affiliate": (),
    "Earn": (),
}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key. Several keys may belong to one account (`uid`)."""

    api_key: str
    secret: str
    uid: str
    read_only: bool = False
    permissions: dict[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(ALL))
    ips: tuple[str, ...] = ()
    """Addresses it may be used from; empty = from everywhere."""
    created_ms: int = 1_700_000_000_000
    expires_ms: int | None = None
    revoked: bool = False
    parent: str = ""
    """The account that this one is a sub-account of; empty = it is none."""

    def check_may(self, scope: str, permission: str) -> None:
        """ApiError 10005 unless the key may write here, e.g. ("Spot", "SpotTrade")."""
        if self.read_only or permission not in self.permissions.get(scope, ()):
            raise ApiError(NO_PERMISSION, "Permission denied, please check your API key permissions.")


def sign(secret: str, text: bytes) -> str:
    """HMAC-SHA256, lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def check_time(timestamp: int, window_ms: int, wall_ms: int) -> None:
    """ApiError 10002 unless server − window ≤ timestamp < server + 1000."""
    if not wall_ms - window_ms <= timestamp < wall_ms + EARLY_MS:
        raise ApiError(
            CLOCK,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{wall_ms}],recv_window[{window_ms}]",
        )


class Credentials:
    """The keys that the venue knows."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys: dict[str, Key] = {}
        for key in keys:
            self.add(key)

    def add(self, key: Key) -> None:
        """Make a key known, or replace it."""
        self._keys[key.api_key] = key

    def find(self, api_key: str) -> Key | None:
        """The key of this name."""
        return self._keys.get(api_key)

    def uids(self) -> tuple[str, ...]:
        """Accounts that have a key."""
        return tuple(dict.fromkeys(key.uid for key in self._keys.values()))

    def rest(self, headers: Mapping[str, str], payload: bytes, wall_ms: int, peer: str = "") -> Key:
        """Who signed this request; `payload` is the raw query or body. ApiError 10001, 10003, 33004, 10002, 10004, 10010, in this order.

        Header names are compared without regard to case.
        """
        found = {name.lower(): value for name, value in headers.items()}
        api_key, stamp, signature = (found.get(f"x-bapi-{name}", "") for name in ("api-key", "timestamp", "sign"))
        for name, value in (("X-BAPI-API-KEY", api_key), ("X-BAPI-TIMESTAMP", stamp), ("X-BAPI-SIGN", signature)):
            if not value:
                raise ApiError(PARAMETER, f"params error: header {name} is missing")
        window = found.get("x-bapi-recv-window") or str(DEFAULT_WINDOW_MS)
        key = self._known(api_key, wall_ms)
        check_time(whole(stamp, "X-BAPI-TIMESTAMP"), min(LONGEST_WINDOW_MS, whole(window, "X-BAPI-RECV-WINDOW")), wall_ms)
        text = f"{stamp}{api_key}{window}".encode() + payload
        if not hmac.compare_digest(sign(key.secret, text).encode(), signature.encode(errors="replace")):
            raise ApiError(BAD_SIGNATURE, f"error sign! origin_string[{text.decode(errors='replace')[:1000]}]")
        self._from(key, peer)
        return key

    def stream(self, api_key: str, expires: int | str, signature: str, wall_ms: int, peer: str = "") -> Key:
        """Who authenticates a stream: `expires` (ms, number or text) must lie ahead. ApiError 10003, 33004, 10001, 10002, 10004, 10010."""
        key = self._known(api_key, wall_ms)
        if whole(str(expires), "expires") <= wall_ms:
            raise ApiError(CLOCK, "Params Error")
        if not hmac.compare_digest(sign(key.secret, f"{STREAM_TEXT}{expires}".encode()).encode(), signature.encode(errors="replace")):
            raise ApiError(BAD_SIGNATURE, "Params Error")
        self._from(key, peer)
        return key

    def _known(self, api_key: str, wall_ms: int) -> Key:
        key = self._keys.get(api_key)
        if key is None or key.revoked:
            raise ApiError(UNKNOWN_KEY, "API key is invalid.")
        if key.expires_ms is not None and wall_ms >= key.expires_ms:
            raise ApiError(KEY_EXPIRED, "Your api key has expired.")
        return key

    def _from(self, key: Key, peer: str) -> None:
        if key.ips and peer not in key.ips:
            raise ApiError(WRONG_IP, "Unmatched IP, please check your API key's bound IP addresses.")


def whole(text: str, name: str) -> int:
    """A whole number from a header; ApiError 10001 otherwise."""
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise ApiError(PARAMETER, f"params error: {name} is invalid")
    return int(text)

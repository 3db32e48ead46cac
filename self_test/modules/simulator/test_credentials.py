"""Signatures against the published vectors, the window of time, and every way a key is refused."""

from __future__ import annotations

import pytest

from modules.simulator.credentials import Credentials, Key, check_time, sign
from modules.simulator.envelope import ApiError

NOW = 1_700_000_000_000
KEY = Key(api_key="k", secret="s3cr3t", uid="1")
KEYS = Credentials([KEY, Key(api_key="old", secret="x", uid="2", expires_ms=NOW), Key(api_key="home", secret="s", uid="3", ips=("::1",))])


def headers(signature: str, **changed: str) -> dict[str, str]:
    return {"x-bapi-api-key": "k", "X-Bapi-Timestamp": str(NOW), "X-BAPI-RECV-WINDOW": "5000", "X-BAPI-SIGN": signature} | changed


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (b"category=linear&symbol=BTCUSDT", "0823a66a4ef1f1b2e45e32ab57d86d56f32c5477f98bf7f48e3cde5f633ad7ac"),
        (b'{"category":"spot","symbol":"BTCUSDT"}', "03c1d605c7048b9fc99022e3542516fa1c896611b73aa27890f50f9d9ece54b3"),
    ],
)
def test_the_published_vectors(payload: bytes, signature: str) -> None:
    assert KEYS.rest(headers(signature), payload, NOW) is KEY
    for other in (payload + b" ", payload[:-1], payload.replace(b"=", b"%3D").replace(b":", b": ")):
        with pytest.raises(ApiError) as no:
            KEYS.rest(headers(signature), other, NOW)
        assert no.value.code == 10004


def test_the_stream_vector() -> None:
    signature = "5ba7e487e0b166a3ac514cbb443e3ac58c40de7e5549e03f6cb0a7b976b7543a"
    assert KEYS.stream("k", 1_700_000_010_000, signature, NOW) is KEY
    assert KEYS.stream("k", "1700000010000", signature, NOW) is KEY
    cases: list[tuple[str, int | str, str, int, int]] = [
        ("k", 1_700_000_010_000, signature, 1_700_000_010_000, 10002),
        ("k", 1_700_000_010_001, signature, NOW, 10004),
        ("k", 1_700_000_010_000, "é", NOW, 10004),
        ("x", 1_700_000_010_000, signature, NOW, 10003),
        ("old", 1_700_000_010_000, signature, NOW, 33004),
        ("k", "soon", signature, NOW, 10001),
    ]
    for api_key, expires, sent, wall, code in cases:
        with pytest.raises(ApiError) as no:
            KEYS.stream(api_key, expires, sent, wall)
        assert no.value.code == code


def test_the_window_is_half_open() -> None:
    check_time(NOW - 5000, 5000, NOW)
    check_time(NOW + 999, 5000, NOW)
    for stamp in (NOW - 5001, NOW + 1000):
        with pytest.raises(ApiError) as no:
            check_time(stamp, 5000, NOW)
        assert no.value.code == 10002 and str(stamp) in no.value.message


@pytest.mark.parametrize(
    ("changed", "peer", "code"),
    [
        ({"x-bapi-api-key": ""}, "", 10001),
        ({"X-Bapi-Timestamp": ""}, "", 10001),
        ({"X-BAPI-SIGN": ""}, "", 10001),
        ({"x-bapi-api-key": "who"}, "", 10003),
        ({"x-bapi-api-key": "old"}, "", 33004),
        ({"X-Bapi-Timestamp": "yesterday"}, "", 10001),
        ({"X-Bapi-Timestamp": "٣"}, "", 10001),
        ({"X-BAPI-RECV-WINDOW": "-1"}, "", 10001),
        ({"X-Bapi-Timestamp": str(NOW - 5001)}, "", 10002),
        ({"X-Bapi-Timestamp": str(NOW - 60_001), "X-BAPI-RECV-WINDOW": "999999"}, "", 10002),
        ({"X-BAPI-SIGN": "00"}, "", 10004),
        ({"X-BAPI-SIGN": "ü\udce9"}, "", 10004),
    ],
)
def test_refusals_in_the_venues_order(changed: dict[str, str], peer: str, code: int) -> None:
    with pytest.raises(ApiError) as no:
        KEYS.rest(headers(sign("s3cr3t", f"{NOW}k5000".encode()), **changed), b"", NOW, peer)
    assert no.value.code == code and no.value.message


def test_a_key_may_be_bound_to_an_address() -> None:
    found = headers(sign("s", f"{NOW}home5000".encode())) | {"x-bapi-api-key": "home"}
    assert KEYS.rest(found, b"", NOW, "::1").uid == "3"
    with pytest.raises(ApiError) as no:
        KEYS.rest(found, b"", NOW, "10.0.0.9")
    assert no.value.code == 10010


def test_without_a_window_it_is_five_seconds() -> None:
    found = headers(sign("s3cr3t", f"{NOW}k5000".encode()))
    del found["X-BAPI-RECV-WINDOW"]
    assert KEYS.rest(found, b"", NOW + 5000) is KEY
    with pytest.raises(ApiError):
        KEYS.rest(found, b"", NOW + 5001)


def test_permissions() -> None:
    KEY.check_may("Spot", "SpotTrade")
    for key in (Key(api_key="a", secret="", uid="1", read_only=True), Key(api_key="a", secret="", uid="1", permissions={})):
        with pytest.raises(ApiError) as no:
            key.check_may("Spot", "SpotTrade")
        assert no.value.code == 10005


def test_accounts_are_named_once() -> None:
    assert KEYS.uids() == ("1", "2", "3")
    assert Credentials([KEY, Key(api_key="k2", secret="", uid="1")]).uids() == ("1",)
    assert KEYS.find("nobody") is None

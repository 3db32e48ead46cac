from __future__ import annotations

import pytest

from modules.panel.guard import CONTENT_POLICY, HEADERS, host_name, is_local, is_loopback, knows_host, same_origin


@pytest.mark.parametrize(
    "host, name",
    [
        ("127.0.0.1:9108", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("localhost.:80", "localhost"),
        ("[::1]:9108", "::1"),
        ("[::1]", "::1"),
        ("[::1", ""),
        ("[::1]x", ""),
        ("[::1]:x", ""),
        ("bot.example:x", ""),
        ("a:b@localhost", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    "name, yes", [("localhost", True), ("127.8.8.8", True), ("::1", True), ("10.0.0.1", False), ("evil.example", False), ("", False)]
)
def test_what_loopback_is(name: str, yes: bool) -> None:
    assert is_loopback(name) is yes


@pytest.mark.parametrize(
    "host, yes",
    [
        ("127.0.0.1:9108", True),
        ("bot.example", True),
        ("BOT.example:443", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_only_our_names_are_answered(host: str, yes: bool) -> None:
    assert knows_host(host, {"bot.example"}) is yes


@pytest.mark.parametrize(
    "host, peer, headers, yes",
    [
        ("127.0.0.1:9108", "127.0.0.1", {}, True),
        ("localhost", "::1", {}, True),
        ("bot.example", "127.0.0.1", {}, False),
        ("127.0.0.1", "10.0.0.9", {}, False),
        ("127.0.0.1", None, {}, False),
        ("127.0.0.1", "127.0.0.1", {"X-Forwarded-For": "1.2.3.4"}, False),
        ("127.0.0.1", "127.0.0.1", {"Forwarded": "for=1.2.3.4"}, False),
    ],
)
def test_who_sits_on_this_machine(host: str, peer: str | None, headers: dict[str, str], yes: bool) -> None:
    assert is_local(host, peer, headers) is yes


@pytest.mark.parametrize(
    "headers, yes",
    [
        ({"Origin": "http://127.0.0.1:9108"}, True),
        ({"Origin": "https://127.0.0.1:9108"}, True),
        ({"Origin": "http://127.0.0.1:9109"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "ftp://127.0.0.1:9108"}, False),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({}, False),
    ],
)
def test_a_change_must_come_from_a_page_of_ours(headers: dict[str, str], yes: bool) -> None:
    assert same_origin("127.0.0.1:9108", headers) is yes


def test_the_policy_allows_no_inline_script_and_no_stranger() -> None:
    assert "unsafe" not in CONTENT_POLICY and "*" not in CONTENT_POLICY and "http" not in CONTENT_POLICY
    assert "script-src 'self'" in CONTENT_POLICY and CONTENT_POLICY.startswith("default-src 'none'")
    assert HEADERS["X-Frame-Options"] == "DENY" and HEADERS["X-Content-Type-Options"] == "nosniff"

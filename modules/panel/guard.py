"""What a request must look like before anything answers it: its Host, its Origin, and the headers every answer carries. Pure.

Host: a page elsewhere can make a browser ask us under a name of its own (DNS rebinding); we answer to our own names alone. Origin: a
page elsewhere can make a browser post to us; its name then stands in Origin, which no script can forge.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
"""On every answer. The referrer policy is not `no-referrer`, because browsers then post with `Origin: null`."""
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
"""What a proxy adds: whoever asks through one is not on this machine, whatever the address says."""


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port and brackets; empty when there is none or it makes no sense."""
    text = host.strip().lower()
    if text.startswith("["):
        name, closed, port = text[1:].partition("]")
        return name if closed and (not port or (port.startswith(":") and port[1:].isdecimal())) else ""
    name, colon, port = text.partition(":")
    return "" if colon and not port.isdecimal() else name.removesuffix(".")


def is_loopback(name: str) -> bool:
    """Whether a host name or address is this machine talking to itself."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def knows_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names us: a loopback name, or one of `names` (lower case, without port)."""
    name = host_name(host)
    return name != "" and (is_loopback(name) or name in names)


def is_local(host: str, peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the one who asks sits on this machine: by address, by the name asked for, and not through a proxy."""
    direct = not any(name in headers for name in FORWARDED)
    return direct and is_loopback(host_name(host)) and peer is not None and is_loopback(peer)


def same_origin(host: str, headers: Mapping[str, str]) -> bool:
    """Whether a request that changes something comes from a page of ours.

    Its Origin must name the very host and port that were asked; without an Origin, which browsers of today always send, the browser must
    say itself that it is the same.
    """
    origin = headers.get("Origin")
    if origin is None:
        return headers.get("Sec-Fetch-Site") == "same-origin"
    scheme, found, rest = origin.partition("://")
    return found != "" and scheme in {"http", "https"} and rest.lower() == host.strip().lower()

"""The machine around the bot: disk, who may read the files, the port, Python and packages, compiled kernels."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from modules.doctor.findings import Finding, fail, ok, skip, warn
from modules.panel.token import FILE as PANEL_TOKEN_FILE
from modules.readiness import DAEMON_FILE
from utils.errors import Refusal
from utils.files import ensure_writable, is_full
from utils.kernel import ROOT, cache_folder

LEAST_FREE, ENOUGH_FREE = 200 << 20, 2 << 30
"""Bytes: below the first a start may not get through its first checkpoint, below the second a few weeks fill it."""
PYTHON = (3, 11)
SECRET_FILES = frozenset({"simulator.json", "control.sock", DAEMON_FILE, PANEL_TOKEN_FILE})
"""Whoever reads one of these may act for us."""
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_NEED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")


class _Daemon(msgspec.Struct):
    pid: int
    http: str


def disk(place: Path) -> Iterator[Finding]:
    """Free space, whether state can be written, and who may read it. Nothing is made that was not there."""
    there = place
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    words = f"{free / (1 << 30):.1f} GB free where {place} lies"
    room = f"free some space, or name another --state-dir; {ENOUGH_FREE >> 30} GB last for weeks"
    if free < LEAST_FREE:
        yield fail("disk", words, room)
    elif free < ENOUGH_FREE:
        yield warn("disk", words, room)
    else:
        yield ok("disk", words)
    try:
        ensure_writable(there)
        yield ok("state dir", f"{there} can be written" + ("" if there == place else f", {place} is made at the first start"))
    except Refusal as refusal:
        remedy = room if is_full(refusal.__cause__) else "give it to the user that runs the bot, or name another --state-dir"
        yield fail("state dir", str(refusal), remedy)
    yield modes(place)


def modes(place: Path) -> Finding:
    """Whether others on this machine could read secrets or state."""
    if not place.is_dir():
        return skip("file modes", "there is no state yet")
    if not _open_to_others(place):
        return ok("file modes", f"only its owner enters {place}")
    found = [path for path in place.rglob("*") if not path.is_symlink() and path.exists() and not path.is_dir() and _open_to_others(path)]
    remedy = f"chmod -R go-rwx {place}"
    if secrets := sorted(path.name for path in found if path.name in SECRET_FILES):
        return fail("file modes", f"others on this machine can read {', '.join(secrets)}", remedy)
    if found:
        return warn("file modes", f"others on this machine can read {len(found)} files of the state in {place}", remedy)
    return ok("file modes", "only their owner can read the files")


def _open_to_others(path: Path) -> bool:
    try:
        return bool(path.lstat().st_mode & 0o077)
    except FileNotFoundError:  # a running bot replaces its files
        return False


def port(host: str, number: int, place: Path, *, running: bool) -> Finding:
    """Whether the address of panel and metrics is free, or taken by the bot of this folder."""
    address = f"{host}:{number}"
    ours = daemon_http(place) if running else ""
    if ours:
        return ok("port", f"the running bot serves on {ours}")
    if number == 0:
        return ok("port", f"a free one on {host} is taken at the start")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if running:
            return warn("port", f"the running bot does not say where it serves, and {address} is taken", "wait until it is ready")
        return fail(
            "port",
            f"{address} cannot be served on: {error.strerror}",
            "stop what listens there, or give the bot --http-port (0: a free one; doctor knows it as BOT_HTTP__PORT)",
        )
    return ok("port", f"{address} is free")


def daemon_http(place: Path) -> str:
    """Where the bot that wrote `daemon.json` serves; empty when there is no such file."""
    try:
        return msgspec.json.decode((place / DAEMON_FILE).read_bytes(), type=_Daemon).http
    except (OSError, msgspec.MsgspecError):
        return ""


def versions(root: Path = ROOT, running: tuple[int, ...] = tuple(sys.version_info[:3])) -> Iterator[Finding]:
    """Python, the packages that the bot needs and the set that was tested together."""
    told = ".".join(map(str, running))
    wanted = ".".join(map(str, PYTHON))
    if running[:2] < PYTHON:
        yield fail("python", f"Python {told} is older than {wanted}", f"install Python {wanted} and run make setup")
    else:
        yield ok("python", f"Python {told}")
    pins: dict[str, str] = {found[0]: found[1] for found in _matches(_PIN, root / "constraints.txt")}
    needs = [name for (name,) in _matches(_NEED, root / "requirements.txt")]
    missing = [name for name in needs if _installed(name) is None]
    other = [f"{name} {found} (tested {pin})" for name, pin in pins.items() if (found := _installed(name)) not in {None, pin}]
    again = "pip install -r requirements.txt -c constraints.txt, or make setup"
    if missing:
        yield fail("packages", f"not installed: {', '.join(missing)}", again)
    elif not pins:
        yield skip("packages", "constraints.txt is not beside the program, so nothing to compare with")
    elif other:
        yield warn("packages", f"{len(other)} differ from the tested set: {', '.join(other[:5])}{', …' if len(other) > 5 else ''}", again)
    else:
        yield ok("packages", "those that were tested together")


def _matches(pattern: re.Pattern[str], path: Path) -> Iterable[tuple[str, ...]]:
    if not path.is_file():
        return ()
    return [found.groups() for line in path.read_text(encoding="utf-8").splitlines() if (found := pattern.match(line))]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def kernels() -> Finding:
    """Whether the machine code of this program's kernels is ready."""
    folder = cache_folder()
    if any(folder.rglob("*.nbi")):
        return ok("kernels", f"compiled, in {folder}")
    if not os.access(folder, os.W_OK):
        return fail("kernels", f"{folder} cannot be written", "give it to the user that runs the bot, or set BOT_CACHE_DIR")
    return warn("kernels", "not compiled for this version yet: the first start takes some 15 s longer", "python main.py setup")

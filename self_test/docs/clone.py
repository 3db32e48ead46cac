"""A clone to type commands into: the repository's files with a `var` of its own, the market data beside it, and one shell.

A bot or a server that is started goes on, as in another terminal, until the next one of its place is started or the clone is left; then
it is ended with Ctrl-C and must end well. A run with `--duration` is ended as soon as it is ready, a demo when it has closed a trade: what
comes below it on its page finds it gone. Everything else runs to its end.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.bot import clean_environ, end_simulators
from self_test.conftest import REPO
from self_test.deploy.watchers import free_port

CHEAP = {
    "BOT_HTTP__PORT": "0",  # a port that is free: several bots may run on this machine
    "BOT_DOMAINS__CRYPTO__WARMUP_DAYS": "2",  # sixty days of candles take seconds
    "BOT_DOMAINS__PERPS__WARMUP_DAYS": "2",
    "BOT_DOMAINS__FOREX__WARMUP_DAYS": "2",
}
"""Settings under which every command is run; none stands in a page."""
SIMULATOR_PORT, BOT_PORT = "8090", "localhost:9108"
"""As the pages have them; replaced by those that are free, or in use, here."""
BEGINS = r"^(?:\w+=\S* )*(?:\.venv/bin/)?python main\.py"
BOT, SERVER = (
    re.compile(BEGINS + r"(?: run)?(?= -|$)(?! --?(?:h|help|version)\b)"),
    re.compile(BEGINS + r" simulator\b|-m self_test\.fakes\.telegram_chat"),
)
CURL = re.compile(r"^curl ")
"""Without `--fail` it calls an answer a success that is none."""
DURATION = re.compile(r" --duration \S+")
BASH = shutil.which("bash") or "/bin/bash"
# The first start of a machine compiles the kernels.
READY_S, COMMAND_S, LOOK_S = 240.0, 240.0, 0.05


class Failed(AssertionError):
    """A command did not do what its page promises; the text has its words."""


class Started:
    """A bot or a server in a process group of its own; `place`: what only one of them can have."""

    def __init__(self, text: str, place: str, folder: Path, environ: dict[str, str], number: int) -> None:
        self.text, self.place = text, place
        self.output = folder.parent / f"started-{number}.out"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [BASH, "-c", text], cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )

    def until(self, what: str, found: Callable[[], Any], limit_s: float = READY_S) -> Any:
        """Look until `found` gives something; Failed when it ends before, or time does."""
        end, pause = time.monotonic() + limit_s, threading.Event()
        while not (answer := found()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.text}: not {what} ({self.process.poll()}). It said:\n{self.output.read_text()[-2000:]}")
            pause.wait(LOOK_S)
        return answer

    def end(self, code: int = 0) -> None:
        """Ctrl-C, as in its terminal; Failed when it does not end so."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        if (ended := self.process.wait(COMMAND_S)) != code:
            raise Failed(f"{self.text}: ended with {ended}, not {code}. It said:\n{self.output.read_text()[-2000:]}")

    def kill(self) -> None:
        """Whatever is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Clone:
    """Where one reader types; make it with `clone`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = clean_environ(CHEAP) | {"BOT_CACHE_DIR": os.environ.get("BOT_CACHE_DIR", str(REPO / "var" / "cache"))}
        self.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.bot_url = BOT_PORT
        self.record: dict[str, Any] = {}
        """What the newest bot says of itself: `daemon.json`."""
        self.started: list[Started] = []
        self._port = str(free_port())
        self._count = 0

    def type(self, text: str, before: Sequence[str] = (), code: int = 0) -> str:
        """One command line, after the lines of its block that it needs; what it said. Failed when it does not end with `code`."""
        text = text.replace(SIMULATOR_PORT, self._port).replace(BOT_PORT, self.bot_url)
        text = CURL.sub("curl --fail ", text)
        words = "\n".join((*before, DURATION.sub("", text)))
        if BOT.search(text):
            return self._bot(text, words, code)
        if SERVER.search(text):
            return self._server(words)
        done = subprocess.run(
            [BASH, "-ec", words],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode != code:
            raise Failed(f"{text}: ended with {done.returncode}, not {code}. It said:\n{(done.stdout + done.stderr)[-3000:]}")
        return done.stdout + done.stderr

    def _start(self, words: str, place: str) -> Started:
        for old in [one for one in self.started if one.place == place]:
            self.started.remove(old)
            old.end()
        self._count += 1
        self.started.append(Started(words, place, self.folder, self.environ, self._count))
        return self.started[-1]

    def _bot(self, text: str, words: str, code: int) -> str:
        given = shlex.split(text, comments=True)
        place = given[given.index("--state-dir") + 1] if "--state-dir" in given else "var"
        one = self._start(words, place)
        if code:
            one.process.wait(READY_S)
            self.started.pop().end(code)
            return one.output.read_text()

        def ready() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = json.loads((self.folder / place / "simulated" / "daemon.json").read_text())
                return found if os.getpgid(found["pid"]) == one.process.pid else None
            except (OSError, ValueError):
                return None

        self.record = one.until("ready", ready)
        if DURATION.search(text):
            if "demo" in text:
                one.until("trading", lambda: self.closed(place))
            self.started.remove(one)
            one.end()
        self.bot_url = self.record["http"].removeprefix("http://")
        return one.output.read_text()

    def _server(self, words: str) -> str:
        one = self._start(words, "server")
        one.until("ready", lambda: "http://127.0.0.1:" in one.output.read_text())
        return one.output.read_text()

    def slow(self, speed: float) -> None:
        """The clock of the newest bot's venue from here on: beside a fast one every command waits for its turn."""
        words = json.dumps({"speed": speed}).encode()
        ask = urllib.request.Request(f"{self.record['simulator']}/clock", words, {"Content-Type": "application/json"})  # noqa: S310  loopback
        with urllib.request.urlopen(ask, timeout=10) as answer:  # noqa: S310  same
            answer.read()

    def closed(self, state_dir: str = "var") -> int:
        """Closed trades in the ledger of a bot."""
        return sum(path.read_bytes().count(b'{"kind":"trade"') for path in (self.folder / state_dir / "simulated" / "ledger").glob("*.log"))


@contextmanager
def clone(folder: Path, market_data: Path | None = None) -> Iterator[Clone]:
    """A clone in `folder`, with the market data where the pages look for them; what was started in it is ended with the block."""
    place = folder / "clone"
    place.mkdir(parents=True)
    for path in REPO.iterdir():
        if path.name == "deploy":  # a command writes there
            shutil.copytree(path, place / path.name)
        elif path.name not in {"var", ".git", ".venv"}:
            (place / path.name).symlink_to(path)
    (place / ".venv").symlink_to(sys.prefix)
    if market_data is not None:
        (folder / "shared").mkdir()
        (folder / "shared" / "data").symlink_to(market_data)
    made = Clone(place)
    try:
        yield made
        while made.started:
            made.started.pop().end()
    finally:
        for one in made.started:
            one.kill()
        for venue in place.glob("**/simulated/venue"):
            end_simulators(venue.parent.parent)

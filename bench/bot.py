"""A bot in a process of its own, driven as an operator drives it: start, look, signal, kill; nothing of it outlives the `with` block."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, str(REPO / "main.py"))
LOOK_S = 0.05
READY_S = 300.0
"""The first start of a checkout compiles; beside other work that takes minutes."""


class Late(AssertionError):
    """Something did not happen in time; the text ends with what the bot said."""


def run(*words: str, limit_s: float = 90.0, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command to its end: exit code, stdout, stderr."""
    return subprocess.run(  # noqa: S603  our own program  # nosec B603
        [*PROGRAM, *words], cwd=REPO, env=clean_environ(environ), capture_output=True, text=True, timeout=limit_s, check=False
    )


def clean_environ(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Our environment without settings of the bot and without a key that would choose `live`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("BOT_") or name in {"BOT_CACHE_DIR", "BOT_MARKET_DATA"}
    }
    kept.pop("BYBIT_API_KEY", None)
    return kept | (extra or {})


class Bot:
    """One daemon on one state directory. Make it with `started`, which also cleans up."""

    def __init__(self, state_dir: Path, words: Sequence[str], output: Path, environ: dict[str, str] | None = None) -> None:
        self.state_dir, self.folder, self.output = state_dir, state_dir / "simulated", output
        self._file = output.open("ab")
        self.process = subprocess.Popen(  # noqa: S603  same  # nosec B603
            [*PROGRAM, "--stage", "1", "--env", "simulated", "--state-dir", str(state_dir), "--http-port", "0", *words],
            cwd=REPO,
            env=clean_environ(environ),
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    # --- looking ------------------------------------------------------------------------------------------------------------------

    @property
    def said(self) -> str:
        """All it wrote so far."""
        return self.output.read_text(errors="replace")

    def until(self, what: str, condition: Callable[[], Any], limit_s: float) -> Any:
        """Look until `condition` gives something true, and return that; `Late` when time runs out or the bot ends before."""
        end = time.monotonic() + limit_s
        pause = threading.Event()
        while True:
            ended = self.process.poll() is not None
            found = condition()
            if found:
                return found
            if ended or time.monotonic() > end:
                how = f"the bot ended with {self.process.returncode}" if ended else f"{limit_s:.0f} s are over"
                raise Late(f"{what}: {how}. It said:\n{self.said[-3000:]}")
            pause.wait(LOOK_S)

    def ready(self, limit_s: float = READY_S) -> dict[str, Any]:
        """Wait until it is ready; the content of daemon.json."""

        def look() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = json.loads((self.folder / "daemon.json").read_text())
            except (OSError, ValueError):
                return None
            return found if found["pid"] == self.process.pid else None

        found: dict[str, Any] = self.until("ready", look, limit_s)
        return found

    def status(self) -> dict[str, Any]:
        """`status --json`, from whoever can answer."""
        return status_of(self.state_dir)

    def closed(self) -> int:
        """Closed trades in the ledger so far."""
        return sum(path.read_bytes().count(b'{"kind":"trade"') for path in (self.folder / "ledger").glob("*.log"))

    # --- ending -------------------------------------------------------------------------------------------------------------------

    def ended(self, limit_s: float = 60.0) -> int:
        """Wait for its end; the exit code."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Late(f"it did not end in {limit_s:.0f} s. It said:\n{self.said[-3000:]}") from None

    def stop(self, limit_s: float = 30.0) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(limit_s)

    def kill(self) -> None:
        """SIGKILL, as a crash or an out-of-memory killer would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End whatever is left of it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self._file.close()


def status_of(state_dir: Path) -> dict[str, Any]:
    """`status --json` of a state directory; AssertionError with its words when it refuses."""
    done = run("status", "--json", "--state-dir", str(state_dir))
    assert done.returncode == 0, f"status ended with {done.returncode}: {done.stderr}"  # noqa: S101  a driver of tests  # nosec B101
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def simulator_pid(state_dir: Path) -> int | None:
    """Process id of the directory's simulator, if it lives and is really that one."""
    try:
        pid = int(json.loads((state_dir / "simulated" / "simulator.json").read_text())["pid"])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return None
    return pid if str(state_dir / "simulated" / "venue").encode() in words else None


def simulators_of(state_dir: Path) -> list[int]:
    """Every simulator process on this state directory, recorded or not."""
    wanted = str(state_dir / "simulated" / "venue").encode()
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if wanted in place.read_bytes().split(b"\0"):
                found.append(int(place.parent.name))
    return found


def end_simulators(state_dir: Path, limit_s: float = 10.0) -> int:
    """Kill what simulates for this directory and wait until it is gone; returns how many there were."""
    found = simulators_of(state_dir)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end, pause = time.monotonic() + limit_s, threading.Event()
    while simulators_of(state_dir) and time.monotonic() < end:
        pause.wait(LOOK_S)
    return len(found)


@contextmanager
def started(state_dir: Path, *words: str, output: Path | None = None, environ: dict[str, str] | None = None) -> Iterator[Bot]:
    """A bot that runs; whatever happens in the block, its process ends with it.

    A simulator that a kill left over stays (the next start shall find it) until `no_leftovers` ends.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    bot = Bot(state_dir, words, output or state_dir.parent / f"{state_dir.name}.out", environ)
    try:
        yield bot
    finally:
        bot.close()


@contextmanager
def no_leftovers(state_dir: Path) -> Iterator[Path]:
    """The directory for the block; its simulators are ended afterwards."""
    try:
        yield state_dir
    finally:
        end_simulators(state_dir)

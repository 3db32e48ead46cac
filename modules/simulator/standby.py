"""A simulator's process started before anybody has said what it shall be: it loads while its daemon does, and is told later.

Both load for a second, and a machine has two cores. Until it is told it has no port, no file and no state; when the daemon ends first, it
ends by itself. There is one at most, for one start of a daemon.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from modules.environment import without_secrets

FOLDER, RECORD, STATE = "simulated", "simulator.json", "venue"
PROGRAM = (sys.executable, str(Path(__file__).resolve().parents[2] / "main.py"), "simulator")
WORD = "--standby"


class _Standby(NamedTuple):
    folder: Path
    pid: int
    line: int
    """The pipe to its standard input."""


_waiting: list[_Standby] = []


def prepare(state_dir: Path, environ: Mapping[str, str]) -> None:
    """Start one, unless a simulator is recorded in `state_dir`: that one is asked first, and mostly goes on."""
    folder = state_dir / FOLDER
    if _waiting or (folder / RECORD).exists():
        return
    reading, writing = os.pipe()
    files = (
        (os.POSIX_SPAWN_DUP2, reading, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    )
    command = [*PROGRAM, WORD, "--state-folder", str(folder / STATE)]
    pid = os.posix_spawn(command[0], command, without_secrets(environ), file_actions=files, setsid=True)
    os.close(reading)
    _waiting.append(_Standby(folder, pid, writing))


def take(command: Sequence[str], output: Path, log: Path) -> int | None:
    """Tell the one that waits to become `command`, with its output in these files; its process id, None when none waits in that folder."""
    if not _waiting or tuple(command[: len(PROGRAM)]) != PROGRAM or _waiting[0].folder != output.parent:
        return None
    found = _waiting[0]
    told = json.dumps({"words": command[len(PROGRAM) :], "output": str(output), "log": str(log)}) + "\n"
    try:
        os.write(found.line, told.encode())
    except BrokenPipeError:  # it died while loading; one that is started anew says why
        leave()
        return None
    _waiting.clear()
    os.close(found.line)
    return found.pid


def leave() -> None:
    """End the one that nobody took."""
    for one in _waiting:
        os.close(one.line)
        os.kill(one.pid, signal.SIGKILL)
        os.waitpid(one.pid, 0)
    _waiting.clear()


def told(line: TextIO) -> list[str] | None:
    """In that process: wait for the words of its command and send its output where it belongs; None when the daemon is gone."""
    said = line.readline()
    if not said.endswith("\n"):
        return None
    wanted = json.loads(said)
    for number, name in ((1, "output"), (2, "log")):
        file = os.open(wanted[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    words: list[str] = wanted["words"]
    return words

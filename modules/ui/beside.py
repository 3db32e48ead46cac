"""Work beside the daemon: drawing and searching in a process of its own at the lowest priority, one at a time, within a time limit.

`Beside.run(job, given)` hands bytes to a fresh process and gets bytes back; the event loop only waits. The process is told no secrets.
Run as `python -m modules.ui.beside JOB` it is that process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from modules.environment import without_secrets
from modules.schedule import carry_out
from utils.errors import Refusal, Transient

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60.0
WAITING = 4
"""So many requests may wait for the one that runs; the next is told to come again."""
JOBS = {
    "chart": ("modules.ui.chart_drawing", "price_chart"),
    "equity": ("modules.ui.chart_drawing", "equity_chart"),
    "page": ("modules.ui.trail", "page"),
    "chain": ("modules.ui.trail", "chain"),
    "lately": ("modules.ui.trail", "lately"),
}
"""What can be done: bytes in, bytes out."""


class Beside:
    """One worker's place."""

    def __init__(self, environ: Mapping[str, str] | None = None, limit_s: float = LIMIT_S) -> None:
        self._environ = without_secrets(os.environ if environ is None else environ) | {"PYTHONPATH": str(ROOT)}
        self._limit_s = limit_s
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def run(self, job: str, given: bytes) -> bytes:
        """What `job` makes of `given`; Refusal when too much waits already, or it failed or took too long."""
        return await self._in_turn([sys.executable, "-m", "modules.ui.beside", job], given)

    async def command(self, words: list[str], limit_s: float | None = None) -> bytes:
        """The standard output of a command of ours; Refusal as in `run`."""
        return await self._in_turn(words, b"", limit_s)

    async def _in_turn(self, words: list[str], given: bytes, limit_s: float | None = None) -> bytes:
        if self._waiting > WAITING:
            raise Refusal("too much is being drawn just now; ask again in a minute")
        self._waiting += 1
        try:
            async with self._turn:
                return await carry_out(words, self._environ, limit_s or self._limit_s, given)
        except (Transient, OSError) as error:
            raise Refusal(f"it could not be made: {str(error)[:200]}") from error
        finally:
            self._waiting -= 1


def main(words: list[str]) -> int:
    """Do the job that `words` name: standard input to standard output."""
    module, name = JOBS[words[0]]
    work: Callable[[bytes], bytes] = getattr(import_module(module), name)
    sys.stdout.buffer.write(work(sys.stdin.buffer.read()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

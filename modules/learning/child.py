"""The trainer's process as the daemon sees it: started when it is needed, asked one job at a time, killed when it does not answer in time.

It is expendable in every way: it may be killed at any moment, and the next job starts a new one. It is told none of the bot's secrets.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from modules.environment import without_secrets
from modules.learning.candles import Place
from modules.learning.jobs import Answer, Job
from utils.errors import Transient

PROGRAM = Path(__file__).resolve().parents[2] / "main.py"
COMMAND = (sys.executable, str(PROGRAM), "trainer", "--of", str(os.getpid()))
LONGEST_LINE = 1 << 22
END_S = 2.0
"""How long it is waited for when it is told to end."""


def environment() -> dict[str, str]:
    """What the process may know: everything but secrets, and one thread for whatever computes."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return without_secrets(os.environ) | threads


class Child:
    """One process at a time, one job at a time."""

    def __init__(self, place: Callable[[], Place], command: Sequence[str] = COMMAND, environ: Mapping[str, str] | None = None) -> None:
        """`place` is asked at every start."""
        self._place, self._command = place, command
        self._environ = environment() if environ is None else dict(environ)
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int:
        """Of the process that runs; 0 when none does."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def ask(self, job: Job, limit_s: float) -> Answer:
        """The answer to a job; Transient when the process died, wrote nonsense or took longer than `limit_s`: it is gone then."""
        async with self._turn:
            try:
                async with asyncio.timeout(limit_s):
                    process = await self._running()
                    return await _exchange(process, job)
            except TimeoutError as error:
                await self._kill()
                raise Transient(f"the trainer took longer than {limit_s:g} s and was ended") from error
            except (OSError, ValueError, msgspec.MsgspecError) as error:
                await self._kill()
                raise Transient(f"the trainer is gone: {error}") from error
            except asyncio.CancelledError:
                await self._kill()
                raise

    async def close(self) -> None:
        """End the process: by the end of its input, else by force."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environ,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        await _write(process, msgspec.json.encode(self._place()))
        return process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, job: Job) -> Answer:
    await _write(process, msgspec.json.encode(job))
    if process.stdout is None:
        raise ValueError("it has no output")
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise ValueError("it ended in the middle of a job")
    return msgspec.json.decode(line, type=Answer)


async def _write(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None or process.stdin.is_closing():
        raise ValueError("its input is closed")  # it died at once; uvloop would take the write for a bug of ours
    process.stdin.write(data + b"\n")
    await process.stdin.drain()

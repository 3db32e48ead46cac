"""The bot as a process of its own: started, killed and started again. Only what was started here is ever signalled."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from modules.environment import without_secrets
from modules.simulator.standby import PROGRAM as SIMULATOR
from telemetry import client
from utils.errors import Transient

PROGRAM = SIMULATOR[:-1]
"""Interpreter and main.py."""
ANSWER_LIMIT_S = 2.0
TAIL = 2_000


class Bot:
    """One daemon on `state_dir`; all its lives write into one output file."""

    def __init__(self, state_dir: Path, words: Sequence[str], output: Path) -> None:
        self.folder, self._words, self._output = state_dir / "simulated", list(words), output
        self._process: asyncio.subprocess.Process | None = None
        self.lives = 0
        self.missing = "not started"

    async def start(self) -> None:
        """Begin a life."""
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                *self._words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=without_secrets(os.environ),
                start_new_session=True,
            )
        self.lives += 1

    @property
    def ended(self) -> int | None:
        """Exit code of the present life, None while it goes on."""
        return self._process.returncode if self._process is not None else None

    @property
    def said(self) -> str:
        """The end of what it wrote."""
        return self._output.read_text(errors="replace")[-TAIL:]

    async def kill(self) -> None:
        """SIGKILL, as a crash or an out-of-memory killer would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self, limit_s: float) -> int | None:
        """SIGTERM; the exit code, None when it did not end in time."""
        if self._process is None or self._process.returncode is not None:
            return self.ended
        self._process.terminate()
        try:
            async with asyncio.timeout(limit_s):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def ready(self) -> bool:
        """Whether this life says that it is ready: recovered, reconciled, trading. `missing` says what is not."""
        body = await self._ask("/readyz")
        self.missing = "no answer" if body is None else "; ".join(body.get("missing", ()))
        return body is not None and bool(body.get("ok"))

    async def status(self) -> dict[str, Any] | None:
        """What `status --json` shows; None when it does not answer."""
        return await self._ask("/status")

    async def exposition(self, session: aiohttp.ClientSession) -> str:
        """What `/metrics` shows; empty when it does not answer."""
        try:
            url = msgspec.json.decode((self.folder / "daemon.json").read_bytes())["http"]
            async with session.get(f"{url}/metrics", timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)) as answer:
                return await answer.text()
        except (OSError, KeyError, msgspec.DecodeError, aiohttp.ClientError, TimeoutError):
            return ""

    async def _ask(self, path: str) -> dict[str, Any] | None:
        try:
            found = await client.ask(self.folder / "control.sock", path, ANSWER_LIMIT_S)
        except Transient:
            return None
        return found if isinstance(found, dict) else None


async def run_command(*words: str, limit_s: float) -> tuple[int | None, str]:
    """Another command of the program to its end: exit code (None: not in time, and killed) and all it said."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=without_secrets(os.environ),
    )
    try:
        async with asyncio.timeout(limit_s):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return None, "it did not end in time"
    return process.returncode, said.decode(errors="replace")

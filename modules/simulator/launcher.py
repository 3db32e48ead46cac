"""How the daemon gets its embedded simulator: re-attach to the one that is recorded and alive, else start one that outlives us.

`DIR/simulated/simulator.json` (mode 0600) says where it is. A record is believed only when its process lives and its control API answers
with the same market; anything else is stale and replaced.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec

from modules.environment import without_secrets
from modules.simulator import standby, state_folder
from modules.simulator.attachments import process_lives
from modules.simulator.standby import FOLDER, PROGRAM, RECORD, STATE
from modules.simulator.venue_options import SimulatorOptions, agree
from utils.clock import SECOND, Clock, WallClock
from utils.errors import ExitCode, Refusal, Transient
from utils.files import atomic_write

LOG = "simulator.log"
START_LIMIT_S = 60.0
END_LIMIT_S = 15.0
ANSWER_LIMIT_S = 3.0
BUSY_LIMIT_S = 20.0
"""One that lives and is silent for less is busy: a second venue beside it, on the same state folder, would be the end of both."""
LOOK_S = 0.05
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Endpoints(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running simulator is; the content of simulator.json."""

    pid: int
    bybit_http: str
    bybit_ws: str
    control: str
    api_key: str = ""
    """Empty in the record of an older simulator."""
    api_secret: str = ""
    perp_api_key: str = ""
    """Of the second account; empty as above."""
    perp_api_secret: str = ""
    oanda_http: str = ""
    """The broker's side; all four are empty in a simulator that has none."""
    oanda_stream: str = ""
    oanda_account: str = ""
    oanda_token: str = ""


class _Oanda(msgspec.Struct, frozen=True):
    http: str = ""
    stream: str = ""


class _Bybit(msgspec.Struct):
    http: str
    ws: str


class _Ready(msgspec.Struct):
    bybit: _Bybit
    control: str
    api_key: str
    api_secret: str
    perp_api_key: str
    perp_api_secret: str
    oanda: _Oanda = _Oanda()
    oanda_account: str = ""
    oanda_token: str = ""


def read_record(state_dir: Path) -> Endpoints | None:
    """The recorded endpoints, None when there are none or the record cannot be read."""
    try:
        return msgspec.json.decode((state_dir / FOLDER / RECORD).read_bytes(), type=Endpoints)
    except (OSError, msgspec.MsgspecError):
        return None


async def answers(endpoints: Endpoints, limit_s: float = ANSWER_LIMIT_S) -> bool:
    """Whether the recorded process lives and its control API serves within `limit_s`."""
    if _ended(endpoints.pid) is not None or not process_lives(endpoints.pid):
        return False
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=limit_s)) as session,
            session.get(f"{endpoints.control}/healthz") as response,
        ):
            return response.status == 200 and bool((await response.json()).get("ok"))
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False


def arguments(options: SimulatorOptions, folder: Path) -> list[str]:
    """The command line of an embedded simulator whose state is in `folder`."""
    words = [
        "--host",
        options.host,
        "--port",
        str(options.port),
        "--speed",
        str(options.speed),
        "--embedded",
        "--state-folder",
        str(folder),
    ]
    optional = (
        ("--pace", options.pace),
        ("--seed", options.seed),
        ("--market", options.market),
        ("--from", _written(options.from_ms)),
        ("--to", _written(options.to_ms)),
        ("--symbols", ",".join(options.symbols) or None),
        ("--balance", options.balance),
        ("--perp-balance", options.perp_balance),
        ("--oanda-balance", options.oanda_balance),
        ("--faults", options.faults),
        ("--ledger", options.ledger),
    )
    for name, value in optional:
        if value is not None:
            words += [name, str(value)]
    return words


def _written(ts: int | None) -> str | None:
    """A time in the form that the command line takes for any year."""
    return None if ts is None else (EPOCH + timedelta(milliseconds=ts)).isoformat(timespec="milliseconds")


async def ensure_running(state_dir: Path, options: SimulatorOptions, clock: Clock, program: Sequence[str] = PROGRAM) -> Endpoints:
    """The simulator of this state directory: the live one, else a new process, ready to serve.

    A live one is asked to take on `options.speed`. Refusal: an option disagrees with the stored venue, or the process said no (its own
    words and exit code). Transient: it did not become ready in time or died without a word.
    """
    folder = state_dir / FOLDER
    known = read_record(state_dir)
    if known is not None and await answers(known, BUSY_LIMIT_S):
        if (stored := state_folder.load(folder / STATE)) is not None:
            agree(stored, options)
        listed = stored is None or not stored.symbols or set(options.symbols) <= set(stored.symbols)
        if known.perp_api_key and known.oanda_token and listed:
            await _post_clock(known, {"speed": options.speed})
            await _post_clock(known, {"expect": os.getpid()})
            return known
        await _finish(known.pid, clock)  # it lists, or is, too little for us; the next one goes on with more
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
    except OSError as error:
        raise Refusal(f"--state-dir: {folder} cannot be written: {error.strerror}") from error
    endpoints = await _spawn(folder, [*program, *arguments(options, folder / STATE)], clock)
    atomic_write(folder / RECORD, msgspec.json.encode(endpoints), mode=0o600)
    await _post_clock(endpoints, {"expect": os.getpid()})
    return endpoints


async def stop(state_dir: Path, endpoints: Endpoints) -> None:
    """End a simulator of ours (on the daemon's own clean exit), forget it, and wait until it is gone: the next one takes its state."""
    (state_dir / FOLDER / RECORD).unlink(missing_ok=True)
    if await answers(endpoints):  # never signal a process id that has gone to somebody else
        with suppress(Transient):
            await _finish(endpoints.pid, WallClock())


async def _post_clock(endpoints: Endpoints, words: dict[str, float]) -> None:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT_S)) as session,
            session.post(f"{endpoints.control}/clock", data=msgspec.json.encode(words)) as response,
        ):
            response.raise_for_status()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Transient(f"the simulator at {endpoints.control} does not answer: {error}") from error


def _ended(pid: int) -> int | None:
    """The exit code of a child of ours that has ended (and is forgotten by that), None while it runs or when it is not ours."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended else None


def _start(command: Sequence[str], output: Path, log: Path) -> int:
    """Start a process in a session of its own, tied to nothing of ours: it must survive us; or tell the one that waits. Its id."""
    fresh = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), fresh, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, str(log), fresh, 0o600),
    )
    output.unlink(missing_ok=True)
    if (waiting := standby.take(command, output, log)) is not None:
        return waiting
    return os.posix_spawn(command[0], list(command), without_secrets(os.environ), file_actions=files, setsid=True)


async def _finish(pid: int, clock: Clock) -> None:
    """End a process in order and wait until it is gone; Transient when it does not go."""
    os.kill(pid, signal.SIGTERM)
    until = clock.monotonic_ns() + int(END_LIMIT_S * SECOND)
    while _ended(pid) is None and process_lives(pid):
        if clock.monotonic_ns() > until:
            raise Transient(f"the simulator with process id {pid} does not end")
        await clock.sleep(LOOK_S)


def _end(pid: int) -> None:
    """Kill a child of ours and let it go."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


async def _spawn(folder: Path, command: Sequence[str], clock: Clock) -> Endpoints:
    """Start the simulator, its output in files, and wait for its ready line."""
    output, log = folder / "simulator.out", folder / LOG
    pid = _start(command, output, log)
    try:
        return await _ready(pid, folder, clock)
    except asyncio.CancelledError:
        if _ended(pid) is None:
            _end(pid)  # nobody would ever know of it
        raise


async def _ready(pid: int, folder: Path, clock: Clock) -> Endpoints:
    """Wait for the ready line of the process just started."""
    output, log = folder / "simulator.out", folder / LOG
    until = clock.monotonic_ns() + int(START_LIMIT_S * SECOND)
    while clock.monotonic_ns() < until:
        code = _ended(pid)
        line, complete, _ = output.read_bytes().partition(b"\n") if output.exists() else (b"", b"", b"")
        if complete:
            ready = msgspec.json.decode(line, type=_Ready)
            return Endpoints(
                pid=pid, bybit_http=ready.bybit.http, bybit_ws=ready.bybit.ws, control=ready.control, api_key=ready.api_key,
                api_secret=ready.api_secret, perp_api_key=ready.perp_api_key, perp_api_secret=ready.perp_api_secret,
                oanda_http=ready.oanda.http, oanda_stream=ready.oanda.stream, oanda_account=ready.oanda_account,
                oanda_token=ready.oanda_token,
            )  # fmt: skip
        if code is not None:
            words = log.read_text(errors="replace").strip().splitlines()
            said = words[-1] if words else "no output"
            if code in {one.value for one in ExitCode if one is not ExitCode.DONE}:
                raise Refusal(said.removeprefix("simulator: "), ExitCode(code))
            raise Transient(f"the simulator ended with code {code}: {said}")
        await clock.sleep(LOOK_S)
    _end(pid)
    raise Transient(f"the simulator was not ready within {START_LIMIT_S:.0f} s; its words are in {log}")

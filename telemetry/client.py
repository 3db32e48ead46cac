"""How the command line asks a running daemon over its Unix socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from telemetry.local_socket import address
from telemetry.server import Ask
from utils.errors import ExitCode, Refusal, Transient

LIMIT_S = 10.0
_CODES = frozenset(int(code) for code in ExitCode)


class Silent(Transient):
    """Somebody has the request and has not answered: it may still take effect."""


async def ask(socket_path: Path, path: str, limit_s: float = LIMIT_S) -> Any:
    """The JSON that GET `path` (`/status`, `/healthz`, `/readyz`) answers, whatever its HTTP status. Transient when nobody does."""
    _, body = await _talk(socket_path, "GET", path, None, limit_s)
    return body


async def control(socket_path: Path, request: Ask, limit_s: float = LIMIT_S) -> Any:
    """What the daemon answers to a request of the operator.

    Refusal, with the daemon's own words and exit code, when it will not; Transient when nobody is there, Silent when somebody is and does
    not answer in time.
    """
    status, body = await _talk(socket_path, "POST", "/control", msgspec.json.encode(request), limit_s)
    if status == 200:
        return body
    told = body if isinstance(body, dict) else {}
    code = told.get("code")
    raise Refusal(str(told.get("error", f"the daemon answered {status}")), ExitCode(code) if code in _CODES else ExitCode.USAGE)


async def _talk(socket_path: Path, method: str, path: str, data: bytes | None, limit_s: float) -> tuple[int, Any]:
    try:
        with address(socket_path) as where:
            connector = aiohttp.UnixConnector(path=where)
            limit = aiohttp.ClientTimeout(total=limit_s)
            async with (
                aiohttp.ClientSession(connector=connector, timeout=limit) as session,
                session.request(method, f"http://daemon{path}", data=data) as answer,
            ):
                return answer.status, msgspec.json.decode(await answer.read())
    except TimeoutError as error:
        raise Silent(
            f"the bot at {socket_path} has not answered for {limit_s:g} s; what was asked may still be done, so look again"
        ) from error
    except (OSError, aiohttp.ClientError) as error:
        raise Transient(f"no daemon answers on {socket_path}: {error!r}") from error
    except msgspec.DecodeError as error:
        raise Transient(f"what answers on {socket_path} does not speak JSON") from error

"""The simulator's control API as chaos uses it: venue time, faults, the truth."""

from __future__ import annotations

from typing import Any

import aiohttp
import msgspec

from utils.errors import Transient

LIMIT_S = 20.0


class Control:
    """Of the simulator at `url` (its control address). Every method raises `Transient` when it does not answer or says no."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def attach(self, name: str, pid: int) -> None:
        """Stand beside the bot, so that venue time goes on while the bot is dead."""
        await self._ask("POST", "/clock", {"register": name, "pid": pid})

    async def now(self) -> int:
        """Venue time, ms."""
        return int((await self._ask("GET", "/clock"))["now"])

    async def accounts(self) -> list[str]:
        """Ids of the venue's accounts."""
        return [one["uid"] for one in (await self._ask("GET", "/accounts"))["accounts"]]

    async def post_fault(self, body: dict[str, Any]) -> str:
        """Take a fault in; its id."""
        return str((await self._ask("POST", "/faults", body))["id"])

    async def faults(self) -> dict[str, dict[str, Any]]:
        """Every fault by id, with its hits."""
        return {one["id"]: one for one in (await self._ask("GET", "/faults"))["faults"]}

    async def lift(self, fault_id: str) -> None:
        """Take a fault back; one that is gone already is no error."""
        await self._ask("DELETE", f"/faults/{fault_id}", missing_ok=True)

    async def ledger(self) -> dict[str, Any]:
        """The truth: orders, fills, cash, positions, unprotected."""
        return await self._ask("GET", "/ledger")

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, *, missing_ok: bool = False) -> dict[str, Any]:
        data = None if body is None else msgspec.json.encode(body)
        limit = aiohttp.ClientTimeout(total=LIMIT_S)
        try:
            async with self._session.request(method, f"{self._url}{path}", data=data, timeout=limit) as answer:
                text = await answer.read()
                if answer.status != 200 and not (missing_ok and answer.status == 404):
                    raise Transient(f"{method} {path}: {answer.status} {text[:300].decode(errors='replace')}")
                found: dict[str, Any] = msgspec.json.decode(text)
                return found
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            raise Transient(f"the simulator at {self._url} does not answer: {error!r}") from error

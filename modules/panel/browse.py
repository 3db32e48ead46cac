"""The journal browser: the newest decisions from memory; older ones, and the chain of one of them, from disk, read beside the daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from modules.ui.recent import Recent, Told
from modules.ui.trail import ChainAsk, Page, PageAsk, Step
from utils.errors import Refusal

ROWS = 40
LONGEST = 64
WHATS = {
    "entered": "entries",
    "refused": "refusals",
    "fill": "fills",
    "closed": "closed trades",
    "stop": "stops moved",
    "control": "requests",
}
"""Kinds that a person filters by, as they are called."""

Read = Callable[[str, bytes], Awaitable[bytes]]
"""`modules.ui.beside.Beside.run`: a job and what it is given."""


class Browser:
    """Pages and chains of one environment's journal."""

    def __init__(self, folder: str, read: Read) -> None:
        self._folder, self._read = folder, read

    async def page(self, query: Mapping[str, str], recent: Recent) -> dict[str, Any]:
        """What a page of the journal shows; filters that name nothing are refused."""
        chosen = {name: query.get(name, "")[:LONGEST] for name in ("key", "account", "what")}
        known = {"key": set(recent.state.index), "account": {str(one) for one in recent.state.accounts}, "what": set(WHATS)}
        for name, value in chosen.items():
            if value and value not in known[name]:
                raise Refusal(f"there is no {name} of that name in the journal")
        before = _number(query.get("before", ""))
        told, next_before = self._newest(chosen, recent) if not before else (None, 0)
        if told is None:
            found = await self._older(chosen, before, recent)
            told, next_before = list(found.told), found.before
        following = {name: value for name, value in chosen.items() if value} | {"before": str(next_before)}
        return {
            "told": told,
            "chosen": chosen,
            "keys": list(recent.state.index),
            "accounts": sorted(known["account"]),
            "whats": WHATS,
            "before": before,
            "following": f"/journal?{urlencode(following)}" if next_before else "",
        }

    def _newest(self, chosen: Mapping[str, str], recent: Recent) -> tuple[list[Told] | None, int]:
        """The first page, when memory holds all of it; else None."""
        told = [one for one in reversed(recent.latest) if _fits(one, chosen)][:ROWS]
        return (told, told[-1].seq) if len(told) == ROWS else (None, 0)

    async def _older(self, chosen: Mapping[str, str], before: int, recent: Recent) -> Page:
        ask = PageAsk(folder=self._folder, instruments=recent.state.instruments, before=before, n=ROWS, **chosen)
        return msgspec.json.decode(await self._read("page", msgspec.json.encode(ask)), type=Page)

    async def chain(self, seq: int, key: str, recent: Recent) -> dict[str, Any]:
        """What led to entry `seq` and what came of it."""
        if key and key not in recent.state.index:
            raise Refusal("nothing of that name is traded")
        ask = ChainAsk(folder=self._folder, instruments=recent.state.instruments, seq=seq, key=key)
        steps = msgspec.json.decode(await self._read("chain", msgspec.json.encode(ask)), type=list[Step])
        if not steps:
            raise Refusal(f"the journal no longer holds entry {seq}: it keeps a bounded past, the ledger keeps every trade")
        return {"seq": seq, "key": key, "steps": steps}


def _fits(one: Told, chosen: Mapping[str, str]) -> bool:
    return all(not value or getattr(one, name) == value for name, value in chosen.items())


def _number(text: str) -> int:
    """A journal number out of an address; 0, the newest, for nothing or nonsense."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0

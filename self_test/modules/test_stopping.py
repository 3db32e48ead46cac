from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from modules.app import Daemon
from modules.stage_request import remembered
from modules.stopping import stop_steps
from state.accounts import Domain


class Place:
    """A daemon as far as a stop looks at it: what is asked of each part, in order."""

    def __init__(self, folder: Path, *, lockstep: bool, late: tuple[str, ...] = ()) -> None:
        self.did: list[str] = []
        self.domains = (Domain.CRYPTO,)
        self.options = SimpleNamespace(folder=folder)
        self.engine = SimpleNamespace(state=SimpleNamespace(earned=2))
        self.inbox = SimpleNamespace(depth=2)
        self.clock = SimpleNamespace(sleep=self.sleep)
        self.console = SimpleNamespace(say=self.did.append)
        self.runner = SimpleNamespace(checkpoint=self.note("checkpoint"))
        self.live = SimpleNamespace(jobs=lambda: [("executor CRYPTO/LIVE", None, True)], settle=self.awaited("settled", late))
        self.market = SimpleNamespace(leave=self.awaited("left"))
        self.faces = SimpleNamespace(jobs=lambda: [("notices", None)], goodbye=self.awaited("goodbye"))
        trainer = SimpleNamespace(flush=self.note("candles kept"))
        self.watch = SimpleNamespace(jobs=lambda: [("sentiment", None, None)], trainer=trainer)
        self.next = None
        self.lockstep = SimpleNamespace(unregister=self.awaited("unregistered")) if lockstep else None

    def note(self, word: str) -> Callable[[], None]:
        return lambda: self.did.append(word)

    def awaited(self, word: str, answer: Any = None) -> Callable[..., Any]:
        async def do(*_: Any) -> Any:
            self.did.append(word)
            return answer

        return do

    async def sleep(self, _seconds: float) -> None:
        self.inbox.depth -= 1


@pytest.mark.parametrize(("lockstep", "late"), [(True, ()), (False, ("CRYPTO/LIVE",))])
def test_a_stop_drains_writes_and_only_then_leaves(tmp_path: Path, lockstep: bool, late: tuple[str, ...]) -> None:
    place = Place(tmp_path, lockstep=lockstep, late=late)
    steps = stop_steps(cast(Daemon, place))
    ended = {name for step in steps for name in step.tasks}
    assert {"sentiment", "notices"} <= ended, "a task that no step ends keeps the process alive for ever"
    assert steps[0].tasks[0] == "feed bybit-spot" and steps[1].tasks == ("executor CRYPTO/LIVE",) and "engine" in steps[2].tasks

    async def all_of_them() -> None:
        for step in steps:
            if step.first is not None:
                await step.first()

    asyncio.run(all_of_them())
    said = [word for word in place.did if word.startswith("CRYPTO/LIVE:")]
    assert bool(said) == bool(late)
    assert [word for word in place.did if word not in said] == [
        "settled",
        "checkpoint",
        "candles kept",
        "goodbye",
        *(["unregistered"] if lockstep else []),
        "left",
    ]
    assert place.inbox.depth == 0 and remembered(tmp_path).earned == 2

"""Where faults meet streams: what becomes of each frame, which execution is never told, which connection goes silent.

The verdict about a frame is taken once for all connections that get it: the same payload object means the same publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from modules.simulator.faults import FRAME_KINDS, FaultTable
from modules.simulator.order_types import Now, PrivateEvent
from modules.simulator.private_hub import CUT

REORDER_S = 0.25
"""A reordered frame leaves this much later when the fault does not say; whatever follows overtakes it."""
PASS = 0.0
Travel = Sequence[tuple[float, bytes]]


class Connection(Protocol):
    """What a connection of either hub can be asked and told."""

    silent: bool

    id: str
    path: str

    @property
    def uid(self) -> str:
        """The account it speaks for, "" before that is proved and where nobody asks."""

    @property
    def topics(self) -> Iterable[str]:
        """Names that it has subscribed to."""


class FrameFaults:
    """`now` gives the instant on both clocks; `connections` all that are there; `signer` the account that a message signs in for, or ""."""

    def __init__(
        self,
        table: FaultTable,
        now: Callable[[], Now],
        connections: Callable[[], Iterable[Connection]],
        signer: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        self._table, self._now, self._connections, self._signer = table, now, connections, signer
        self._judged: tuple[bytes, tuple[tuple[float, bool], ...]] = (b"", ())

    def frame(self, kind: str, topic: str, payload: bytes, account: str) -> Travel:
        """What really travels, each after so many seconds (the filter of private_hub)."""
        if payload is not self._judged[0]:
            if not self._table.frames:
                return ((PASS, payload),)
            self._judged = (payload, self._verdict(kind, topic, payload, account))
        return [(delay_s, CUT if cut else payload) for delay_s, cut in self._judged[1]]

    def _verdict(self, kind: str, topic: str, payload: bytes, account: str) -> tuple[tuple[float, bool], ...]:
        """(delay, whether the connection is cut instead) of each piece that travels."""
        whose = account or (self._signer(payload) if kind == "request" else "")
        text, named = topic + payload.decode(errors="replace"), kind not in {"data", "trade"}
        one = self._table.strike(FRAME_KINDS, topic, text, self._now(), named=named, account=whose)
        if one is None:
            return ((PASS, False),)
        match one.fault.kind:
            case "drop":
                return ()
            case "delay":
                return ((one.fault.ms / 1000, False),)
            case "reorder":
                return ((one.fault.ms / 1000 or REORDER_S, False),)
            case "duplicate":
                return ((PASS, False), (PASS, False))
        return ((PASS, True),)

    def event(self, uid: str, event: PrivateEvent) -> bool:
        """Whether anybody is told of an event: a lost fill is an execution that happened and is never sent."""
        if not self._table.fills or event.topic != "execution" or event.row.get("execType") != "Trade":
            return True
        where = f"execution.{event.category}"
        return self._table.strike({"lose_fill"}, where, str(event.row.get("symbol")), self._now(), account=uid) is None

    def silence(self) -> None:
        """Let connections go half-open: they stay, take everything, and never say anything again. Called as time passes."""
        if not self._table.sockets:
            return
        for one in sorted(self._connections(), key=lambda one: one.id):
            for where in () if one.silent else (one.path, *one.topics):
                if self._table.strike({"half_open"}, where, where, self._now(), account=one.uid) is not None:
                    one.silent = True
                    break

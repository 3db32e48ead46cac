"""How long the legs of a live order's way took: decided, sent, acknowledged, filled. Transport time; it looks on and changes nothing.

Decided when its batch left the engine's inbox, sent in the very moment before the request leaves, acknowledged and filled when the news
reaches the bot, by whichever way comes first. An order that was never sent has no legs, nor has one that was restored at a start.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from modules.exchange.refusal_kinds import OURS
from state.messages import AccountEvent, OrderAccepted, OrderCancelled, OrderFilled, OrderRejected
from utils.clock import SECOND, Clock

SENT, ACKNOWLEDGED, FILLED = "sent", "acknowledged", "filled"
ENTRY, EXIT = "entry", "exit"

Told = Callable[[str, str, str, float], None]
"""(account, entry or exit, leg, seconds)."""


class _Way(msgspec.Struct):
    order: str
    decided_ns: int
    sent_ns: int | None = None
    answered_ns: int | None = None


def _nobody(_account: str, _order: str, _leg: str, _seconds: float) -> None:
    pass


class OrderTimes:
    """One account's orders. `taken_ns`: when the batch that is being carried out was taken; None: not known, then now."""

    def __init__(self, account: str, clock: Clock, told: Told = _nobody, taken_ns: Callable[[], int | None] = lambda: None) -> None:
        self._account, self._clock, self._told, self._taken_ns = account, clock, told, taken_ns
        self._ways: dict[str, _Way] = {}

    def decided(self, order_id: str, *, entry: bool) -> None:
        """The engine wants it."""
        began = self._taken_ns()
        self._ways.setdefault(order_id, _Way(ENTRY if entry else EXIT, self._clock.monotonic_ns() if began is None else began))

    def sent(self, order_id: str) -> None:
        """It leaves now; again after a send that surely had no effect: the first send ends the first leg, the last begins the second."""
        way = self._ways.get(order_id)
        if way is None:
            return
        now = self._clock.monotonic_ns()
        if way.sent_ns is None:
            self._tell(way, SENT, now - way.decided_ns)
        way.sent_ns = now

    def around(self, emit: Callable[[list[AccountEvent]], None]) -> Callable[[list[AccountEvent]], None]:
        """`emit` with a look at what passes."""

        def emitted(events: list[AccountEvent]) -> None:
            self.hear(events)
            emit(events)

        return emitted

    def hear(self, events: list[AccountEvent]) -> None:
        """What comes back, on its way to the engine."""
        for event in events:
            match event:
                case OrderAccepted(order_id=order_id):
                    self._answered(order_id)
                case OrderFilled(fill=fill):
                    self._answered(fill.order_id)
                    way = self._ways.pop(fill.order_id, None)
                    if way is not None and way.answered_ns is not None:
                        self._tell(way, FILLED, self._clock.monotonic_ns() - way.answered_ns)
                case OrderRejected(order_id=order_id, kind=kind):
                    if kind not in OURS:
                        self._answered(order_id)
                    self._ways.pop(order_id, None)
                case OrderCancelled(order_id=order_id):
                    self._ways.pop(order_id, None)

    def _answered(self, order_id: str) -> None:
        way = self._ways.get(order_id)
        if way is not None and way.sent_ns is not None and way.answered_ns is None:
            way.answered_ns = self._clock.monotonic_ns()
            self._tell(way, ACKNOWLEDGED, way.answered_ns - way.sent_ns)

    def _tell(self, way: _Way, leg: str, ns: int) -> None:
        self._told(self._account, way.order, leg, ns / SECOND)

"""What taking would have cost: the recorded book, walked a latency after a decision, without any order of ours.

At each primary close of a pair (a moment at which every strategy decides) an order of the usual size is imagined, on one side and then on
the other. When it would arrive, the quote that stands is taken. The feed shows level 1, so an order larger than what stands at the
touch tells nothing and is left out. Fills of the paper venue have no part in it: they are the model's output, and a model fitted on
them would only confirm itself.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from modules.engine.mandate import Mandate
from modules.engine.scene import scene_of
from risk.cost_model import Conditions, Sample
from state.accounts import Mode
from state.books import PAR_E9
from state.intents import Scene
from state.market import Quote
from state.messages import BarsClosed, Command, Event
from state.runtime import RuntimeState


class _Imagined(msgspec.Struct, frozen=True):
    side: int
    steps: int
    scene: Scene
    decided_ts: int
    arrives_ts: int


class BookSampler:
    """Watches decisions and quotes; `take` gets each finished sample. `state` is only read."""

    def __init__(self, state: RuntimeState, mandate: Mandate, latency_ms: int, take: Callable[[Sample], None]) -> None:
        self._state, self._mandate, self._latency_ms, self._take = state, mandate, latency_ms, take
        # The quotes of an option's slot are its pair's, and what it costs to take is the model's spread.
        self._seats = {key: i for key, i in state.seats_in(Mode.PAPER).items() if not state.inst[i]["option"]}
        self._last: dict[str, Quote] = {}
        self._under_way: dict[str, _Imagined] = {}

    def observe(self, _seq: int, event: Event, _commands: list[Command]) -> None:
        """An observer of the runner: a primary close is a decision."""
        if isinstance(event, BarsClosed) and not event.late:
            for quote in event.quotes:
                self._decide(quote, event.ts)

    def on_quote(self, quote: Quote) -> None:
        """A touch moved: what has arrived meanwhile met the book as it stood until now."""
        imagined = self._under_way.get(quote.key)
        if imagined is not None and quote.ts >= imagined.arrives_ts:
            del self._under_way[quote.key]
            sample = _walk(imagined, self._last.get(quote.key, quote))
            if sample is not None:
                self._take(sample)
        self._last[quote.key] = quote

    def _decide(self, quote: Quote, ts: int) -> None:
        i = self._seats.get(quote.key)
        if i is None or ts % int(self._state.market[self._state.seats[i][1]]["primary_ms"]):
            return
        reference = (quote.bid + quote.ask) // 2
        steps = self._usual(i, reference)
        scene = scene_of(self._state, i, quote, reference, steps)
        if scene is None:
            return
        side = 1 if ts // int(self._state.market[self._state.seats[i][1]]["primary_ms"]) % 2 else -1
        last = self._last.get(quote.key, quote)
        # What the feed has told since the close is past: an order could leave only now.
        self._under_way[quote.key] = _Imagined(side, steps, scene, ts, max(ts, last.ts) + self._latency_ms)

    def _usual(self, i: int, reference: int) -> int:
        """Steps of an order at the base share of its account, at least the venue's minimum."""
        inst, acct = self._state.inst[i], self._state.acct[int(self._state.inst[i]["account"])]
        times = int(inst["leverage"]) if inst["on_margin"] else 1
        step = max(1.0, reference * int(inst["unit"]) * (int(inst["rate_e9"]) / PAR_E9))
        wanted = float(self._mandate.limits[0]["base"]) * times * float(acct["equity"]) / step
        return max(1, int(inst["min_steps"]), int(wanted))


def _walk(one: _Imagined, book: Quote) -> Sample | None:
    """The sample of an order that meets `book`; None when it is no book, or does not show enough for the whole order."""
    touch, shown = (book.ask, book.ask_steps) if one.side > 0 else (book.bid, book.bid_steps)
    if book.crossed or shown < one.steps:
        return None
    twice_mid = one.scene.bid + one.scene.ask
    return Sample(
        ts=one.arrives_ts,
        key=book.key,
        at=Conditions(
            spread_bp=2e4 * (one.scene.ask - one.scene.bid) / twice_mid,
            sigma_bp=one.scene.sigma_bp,
            share=one.scene.share,
            latency_s=(one.arrives_ts - one.decided_ts) / 1000.0,
        ),
        slip_bp=1e4 * one.side * (2 * touch - twice_mid) / twice_mid,
    )

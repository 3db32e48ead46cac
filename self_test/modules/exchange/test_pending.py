"""How long a write stays unknown."""

from __future__ import annotations

from modules.exchange import pending
from modules.exchange.pending import Phase, Write
from utils.clock import MS, SECOND


def test_pain_08_not_found_is_proof_only_again_and_again_and_late() -> None:
    write = Write(order_id="o")
    assert not pending.never_arrived(write, 100 * SECOND)  # not even sent
    pending.unknown(write, 0)
    for _ in range(2):
        pending.asked(write, 9 * SECOND)
    assert not pending.never_arrived(write, 9 * SECOND)
    pending.asked(write, 9 * SECOND)
    assert pending.never_arrived(write, 9 * SECOND) and not pending.never_arrived(write, 8 * SECOND)


def test_pauses_grow_and_are_bounded() -> None:
    write = Write(order_id="o")
    pauses = []
    for _ in range(12):
        pending.hiccup(write, 0)
        pauses.append(write.after_ns // MS)
    assert pauses[:5] == [100, 200, 400, 800, 1_000] and pauses[-1] == 1_000
    pending.unknown(write, 0)
    asks = [write.after_ns // MS]
    for _ in range(12):
        pending.asked(write, 0)
        asks.append(write.after_ns // MS)
    assert asks[:5] == [200, 400, 800, 1_600, 2_000] and asks[-1] == 2_000


def test_working_is_looked_at_after_a_while() -> None:
    write = Write(order_id="o", asks=5)
    pending.working(write, 10, 7)
    assert (write.phase, write.asks, write.after_ns) == (Phase.WORKING, 0, 17)

"""Candles owed by feed; the whole of /metrics is looked at on a running bot in e2e/test_metrics.py."""

from __future__ import annotations

from modules.data.backfill_queue import Owed
from modules.exposition import owed_by_feed


def test_ranges_are_candles_of_their_feed() -> None:
    owed = [
        Owed("CRYPTO:BTCUSDT", 300_000, 0, 900_000),
        Owed("CRYPTO:BTCUSDT", 900_000, 0, 900_000),
        Owed("PERPS:ETHUSDT", 300_000, 300_000, 900_000),
    ]
    assert owed_by_feed(owed) == {"bybit-spot": 4, "bybit-linear": 2}
    assert owed_by_feed([]) == {}

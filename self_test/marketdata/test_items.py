from __future__ import annotations

from marketdata.items import Ticker


def test_a_newer_ticker_overwrites_only_what_it_says():
    old = Ticker("K", 1, last=10, bid=9, funding_rate_e8=5)
    assert old.merged(Ticker("K", 2, bid=8, funding_rate_e8=0)) == Ticker("K", 2, last=10, bid=8, funding_rate_e8=0)
    assert old.merged(Ticker("K", 3)) == Ticker("K", 3, last=10, bid=9, funding_rate_e8=5)

from __future__ import annotations

from marketdata.items import Ticker
from modules.data.marks import Marks
from state.market import Candle, MarkPrice
from state.messages import BarsClosed

AAA, BBB = "PERPS:AAAUSDT", "PERPS:BBBUSDT"
EVENT = BarsClosed(900, (Candle(AAA, 600, 1, 1, 1, 1, 0.0), Candle(BBB, 600, 1, 1, 1, 1, 0.0)))


def test_the_newest_marks_ride_with_their_candles_and_each_is_told() -> None:
    heard: list[tuple[str, int]] = []
    marks = Marks(lambda key, price: heard.append((key, price)))
    assert marks.attach(EVENT) is EVENT
    for ts, price in ((700, 50), (800, None), (850, 51)):
        marks.on_ticker(Ticker(AAA, ts, last=49, mark=price))
    assert heard == [(AAA, 50), (AAA, 51)]
    assert marks.attach(EVENT).marks == (MarkPrice(AAA, 850, 51),)


def test_late_bars_and_a_feed_that_was_lost_have_none() -> None:
    marks = Marks(lambda *_: None)
    marks.on_ticker(Ticker(AAA, 700, mark=50))
    late = BarsClosed(900, EVENT.candles, late=True)
    assert marks.attach(late) is late
    marks.forget()
    assert marks.attach(EVENT) is EVENT

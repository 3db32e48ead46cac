from __future__ import annotations

from bench.frames import applied, frames_of
from bench.markets import random_grid
from marketdata.bybit_parse import StreamParser, topic_of
from marketdata.items import BookUpdate


def test_every_frame_is_taken_and_every_book_is_heard_of() -> None:
    instruments = random_grid(3, 1).instruments
    frames = frames_of(instruments, 400)
    assert frames == frames_of(instruments, 400)
    parser = StreamParser(instruments)
    items = [item for raw in frames for item in parser.parse(topic_of(raw), raw)]
    books = sum(isinstance(item, BookUpdate) for item in items)
    assert len(items) == 400 and 240 <= books < 260
    assert applied(frames, instruments) == books

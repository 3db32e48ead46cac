"""One line when it begins, one when it is over, both of one level."""

from __future__ import annotations

from structlog.testing import capture_logs

from utils.outage import Outages


def test_an_outage_is_two_lines_however_often_it_fails() -> None:
    out = Outages(feed="bybit-spot")
    with capture_logs() as lines:
        assert not out.over("prices"), "it never was out"
        assert [out.begin("prices", f"try {n}") for n in range(3)] == [True, False, False]
        assert out.begin("candles", "500"), "another thing is another outage"
        assert out.over("prices") and not out.over("prices")
        assert out.begin("prices", "again")
    told = [(line["log_level"], line["event"], line["what"]) for line in lines if line["log_level"] != "debug"]
    assert told == [
        ("warning", "outage", "prices"),
        ("warning", "outage", "candles"),
        ("warning", "outage over", "prices"),
        ("warning", "outage", "prices"),
    ]
    assert all(line["feed"] == "bybit-spot" for line in lines)

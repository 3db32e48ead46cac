"""Settings of the hook: off by default, complete or refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from modules.data.sentiment_settings import SentimentConfig
from strategy.sentiment import SentimentRule


def test_it_is_off_by_default() -> None:
    assert SentimentConfig().source == "off" and SentimentConfig().rule() == SentimentRule()


@pytest.mark.parametrize(
    "words",
    [
        {"source": "file", "path": "mood.csv"},
        {"source": "http", "url": "https://mood.example/now"},
        {"source": "http", "url": "http://127.0.0.1:9/x"},
    ],
)
def test_a_source_with_its_address(words: dict[str, Any]) -> None:
    assert SentimentConfig(**words).source == words["source"]


@pytest.mark.parametrize(
    "words, why",
    [
        ({"source": "file"}, "needs a path"),
        ({"source": "file", "path": "mood.pkl"}, "ends in .csv or .json"),
        ({"source": "http"}, "needs an https url"),
        ({"source": "http", "url": "http://mood.example"}, "needs an https url"),
        ({"source": "http", "url": "file:///etc/passwd"}, "needs an https url"),
        ({"shrink_at": 0.95}, "does not hold"),
        ({"source": "twitter"}, "'off', 'file' or 'http'"),
        ({"every_s": 1.0}, "greater than or equal to 60"),
    ],
)
def test_anything_else_is_refused(words: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SentimentConfig(**words)

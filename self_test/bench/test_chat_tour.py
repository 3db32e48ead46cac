from __future__ import annotations

import io
from pathlib import Path
from urllib.error import HTTPError

import pytest
from PIL import Image

from bench.chat_tour import HOLDING, PAGE, STEPS, Step, chat, entered, post, tour
from self_test.docs.pages import parse


def test_the_page_has_every_answer_and_the_picture_that_was_sent(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(png, "PNG")
    (tmp_path / "7.png").write_bytes(png.getvalue())
    text = tour(lambda step: f"answer to {step.said}\n" + (f"(picture: {tmp_path / '7.png'})\n" if step.picture else ""), tmp_path)
    assert [step.said for step in STEPS if f"## {step.said}\n" not in text or f"answer to {step.said}\n```" not in text] == []
    assert {path.name for path in tmp_path.glob("chat-*.png")} == {f"{step.picture}.png" for step in STEPS if step.picture}
    assert str(tmp_path) not in text
    assert parse(text, "p").faults == ()


def test_the_page_in_the_repository_has_the_steps_of_the_tour() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [step.said for step in STEPS if f"## {step.said}\n" not in text] == []


def test_a_chat_without_a_bot_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("self_test.fakes.telegram_chat.LISTEN_S", 0.1)
    with chat(tmp_path) as base:
        with pytest.raises(HTTPError, match="503"):
            post(base, STEPS[0])
        with pytest.raises(HTTPError, match="503"):
            post(base, Step("Pause", "", tap=True))


def test_what_is_held_is_read_from_the_console() -> None:
    opened = "03-04 08:02  CRYPTO/PAPER OPENED  long BTCUSDT at 78933.52 x 0.000076\n"
    closed = "03-04 08:04  CRYPTO/PAPER CLOSED  demo long BTCUSDT by max_hold at 78812.84\n"
    assert [entered(said) for said in ("", opened, opened + closed, opened + closed + opened)] == [False, True, False, True]
    assert {step.said for step in STEPS} >= HOLDING

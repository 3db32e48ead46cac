from __future__ import annotations

import pytest

from modules.telegram.allow import MOST_LINES, Allowed, Strangers, Verdict, read_allowed
from utils.errors import Refusal

ALLOWED = Allowed((42, -100), frozenset({7}))


@pytest.mark.parametrize(
    "chat, user, bot, verdict",
    [
        (42, 42, False, Verdict.ALLOWED),
        (42, 7, False, Verdict.USER),  # who may speak in the group is not whose private chat it is
        (7, 7, False, Verdict.CHAT),  # and has no private chat with the bot
        (-100, 7, False, Verdict.ALLOWED),
        (-100, 42, False, Verdict.USER),
        (-101, 7, False, Verdict.CHAT),
        (43, 43, False, Verdict.CHAT),
        (42, None, False, Verdict.NOBODY),
        (None, 42, False, Verdict.NOBODY),
        (-100, 7, True, Verdict.NOBODY),
    ],
)
def test_the_gate(chat: int | None, user: int | None, bot: bool, verdict: Verdict) -> None:
    assert ALLOWED.judge(chat, user, bot=bot) is verdict


def test_lists_are_read() -> None:
    assert read_allowed(" 42, -1001234567890 ,42", "7,8") == Allowed((42, -1001234567890), frozenset({7, 8}))
    assert read_allowed("42", None) == Allowed((42,))


@pytest.mark.parametrize(
    "chats, users, name",
    [
        (None, None, "TELEGRAM_CHAT_ID is not set"),
        (" , ", "7", "TELEGRAM_CHAT_ID is not set"),
        ("-100", None, "TELEGRAM_USER_IDS must say"),
        ("hunter2", None, "TELEGRAM_CHAT_ID is not a comma list"),
        ("0", None, "TELEGRAM_CHAT_ID"),
        ("4.2", None, "TELEGRAM_CHAT_ID"),
        ("٤٢", None, "TELEGRAM_CHAT_ID"),
        ("9" * 40, None, "TELEGRAM_CHAT_ID"),
        ("42", "-7", "TELEGRAM_USER_IDS is not a comma list"),
        ("42", "hunter2", "TELEGRAM_USER_IDS"),
    ],
)
def test_nonsense_is_refused_by_name_without_its_value(chats: str | None, users: str | None, name: str) -> None:
    with pytest.raises(Refusal, match=name) as refused:
        read_allowed(chats, users)
    assert "hunter2" not in str(refused.value) and "999" not in str(refused.value)


def test_a_stranger_is_counted_always_and_told_of_once() -> None:
    strangers = Strangers()
    assert strangers.note(1, 1, Verdict.CHAT)
    assert not strangers.note(1, 1, Verdict.CHAT)
    assert strangers.note(1, 2, Verdict.USER)
    assert strangers.counts == {"another chat": 2, "another person": 1, "nobody": 0}


def test_a_crowd_of_strangers_fills_no_log() -> None:
    strangers = Strangers()
    assert sum(strangers.note(chat, chat, Verdict.CHAT) for chat in range(10_000)) == MOST_LINES
    assert strangers.counts["another chat"] == 10_000

"""The real daemon on the simulator, the real library against a Bot API of our own: a person types and taps, money moves or does not."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.audit import rows_of
from bench.bot import Bot, Late, no_leftovers, run, started
from modules.telegram.desk import NO_TOKEN
from modules.ui.commands import VOCABULARY, changes, parse
from modules.ui.wording import price
from modules.version import VERSION
from self_test.fakes.telegram_api import TOKEN, TelegramApi

ME, SHE, GROUP, STRANGER = 42, 43, -100, 7
LIVE, PAPER = "CRYPTO/LIVE", "CRYPTO/PAPER"
WORDS = ("--symbols", "BTCUSDT,ETHUSDT", "--strategies", "demo", "--set", "domains.crypto.warmup_days=2")
STAGE_2 = ("--stage", "2", "--override-gates", *WORDS)


BAD = {
    "/explore 5": "10 to 25",
    "/stage 9": "1 to 5",
    "/nonsense": "no command",
    "🚀": "no command",
    "/close <b>&": "no symbol",
    "/why <b>x</b>": "no symbol",
    "x" * 4_096: "characters",
    "/statsu": "did you mean status",
}
"""What nobody can mean, and what the answer says."""


class Phone:
    """The API in a thread of its own, and the person with his phone."""

    def __init__(self) -> None:
        self.api = TelegramApi()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def do(self, work: Callable[[], Any]) -> Any:
        """Something of the API, in its thread."""

        async def call() -> Any:
            found = work()
            return await found if asyncio.iscoroutine(found) else found

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(20)

    def start(self) -> str:
        self._thread.start()
        self.api.meet(ME, SHE, GROUP)
        base: str = self.do(self.api.start)
        return base

    def end(self) -> None:
        self.do(self.api.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # --- looking ------------------------------------------------------------------------------------------------------------------

    def messages(self, chat: int = ME) -> list[dict[str, Any]]:
        """The bot's messages, oldest first, as they stand now."""
        return [dict(one) for one in list(self.api.messages[chat].values()) if one["from"]["is_bot"]]

    def texts(self, chat: int = ME) -> list[str]:
        return [text_of(one) for one in self.messages(chat)]

    def newest(self, chat: int = ME) -> int:
        return max((one["message_id"] for one in self.messages(chat)), default=0)

    # --- typing and tapping -------------------------------------------------------------------------------------------------------

    def say(self, text: str, chat: int = ME, user: int = ME) -> None:
        self.do(lambda: self.api.say(chat, user, text))

    def press(self, message: int, words: str, chat: int = ME, user: int = ME) -> str:
        found: str = self.do(lambda: self.api.press(chat, user, message, words))
        return found

    def tap(self, message: int, data: str, chat: int = ME, user: int = ME) -> str:
        found: str = self.do(lambda: self.api.tap(chat, user, message, data))
        return found


class Talk:
    """A person in front of a bot that runs: each method says or taps something and waits for what comes of it."""

    def __init__(self, bot: Bot, phone: Phone) -> None:
        self.bot, self.phone = bot, phone

    def until(self, what: str, condition: Callable[[], Any], limit_s: float = 20.0) -> Any:
        try:
            return self.bot.until(what, condition, limit_s)
        except Late as late:
            raise Late(f"{late}\nThe chat says: {self.phone.texts()[-6:]}") from None

    def reply(self, text: str, words: str = "", chat: int = ME) -> dict[str, Any]:
        """Say `text`; the first later message that has `words` in it and no environment in front (those were not asked for)."""
        before = self.phone.newest(chat)
        self.phone.say(text, chat)

        def look() -> dict[str, Any] | None:
            found = [one for one in self.phone.messages(chat) if one["message_id"] > before and not is_notice(text_of(one))]
            return next((one for one in found if words in text_of(one)), None)

        found: dict[str, Any] = self.until(f"an answer to {text[:40]!r} with {words!r}", look)
        return found

    def answered(self, said: dict[str, str]) -> None:
        """Two persons say all of it at once, in turn; each text gets an answer with its words in it."""
        chats = (ME, SHE)
        before = {chat: self.phone.newest(chat) for chat in chats}
        parts = {chat: list(said)[k::2] for k, chat in enumerate(chats)}
        for chat in chats:
            for text in parts[chat]:
                self.phone.say(text, chat, chat)
        for chat in chats:
            found: list[str] = []

            def all_there(chat: int = chat, found: list[str] = found) -> bool:
                new = [one for one in self.phone.messages(chat) if one["message_id"] > before[chat]]
                found[:] = [text_of(one) for one in new if not is_notice(text_of(one))]
                return len(found) >= len(parts[chat])

            self.until(f"{len(parts[chat])} answers", all_there, 60)
            for text in parts[chat]:
                assert any(said[text] in one for one in found), (text, found)

    def press(self, message: int, words: str) -> str:
        """Tap a button; the answer to the tap."""
        tap = self.phone.press(message, words)
        answer: dict[str, Any] = self.until(f"an answer to the tap on {words!r}", lambda: self.phone.api.answers.get(tap))
        return str(answer.get("text", ""))

    def tapped(self, message: int, data: str) -> str:
        tap = self.phone.tap(message, data)
        answer: dict[str, Any] = self.until("an answer to the tap", lambda: self.phone.api.answers.get(tap))
        return str(answer.get("text", ""))

    def message(self, number: int, chat: int = ME) -> dict[str, Any]:
        return dict(self.phone.api.messages[chat][number])

    def told(self, words: str, limit_s: float = 20.0) -> str:
        """A text of the bot with `words` in it, sooner or later."""
        found: str = self.until(f"told {words!r}", lambda: next((one for one in self.phone.texts() if words in one), None), limit_s)
        return found


def text_of(message: dict[str, Any]) -> str:
    return str(message.get("text") or message.get("caption") or "")


def is_notice(text: str) -> bool:
    """Whether nobody asked for it."""
    return text.startswith("[simulated") or re.match(r"\d+ messages: |Left out before", text) is not None


def asked_for(texts: list[str]) -> list[str]:
    """What somebody asked for."""
    return [text for text in texts if not is_notice(text)]


def buttons_of(message: dict[str, Any]) -> dict[str, str]:
    """Words -> data."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return {one["text"]: one["callback_data"] for row in rows for one in row}


@contextmanager
def talking(state_dir: Path, *words: str, environ: dict[str, str] | None = None) -> Iterator[Talk]:
    phone = Phone()
    base = phone.start()
    chat = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": f"{ME},{SHE},{GROUP}", "TELEGRAM_USER_IDS": str(ME), "TELEGRAM_API_BASE": base}
    try:
        with no_leftovers(state_dir), started(state_dir, *words, environ=(environ or {}) | chat) as bot:
            bot.ready()
            # What is said before the bot listens is dropped, and shall be.
            bot.until("the chat listens", lambda: phone.api.made("deleteWebhook"), 30)
            yield Talk(bot, phone)
    finally:
        phone.end()


def controls(bot: Bot) -> list[dict[str, Any]]:
    """Every request in the journal."""
    found = []
    for path in sorted((bot.folder / "journal").glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            start = line.find('{"t":"control"')
            if start >= 0:
                found.append(json.JSONDecoder().raw_decode(line[start:])[0])
    return found


def asked(bot: Bot, name: str) -> list[dict[str, Any]]:
    return [one for one in controls(bot) if one["name"] == name]


@pytest.mark.timeout(300)
def test_a_day_with_the_chat(tmp_path: Path) -> None:
    """One daemon for many checks: looks, switches, bad input, strangers, double taps, an API that is down, and a Disaster at the end."""
    with talking(tmp_path / "var", *STAGE_2, "--speed", "20") as talk:
        bot, phone, api = talk.bot, talk.phone, talk.phone.api
        boot = talk.told("Forex/Options are OFF")
        assert boot.startswith("[simulated")
        assert [one["command"] for one in api.commands] == list(VOCABULARY)

        # A Disaster that is too late is none (its 30 s are let pass while other things go on).
        late = talk.reply("/flatten", "DISASTER")["message_id"]
        late_data = next(iter(buttons_of(talk.message(late)).values()))

        # A trade is told with everything that belongs to it, before anybody asks.
        entry = talk.told("ENTER long", 40)
        assert all(word in entry for word in ("stop ", "target ", "1 R = ", "fees ")), entry

        # Every look, in plain words; and what nobody can mean: one short sentence, nothing changes.
        looks = [row for row in VOCABULARY.values() if not changes(parse(row.example)) and row.name not in {"panel", "chart", "report"}]
        talk.answered({f"/{'kpi' if row.name == 'kpi' else row.example}": "" for row in looks} | BAD)
        picture = talk.reply("/chart BTCUSDT")
        assert picture["photo"]

        # The panel: values, not flips; a second tap wants the same; floor and cap.
        panel = talk.reply("/panel", "Panel: simulated")["message_id"]
        assert "Forex off (boot default)" in text_of(talk.message(panel))
        first = buttons_of(talk.message(panel))
        assert "unavailable" in talk.press(panel, "Options")
        assert "forex on" in talk.press(panel, "Forex")
        talk.until("the panel shows the switch", lambda: "Forex on" in text_of(talk.message(panel)))
        assert "forex off" in talk.press(panel, "● Forex")
        assert [one["args"] for one in asked(bot, "forex")] == [{"to": "on"}, {"to": "off"}]
        talk.press(panel, "+5")
        talk.tapped(panel, first["+5"])
        percent = int(asked(bot, "explore")[-1]["args"]["percent"])
        assert [one["args"] for one in asked(bot, "explore")] == [{"percent": str(percent)}] * 2
        talk.until("the panel is edited in place", lambda: f"Exploration: {percent} %" in text_of(talk.message(panel)))
        assert "exploration" in text_of(talk.reply("/explore 10", "10 %")).lower()
        talk.until("the panel follows", lambda: "Exploration: 10 %" in text_of(talk.message(panel)))
        assert talk.press(panel, "−1") == "minimum 10 %" and talk.press(panel, "−5") == "minimum 10 %"
        assert len(asked(bot, "explore")) == 3
        assert "learning on" in talk.press(panel, "Online learning") and asked(bot, "learn")[-1]["args"] == {"to": "on"}
        assert talk.press(panel, "● 2") == "that is in force already" and talk.press(panel, "● Spot") == "that is in force already"
        assert "paused" in talk.press(panel, "Pause")
        talk.until("paused on the panel", lambda: "Entries are PAUSED" in text_of(talk.message(panel)))
        assert "on again" in talk.press(panel, "Entries on again")
        assert {one["who"] for one in controls(bot) if one["name"] in {"explore", "learn", "pause", "unpause"}} == {f"telegram:{ME}"}
        assert text_of(talk.reply("/status", chat=GROUP)), "who may speak there is heard in a group"

        # Strangers: silence, whatever they say or tap.
        done, in_group = len(controls(bot)), asked_for(phone.texts(GROUP))
        api.meet(STRANGER)
        phone.say("/pause", STRANGER, STRANGER)
        phone.say("/flatten", GROUP, STRANGER)
        tap = phone.press(panel, "DISASTER", ME, STRANGER)
        talk.reply("/version", VERSION)
        assert tap not in api.answers and phone.texts(STRANGER) == [] and asked_for(phone.texts(GROUP)) == in_group
        assert len(controls(bot)) == done and len(asked(bot, "pause")) == 1 and asked(bot, "flatten") == []

        # The API is down: trading goes on, and what happened meanwhile comes in order afterwards.
        phone.do(api.down)
        closed = bot.closed()
        bot.until("trading goes on", lambda: bot.closed() >= closed + 3, 40)
        missed = sorted(trades(bot), key=lambda row: int(row["exit_ts"]))[closed : closed + 3]
        phone.do(api.up)
        talk.until("told afterwards", lambda: all(place(phone.texts(), row) for row in missed), 60)
        order = [place(phone.texts(), row) for row in missed]
        assert order == sorted(order)

        talk.until("too late is said by itself", lambda: "too late" in text_of(talk.message(late)), 40)
        assert buttons_of(talk.message(late)) == {} and "too late" in talk.tapped(late, late_data)

        # Disaster, with positions open.
        bot.until("something is held", lambda: _held(bot), 40)
        asked_at = talk.reply("/flatten", "DISASTER")["message_id"]
        one = next(iter(buttons_of(talk.message(asked_at)).values()))
        assert talk.tapped(asked_at, one) == "once more"
        two = next(iter(buttons_of(talk.message(asked_at)).values()))
        assert talk.tapped(asked_at, one) == "already done" and asked(bot, "flatten") == [], "one tap delivered twice is not two"
        talk.tapped(asked_at, two)
        assert talk.tapped(asked_at, two) == "already done"
        talk.until("verified flat, account by account", lambda: "every account is verified flat" in text_of(talk.message(asked_at)), 40)
        final = talk.message(asked_at)
        assert buttons_of(final) == {} and all(f"{name}: verified flat" in text_of(final) for name in (LIVE, PAPER, "FOREX/PAPER"))
        assert not _held(bot) and all(view["halted"] for view in bot.status()["accounts"].values())
        talk.told(f"DISASTER {LIVE}\nverified flat")
        assert sorted(one["args"]["account"] for one in asked(bot, "flatten")) == [LIVE, PAPER, "FOREX/PAPER"]

        assert bot.stop() == 0
        assert "Traceback" not in bot.said
        secrets = [path for path in bot.state_dir.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
        assert secrets == [] and TOKEN not in bot.said and not any(TOKEN in text for text in phone.texts())


@pytest.mark.timeout(200)
def test_another_stage_from_the_chat_and_a_bot_without_one(tmp_path: Path) -> None:
    with talking(tmp_path / "var", *WORDS, "--speed", "10") as talk:
        talk.told("Forex/Options are OFF")
        panel = talk.reply("/panel", "Panel: simulated")["message_id"]
        talk.press(panel, "2")
        talk.until("the gates are shown", lambda: any("stage" in text.lower() and "gate" in text.lower() for text in talk.phone.texts()))
        talk.until("it runs at stage 2", lambda: talk.bot.status().get("stage") == 2 and talk.bot.status().get("live"), 60)
        talk.told("Started: stage 2", 40)
        assert "before" in talk.tapped(panel, buttons_of(talk.message(panel))["3"]), "buttons of another life are old"
        assert "Stage 2" in text_of(talk.reply("/panel", "Panel: simulated"))
        assert talk.bot.stop() == 0
    with no_leftovers(tmp_path / "var") as state_dir:
        done = run("--stage", "1", "--state-dir", str(state_dir), "--http-port", "0", "--duration", "0.2", *WORDS)
    assert done.returncode == 0 and NO_TOKEN in done.stdout


def _held(bot: Bot) -> bool:
    return any(view["open_positions"] for view in bot.status()["accounts"].values())


def trades(bot: Bot) -> list[dict[str, Any]]:
    """The closed trades of the ledger."""
    return [json.loads(bytes(row.row)) for row in rows_of(bot.folder) if row.kind == "trade"]


def place(texts: list[str], trade: dict[str, Any]) -> tuple[int, ...]:
    """Which message tells of a closed trade, and where in it; empty while none does."""
    words = f"{trade['qty']} from {price(trade['entry'])} to {price(trade['exit'])}"
    return next(((k, text.find(words)) for k, text in enumerate(texts) if words in text), ())

"""docs/telegram_tour.md and its pictures: what a bot on the built-in exchange really writes into a chat. Part of `make pictures`.

python -m bench.chat_tour
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import msgspec

from bench.bot import REPO, started
from bench.pictures import PLACE, small
from self_test.fakes.telegram_api import TOKEN
from self_test.fakes.telegram_chat import ME, Chat

PAGE = REPO / "docs" / "telegram_tour.md"
WORDS = ("--strategies", "demo", "--symbols", "BTCUSDT,ETHUSDT", "--speed", "60", "--seed", "3", "--set", "domains.crypto.warmup_days=35")
PICTURE = re.compile(r"^\(picture: (.+)\)$", re.MULTILINE)
HEAD = """# A tour of the chat

For whoever wants to see the chat before setting it up ([telegram.md](telegram.md)). Every text and picture below was sent
by a bot on the built-in exchange to the stand-in of [quickstart.md](quickstart.md); nothing was written by hand. Buttons stand in brackets.
Made by `make pictures`, or

<!-- not run here: it writes this page and its pictures -->
```sh
python -m bench.chat_tour
```
"""


class Step(msgspec.Struct, frozen=True):
    """One thing the person does, and what is said about it."""

    said: str
    about: str
    tap: bool = False
    picture: str = ""


STEPS = (
    Step("/panel", "The message to remember: a button for everything. It is edited in place, whoever changes what it shows."),
    Step("/status", "Where it runs, what it may do, how far the limits are away."),
    Step("/positions", "What is held, with stop, target and R."),
    Step(
        "/chart BTCUSDT",
        "Candles with the newest dozen of trades; of what is held at the moment also stop and target.",
        picture="chat-chart",
    ),
    Step("/why BTCUSDT", "The newest decisions on a symbol, and why."),
    Step("/chart equity", "Equity and drawdown.", picture="chat-equity"),
    Step("/kpi", "Key figures and the verdict of the gate ([figures.md](figures.md))."),
    Step("/pause", "No new entries; exits go on."),
    Step("/unpause", "And on again."),
    Step("/explore 5", "What cannot be gets one short sentence."),
    Step("/flatten", "A disaster asks twice, in every environment. This is the first step, and nobody takes the second here."),
)
"""The tour."""
HOLDING = frozenset({"/positions", "/chart BTCUSDT"})
"""Steps that show something only while something is held."""


def section(step: Step, answer: str, picture: str = "") -> str:
    """A step as a part of the page."""
    text = PICTURE.sub("", answer).strip()
    shown = f"\n![{step.about}](pictures/{picture}.png)\n" if picture else ""
    return f"\n## {step.said}\n\n{step.about}\n\n```text\n{text}\n```\n{shown}"


def tour(ask: Callable[[Step], str], place: Path = PLACE) -> str:
    """The whole page; pictures are put into `place`."""
    parts = [HEAD]
    for step in STEPS:
        answer = ask(step)
        found = PICTURE.search(answer)
        if found and step.picture:
            (place / f"{step.picture}.png").write_bytes(small(Path(found[1]).read_bytes()))
        parts.append(section(step, answer, step.picture if found else ""))
    return "".join(parts)


@contextmanager
def chat(folder: Path) -> Iterator[str]:
    """The stand-in in a thread of its own; its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    one = Chat(0, folder)
    try:
        yield asyncio.run_coroutine_threadsafe(one.start(), loop).result(10)
    finally:
        asyncio.run_coroutine_threadsafe(one.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def post(base: str, step: Step, limit_s: float = 90.0) -> str:
    """Do the step; what the bot said upon it."""
    request = Request(f"{base}/{'tap' if step.tap else 'say'}", step.said.encode(), method="POST")  # noqa: S310  our own server
    with urlopen(request, timeout=limit_s) as answer:  # noqa: S310  same  # nosec B310
        return str(answer.read().decode())


def entered(said: str) -> bool:
    """Whether the newest thing that the bot said of BTCUSDT is that it is held."""
    return said.rfind("OPENED  long BTCUSDT") > said.rfind("CLOSED  demo long BTCUSDT")


def main() -> int:
    """Start a chat and a bot, walk through, write the page."""
    argparse.ArgumentParser(prog="python -m bench.chat_tour", description="writes docs/telegram_tour.md and its pictures").parse_args()
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chat(Path(folder) / "sent") as base:
        environ = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": str(ME), "TELEGRAM_API_BASE": base}
        with started(Path(folder) / "state", *WORDS, environ=environ) as bot:
            bot.ready()
            bot.until("trades", lambda: bot.closed() >= 12, 300)

            def ask(step: Step) -> str:
                if step.said in HOLDING:
                    bot.until("a position", lambda: entered(bot.said), 60)  # which the demo has two minutes of three
                return post(base, step)

            PAGE.write_text(tour(ask), encoding="utf-8")
            print(PAGE.relative_to(REPO))
            return bot.stop()


if __name__ == "__main__":
    sys.exit(main())

"""A chat on this machine, without Telegram: the stand-in for the Bot API as a server that a person talks to with curl.

    python -m self_test.fakes.telegram_chat --port 8090
    curl -d /status http://127.0.0.1:8090/say         what is written into the chat
    curl -d Pause http://127.0.0.1:8090/tap           a tap on the newest button that begins with this

Either answers with what the bot wrote upon it, a tap also with what it changed. Buttons stand in brackets;
pictures are kept in `--pictures DIR`. It ends with Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

from self_test.fakes.telegram_api import TOKEN, TelegramApi

ME = 42
NOTICE = re.compile(r"\[(simulated|demo|testnet|live) |\d+ messages:")
"""How a message begins that nobody asked for."""
QUIET_S, PATIENCE_S, LISTEN_S = 0.8, 20.0, 30.0
"""An answer is whole when nothing followed for so long; waited for the first word, for a bot that listens."""


class Chat(TelegramApi):
    """The API, and one person's chat with the bot."""

    def __init__(self, port: int, pictures: Path) -> None:
        super().__init__()
        self._port, self._pictures = port, pictures
        self._heard: list[int] = []
        self._edits = False
        self._word, self._listens = asyncio.Event(), asyncio.Event()
        self.meet(ME)

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_post("/say", self._say)
        app.router.add_post("/tap", self._tap)

    async def _say(self, request: web.Request) -> web.Response:
        text = await request.text()
        return await self._exchange(lambda: self.say(ME, ME, text), edits=False)

    async def _tap(self, request: web.Request) -> web.Response:
        words = (await request.text()).strip()

        def press() -> str:
            shown = [number for number, one in self.messages[ME].items() if words in "".join(f"[{label}" for label in labels(one))]
            for number in reversed(shown):
                with contextlib.suppress(KeyError):
                    return self.press(ME, ME, number, words)
            raise KeyError(words)

        return await self._exchange(press, edits=True)

    async def _exchange(self, act: Any, *, edits: bool) -> web.Response:
        """Do it once the bot listens; what it says upon it, with `edits` also in messages that it changes."""
        try:
            await asyncio.wait_for(self._listens.wait(), LISTEN_S)
        except TimeoutError:
            return web.Response(status=503, text="no bot listens here yet\n")
        self._heard.clear()
        self._edits = edits
        try:
            act()
        except KeyError as missing:
            return web.Response(status=404, text=f"no button begins with {missing}\n")
        end, loop = asyncio.get_running_loop().time() + PATIENCE_S, asyncio.get_running_loop()
        while (left := end - loop.time()) > 0:
            self._word.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._word.wait(), min(left, QUIET_S))
                continue
            if self._answers():
                break
        return web.Response(text="\n".join(map(self.told, self._answers())) or "(nothing)\n")

    def _answers(self) -> list[int]:
        """Messages that are new or changed since the last word of the person, without what nobody asked for."""
        return [number for number in dict.fromkeys(self._heard) if number in self.messages[ME] and not NOTICE.match(self.told(number))]

    async def _do_get_updates(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        self._listens.set()
        return await super()._do_get_updates(fields)

    def _show(self, chat: int, content: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        message = super()._show(chat, content, fields)
        picture = fields.get("photo")
        if isinstance(picture, bytes):
            self._pictures.mkdir(parents=True, exist_ok=True)
            message["kept"] = str(self._pictures / f"{message['message_id']}.png")
            Path(message["kept"]).write_bytes(picture)
        self._tell(int(message["message_id"]), True)
        return message

    def _replace(self, message: dict[str, Any], content: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        after = super()._replace(message, content, fields)
        self._tell(int(after["message_id"]), False)
        return after

    def _tell(self, number: int, new: bool) -> None:
        if new or self._edits:
            self._heard.append(number)
        self._word.set()
        if new:
            sys.stdout.write(self.told(number) + "\n")
            sys.stdout.flush()

    def told(self, number: int) -> str:
        """A message as lines of text."""
        one = self.messages[ME][number]
        lines = [one.get("text") or one.get("caption") or ""] + ([f"(picture: {one['kept']})"] if "kept" in one else [])
        rows = one.get("reply_markup", {}).get("inline_keyboard", [])
        lines += [" ".join(f"[{button['text']}]" for button in row) for row in rows]
        return "\n".join(line for line in lines if line) + "\n"


def labels(message: dict[str, Any]) -> list[str]:
    """What stands on a message's buttons."""
    return [button["text"] for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


async def serve(port: int, pictures: Path) -> None:
    """Until it is cancelled."""
    chat = Chat(port, pictures)
    base = await chat.start()
    sys.stdout.write(
        f"a chat without Telegram at {base}\n"
        f"give the bot: TELEGRAM_BOT_TOKEN={TOKEN} TELEGRAM_CHAT_ID={ME} TELEGRAM_API_BASE={base}\n"
        f"then: curl -d /panel {base}/say\n\n"
    )
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await chat.stop()


def main(words: list[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m self_test.fakes.telegram_chat", description="a chat on this machine, without Telegram")
    parser.add_argument("--port", type=int, default=8090, help="where it listens, on 127.0.0.1 (0: a free one)")
    parser.add_argument("--pictures", type=Path, default=Path("var/chat"), help="where pictures that the bot sends are kept")
    given = parser.parse_args(words)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.port, given.pictures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A stand-in for the Bot API on the loopback that the real python-telegram-bot works with: what it says, what it refuses, how it fails.

Why not one of those there are (telegram-test-api, telemelya): the first fails at getMe and getUpdates without a prelude as long as itself
and needs node, the second knows no long polling; neither refuses what the API refuses, and neither can be told to fail. This one needs
nothing but aiohttp, runs in the test's own loop, and is strict where the real one is: lengths, button data, entities, unmodified edits,
stale taps, one poller at a time.

The person's side: `say`, `tap`, `screen`. Faults: `fail` (429, 502, a hang, broken JSON, a lost answer), `down` and `up`. Every call is in
`calls`.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import msgspec
from aiohttp import web

from modules.telegram.texts import units
from self_test.fakes.telegram_rules import Refusal, check_caption, check_commands, check_markup, check_picture, check_text

TOKEN = "123456:stand-in-token-of-nobody-at-all"
BOT = {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "our_bot", "can_join_groups": True}
PNG = b"\x89PNG\r\n\x1a\n"


class Call(msgspec.Struct, frozen=True):
    """One call of the bot."""

    method: str
    fields: dict[str, Any]
    answer: int
    """HTTP status; 0: none was given."""


class Fault(msgspec.Struct):
    """What goes wrong with the next `count` calls of `method` ("*": any)."""

    kind: str
    method: str = "*"
    count: int = 1
    value: int = 1
    """Seconds of retry_after."""


class TelegramApi:
    """The API. `await start()`, give `base` to the bot, `await stop()`."""

    def __init__(self, token: str = TOKEN, bot: dict[str, Any] | None = None) -> None:
        self.token = token
        self.base = ""
        self.calls: list[Call] = []
        self.commands: list[dict[str, str]] = []
        self.messages: dict[int, dict[int, dict[str, Any]]] = {}
        """Chat -> message id -> the message as the person sees it now."""
        self.answers: dict[str, dict[str, Any]] = {}
        """Tap -> what it was answered with."""
        self.closed: set[int] = set()
        """Chats whose person has blocked the bot."""
        self.names: dict[int, str] = {}
        self._bot = BOT | (bot or {})
        self._updates: list[dict[str, Any]] = []
        self._next_update, self._next_message, self._next_tap = 1, 100, 1
        self._news = asyncio.Event()
        self._pollers = 0
        self._faults: list[Fault] = []
        self._hanging: list[asyncio.Event] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> str:
        """Listen (again, on the same port); returns the address."""
        app = web.Application(client_max_size=20 << 20)
        self.routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        assert site._server is not None
        self._port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self._port}"
        return self.base

    def routes(self, app: web.Application) -> None:
        """What it answers to."""
        app.router.add_route("*", "/bot{token}/{method}", self._serve)

    async def stop(self) -> None:
        """Refuse connections; hanging calls end."""
        self.release()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    down, up = stop, start

    def fail(self, kind: str, method: str = "*", count: int = 1, value: int = 1) -> None:
        """The next `count` calls of `method` fail: `429`, `502`, `hang`, `malformed`, `nonsense` (valid JSON, wrong shape), `401`, `lost`.

        `lost`: it is done, and the connection ends without an answer.
        """
        self._faults.append(Fault(kind, method, count, value))

    @property
    def failing(self) -> bool:
        """Whether a fault is still to come."""
        return any(one.count > 0 for one in self._faults)

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()
        self.release()

    def release(self) -> None:
        """Calls that hang end without an answer."""
        for event in self._hanging:
            event.set()
        self._hanging.clear()

    # --- the person ---------------------------------------------------------------------------------------------------------------

    def say(self, chat: int, user: int, text: str = "", *, bot: bool = False, **more: Any) -> int:
        """`user` writes into `chat`; returns the message's id."""
        message = self._message(chat, {"text": text} if text else {}, sender=user, bot=bot) | more
        self._push({"message": message})
        return int(message["message_id"])

    def tap(self, chat: int, user: int, message: int, data: str) -> str:
        """`user` taps a button of `message`; returns the tap's id. What its `data` say is the client's word, as with the real one."""
        found = str(self._next_tap)
        self._next_tap += 1
        shown = self.messages.get(chat, {}).get(message) or {"message_id": message, "date": 0, "chat": _chat(chat)}
        query = {"id": found, "from": self._user(user), "message": shown, "chat_instance": str(chat), "data": data}
        self._push({"callback_query": query})
        return found

    def press(self, chat: int, user: int, message: int, words: str) -> str:
        """Tap the button of `message` that begins with `words`; KeyError when there is none."""
        for row in self.messages[chat][message].get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if button["text"].startswith(words):
                    return self.tap(chat, user, message, button["callback_data"])
        raise KeyError(words)

    def screen(self, chat: int) -> list[str]:
        """What the bot's messages in `chat` say now, oldest first."""
        return [m.get("text") or m.get("caption") or "" for m in self.messages.get(chat, {}).values() if m["from"]["id"] == self._bot["id"]]

    def last(self, chat: int) -> dict[str, Any]:
        """The bot's newest message in `chat`."""
        return [m for m in self.messages[chat].values() if m["from"]["id"] == self._bot["id"]][-1]

    def made(self, method: str) -> list[Call]:
        """Calls of `method` that were answered well."""
        return [call for call in self.calls if call.method == method and call.answer == 200]

    @property
    def pending(self) -> int:
        """Updates nobody has confirmed."""
        return len(self._updates)

    # --- serving ------------------------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method, fields = request.match_info["method"], await _fields(request)
        fault = next((one for one in self._faults if one.method in {"*", method} and one.count > 0), None)
        if fault is not None:
            fault.count -= 1
            if fault.kind != "lost":
                return await self._broken(method, fields, fault)
        if request.match_info["token"] != self.token:
            return self._refuse(method, fields, 401, "Unauthorized")
        handler = getattr(self, "_do_" + re.sub("[A-Z]", lambda found: "_" + found.group().lower(), method), None)
        if handler is None:
            return self._refuse(method, fields, 404, "Not Found: method not found")
        try:
            result = await handler(fields)
        except Refusal as refusal:
            return self._refuse(method, fields, refusal.code, refusal.text, **refusal.more)
        if fault is not None:
            self.calls.append(Call(method, fields, 0))
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        self.calls.append(Call(method, fields, 200))
        return web.json_response({"ok": True, "result": result})

    async def _broken(self, method: str, fields: dict[str, Any], fault: Fault) -> web.StreamResponse:
        if fault.kind == "429":
            more = {"parameters": {"retry_after": fault.value}}
            return self._refuse(method, fields, 429, f"Too Many Requests: retry after {fault.value}", **more)
        if fault.kind == "401":
            return self._refuse(method, fields, 401, "Unauthorized")
        if fault.kind == "hang":
            released = asyncio.Event()
            self._hanging.append(released)
            self.calls.append(Call(method, fields, 0))
            await released.wait()
            return web.Response(status=502)
        self.calls.append(Call(method, fields, 502 if fault.kind == "502" else 0))
        if fault.kind == "502":
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        body = b'{"ok":true,"resu' if fault.kind == "malformed" else b'{"ok":true,"result":{"surprise":[]}}'
        return web.Response(body=body, content_type="application/json")

    def _refuse(self, method: str, fields: dict[str, Any], code: int, text: str, **more: Any) -> web.Response:
        self.calls.append(Call(method, fields, code))
        return web.json_response({"ok": False, "error_code": code, "description": text, **more}, status=code)

    # --- methods ------------------------------------------------------------------------------------------------------------------

    async def _do_get_me(self, fields: dict[str, Any]) -> dict[str, Any]:
        return self._bot

    async def _do_delete_webhook(self, fields: dict[str, Any]) -> bool:
        if fields.get("drop_pending_updates"):
            self._updates.clear()
        return True

    async def _do_set_my_commands(self, fields: dict[str, Any]) -> bool:
        self.commands = check_commands(fields.get("commands"))
        return True

    async def _do_get_updates(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        if self._pollers:
            raise Refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
        offset = int(fields.get("offset", 0))
        self._updates = [one for one in self._updates if one["update_id"] >= offset]
        kinds = set(fields.get("allowed_updates") or ("message", "callback_query", "edited_message"))
        # What was not asked for is forgotten, as by the real one.
        self._updates = [one for one in self._updates if kinds & one.keys()]
        self._pollers += 1
        try:
            async with asyncio.timeout(float(fields.get("timeout", 0))):
                while not self._updates:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        finally:
            self._pollers -= 1
        return self._updates[: int(fields.get("limit", 100))]

    async def _do_send_message(self, fields: dict[str, Any]) -> dict[str, Any]:
        chat = self._open(fields)
        text = check_text(fields.get("text", ""), fields.get("parse_mode"))
        return self._show(chat, {"text": text}, fields)

    async def _do_send_photo(self, fields: dict[str, Any]) -> dict[str, Any]:
        chat = self._open(fields)
        size = check_picture(fields.get("photo"))
        caption = check_caption(fields.get("caption", ""), fields.get("parse_mode"))
        return self._show(chat, {"photo": [_photo(self._next_message, size)], **({"caption": caption} if caption else {})}, fields)

    async def _do_send_document(self, fields: dict[str, Any]) -> dict[str, Any]:
        chat = self._open(fields)
        if not isinstance(fields.get("document"), bytes):
            raise Refusal(400, "Bad Request: there is no document in the request")
        caption = check_caption(fields.get("caption", ""), fields.get("parse_mode"))
        document = {"file_id": f"d{self._next_message}", "file_unique_id": f"u{self._next_message}"}
        return self._show(chat, {"document": document, **({"caption": caption} if caption else {})}, fields)

    async def _do_edit_message_text(self, fields: dict[str, Any]) -> dict[str, Any]:
        message = self._editable(fields)
        if "text" not in message:
            raise Refusal(400, "Bad Request: there is no text in the message to edit")
        return self._replace(message, {"text": check_text(fields.get("text", ""), fields.get("parse_mode"))}, fields)

    async def _do_edit_message_reply_markup(self, fields: dict[str, Any]) -> dict[str, Any]:
        return self._replace(self._editable(fields), {}, fields)

    async def _do_edit_message_media(self, fields: dict[str, Any]) -> dict[str, Any]:
        message, media = self._editable(fields), fields.get("media") or {}
        if "photo" not in message:
            raise Refusal(400, "Bad Request: there is no media in the message to edit")
        size = check_picture(fields.get(str(media.get("media", "")).removeprefix("attach://")))
        caption = check_caption(media.get("caption", ""), media.get("parse_mode"))
        return self._replace(message, {"photo": [_photo(len(self.calls), size)], **({"caption": caption} if caption else {})}, fields)

    async def _do_delete_message(self, fields: dict[str, Any]) -> bool:
        message = self._editable(fields)
        del self.messages[message["chat"]["id"]][message["message_id"]]
        return True

    async def _do_send_chat_action(self, fields: dict[str, Any]) -> bool:
        self._open(fields)
        return True

    async def _do_answer_callback_query(self, fields: dict[str, Any]) -> bool:
        tap = str(fields.get("callback_query_id", ""))
        if not (tap.isdigit() and 0 < int(tap) < self._next_tap) or tap in self.answers:
            raise Refusal(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if units(fields.get("text", "")) > 200:
            raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
        self.answers[tap] = fields
        return True

    # --- what is shown ------------------------------------------------------------------------------------------------------------

    def _open(self, fields: dict[str, Any]) -> int:
        chat = int(fields.get("chat_id", 0))
        if chat in self.closed:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if chat not in self.messages:
            raise Refusal(400, "Bad Request: chat not found")
        return chat

    def meet(self, *chats: int) -> None:
        """The person has opened the chat with the bot (pressed Start), so that the bot may write there."""
        for chat in chats:
            self.messages.setdefault(chat, {})

    def _editable(self, fields: dict[str, Any]) -> dict[str, Any]:
        message = self.messages[self._open(fields)].get(int(fields.get("message_id", 0)))
        if message is None or message["from"]["id"] != self._bot["id"]:
            raise Refusal(400, "Bad Request: message to edit not found" if message is None else "Bad Request: message can't be edited")
        return message

    def _show(self, chat: int, content: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        markup = check_markup(fields.get("reply_markup"))
        message = self._message(chat, content | ({"reply_markup": markup} if markup else {}), sender=None)
        message["silent"] = bool(fields.get("disable_notification"))
        return message

    def _replace(self, message: dict[str, Any], content: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        markup = check_markup(fields.get("reply_markup"))
        after = {key: value for key, value in message.items() if key not in {"reply_markup", *content}} | content
        if content and "caption" not in content:
            after.pop("caption", None)
        after |= {"reply_markup": markup} if markup else {}
        if after == message:
            raise Refusal(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current "
                "content and reply markup of the message",
            )
        self.messages[message["chat"]["id"]][message["message_id"]] = after
        return after

    def _message(self, chat: int, content: dict[str, Any], *, sender: int | None, bot: bool = False) -> dict[str, Any]:
        author = self._bot if sender is None else self._user(sender, bot=bot)
        message = {"message_id": self._next_message, "date": 1_735_689_600, "chat": _chat(chat), "from": author, **content}
        text = content.get("text", "")
        if sender is not None and (command := re.match(r"/\w+(@\w+)?", text)):
            message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(command.group())}]
        self._next_message += 1
        self.messages.setdefault(chat, {})[message["message_id"]] = message
        return message

    def _user(self, user: int, *, bot: bool = False) -> dict[str, Any]:
        return {"id": user, "is_bot": bot, "first_name": self.names.get(user, "Somebody")}

    def _push(self, update: dict[str, Any]) -> None:
        self._updates.append({"update_id": self._next_update, **update})
        self._next_update += 1
        self._news.set()


def _chat(chat: int) -> dict[str, Any]:
    return {"id": chat, "type": "private", "first_name": "Somebody"} if chat > 0 else {"id": chat, "type": "group", "title": "Room"}


def _photo(number: int, size: int) -> dict[str, Any]:
    return {"file_id": f"p{number}", "file_unique_id": f"u{number}", "width": 1280, "height": 720, "file_size": size}


async def _fields(request: web.Request) -> dict[str, Any]:
    """The call's arguments, whichever of the three ways they came in."""
    if request.content_type == "application/json":
        return dict(await request.json())
    found: dict[str, Any] = dict(request.query)
    for key, value in (await request.post()).items():
        found[key] = value.file.read() if isinstance(value, web.FileField) else _value(key, value)
    return found


def _value(key: str, value: Any) -> Any:
    """Structures and numbers come as JSON in a form; texts stay texts."""
    if key in {"text", "caption", "callback_query_id", "parse_mode"}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value

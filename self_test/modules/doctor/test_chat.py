from __future__ import annotations

import asyncio

from aiohttp import web

from modules.doctor import chat
from modules.doctor.findings import Finding, Verdict
from utils.errors import ExitCode

TOKEN = "1234567:" + "planted_token_" * 2


def told(token: str = TOKEN, chats: str = "7") -> tuple[list[Finding], list[str]]:
    """What is found at an API that knows `TOKEN` and the chat 7, and which methods were asked."""
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.match_info["method"])
        if request.match_info["token"] != TOKEN:
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        if request.match_info["method"] == "getChat" and (await request.json())["chat_id"] != 7:
            return web.json_response({"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}, status=400)
        return web.json_response({"ok": True, "result": {"id": 1, "username": "a_bot"}})

    async def go() -> list[Finding]:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", serve)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            base = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return await chat.findings({"TELEGRAM_BOT_TOKEN": token, "TELEGRAM_CHAT_ID": chats}, base)
        finally:
            await runner.cleanup()

    found = asyncio.run(go())
    assert "planted" not in repr(found)
    return found, asked


def test_a_good_token_and_its_chats() -> None:
    found, asked = told()
    assert [one.verdict for one in found] == [Verdict.OK, Verdict.OK] and "@a_bot" in found[0].words
    assert asked == ["getMe", "getChat"]
    assert [one.verdict for one in told(chats="7,8")[0]] == [Verdict.OK, Verdict.WARN]


def test_a_token_that_is_refused_or_none_at_all() -> None:
    (found,) = told(TOKEN + "x")[0]
    assert (found.verdict, found.code) == (Verdict.FAIL, ExitCode.CREDENTIALS)
    assert told("planted")[0][0].verdict is Verdict.FAIL
    (none,) = asyncio.run(chat.findings({}, "http://127.0.0.1:9"))
    assert none.verdict is Verdict.SKIP


def test_an_api_that_is_not_there_is_a_warning() -> None:
    environ = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": "7"}
    (found,) = asyncio.run(chat.findings(environ, "http://127.0.0.1:9"))
    assert found.verdict is Verdict.WARN and "planted" not in repr(found)

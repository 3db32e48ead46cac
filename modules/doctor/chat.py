"""The operator's chat: whether the token is a bot's, and whether the bot reaches every chat it listens to. Nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp
import msgspec

from modules.doctor.findings import Finding, fail, ok, skip, warn
from modules.telegram.identity import TOKEN, Identity, read_identity
from utils.errors import ExitCode, Refusal

ANSWER_S = 4.0


class _Bot(msgspec.Struct, frozen=True):
    username: str = ""


class _Said(msgspec.Struct):
    ok: bool
    result: _Bot = _Bot()
    error_code: int = 0


async def findings(environ: Mapping[str, str], api_base: str) -> list[Finding]:
    """What the Bot API says of us; the polling of a running bot is not disturbed, for no update is asked for."""
    try:
        who = read_identity(environ, api_base)
    except Refusal as refusal:
        return [fail("telegram", str(refusal), "correct the variable, or unset TELEGRAM_BOT_TOKEN", refusal.code)]
    if who is None:
        return [skip("telegram", f"{TOKEN} is not set: the bot runs without a chat")]
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S), trust_env=not who.local) as session:
            me = await _ask(session, who, "getMe", {})
            if not me.ok:
                remedy = f"take the token from @BotFather again and set {TOKEN}"
                return [fail("telegram", f"the API refuses the token ({me.error_code})", remedy, ExitCode.CREDENTIALS)]
            chats = await asyncio.gather(*(_ask(session, who, "getChat", {"chat_id": chat}) for chat in who.allowed.chats))
    except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:  # its words would hold the token: the address does
        words = f"the Bot API cannot be asked: {type(error).__name__}"
        return [warn("telegram", words, "check the network; the bot trades without its chat and delivers later")]
    found = [ok("telegram", f"the token is @{me.result.username}'s")]
    deaf = [n for n, one in enumerate(chats, start=1) if not one.ok]
    if deaf:
        which = ", ".join(map(str, deaf))
        words = f"entry {which} of TELEGRAM_CHAT_ID is no chat the bot may write to"
        found.append(warn("chat", words, "send the bot /start there (in a group: add it), or correct the id"))
    else:
        found.append(ok("chat", f"the bot reaches {len(chats)} chat(s)"))
    return found


async def _ask(session: aiohttp.ClientSession, who: Identity, method: str, args: Mapping[str, int]) -> _Said:
    async with session.post(f"{who.api_base}/bot{who.token}/{method}", json=dict(args)) as answer:
        return msgspec.json.decode(await answer.read(), type=_Said)

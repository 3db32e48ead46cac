"""Planted secrets: a bot that is given keys and tokens, made to say all it can, in good and in bad times, writes none of them anywhere."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

import pytest

from bench.bot import run, simulator_pid
from modules.environment import SECRETS
from self_test.e2e.test_telegram import STAGE_2, Talk, talking
from self_test.fakes.telegram_api import TOKEN, TelegramApi

PANEL = "planted-panel-token-4f1c8a"
PLANTED = {name: f"Planted{at}{name[::-1]}Xq7" for at, name in enumerate(SECRETS)} | {"TELEGRAM_BOT_TOKEN": TOKEN, "PANEL_TOKEN": PANEL}
FAULTS = ("429", "502", "malformed", "nonsense", "lost")
PAGES = ("/", "/symbol/CRYPTO:BTCUSDT", "/kpi", "/journal", "/controls", "/login", "/metrics", "/status", "/healthz", "/readyz", "/nowhere")


def shapes() -> dict[bytes, str]:
    """Every form in which a secret could be written, and its name."""
    forms: dict[bytes, str] = {}
    for name, value in PLANTED.items():
        halves = [value.partition(":")[2]] if ":" in value else []
        for text in (value, quote(value, safe=""), *halves):
            forms[text.encode()] = name
    return forms


def found_in(data: bytes) -> set[str]:
    return {name for form, name in shapes().items() if form in data}


def get(url: str, form: dict[str, str] | None = None) -> bytes:
    """Head and body of whatever is answered."""
    data = None if form is None else urlencode(form).encode()
    asked = urllib.request.Request(url, data, {"Origin": url.rpartition("/")[0]} if data else {})  # noqa: S310  loopback
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310  same
            return bytes(answer.headers.as_bytes() + answer.read())
    except HTTPError as error:
        return bytes(error.headers.as_bytes() + error.read())


def on_disk(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def told_to(api: TelegramApi) -> bytes:
    """Everything that the API was ever given beside its address."""
    return repr([(call.method, call.fields) for call in api.calls]).encode()


def trouble(talk: Talk, url: str) -> None:
    """What makes programs talkative: an API that fails in every way, log-ins that fail, an exchange that is killed."""
    api, phone = talk.phone.api, talk.phone
    for fault in FAULTS:
        phone.do(partial(api.fail, fault, "sendMessage"))
        phone.do(partial(api.fail, fault, "getUpdates"))
        phone.say("/status")
        talk.until(f"{fault} is over", lambda: not api.failing, 60)
    get(f"{url}/login", {"token": PANEL + "x"})
    get(f"{url}/controls?token={PANEL}")
    phone.do(api.down)
    pid = simulator_pid(talk.bot.state_dir)
    assert pid is not None
    os.kill(pid, 9)
    talk.bot.until("another exchange", lambda: simulator_pid(talk.bot.state_dir) not in {None, pid}, 60)
    phone.do(api.up)


@pytest.mark.timeout(300)
def test_no_planted_secret_is_written_anywhere(tmp_path: Path) -> None:
    assert all(name in found_in(f"a {value} b".encode()) for name, value in PLANTED.items()), "what is there is found"
    state_dir = tmp_path / "var"
    with talking(state_dir, *STAGE_2, "--speed", "60", "--verbose", environ=PLANTED) as talk:
        bot, api = talk.bot, talk.phone.api
        url = bot.ready()["http"]
        pid = simulator_pid(state_dir)
        assert found_in(Path(f"/proc/{pid}/environ").read_bytes()) == set(), "no process of ours is told"
        talk.told("ENTER long", 60)
        trouble(talk, url)
        talk.until("an answer after it all", lambda: talk.reply("/logs 100"), 60)
        pages = {page: get(url + page) for page in PAGES}
        control = [run("control", *words.split(), "--state-dir", str(state_dir)) for words in ("status", "logs 100", "pairs", "chart NOPE")]
        assert bot.stop() == 0
    seen = {
        "the bot's output": bot.said.encode(),
        "what the chat's API was told": told_to(api),
        **{f"page {page}": body for page, body in pages.items()},
        **{f"control {k}": f"{one.stdout}{one.stderr}".encode() for k, one in enumerate(control)},
        **dict(on_disk(tmp_path)),
    }
    assert len(seen) > 25 and any("journal" in name for name in seen)
    assert {name: found for name, data in seen.items() if (found := found_in(data))} == {}

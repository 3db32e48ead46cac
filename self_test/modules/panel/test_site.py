from __future__ import annotations

import re
from html import escape

import aiohttp
import pytest

from modules.panel.guard import HEADERS
from modules.panel.settings import Panel
from self_test.modules.panel.house import NASTY, House, open_house
from self_test.telemetry.samples import BTC
from state.messages import Report, Tick

pytestmark = pytest.mark.asyncio
PAGES = ["/", f"/symbol/{BTC}", "/kpi", "/journal", f"/journal/3?key={BTC}", "/login"]


@pytest.mark.parametrize("path", PAGES)
async def test_who_sits_here_may_look(house: House, web: aiohttp.ClientSession, path: str) -> None:
    async with web.get(house.url + path) as answer:
        text = await answer.text()
        assert answer.status == 200, text
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.content_type == "text/html" and text.startswith("<!doctype html>")
        tags = " ".join(re.findall(r"<[^>]*>", text))
        assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*src=)", tags.replace(escape(NASTY), "")), "the content policy forbids it"
        assert "None" not in re.sub(r"<[^>]*>", "", text).replace("None of", "")


async def test_the_overview_tells_what_matters(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(house.url) as answer:
        text = " ".join(re.sub(r"<[^>]*>", " ", await answer.text()).split())
    for words in (
        "simulated",
        "Stage 1",
        "CRYPTO/PAPER",
        "1,000.00 USDT",
        "8 % half size",
        "BTCUSDT long",
        "+0.25 R",
        "feed bybit-spot",
        "48000",
    ):
        assert words in text, words


@pytest.mark.parametrize("path", ["/kpi", "/", "/static/panel.css", "/metrics", "/status", "/live/overview"])
async def test_another_name_is_not_answered(house: House, web: aiohttp.ClientSession, path: str) -> None:
    async with web.get(house.url + path, headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
        assert "1,000" not in await answer.text()


@pytest.mark.parametrize("headers", [{"Host": "bot.example"}, {"X-Forwarded-For": "9.9.9.9"}])
async def test_whoever_comes_from_elsewhere_logs_in_first(web: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    async with open_house(Panel(hosts=("bot.example",))) as house:
        for path in ("/", "/kpi", "/journal", "/data/equity", "/live/overview"):
            async with web.get(house.url + path, headers=headers, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/login")
        async with web.get(house.url + "/login", headers=headers) as answer:
            assert answer.status == 200 and "CRYPTO/PAPER" not in await answer.text()


async def test_looking_here_can_need_a_login_too(web: aiohttp.ClientSession) -> None:
    async with open_house(Panel(look_needs_login=True)) as house, web.get(house.url, allow_redirects=False) as answer:
        assert answer.status == 303


async def test_before_there_is_an_engine_the_panel_says_so(web: aiohttp.ClientSession) -> None:
    async with open_house(attached=False) as house:
        for path in ("/", "/live/overview", "/data/equity"):
            async with web.get(house.url + path) as answer:
                assert answer.status == 503 and "starting" in await answer.text()
        async with web.get(house.url + "/login") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "path, status",
    [
        ("/symbol/NONE", 409),
        ("/symbol/%3Cb%3E", 409),
        ("/journal?key=x", 409),
        ("/nowhere", 404),
        ("/live/none", 404),
        ("/static/../site.py", 404),
    ],
)
async def test_what_is_not_there(house: House, web: aiohttp.ClientSession, path: str, status: int) -> None:
    async with web.get(house.url + path) as answer:
        assert answer.status == status
        assert "<b>" not in await answer.text() or status != 409 or path != "/symbol/%3Cb%3E"


async def test_markup_in_what_was_decided_stays_text(house: House, web: aiohttp.ClientSession) -> None:
    house.recent(
        99, Tick(house.state.ts), [Report(ts=house.state.ts, what="refused", account="CRYPTO/PAPER", key=BTC, rule=NASTY, text=NASTY)]
    )
    house.state.halted["CRYPTO/PAPER"] = NASTY
    house.missing.append(NASTY)
    for path in ("/", f"/symbol/{BTC}", "/journal", f"/journal/3?key={BTC}"):
        async with web.get(house.url + path) as answer:
            text = await answer.text()
            assert NASTY not in text and "&lt;img src=x" in text, path
    parts = house.site._parts("overview")
    assert parts is not None and NASTY not in "".join(one for one in parts.values() if isinstance(one, str))


async def test_the_journal_pages_on_beside_the_daemon(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{house.url}/journal", params={"key": BTC, "before": "17"}, headers={"HX-Target": "older"}) as answer:
        text = await answer.text()
    assert text.lstrip().startswith("<tr") and "where the journal begins" in text
    job, asked = house.aside.asked[-1]
    assert (job, asked["key"], asked["before"], asked["n"]) == ("page", BTC, 17, 40)


async def test_charts_get_their_figures(house: House, web: aiohttp.ClientSession) -> None:
    async with web.get(f"{house.url}/data/equity") as answer:
        found = await answer.json()
    assert len(found["CRYPTO/PAPER"]["ts"]) == len(found["CRYPTO/PAPER"]["drawdown"]) == 60
    async with web.get(f"{house.url}/data/bars/{BTC}") as answer:
        found = await answer.json()
    assert (found["digits"], len(found["bars"]), found["bars"][0][5]) == (1, 60, "trend")
    assert {one["kind"] for one in found["marks"]} == {"entry", "exit"} and {one["kind"] for one in found["levels"]} == {
        "entry",
        "stop",
        "target",
    }


async def test_every_page_has_live_parts_and_no_other(house: House) -> None:
    for topic, names in (
        ("head", {"head"}),
        ("overview", {"head", "cards", "positions", "checks", "markets", "latest", "equity"}),
        ("controls", {"head", "standing"}),
        (BTC, {"head", "positions", "latest", "market", "bar"}),
    ):
        found = house.site._parts(topic)
        assert found is not None and set(found) == names
    assert house.site._parts("nothing") is None

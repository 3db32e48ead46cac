"""The panel as people see it, in a real browser: on the real daemon, and on a counter that stands for another world than the simulator."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import Page, Route, expect

from bench.bot import Bot, no_leftovers, started
from bench.chromium import chromium
from modules.panel.token import token_file
from self_test.e2e.chromium import Watched, fits, needs_chromium, watched
from self_test.modules.panel.house import TOKEN, open_house
from self_test.telemetry.samples import BTC
from state.accounts import Account, Domain, Mode

pytestmark = [pytest.mark.asyncio, needs_chromium]
DEMO = ("--strategies", "demo", "--speed", "600", "--symbols", "BTCUSDT,ETHUSDT", "--set", "domains.crypto.warmup_days=2")
LOST = ("Failed to load resource", "Error while reading")
"""What Chromium says of a stream whose server went away, and of an answer that refuses."""


async def login(page: Page, token: str) -> None:
    await page.fill("#token", token)
    await page.click("button.main")


async def journal(bot: Bot) -> list[dict[str, Any]]:
    """Requests of the panel as the journal has them."""
    texts = [path.read_bytes() for path in sorted((bot.folder / "journal").glob("*.log"))]
    found = [json.loads(line) for text in texts for line in re.findall(rb'\{"t":"control".*?\}(?=,"c")', text)]
    return [one for one in found if one["who"].startswith("panel")]


async def look_around(page: Page, url: str, shots: Path, size: str) -> None:
    """Every page of the bot, with a picture each."""
    for name, path in (("overview", "/"), ("symbol", "/symbol/CRYPTO:BTCUSDT"), ("kpi", "/kpi"), ("journal", "/journal"), ("chain", "")):
        if path:
            await page.goto(url + path)
        else:
            await page.click(".told .when a >> nth=0")
        await expect(page.locator("#link")).to_have_text("live")
        if name in {"overview", "symbol"}:
            await expect(page.locator(".chart canvas").first).to_be_visible()
        if name == "chain":
            await expect(page.locator(".chain li").first).to_contain_text("event")
        assert await fits(page), f"{name} is wider than {size}"
        await page.screenshot(path=shots / f"{size}-{name}.png", full_page=True)


async def test_the_panel_of_a_running_bot(tmp_path: Path) -> None:
    state_dir, shots = tmp_path / "var", tmp_path / "shots"
    shots.mkdir()
    with no_leftovers(state_dir), started(state_dir, *DEMO) as bot:
        url = (await asyncio.to_thread(bot.ready))["http"]
        await asyncio.to_thread(bot.until, "a closed trade", lambda: bot.closed() >= 1, 40)
        async with chromium() as browser:
            seen = await watched(browser)
            page = await seen.page()
            await page.goto(url)
            before = await page.inner_text(".now")
            await expect(page.locator(".now")).not_to_have_text(before)  # values move without a reload
            await expect(page.locator("[data-part=positions]")).to_contain_text("CRYPTO/PAPER")
            await look_around(page, url, shots, "wide")
            phone = await watched(browser, "phone", "light")
            await look_around(await phone.page(), url, shots, "phone")
            assert seen.wrong == [] and phone.wrong == []

            await controls(page, url, bot, seen)
            assert seen.wrong == []
            await seen.context.close()
            await phone.context.close()
        assert await asyncio.to_thread(bot.stop) == 0
        assert "Traceback" not in bot.said and token_file(bot.folder).read_text().strip() not in bot.said


async def controls(page: Page, url: str, bot: Bot, seen: Watched) -> None:
    """Log in, press buttons, change the stage, flatten."""
    token = token_file(bot.folder).read_text().strip()
    await page.goto(f"{url}/controls")
    seen.expected = LOST
    await login(page, "not the token at all")
    await expect(page.locator("#wrong")).to_have_text("That is not the token.")
    await login(page, token)
    await expect(page).to_have_url(f"{url}/controls")

    await page.evaluate("document.querySelector('#pause-').form.csrf.value = 'forged'")
    await page.click("#pause-")
    await expect(page.locator("#outcome")).to_contain_text("Nothing was changed")
    assert await journal(bot) == []

    await page.reload()
    await page.click("#pause-")
    await expect(page.locator("#outcome")).to_contain_text("paused")
    await expect(page.locator("#unpause-")).to_be_visible()
    await page.click("#unpause-")
    await expect(page.locator("#outcome")).to_contain_text("on again")
    await expect(page.locator("#pause-")).to_be_visible()
    assert [one["name"] for one in await journal(bot)] == ["pause", "unpause"]

    await page.click("#stage-2")
    await expect(page.locator("#outcome")).to_contain_text("starts again")
    await expect(page.locator("[data-part=head] .stage")).to_contain_text("Stage 2", timeout=45_000)  # the same page, another life
    await page.goto(f"{url}/controls")
    await login(page, token)

    await page.click("#flatten-")
    await expect(page.locator("#outcome")).to_contain_text("Step 2 of 2")
    assert "flatten" not in [one["name"] for one in await journal(bot)]
    await page.click("#confirm")
    await expect(page.locator("[data-part=head] .word")).to_have_text("halted")
    await page.goto(url)
    await expect(page.locator("[data-part=positions]")).to_contain_text("Nothing is held.", timeout=30_000)


async def test_real_money_is_confirmed_with_digits_and_by_keyboard(tmp_path: Path) -> None:
    async with open_house(env="live") as house, chromium() as browser:
        house.desk.lives = (Account(Domain.CRYPTO, Mode.LIVE),)
        seen = await watched(browser)
        page = await seen.page()
        await page.goto(f"{house.url}/controls")
        await expect(page.locator("#token")).to_be_focused()  # by itself, but only once the page is drawn
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.locator("#standing")).to_be_visible()
        await expect(page.locator(".env")).to_have_text("live")
        await page.focus("#stage-2")
        await page.keyboard.press("Enter")
        await expect(page.locator("#outcome section")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.type("0000")
        await page.keyboard.press("Enter")
        await expect(page.locator("#outcome")).to_contain_text("not the last 4")
        assert house.desk.did == []
        await page.click("#stage-2")
        await page.fill("[name=digits]", "4567")
        await page.screenshot(path=tmp_path / "digits.png")
        await page.click("#confirm")
        await expect(page.locator("#outcome")).to_contain_text("stage 2 done")
        assert house.desk.did == [("stage 2", "panel")] and seen.wrong == []


async def test_controls_are_drawn_again_though_the_change_came_before_the_stream_and_one_answer_was_lost(tmp_path: Path) -> None:
    async with open_house() as house, chromium() as browser, asyncio.TaskGroup() as group:
        page = await (await watched(browser)).page()
        await page.goto(f"{house.url}/controls")
        asked = 0

        async def first_one_lost(route: Route) -> None:
            nonlocal asked
            asked += 1
            await (route.abort() if asked == 1 else route.continue_())

        await login(page, TOKEN)
        await expect(page.locator("#pause-")).to_be_visible()
        await page.route("**/controls", first_one_lost)
        house.state.toggles = msgspec.structs.replace(house.state.toggles, paused=True)
        live = group.create_task(house.site.hub.run())  # nothing was told before the change
        await expect(page.locator("#unpause-")).to_be_visible()
        assert asked >= 2
        live.cancel()


async def test_nothing_that_was_decided_becomes_markup(tmp_path: Path) -> None:
    async with open_house() as house, chromium() as browser:
        nasty = "<img src=x onerror=alert(1)><script>alert(2)</script>"
        house.state.halted["CRYPTO/PAPER"] = nasty
        house.missing.append(nasty)
        seen = await watched(browser)
        page = await seen.page()
        opened: list[str] = []
        page.on("dialog", lambda one: opened.append(one.message))
        async with asyncio.TaskGroup() as group:
            live = group.create_task(house.site.hub.run())
            for path in ("/", f"/symbol/{BTC}", f"/journal/3?key={BTC}"):
                await page.goto(house.url + path)
                await expect(page.locator("#link")).to_have_text("live")
            live.cancel()
        assert opened == [] and seen.wrong == [] and await page.locator("main img, main script").count() == 0


async def test_the_keyboard_reaches_everything_and_the_skip_link_comes_first(tmp_path: Path) -> None:
    async with open_house() as house, chromium() as browser:
        seen = await watched(browser)
        page = await seen.page()
        await page.goto(house.url)
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        every = "[...document.querySelectorAll('input:not([type=hidden]),select,button,a')]"
        unnamed = f"{every}.filter((e) => !(e.labels?.length || e.innerText.trim() || e.ariaLabel))"
        assert await page.evaluate(f"{unnamed}.length") == 0

"""The pictures of docs/panel.md: the panel of a bot on the built-in exchange, as a browser shows it. `make pictures`."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

import msgspec
from PIL import Image
from playwright.async_api import Page

from bench.bot import REPO, Bot, started
from bench.chromium import PROGRAM, chromium

PLACE = REPO / "docs" / "pictures"
COLOURS = 224
LARGEST = 150_000
"""Bytes of one picture."""
WORDS = ("--strategies", "demo", "--speed", "600", "--seed", "3", "--set", "domains.crypto.warmup_days=35")


class Scene(msgspec.Struct, frozen=True):
    """One picture: where, how large, which scheme, what is pressed first."""

    name: str
    path: str
    width: int = 1280
    height: int = 860
    scheme: str = "dark"
    press: str = ""


SCENES = (
    Scene("overview", "/"),
    Scene("symbol", "/symbol/CRYPTO:BTCUSDT"),
    Scene("journal", "/journal", height=560, scheme="light"),
    Scene("disaster", "/controls", height=760, press="#flatten-"),
    Scene("phone-overview", "/", 390, 844, "light"),
    Scene("phone-controls", "/controls", 390, 844, press="#flatten-"),
)


def small(png: bytes) -> bytes:
    """The picture with so few colours that it belongs into a repository; AssertionError when it still does not."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    assert len(out.getvalue()) < LARGEST, f"{len(out.getvalue())} bytes are too many"  # noqa: S101  a tool of ours  # nosec B101
    return out.getvalue()


async def draw(bot: Bot, url: str) -> None:
    """Every scene, one after the other."""
    token = (bot.folder / "panel.token").read_text().strip()
    async with chromium() as browser:
        for one in SCENES:
            context = await browser.new_context(
                viewport={"width": one.width, "height": one.height}, color_scheme="dark" if one.scheme == "dark" else "light"
            )
            page: Page = await context.new_page()
            await page.goto(url + one.path)
            if "/login" in page.url:
                await page.fill("#token", token)
                await page.click("button.main")
            if one.press:
                await page.click(one.press)
            await page.wait_for_timeout(1_500)  # until charts are drawn
            (PLACE / f"{one.name}.png").write_bytes(small(await page.screenshot()))
            print(f"docs/pictures/{one.name}.png")
            await context.close()


def main() -> int:
    """Start a bot, let it trade for a while, look at it."""
    if PROGRAM is None:
        print("no chromium on this machine (Debian: apt-get install chromium)", file=sys.stderr)
        return 1
    PLACE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), *WORDS) as bot:
        url = bot.ready()["http"]
        bot.until("closed trades", lambda: bot.closed() >= 400, 120)
        asyncio.run(draw(bot, url))
        return bot.stop()


if __name__ == "__main__":
    sys.exit(main())

"""A headless Chromium that writes down what a page must not do: errors on its console, requests that leave this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from bench.chromium import PROGRAM
from modules.panel.guard import is_loopback

needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no chromium on this machine (Debian: apt-get install chromium)")
LIMIT_MS = 20_000
SIZES = {"wide": (1440, 900), "phone": (390, 844)}


class Watched:
    """One context of a browser, and what was wrong in it."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.wrong: list[str] = []
        self.expected: tuple[str, ...] = ()
        """Beginnings of console errors that a test provokes."""

    async def page(self) -> Page:
        page = await self.context.new_page()
        page.set_default_timeout(LIMIT_MS)
        page.on("console", lambda one: self._tell(one.text) if one.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self._tell(f"script: {error}"))
        page.on("request", lambda one: None if _stays(one.url) else self._tell(f"leaves this machine: {one.url}"))
        return page

    def _tell(self, text: str) -> None:
        if not text.startswith(self.expected or ("\0",)):
            self.wrong.append(text)


def _stays(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about"} or is_loopback(parts.hostname or "")


async def watched(browser: Browser, size: str = "wide", scheme: str = "dark") -> Watched:
    """A fresh context: no cookies, `size` of SIZES."""
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light")
    return Watched(context)


async def fits(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

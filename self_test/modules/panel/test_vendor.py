"""What others wrote lies here unchanged, and nothing of it is fetched from elsewhere."""

from __future__ import annotations

import hashlib
import re

from self_test.conftest import REPO

STATIC = REPO / "modules" / "ui" / "static"
VENDOR = STATIC / "vendor"
FETCHED = re.compile(r"""(?:src=|action=|hx-\w+=|url\(|import |fetch\(|EventSource\()\s*["']?\s*(?:https?:)?//""")
INLINE = re.compile(r"""<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=""")
ROW = re.compile(r"^\| (?P<file>[\w.-]+) \| [^|]+ \| (?P<version>\d[\w.]*) \| [^|]+ \| (?P<sha>[0-9a-f]{64}) \|$", re.MULTILINE)


def test_every_file_is_the_one_that_is_told() -> None:
    told = {found["file"]: found["sha"] for found in ROW.finditer((VENDOR / "VENDOR.md").read_text())}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir() if path.name != "VENDOR.md"}
    assert told == there and len(there) >= 7


def test_no_page_script_or_style_of_ours_names_another_host() -> None:
    ours = [*STATIC.glob("*.js"), *STATIC.glob("*.css"), *(REPO / "modules" / "panel" / "templates").glob("*.html")]
    assert len(ours) >= 8
    for path in ours:
        fetched = re.findall(
            r"""(?:src|action|hx-\w+|url\(|import|fetch\(|EventSource\()\s*=?\s*["'(]?\s*(?:https?:)?//[^"')\s]+""", path.read_text()
        )
        assert fetched == [], path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", path.read_text()) or path.suffix != ".html", f"{path.name}: inline"

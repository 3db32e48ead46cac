from __future__ import annotations

import json
from pathlib import Path

from modules.latch import NAME, latch, latched, unlatch

LIVE, PERPS = "CRYPTO/LIVE", "PERPS/LIVE"


def test_a_latch_says_who_and_holds_until_it_is_let_go(tmp_path: Path) -> None:
    assert latched(tmp_path) is None and latched(tmp_path / "none") is None
    latch(tmp_path, "command line", 5)
    assert latched(tmp_path) == latched(tmp_path, LIVE) == "flatten by command line"
    assert json.loads((tmp_path / NAME).read_bytes())["ts"] == 5
    unlatch(tmp_path)
    assert latched(tmp_path) is None
    unlatch(tmp_path)


def test_one_account_can_be_let_go_and_the_others_stay(tmp_path: Path) -> None:
    latch(tmp_path, "command line", 5)
    unlatch(tmp_path, LIVE)
    unlatch(tmp_path, LIVE)
    assert latched(tmp_path, LIVE) is None
    assert latched(tmp_path, PERPS) == latched(tmp_path) == "flatten by command line"


def test_what_cannot_be_read_halts(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    unlatch(tmp_path, LIVE)
    assert "cannot be read" in (latched(tmp_path, LIVE) or "")
    unlatch(tmp_path)
    assert latched(tmp_path) is None
    unlatch(tmp_path, LIVE)
    assert not (tmp_path / NAME).exists()

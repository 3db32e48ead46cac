from __future__ import annotations

import re

from modules.version import VERSION


def test_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)

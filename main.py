"""The roof: hand the values of `config.py` to the command that the arguments name, and set the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from modules.cli import main

if TYPE_CHECKING:
    from modules.settings import BotConfig


def _values() -> BotConfig:
    from config import CONFIG

    return CONFIG


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _values))

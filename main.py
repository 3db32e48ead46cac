"""The roof: hand the values of `config.py` to the command that the arguments name, and set the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if sys.dont_write_bytecode and sys.pycache_prefix is None:
    # Compiling every library anew costs seconds at each start: where nothing may be written beside the sources, keep it with the kernels.
    sys.pycache_prefix = str(Path(__file__).resolve().parent / "var" / "cache" / "bytecode")
    sys.dont_write_bytecode = False

from modules.cli import main

if TYPE_CHECKING:
    from modules.settings import BotConfig


def _values() -> BotConfig:
    from config import CONFIG

    return CONFIG


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], _values))

"""Where state is kept, for every command alike: the option `--state-dir`, its variable, and the environment used last there."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

DEFAULT = "var"
LAST_ENV = "last_env"
"""File of the state directory: the environment of its newest start."""


def folder(text: str) -> Path:
    """A folder, as an absolute path."""
    return Path(text).expanduser().absolute()


def add_state_dir(found: argparse.ArgumentParser) -> None:
    """Add `--state-dir`; without it `BOT_STATE_DIR`, without that `var`."""
    default = folder(os.environ.get("BOT_STATE_DIR") or DEFAULT)
    words = f"where state is kept (default $BOT_STATE_DIR, else {DEFAULT})"
    found.add_argument("--state-dir", type=folder, default=default, metavar="DIR", help=words)


def last_env(state_dir: Path) -> str | None:
    """The environment used last there; None where no bot ever ran."""
    try:
        return (state_dir / LAST_ENV).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None

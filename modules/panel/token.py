"""The panel's token: PANEL_TOKEN (or its credential file), else made once and kept in a file that only its owner can read."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from modules.environment import secret
from utils.errors import Refusal
from utils.files import atomic_write

NAME = "PANEL_TOKEN"
FILE = "panel.token"
SHORTEST = 16
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_file(folder: Path) -> Path:
    """Where the token of an environment's folder lies, unless PANEL_TOKEN names one."""
    return folder / FILE


def find_token(folder: Path, environ: Mapping[str, str]) -> str:
    """The token that opens the controls; Refusal for one that is too short to be one, or a file that others could have read."""
    given = secret(NAME, environ)
    if given is not None:
        return _long_enough(given, NAME)
    path = token_file(folder)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        made = secrets.token_urlsafe(24)
        atomic_write(path, f"{made}\n".encode(), mode=0o600)
        return made
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{path} cannot be read: {error}; remove it, then a new token is made") from error
    if mode & OTHERS:
        raise Refusal(f"{path} can be read by others (mode {stat.S_IMODE(mode):o}); remove it, then a new token is made")
    return _long_enough(text, str(path))


def _long_enough(token: str, where: str) -> str:
    if len(token) < SHORTEST:
        raise Refusal(f"{where} holds fewer than {SHORTEST} characters; a panel that can trade needs a token that nobody guesses")
    return token

"""The HALTED latch: a file that forbids every entry of an environment, whoever runs there, until somebody resumes.

It is written before anything is cancelled, looked at before each entry is sent and at every start, and knows nothing of journals, so it
holds while the daemon hangs, is dead, or has lost its state.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from utils.files import atomic_write

NAME = "HALTED"
ALL = "all"


class Latch(msgspec.Struct, frozen=True, kw_only=True):
    """Content of the file. `ts`: wall time, ms UTC. `resumed`: accounts that were let go again one by one."""

    who: str
    ts: int
    why: str = "flatten"
    resumed: tuple[str, ...] = ()


def latch(folder: Path, who: str, ts: int, why: str = "flatten") -> None:
    """Forbid entries of every account of the environment that lives in `folder`, durably; OSError when the disk refuses."""
    atomic_write(folder / NAME, msgspec.json.encode(Latch(who=who, ts=ts, why=why)))


def latched(folder: Path, account: str = "") -> str | None:
    """Who halted `account` (anything at all when empty) and why, None when entries are free. Cheap: one failing open.

    A file that cannot be read or understood halts like any other.
    """
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Latch)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError):
        return "halted (the file HALTED cannot be read; `resume` removes it)"
    if account and account in found.resumed:
        return None
    return f"{found.why} by {found.who}"


def unlatch(folder: Path, account: str = ALL) -> None:
    """Let one account, or all, enter again; nothing happens where nothing is halted."""
    place = folder / NAME
    if account == ALL:
        place.unlink(missing_ok=True)
        return
    try:
        found = msgspec.json.decode(place.read_bytes(), type=Latch)
    except (OSError, msgspec.MsgspecError):
        return  # nothing halted, or not to be let go by halves
    if account not in found.resumed:
        atomic_write(place, msgspec.json.encode(msgspec.structs.replace(found, resumed=(*found.resumed, account))))

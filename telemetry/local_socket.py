"""The Unix socket through which this user's command line reaches the daemon: a file of mode 0600, never left behind for long.

A socket path may be about 100 bytes long and state folders do not know that; a longer one is reached through its open folder.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from utils.errors import ExitCode, Refusal

LONGEST = 100
"""Bytes of a path that every system takes (Linux 107, macOS 103)."""


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The address of socket `path`, usable inside the block however long the path is (on Linux). OSError when its folder is not there."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def bind_private(path: Path) -> socket.socket:
    """A socket bound to `path` that only this user may open; a socket file that nobody listens on any more is replaced.

    Refusal when something else lies there, when a daemon still listens (ALREADY_RUNNING), or when the folder is not writable.
    """
    try:
        _clear(path)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mask holds for the whole process, but nothing else runs between these lines: there is no await.
        before = os.umask(0o177)
        try:
            with address(path) as where:
                bound.bind(where)
        except OSError:
            bound.close()
            raise
        finally:
            os.umask(before)
    except OSError as error:
        raise Refusal(f"the control socket {path} cannot be opened: {error.strerror or error}") from error
    bound.setblocking(False)
    return bound


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Refusal(f"the control socket {path} cannot be opened: a file of that name is in the way")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller, address(path) as where:
        caller.setblocking(False)
        try:
            caller.connect(where)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:  # a full queue of callers: somebody owns it
            pass
    raise Refusal(f"a daemon is listening on {path}", ExitCode.ALREADY_RUNNING)

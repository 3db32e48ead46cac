"""The only door to numba: small compiled functions, cached where a change of any of them is noticed.

numba keeps the machine code of a callee inside its caller's cache entry and does not look when the callee's file changes.
So the cache folder bears the hash of every kernel source, of this file and of the numba version: one edit, a new folder. A folder
that cannot be written is an error, never a silent slow start.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

ROOT = Path(__file__).resolve().parent.parent
KERNEL_FOLDERS = ("utils", "state", "risk", "strategy", "forex", "modules/learning", "modules/simulator")

F = TypeVar("F", bound=Callable[..., Any])


def source_hash() -> str:
    """Hash of every file that holds a kernel or the rows that kernels work on, and of numba's version."""
    digest = hashlib.sha256(version("numba").encode())
    for folder in KERNEL_FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            text = path.read_bytes()
            if b"utils.kernel" in text or path.name in {"kernel.py", "rows.py"}:
                digest.update(path.name.encode() + b"\0" + text)
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `BOT_CACHE_DIR`, else `var/cache` beside the program."""
    base = Path(os.environ.get("BOT_CACHE_DIR", ROOT / "var" / "cache"))
    return base / "numba" / source_hash()


def _prepare() -> None:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")


_prepare()

import numba  # noqa: E402  the cache folder must be named before numba reads its settings

_compiled: list[Any] = []


def kernel(function: F) -> F:
    """Compile `function` (nopython, cached, numpy error model: x / 0 is inf, as in numpy)."""
    dispatcher = numba.njit(cache=True, error_model="numpy")(function)
    _compiled.append(dispatcher)
    return cast(F, dispatcher)


def forbid_compiling() -> int:
    """After warm-up: a call with new argument types raises instead of stalling the loop. Returns how many kernels are loaded."""
    for dispatcher in _compiled:
        if getattr(dispatcher, "signatures", None):
            dispatcher.disable_compile()
    return len(_compiled)

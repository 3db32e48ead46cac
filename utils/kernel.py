"""The only door to numba: small compiled functions, cached where a change of any of them is noticed.

numba keeps the machine code of a callee inside its caller's cache entry and does not look when the callee's file changes; the
constants a kernel reads from other files are frozen in the same way. So the cache folder bears the hash of every file that holds a
kernel, of all our files that those import, and of the numba version: one edit, a new folder. A folder that cannot be written is an
error, never a silent slow start.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

from utils.errors import Refusal

ROOT = Path(__file__).resolve().parent.parent
KERNEL_FOLDERS = ("utils", "state", "risk", "strategy", "forex", "modules/engine", "modules/learning", "modules/simulator")

_PLAIN_IMPORT = re.compile(r"^[ \t]*import ([\w.]+)", re.MULTILINE)
_FROM_IMPORT = re.compile(r"^[ \t]*from ([\w.]+) import (\([^)]*\)|[^\n]*)", re.MULTILINE)

F = TypeVar("F", bound=Callable[..., Any])


def kernel_sources(root: Path = ROOT) -> dict[str, bytes]:
    """Every file that holds a kernel and every file of ours that it imports, directly or not: path below `root` -> content."""
    found: dict[str, bytes] = {}
    asked: set[str] = set()
    waiting = [path for folder in KERNEL_FOLDERS for path in (root / folder).glob("*.py") if b"utils.kernel" in path.read_bytes()]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            found[name] = path.read_bytes()
            names = _imported(found[name].decode()) - asked  # each is looked for once: every process that has kernels does this
            asked |= names
            files = (root / f"{one.replace('.', '/')}.py" for one in names)
            waiting.extend(file for file in files if file.is_file())
    return found


def source_hash(root: Path = ROOT) -> str:
    """Hash of `kernel_sources` and of numba's version."""
    digest = hashlib.sha256(version("numba").encode())
    for name, text in sorted(kernel_sources(root).items()):
        digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Where compiled kernels are kept: `BOT_CACHE_DIR`, else `var/cache` beside the program."""
    base = Path(os.environ.get("BOT_CACHE_DIR", ROOT / "var" / "cache"))
    return base / "numba" / source_hash()


def _imported(text: str) -> set[str]:
    """What a source text may import, at any depth of nesting: dotted names, some of which are no modules."""
    names = set(_PLAIN_IMPORT.findall(text))
    for package, members in _FROM_IMPORT.findall(text):
        names.add(package)
        names.update(f"{package}.{member}" for member in re.findall(r"\w+", members))
    return names


def _prepare() -> None:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(f"the folder for compiled kernels cannot be made: {error} (BOT_CACHE_DIR names another place)") from error
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    os.environ.setdefault("NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")


_prepare()

import numba  # noqa: E402  the cache folder must be named before numba reads its settings


def _leave_scipy() -> None:
    """Tell numba that there is no matrix product: for one it would load scipy's linear algebra, whether a kernel has one or not.

    That costs every process that runs a kernel a third of a second and 15 MB. A kernel with a matrix product would fail to compile, at once
    and by name. Whoever else wants scipy gets it as ever.
    """
    place = "scipy.linalg"
    if place not in sys.modules:
        sys.modules[place] = None  # type: ignore[assignment]  # what makes `import` say no
        try:
            import_module("numba.np.arraymath")
        finally:
            del sys.modules[place]


_leave_scipy()

_compiled: list[Any] = []


def kernel(function: F) -> F:
    """Compile `function` (nopython, cached, numpy error model: x / 0 is inf, as in numpy)."""
    dispatcher = numba.njit(cache=True, error_model="numpy")(function)
    _compiled.append(dispatcher)
    return cast(F, dispatcher)


A = TypeVar("A")


def _without_owner(_context: Any, array: Any) -> Any:
    """What numba asks of an intrinsic: the type of its result, and what builds it."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays, values = import_module("numba.np.arrayobj"), import_module("numba.core.cgutils")  # while compiling only
        view = arrays.make_array(signature.return_type)(context, builder, arguments[0])
        view.meminfo, view.parent = values.get_null_value(view.meminfo.type), values.get_null_value(view.parent.type)
        return view._getvalue()  # noqa: SLF001  so numba does it

    return array(array), build


def _as_it_is(array: A) -> A:
    return array


borrowed: Callable[[A], A] = _as_it_is if vars(numba.config)["DISABLE_JIT"] else cast(Any, numba.extending.intrinsic(_without_owner))
"""For a compiled loop that hands its arrays to kernel after kernel: the same array without an owner, so that no call counts references to
it (locked instructions, a third of the sweep's portfolio pass). Whoever calls the loop keeps the array; the view must not leave it."""


def forbid_compiling() -> int:
    """After warm-up: a call with new argument types raises instead of stalling the loop. Returns how many kernels are loaded."""
    for dispatcher in _compiled:
        if getattr(dispatcher, "signatures", None):
            dispatcher.disable_compile()
    return len(_compiled)

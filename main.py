"""The roof: hand the values of `config.py` to the command that the arguments name, and set the exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import machinery
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if sys.dont_write_bytecode and sys.pycache_prefix is None:
    # Compiling every library anew costs seconds at each start: where nothing may be written beside the sources, keep it with the kernels.
    sys.pycache_prefix = str(Path(__file__).resolve().parent / "var" / "cache" / "bytecode")
    sys.dont_write_bytecode = False


class _Mending(machinery.SourceFileLoader):
    """Compiles anew what a full disk cut short: Python itself ends with an EOFError at every start until somebody deletes the file.

    It stands here because this is the one file of ours that is never read from a cache.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        try:
            return super().get_code(fullname)
        except (EOFError, TypeError, ValueError):  # what marshal says of half a file
            path = self.get_filename(fullname)
            with suppress(OSError):
                Path(cache_from_source(path)).unlink()
                return super().get_code(fullname)
            return self.source_to_code(self.get_data(path), path)


sys.path_hooks.insert(
    0,
    machinery.FileFinder.path_hook(
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (_Mending, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    ),
)
sys.path_importer_cache.clear()

from modules.cli import main  # noqa: E402  after the hook, for it has a cache too
from utils.files import OTHERS  # noqa: E402

if TYPE_CHECKING:
    from modules.settings import BotConfig


def _values() -> BotConfig:
    from config import CONFIG

    return CONFIG


if __name__ == "__main__":
    os.umask(OTHERS)  # of the simulator and the trainer, too, which are started from here
    sys.exit(main(sys.argv[1:], _values))

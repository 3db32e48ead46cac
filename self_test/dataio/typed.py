"""The data commands as an operator types them."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from dataio.commands import add_arguments, run
from utils.errors import ExitCode


class Terminal(io.StringIO):
    """Output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def call(*words: str | Path, out: io.StringIO | None = None) -> tuple[ExitCode, str]:
    parser = argparse.ArgumentParser(prog="main.py")
    add_arguments(parser.add_subparsers(dest="command"))
    stream = out or io.StringIO()
    code = run(parser.parse_args(["data", *map(str, words)]), stream)
    return code, stream.getvalue()

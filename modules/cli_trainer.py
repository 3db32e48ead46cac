"""`python main.py trainer`: the process that the daemon trains policies in. The daemon starts it, not people, so it is not listed."""

from __future__ import annotations

import argparse
import os
import sys
import threading

from utils.errors import ExitCode

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
LOOK_S = 1.0


def add_arguments(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command, without a line of help."""
    parser = subparsers.add_parser("trainer")
    parser.add_argument("--of", type=int, metavar="PID", help="the process that it ends with (default: whoever started it)")
    parser.set_defaults(handler=run)


def run(args: argparse.Namespace, _load: object) -> ExitCode:
    """Serve jobs until the input ends. One thread for everything that computes: it shares its machine with the daemon."""
    parent = os.getppid() if args.of is None else args.of
    for name in THREADS:
        os.environ.setdefault(name, "1")
    from modules.learning.worker import serve

    # Whoever was killed before this line has left jobs in the pipe: they are nobody's, and what they say is in use may no longer be so.
    if os.getppid() != parent:
        return ExitCode.DONE
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    serve(sys.stdin.buffer, out)
    return ExitCode.DONE


def _end_with(parent: int) -> None:
    """End with the daemon, however that ended and whatever is being trained: the next daemon has a trainer of its own."""
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(LOOK_S)
    os._exit(int(ExitCode.DONE))

"""An environment for each tool, made when first asked for and kept: `.venv-peers/NAME`, from pins in `requirements-NAME.txt`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
KEPT = REPO / ".venv-peers"
POLITE = ("nice", "-n", "15")
LIMIT_S = 1200


class Missing(Exception):
    """The tool is not there, and why."""


def polite(*words: str | Path) -> list[str]:
    """A command that leaves the machine to others, where there is `nice`."""
    return [*(POLITE if shutil.which("nice") else ()), *map(str, words)]


def python_of(name: str) -> Path:
    """The interpreter of a tool's environment; made or brought up to date if need be. Missing says why there is none."""
    folder, pins = KEPT / name, Path(__file__).with_name(f"requirements-{name}.txt")
    python, stamp = folder / "bin" / "python", folder / "made-from.txt"
    if stamp.is_file() and stamp.read_text() == pins.read_text() and python.exists():
        return python
    sys.stderr.write(f"making {folder.relative_to(REPO)} ...\n")
    _run(polite(sys.executable, "-m", "venv", "--clear", folder))
    _run(polite(python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-r", pins))
    stamp.write_text(pins.read_text())
    return python


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603  our own words  # nosec B603
            command, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"installing took more than {LIMIT_S} s") from error
    if done.returncode:
        raise Missing(reason(done.stderr) or f"exit code {done.returncode}")


def reason(told: str) -> str:
    """The last line of an installer's or program's complaint that says something, without warnings."""
    lines = [line.strip() for line in told.splitlines() if line.strip() and not line.lstrip().lower().startswith(("warning", "[notice"))]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or [""])[-1][:300]

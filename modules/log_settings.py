"""How the log on standard error is written: its settings, and the set-up of a process by them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from utils.logs import setup

KEPT = 200
"""Lines that stay in memory for `logs` in chat, panel and command line."""
APART = ("orders",)
"""What each order did can be looked up (`trades`, `why`, the journal); `logs` keeps its lines for what goes wrong."""


class LogConfig(BaseModel):
    """Form and level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["auto", "console", "json"] = "auto"
    """auto: for people on a terminal, JSON (an object a line) anywhere else."""
    level: Literal["debug", "info", "warning", "error"] = "warning"
    """warning: outages and their ends, and what somebody should look at. info: also each step of each order. debug: also each try."""


def begin_log(config: LogConfig, *, verbose: bool, secrets: Iterable[str]) -> None:
    """Write the log of this process by `config`; `verbose` is at least info. `secrets` are cut from every line."""
    form = ("console" if sys.stderr.isatty() else "json") if config.form == "auto" else config.form
    level = "info" if verbose and config.level in {"warning", "error"} else config.level
    setup(form=form, level=level, secrets=secrets, keep=KEPT, apart=APART)

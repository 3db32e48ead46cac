"""What may be set about the web panel; its token is no setting but a secret (`modules/panel/token.py`)."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, field_validator


class Panel(BaseModel):
    """The web panel, on the address of `http`."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    on: bool = True
    hosts: tuple[str, ...] = ()
    """Names, beside those of the loopback, under which browsers may reach it (a proxy's name, an address of this machine)."""
    look_needs_login: bool = False
    """Ask for the token before anything is shown, also on the loopback; whoever comes from elsewhere is always asked."""
    secure_cookie: bool = False
    """Mark the cookie as one for HTTPS alone: behind a proxy that speaks it."""

    @field_validator("hosts")
    @classmethod
    def _bare(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Host names and addresses alone, lower case: no scheme, port, path or wildcard."""
        wrong = [name for name in value if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:]*:[0-9a-f:]*", name)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: a host's name or address alone is meant, lower case, e.g. bot.example")
        return value

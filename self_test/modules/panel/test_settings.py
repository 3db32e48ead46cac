from __future__ import annotations

import pytest
from pydantic import ValidationError

from modules.panel.settings import Panel


@pytest.mark.parametrize("host", ["bot.example", "10.0.0.5", "fe80::1", "a"])
def test_the_panels_hosts_are_bare_names(host: str) -> None:
    assert Panel(hosts=(host,)).hosts == (host,)


@pytest.mark.parametrize("host", ["", "*", "https://bot.example", "bot.example:80", "Bot.example", "bot.example/", "-bot", "a b"])
def test_another_host_of_the_panel_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="a host's name or address alone"):
        Panel(hosts=(host,))

from __future__ import annotations

import pytest

from modules.ui.about import FirstViews, about
from modules.ui.commands import VOCABULARY, parse
from self_test.scenarios.desk import Desk
from utils.errors import Refusal


def test_help_has_every_command_or_one() -> None:
    assert len(about(parse("help")).lines) == len(VOCABULARY)
    assert about(parse("help close")).lines == ["close SYMBOL [ACCOUNT]: close a position at market"]
    assert set(about(parse("version")).data) == {"version", "python"}


@pytest.mark.asyncio
async def test_status_and_positions_come_from_memory_and_the_rest_is_refused() -> None:
    desk = Desk()
    views = FirstViews(desk.engine.state, "simulated", live=False)
    assert views.look(parse("positions")).lines == ["none"]
    desk.open()
    assert "long AAAUSDT" in views.look(parse("positions")).lines[0]
    assert views.look(parse("status")).data["live"] is False
    with pytest.raises(Refusal):
        views.look(parse("pairs"))
    with pytest.raises(Refusal):
        await views.picture(parse("chart"))

from __future__ import annotations

from pathlib import Path

import pytest

from modules.boot import recover
from modules.engine import decide
from modules.engine.migrations import open_chain
from self_test.fakes.stored import Played
from state.books import OPEN
from state.ledger import RowKind, read_ledger


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_an_order_that_todays_program_would_not_send_was_sent_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    bot = Played(tmp_path)
    bot.minutes(40)
    bot.chain.journal.sync()
    expected = bot.engine.state
    bot.crash()
    real, count = decide.place, [0]

    def other(*args: object, **words: object) -> None:
        count[0] += 1
        if count[0] != refused:
            real(*args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "place", other)
    chain = open_chain(tmp_path)
    stored = recover(chain)
    chain.close()
    assert stored.state is not None
    assert stored.replayed is not None and stored.replayed.differing == 1
    assert any("decided differently" in line for line in stored.warnings)
    assert (stored.state.acct["cash"] == expected.acct["cash"]).all()
    assert (stored.state.pos["status"] == expected.pos["status"]).all()
    held = stored.state.pos["status"] == OPEN
    assert (stored.state.pos["steps"][held] == expected.pos["steps"][held]).all()
    assert stored.state.closed_trades == expected.closed_trades


def test_an_order_that_only_todays_program_would_send_was_never_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, count = decide.place, [0]

    def fewer(*args: object, **words: object) -> None:
        count[0] += 1
        if count[0] % 2:
            real(*args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "place", fewer)
    bot = Played(tmp_path)
    bot.minutes(40)
    bot.chain.journal.sync()
    expected = bot.engine.state
    bot.crash()
    monkeypatch.undo()
    chain = open_chain(tmp_path)
    stored = recover(chain)
    chain.close()
    assert stored.state is not None
    assert stored.replayed is not None and stored.replayed.differing > 0
    assert (stored.state.acct["cash"] == expected.acct["cash"]).all()
    assert sorted(stored.state.orders) == sorted(expected.orders)
    assert len(list(read_ledger(tmp_path / "ledger", RowKind.TRADE))) == expected.closed_trades[0]

from __future__ import annotations

import msgspec

from config import CONFIG
from modules.engine.core import Engine
from modules.engine.desk import fresh_engine
from modules.engine.recovery import restore, snapshot_of
from self_test.fakes.books import coin
from state.market import Quote
from state.messages import Place, Report, Tick
from strategy.base import DEMO

NOW = 1_735_689_600_000
COINS = (coin("AAAUSDT"), coin("BBBUSDT"))


def test_a_symbol_that_is_here_only_because_it_is_held_is_never_entered_again() -> None:
    engine, _ = fresh_engine(CONFIG, COINS, frozenset({DEMO}), NOW, quotes=True)
    engine = Engine(engine.state, msgspec.structs.replace(engine.mandate, closing_only=frozenset({"CRYPTO:BBBUSDT"})))
    engine.state.market["last_ts"] = NOW
    engine = restore(snapshot_of(engine, 0))  # the terms survive a restart
    quotes = tuple(Quote(one.key, NOW + 60_000, 10_000, 10_001, 10**6, 10**6) for one in COINS)
    engine.state.market["median_turnover_ticks"] = 1e12
    out = engine.process(Tick(NOW + 60_000, quotes))
    assert [command.order.intent.key for command in out if isinstance(command, Place)] == ["CRYPTO:AAAUSDT"]
    assert [command.rule for command in out if isinstance(command, Report) and command.what == "refused"] == ["not_allowed_here"]

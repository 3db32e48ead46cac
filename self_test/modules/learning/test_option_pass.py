from __future__ import annotations

import msgspec
import numpy as np

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.engine.option_pick import offers_of
from modules.engine.option_prices import quoted, terms_of
from modules.learning.option_pass import asked, no_options, offered, options_of, slot_terms
from modules.learning.sweep import SIGNAL
from modules.timeframes import BY_DAYS, map_of
from self_test.fakes.markets import market
from self_test.fakes.option_markets import SURFACES, option_market
from state.accounts import Domain
from state.books import POS, rows
from strategy.base import F1, LONG, O1, SHORT

FRAMES = map_of(BY_DAYS)


def test_without_slots_there_is_nothing_to_lay_out() -> None:
    grid = market(Domain.PERPS, days=3, first_day=1, seed=2)
    engine, _ = fresh_engine(CONFIG, grid.instruments, frozenset(), int(grid.ts[0]), quotes=False)
    found = options_of(grid, engine.state.inst, np.zeros(2, SIGNAL), FRAMES)
    assert [part.shape for part in found] == [part.shape for part in no_options()]
    assert len(offered(found, 1)) == 0


def test_each_slot_has_its_surface_and_each_signal_of_o1_its_offers() -> None:
    grid = option_market("EURUSD", "USDJPY", days=3, first_day=1)
    engine, _ = fresh_engine(CONFIG, grid.instruments, frozenset(), int(grid.ts[0]), quotes=False)
    signals = np.zeros(4, SIGNAL)
    signals["k"] = np.flatnonzero(grid.open.all(axis=0))[100:104]
    signals["i"] = (0, 1, 0, 1)
    signals["code"] = (LONG << 2 * O1, SHORT << 2 * O1, LONG << 2 * F1, LONG << 2 * O1 | SHORT << 2 * F1)
    found = options_of(grid, engine.state.inst, signals, FRAMES)
    for i, name in enumerate(SURFACES):
        for one, other in zip(slot_terms(found, i), terms_of(SURFACES[name]), strict=True):
            assert np.array_equal(np.asarray(one), np.asarray(other))
    for n, (i, direction) in enumerate(((0, 1), (1, -1), (0, 0), (1, 1))):
        k = int(signals[n]["k"])
        spot, closed = int(grid.close[i, k]), int(grid.ts[k]) + grid.confirm_ms
        wanted = offers_of(list(SURFACES.values())[i], direction, closed, spot, spot) if direction else offered(found, 2)[:0]
        assert np.array_equal(offered(found, n), wanted) and bool(direction) == bool(len(wanted))
    pos, best = rows(POS, 2), offered(found, 1)[0]
    for name in ("right", "strike", "expiry_ts"):
        pos[1][name] = best[name]
    at = (int(best["right"]), int(best["strike"]), int(best["expiry_ts"]), int(grid.ts[-1]), 150_000, 150_000)
    assert asked(found, pos, 1, int(grid.ts[-1]), 150_000) == quoted(terms_of(SURFACES["USDJPY"]), *at)[1]


def test_a_slot_without_a_surface_is_offered_nothing() -> None:
    grid = option_market("EURUSD", "USDJPY", days=3, first_day=1)
    bare = msgspec.structs.replace(grid, surfaces={"EURUSD": SURFACES["EURUSD"]})
    engine, _ = fresh_engine(CONFIG, bare.instruments, frozenset(), int(bare.ts[0]), quotes=False)
    signals = np.zeros(2, SIGNAL)
    signals["k"], signals["i"], signals["code"] = int(np.flatnonzero(bare.open.all(axis=0))[100]), (0, 1), LONG << 2 * O1
    found = options_of(bare, engine.state.inst, signals, FRAMES)
    assert len(offered(found, 0)) > 5 and len(offered(found, 1)) == 0

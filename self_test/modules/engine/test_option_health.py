from __future__ import annotations

import msgspec
import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.engine.option_health import surface_facts
from self_test.fakes.option_markets import ms, slot
from self_test.fakes.pairs import pair
from self_test.forex.smiles import EURUSD
from state.messages import SurfaceSeen
from state.options import OptionContract

MARCH = OptionContract.parse("EURUSD-20250321-C-1.05000")
HOUR = 3_600_000


def facts(now: str, quoted: str = "2025-02-21T15:00", contract: OptionContract | None = MARCH) -> dict[str, object]:
    engine, _ = fresh_engine(CONFIG, (slot("EURUSD"),), frozenset(), 0, quotes=False)
    if quoted:
        engine.process(SurfaceSeen(ms(quoted), msgspec.structs.replace(EURUSD, ts=ms(quoted))))
    return surface_facts(engine.state, 0, contract, ms(now))


def test_other_domains_need_none() -> None:
    engine, _ = fresh_engine(CONFIG, (pair("EURUSD"),), frozenset(), 0, quotes=False)
    assert surface_facts(engine.state, 0, None, 0) == {}


def test_without_a_surface_or_tenors_that_reach_the_contract_nothing_prices_it() -> None:
    assert facts("2025-02-21T16:00", quoted="") == {"surface_missing": True}
    assert not facts("2025-02-21T16:00")["surface_missing"]
    assert facts("2025-02-21T16:00", contract=OptionContract.parse("EURUSD-20251219-C-1.05000"))["surface_missing"]


@pytest.mark.parametrize(
    "now, hours",
    [
        ("2025-02-21T16:00", 1),  # Friday
        ("2025-02-23T23:00", 8),  # the weekend is not counted: seven hours to Friday's close, one from Sunday's open
        ("2025-02-24T15:00", 24),
        ("2025-02-24T16:00", 25),
        ("2025-03-21T15:00", 28 * 24),  # long ago, and not walked through
    ],
)
def test_its_age_is_told_in_trading_time(now: str, hours: int) -> None:
    found = facts(now)
    assert found["surface_age_ms"] == hours * HOUR and found["surface_limit_ms"] == 24 * HOUR


def test_an_older_surface_never_replaces_a_newer_one() -> None:
    engine, _ = fresh_engine(CONFIG, (slot("EURUSD"),), frozenset(), 0, quotes=False)
    for ts in (2_000, 1_000, 3_000, 2_500):
        engine.process(SurfaceSeen(3_000, msgspec.structs.replace(EURUSD, ts=ts)))
    assert engine.state.surfaces["EURUSD"].ts == 3_000

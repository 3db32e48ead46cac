"""The listed options around spot, and O1's choice among them in its order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forex import options_chain
from forex.options_chain import ENTRY_DAYS, ENTRY_DELTAS, GRID, candidates, chain, grid_of, listed_delta
from forex.options_files import read_surface
from forex.options_quotes import option_quote
from forex.options_surface import arrays, frozen, kind_of
from self_test.forex.smiles import EURUSD, USDJPY
from state.options import OptionContract, Right, Surface, cut_ts
from utils.errors import Refusal

DAY_MS = 86_400_000


def delta(surface: Surface, contract: OptionContract, spot: float, ts: int) -> float:
    day = (contract.expiry_ts - ts) / DAY_MS
    return listed_delta(*arrays(surface), kind_of(surface.pair), int(contract.right), spot, contract.strike_price, day)


@pytest.mark.parametrize("surface", [EURUSD, USDJPY], ids=lambda surface: surface.pair)
def test_the_chain_covers_10_to_90_delta_on_its_grid_at_every_friday(surface: Surface) -> None:
    listed = list(chain(surface, surface.spot, surface.ts))
    expiries = sorted({contract.expiry_ts for contract in listed})
    assert [datetime.fromtimestamp(cut / 1000, UTC).date() for cut in expiries] == [
        date(2025, month, day) for month, day in ((2, 21), (2, 28), (3, 7), (3, 14), (3, 21), (3, 28), (4, 4), (4, 11))
    ]
    assert len(set(listed)) == len(listed)
    for expiry in expiries:
        calls = [contract for contract in listed if contract.expiry_ts == expiry and contract.right is Right.CALL]
        puts = [contract for contract in listed if contract.expiry_ts == expiry and contract.right is Right.PUT]
        assert [call.strike for call in calls] == [put.strike for put in puts]
        assert {later.strike - sooner.strike for sooner, later in pairwise(calls)} == {grid_of(surface.pair)}
        assert calls[0].strike % grid_of(surface.pair) == 0
        assert delta(surface, puts[0], surface.spot, surface.ts) >= -0.10  # the lowest strike is at or beyond a 10 delta put
        assert delta(surface, puts[1], surface.spot, surface.ts) < -0.10  # ... and the next is not
        assert delta(surface, calls[-1], surface.spot, surface.ts) <= 0.10
        assert delta(surface, calls[-2], surface.spot, surface.ts) > 0.10


def test_good_friday_lists_the_thursday() -> None:
    ts = cut_ts(date(2025, 3, 31))
    expiries = {contract.expiry_ts for contract in chain(EURUSD, 1.08, ts)}
    assert cut_ts(date(2025, 4, 17)) in expiries
    assert cut_ts(date(2025, 4, 18)) not in expiries


@given(
    surface=st.sampled_from([EURUSD, USDJPY]),
    right=st.sampled_from(list(Right)),
    hours=st.integers(0, 24 * 400),
    moved=st.floats(0.9, 1.1),
)
def test_candidates_are_all_listed_contracts_in_range_in_order(surface: Surface, right: Right, hours: int, moved: float) -> None:
    ts, spot = surface.ts + hours * 3_600_000, surface.spot * moved
    found = candidates(surface, spot, ts, right)
    assert found
    by_hand = []
    for contract in chain(surface, spot, ts):
        days, value = (contract.expiry_ts - ts) / DAY_MS, delta(surface, contract, spot, ts)
        low, high = ENTRY_DELTAS
        if contract.right is right and ENTRY_DAYS[0] <= days <= ENTRY_DAYS[1] and low <= abs(value) <= high:
            by_hand.append((-abs(value), abs(days - 28), contract.strike, contract))
    assert [one.contract for one in found] == [contract for *_, contract in sorted(by_hand, key=lambda row: row[:3])]
    for one in found:
        assert one.delta == pytest.approx(delta(surface, one.contract, spot, ts), abs=1e-9)
        assert one.days == (one.contract.expiry_ts - ts) / DAY_MS


def test_nothing_in_range_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRID, "EURUSD", 100_000)  # a grid of 1.0
    assert candidates(EURUSD, EURUSD.spot, EURUSD.ts, Right.CALL) == []
    monkeypatch.setattr(options_chain, "ENTRY_DAYS", (15.0, 16.0))  # no Friday
    assert candidates(EURUSD, EURUSD.spot, EURUSD.ts, Right.CALL) == []


def test_a_pair_without_options_is_refused() -> None:
    with pytest.raises(Refusal, match="no options are listed on GBPUSD"):
        grid_of("GBPUSD")


def test_over_real_spot_of_2025_the_frozen_surface_always_has_something_to_buy_and_to_hold(market_data: Path) -> None:
    real = read_surface(market_data / "fx_options", "EURUSD", date(2025, 2, 10), {"USD": 0.043})
    table = pq.read_table(market_data / "fx" / "dukascopy" / "EURUSD_15m.parquet").to_pydict()
    bars = list(zip(*(table[name] for name in ("ts", "open", "high", "low", "close")), strict=True))[::60]
    assert len(bars) > 300
    for ts, *prices in bars:
        _, high, low, close = (round(price * 1e5) for price in prices)
        held = frozen(real, ts, close * 1e-5)
        for right in Right:
            found = candidates(held, held.spot, ts, right)
            assert len(found) >= 8
            best = found[0]
            assert 0.42 < abs(best.delta) <= 0.5
            terms = (*arrays(held), kind_of("EURUSD"), int(right))
            bid, ask, mid = option_quote(*terms, close, close, best.contract.strike, best.days, 1e-5)
            assert 0 < bid < mid < ask < 2 * mid
            lowest, highest = sorted(option_quote(*terms, at, at, best.contract.strike, best.days, 1e-5)[0] for at in (low, high))
            assert lowest <= bid <= highest

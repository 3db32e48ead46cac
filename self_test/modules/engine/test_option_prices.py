from __future__ import annotations

import msgspec
import pytest

from modules.engine.option_prices import (
    bid_candle,
    covers,
    figures,
    frame_ms,
    lead_of,
    longest_hold,
    quoted,
    rungs_of,
    settlement,
    sign,
    surface_of,
    terms_of,
    told,
)
from modules.timeframes import BY_DAYS, map_of
from self_test.fakes.option_markets import ms
from self_test.forex.smiles import EURUSD
from state.books import INST, LIMITS, PENDING, POS, rows
from state.market import Candle
from state.options import OptionContract

DAY = 86_400_000
M15 = 900_000
CALL, PUT = (OptionContract.parse(f"EURUSD-20250321-{right}-1.05000") for right in "CP")
NOW = ms("2025-02-24T12:00")


def test_bid_and_ask_stand_a_pip_or_more_from_each_other_and_are_one_at_the_cut() -> None:
    terms = terms_of(EURUSD)
    bid, ask = quoted(terms, 1, CALL.strike, CALL.expiry_ts, NOW, 105_000, 105_000)
    assert 0 < bid < ask and ask - bid >= 20
    assert quoted(terms, 1, CALL.strike, CALL.expiry_ts, CALL.expiry_ts, 105_123, 105_123) == (123, 123)
    wide = quoted(terms, 1, CALL.strike, CALL.expiry_ts, NOW, 104_990, 105_010)
    assert wide == (bid, ask), "by the middle of the pair's quote"


@pytest.mark.parametrize("contract", [CALL, PUT])
def test_a_candle_of_the_bid_opens_at_its_open_s_time_and_has_ended_at_its_close_s(contract: OptionContract) -> None:
    terms, right = terms_of(EURUSD), int(contract.right)
    candle = Candle("OPTIONS:EURUSD", NOW, 105_000, 105_300, 104_800, 105_100, 1.0)

    def bid(ts: int, spot: int) -> int:
        return quoted(terms, right, contract.strike, contract.expiry_ts, ts, spot, spot)[0]

    found = bid_candle(EURUSD, contract, candle, M15)
    high, low = (105_300, 104_800) if right > 0 else (104_800, 105_300)
    assert (found.open, found.close) == (bid(NOW, 105_000), bid(NOW + M15, 105_100))
    assert (found.high, found.low) == (bid(NOW + M15, high), bid(NOW + M15, low))
    still = bid_candle(EURUSD, contract, Candle("OPTIONS:EURUSD", NOW, 105_000, 105_000, 105_000, 105_000, 1.0), 40 * M15)
    assert still.high == still.open > still.close == still.low, "time alone takes from it, and its candle is one"


@pytest.mark.parametrize("right, fixing, worth", [(1, 105_001, 1), (1, 105_000, 0), (1, 104_000, 0), (-1, 104_999, 1), (-1, 106_000, 0)])
def test_it_settles_for_its_intrinsic_value(right: int, fixing: int, worth: int) -> None:
    assert settlement(right, 105_000, fixing) == worth


@pytest.mark.parametrize("days, hours", [(30, 1.0), (21.001, 1.0), (21, 0.25), (5, 0.25), (4.999, 1 / 12), (0, 1 / 12), (-1, 1 / 12)])
def test_its_timeframe_goes_by_the_days_to_its_expiry(days: float, hours: float) -> None:
    rungs, left = rungs_of(map_of(BY_DAYS)), int(days * DAY)
    assert frame_ms(rungs, left) == hours * 3_600_000 == map_of(BY_DAYS).at(left / DAY).confirm_ms
    at = CALL.expiry_ts - left
    assert told(rungs, CALL.expiry_ts, at, M15) == (hours < 1 or at % 3_600_000 == 0)


def test_it_is_held_no_longer_than_the_lead_before_its_expiry_allows() -> None:
    limits = rows(LIMITS)
    limits[0]["option_exit_days"] = 3.0
    assert lead_of(limits) == 3 * DAY
    assert longest_hold(60_000, NOW + 30 * DAY, NOW, 3 * DAY) == 60_000
    assert longest_hold(42 * DAY, NOW + 30 * DAY, NOW, 3 * DAY) == 27 * DAY
    assert longest_hold(42 * DAY, NOW + DAY, NOW, 3 * DAY) == 0
    pos = rows(POS)
    pos[0]["max_hold_ms"] = 42 * DAY
    sign(pos, 0, -1, 105_000, NOW + 10 * DAY, NOW, 3 * DAY)
    assert (pos[0]["right"], pos[0]["strike"], pos[0]["expiry_ts"], pos[0]["max_hold_ms"]) == (-1, 105_000, NOW + 10 * DAY, 7 * DAY)


def test_delta_and_vol_are_the_smile_s() -> None:
    delta, vol = figures(terms_of(EURUSD), 1, 105_000, CALL.expiry_ts, NOW, 105_000)
    down, same = figures(terms_of(EURUSD), -1, 105_000, CALL.expiry_ts, NOW, 105_000)
    assert 0.45 < delta < 0.6 and 0.07 < vol < 0.10 and same == vol and delta - down == pytest.approx(1.0, abs=0.01)


def test_a_surface_covers_what_lies_between_its_tenors() -> None:
    assert covers(EURUSD, CALL, NOW)
    assert not covers(EURUSD, CALL, CALL.expiry_ts - 7 * DAY) and not covers(EURUSD, CALL, CALL.expiry_ts - 88 * DAY)


def test_only_what_is_held_in_a_slot_has_a_surface() -> None:
    inst, pos, surfaces = rows(INST, 2), rows(POS, 2), {"EURUSD": EURUSD}
    inst[0]["option"], pos["status"] = 1, PENDING
    assert [surface_of(surfaces, inst, pos, i, "EURUSD") for i in (0, 1)] == [EURUSD, None]
    assert surface_of({}, inst, pos, 0, "EURUSD") is None
    pos[0]["status"] = 0
    assert surface_of(surfaces, inst, pos, 0, "EURUSD") is None
    assert msgspec.structs.replace(EURUSD) == EURUSD and terms_of(EURUSD) is terms_of(msgspec.structs.replace(EURUSD))

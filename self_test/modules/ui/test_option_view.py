"""A held option's figures are those of the pricing face, by its pair's convention, and money of the whole position in account currency."""

from __future__ import annotations

from math import exp

import msgspec
import pytest

from forex.options_conventions import delta_kind
from forex.options_kernels import SPOT
from forex.options_pricing import delta, greeks
from forex.options_surface import arrays, rates_at, smile_vol
from modules.ui.option_view import NO_SURFACE, contract_words, figures, greek_words, surface_words
from self_test.modules.ui.option_scenes import CALL, EUR_OPT, NOW, PUT, hold_option, option_state
from state.accounts import Account, Domain, Mode
from state.books import PENDING
from state.option_figures import OptionFigures
from state.options import OptionContract
from state.runtime import RuntimeState, account_view, holding

DAY_MS = 86_400_000


def seen(state: RuntimeState, i: int, ts: int = 0) -> OptionFigures:
    found = figures(state, i, ts)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("contract", "spot", "convention", "kind", "rate"),
    [(CALL, 1.0318, "spot", 0, 1.0), (PUT, 151.95, "spot_premium_adjusted", 2, 1 / 151.95)],
)
def test_figures_are_the_pricing_face_s(contract: OptionContract, spot: float, convention: str, kind: int, rate: float) -> None:
    state = option_state()
    i = hold_option(state, contract, lots=9)
    surface, days = state.surfaces[contract.pair], (contract.expiry_ts - NOW) / DAY_MS
    vol = smile_vol(*arrays(surface), kind, spot, contract.strike_price, days)
    # Between 14 and 28 days EURUSD's foreign rate moves; the tables of the two are flat enough for a tolerance of a basis point's tenth.
    inputs = {
        "type": contract.right.name.lower(),
        "S": spot,
        "K": contract.strike_price,
        "T": days / 365,
        "r_domestic": surface.r_domestic[2] if kind == 0 else 0.005,
        "r_foreign": 0.02622 if kind == 0 else 0.044,
        "vol": vol,
    }
    whole, found = greeks(**inputs), seen(state, i)
    assert found.delta == pytest.approx(delta(convention=convention, **inputs), abs=1e-4)
    assert found.gamma == pytest.approx(whole["gamma"], rel=1e-3)
    assert float(found.vega or 0) == pytest.approx((whole["vega"] or 0) / 100 * 900 * rate, rel=1e-3)
    assert float(found.theta_day or 0) == pytest.approx((whole["theta_day"] or 0) * 900 * rate, rel=1e-2)
    assert found.vol == pytest.approx(vol, abs=1e-6)
    assert found.days == pytest.approx(days, abs=1e-4)
    assert (found.delta or 0) * contract.right > 0


@pytest.mark.parametrize("right", [CALL, PUT])
def test_a_live_option_is_on_the_future(right: OptionContract) -> None:
    state = option_state()
    i = hold_option(state, right)
    paper = seen(state, i)
    state.accounts = tuple(Account(one.domain, Mode.LIVE) if one.domain is Domain.OPTIONS else one for one in state.accounts)
    live = seen(state, i)
    assert paper.delta and live.delta and paper.gamma and live.gamma
    days, _, domestic, foreign = arrays(state.surfaces[right.pair])
    r_domestic, r_foreign = rates_at(days, domestic, foreign, paper.days)
    forward = exp((r_domestic - r_foreign) * paper.days / 365)  # a dollar more of spot is so much more of the future
    assert live.vega == paper.vega and live.vol == paper.vol and live.delta != paper.delta
    if delta_kind(right.pair, paper.days) == SPOT:
        assert live.delta * forward == pytest.approx(paper.delta, abs=2e-6)
    assert live.gamma * forward**2 == pytest.approx(paper.gamma, rel=1e-5)


def test_what_is_told_beside_the_greeks() -> None:
    state = option_state()
    found = seen(state, hold_option(state, mark=1_234))
    assert (found.expiry, found.right, found.strike, found.premium) == (CALL.expiry_ts, "call", "1.03500", "0.01234")
    assert (found.spot, found.intrinsic) == ("1.03180", "0.00000")
    state.market["last_close"][state.index[EUR_OPT]] = 103_612
    assert seen(state, 2).intrinsic == "0.00112"


@pytest.mark.parametrize(("left", "frames"), [(21.01, "4h/1h"), (21.0, "1h/15m"), (5.0, "1h/15m"), (4.99, "15m/5m"), (-1.0, "15m/5m")])
def test_the_timeframe_goes_by_the_days_left(left: float, frames: str) -> None:
    state = option_state()
    i = hold_option(state)
    assert seen(state, i, CALL.expiry_ts - round(left * DAY_MS)).timeframe == frames


def test_without_a_surface_or_a_price_there_are_no_greeks_and_it_says_so() -> None:
    state = option_state(surfaces=False)
    found = seen(state, hold_option(state))
    assert (found.delta, found.gamma, found.vega, found.theta_day, found.vol) == (None,) * 5
    assert found.intrinsic == "0.00000" and greek_words(found, "USD") == "greeks are unknown: no volatility surface"
    blind = option_state()
    i = hold_option(blind)
    blind.market["last_close"] = 0
    assert (seen(blind, i).spot, seen(blind, i).intrinsic, seen(blind, i).delta) == (None, None, None)


def test_past_its_expiry_it_is_what_it_is_worth() -> None:
    state = option_state()
    i = hold_option(state)
    state.market["last_close"] = 103_612
    found = seen(state, i, CALL.expiry_ts + 60_000)
    assert (found.gamma, found.delta) == (0, 1)
    assert "expired (15m/5m)" in contract_words(found)


def test_a_pair_is_no_option_and_an_empty_slot_holds_none() -> None:
    state = option_state()
    assert [figures(state, i) for i in range(len(state.seats))] == [None] * 4
    i = hold_option(state)
    state.pos[i]["status"] = PENDING
    assert figures(state, i) is not None  # what is ordered has a contract, too
    assert holding(state, i).option is None  # nobody asked for figures


def test_json_has_an_option_only_where_there_is_one() -> None:
    state = option_state()
    hold_option(state)
    (one,) = msgspec.to_builtins(account_view(state, 1, figures))["open_positions"]
    assert one["symbol"] == CALL.symbol and one["stop"] == "0.005" and one["target"] == "0.02"
    assert {"expiry", "right", "strike", "days", "delta", "gamma", "vega", "theta_day", "vol", "timeframe"} <= one["option"].keys()
    (bare,) = msgspec.to_builtins(account_view(state, 1))["open_positions"]
    assert bare.keys() == {"symbol", "side", "qty", "entry", "stop", "target", "opened_ts"}


def test_words() -> None:
    state = option_state()
    call, put = seen(state, hold_option(state)), seen(state, hold_option(state, PUT))
    assert contract_words(call) == "call at 1.03500, expires 2025-03-07 15:00 UTC, 24.2 days left (4h/1h)"
    assert greek_words(call, "USD") == (
        "delta +0.47 (+0.19 per 1 % of spot), vega 0.9492 USD a vol point, theta -0.1821 USD a day, vol 8.3 %"
    )
    assert greek_words(put, "USD").startswith("delta -0.45 (+0.15 per 1 % of spot), vega 0.9109 USD")
    surface = state.surfaces["EURUSD"]
    assert surface_words(surface, NOW) == "file, quoted 2025-02-10 15:00 UTC, 19 h old"
    assert surface_words(surface, NOW + 2 * DAY_MS).endswith("2 d 19 h old: too old, no option is bought")
    assert surface_words(None, NOW) == NO_SURFACE

"""Words that answers have in common."""

from __future__ import annotations

from decimal import Decimal

import pytest

from modules.ui.scene import age, cents, drawdown, keys_of, marked, moment, percent, r_text, short_name, short_symbol, unrealised
from self_test.modules.ui.scenes import BTC, BTC_PERP, COINS, PAPER, PEPE, T0, hold, scene_of
from utils.errors import Refusal
from utils.fixed import MONEY_SCALE


def test_a_symbol_is_found_by_its_name_or_its_coin() -> None:
    state = scene_of().state
    assert keys_of(state, "btcusdt") == [BTC, BTC_PERP]
    assert keys_of(state, "BTC") == [BTC, BTC_PERP]
    assert keys_of(state, "1000PEPE") == [PEPE]


def test_an_unknown_symbol_is_refused_with_the_nearest_ones() -> None:
    state = scene_of().state
    with pytest.raises(Refusal, match="did you mean BTCUSDT") as told:
        keys_of(state, "BTCUSD")
    assert "PEPE" not in str(told.value)
    with pytest.raises(Refusal, match=r"there are 1000PEPEUSDT, BTCUSDT$"):
        keys_of(state, "ZZZ")
    with pytest.raises(Refusal) as told:
        keys_of(state, "X" * 5_000)
    assert len(str(told.value)) < 200


def test_names_are_short_and_told_apart() -> None:
    assert [short_name(one) for one in COINS] == ["BTC", "1000PEPE", "BTC perp"]
    state = scene_of().state
    assert short_symbol(state, "PERPS/PAPER", "BTCUSDT") == "BTC perp"
    assert short_symbol(state, "PERPS/PAPER", "GONEUSDT") == "GONEUSDT"


def test_money_is_to_the_cent_and_zero_has_no_minus() -> None:
    assert cents(Decimal("1004.209")) == "1,004.21"
    assert cents(Decimal("-0.001"), sign=True) == "+0.00"
    assert cents(-0.001) == "0.00"
    assert cents(-1.5, sign=True) == "-1.50"
    assert percent(-0.0421, sign=True) == "-4.2%"
    assert [age(ms) for ms in (-5, 59_000, 840_000, 11_520_000, 2 * 86_400_000 + 4 * 3_600_000)] == ["0m", "0m", "14m", "3h12", "2d04"]
    assert (r_text(None), r_text(-0.001), r_text(1.5, "")) == ("–", "+0.00 R", "+1.50")


def test_a_moment_is_a_time_today_and_a_day_else() -> None:
    assert [moment(ts, T0) for ts in (T0, T0 - 86_400_000)] == ["14:25", "03-04"]


def test_what_a_position_would_bring_at_its_mark_counts_its_fees() -> None:
    scene = scene_of()
    i = hold(scene, PAPER, BTC)
    net, r = marked(scene.state, i)
    assert net == 9 * MONEY_SCALE // 10
    assert r == pytest.approx(0.45)
    short = hold(scene_of(), PAPER, BTC, side=-1)
    assert short == i
    assert unrealised(scene.state, 0) == Decimal("0.9")
    scene.state.pos[i]["risk"] = 0
    assert marked(scene.state, i)[1] is None


def test_drawdown_is_below_the_peak_and_never_negative() -> None:
    scene = scene_of()
    scene.state.acct[0]["equity"] = 920 * MONEY_SCALE
    assert drawdown(scene.state, 0) == pytest.approx(0.08)
    scene.state.acct[0]["peak"] = 0
    assert drawdown(scene.state, 0) == 0.0


def test_now_is_never_before_the_newest_event() -> None:
    scene = scene_of()
    scene._venue_now = lambda: 5
    assert scene.now == T0
    scene._venue_now = lambda: T0 + 7
    assert scene.now == T0 + 7

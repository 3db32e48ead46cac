from __future__ import annotations

import msgspec
import pytest

from modules.engine.costs import apply_costs, cost_event, cost_words, figures_of
from risk.cost_model import Conditions, CostModel, Source
from self_test.scenarios.desk import Desk, LiveDesk, only
from state.messages import Command, Report

KEY = "CRYPTO:AAAUSDT"
MODEL = CostModel(
    key=KEY,
    version=2,
    source=Source.BOOK,
    usual=Conditions(spread_bp=2.0, sigma_bp=60.0, share=0.0001, latency_s=0.36),
    taker_ppm=900,
    fee_ts=1,
)


def test_a_model_says_its_fees_only_when_told_and_its_slippage_only_when_measured() -> None:
    assert cost_words([MODEL]) == {KEY: "taker_ppm=900 maker_ppm=0 slip_ppm=166 spread_ppm=200"}
    assert cost_words([msgspec.structs.replace(MODEL, fee_ts=0)]) == {KEY: "slip_ppm=166 spread_ppm=200"}
    assert cost_words([msgspec.structs.replace(MODEL, source=Source.PRIOR)]) == {KEY: "taker_ppm=900 maker_ppm=0"}
    assert cost_words([CostModel(key=KEY)]) == {} and cost_event([CostModel(key=KEY)], 1, "x") == []


def test_the_event_sets_the_rows_of_its_pair_and_no_other() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT")
    before = desk.engine.state.inst.copy()
    (event,) = cost_event([MODEL, msgspec.structs.replace(MODEL, key="CRYPTO:GONEUSDT")], desk.now, "calibration")
    report = only(Report, desk.tell(event))
    inst = desk.engine.state.inst
    assert [int(inst[0][name]) for name in ("taker_ppm", "maker_ppm", "slip_ppm", "spread_ppm")] == [900, 0, 166, 200]
    assert inst[1] == before[1] and inst[0]["tick"] == before[0]["tick"]
    assert report.text == "costs, calibration: AAAUSDT taker 9 bp, maker 0 bp, slippage 1.66 bp, usual spread 2 bp"
    assert desk.tell(event) == [], "nothing new, nothing said"


def test_live_and_paper_seats_of_a_pair_get_the_same_figures() -> None:
    desk = LiveDesk()
    desk.tell(cost_event([MODEL], desk.now, "x")[0])
    assert set(desk.engine.state.inst["slip_ppm"]) == {166}


def test_many_pairs_are_told_in_one_line() -> None:
    desk = Desk("AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT")
    models = [msgspec.structs.replace(MODEL, key=f"CRYPTO:{name}USDT") for name in ("AAA", "BBB", "CCC", "DDD")]
    out: list[Command] = []
    apply_costs(desk.engine.state, cost_words(models), desk.now, "boot", out)
    assert only(Report, out).text.endswith("and 1 more")


@pytest.mark.parametrize("words", ["leverage=9", "slip_ppm=-1", "slip_ppm=1.5", "slip_ppm"])
def test_what_is_no_cost_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"no cost|invalid literal"):
        figures_of(words)

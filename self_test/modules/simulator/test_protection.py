from __future__ import annotations

from self_test.modules.simulator.stage import UID, D, Stage


def gaps(stage: Stage) -> list[tuple[str, str, bool]]:
    rows = stage.exchange.ledger(stage.now)["unprotected"]
    return [(row["category"], row["qty"], row["to_ts"] is None) for row in rows]


def test_an_entry_with_a_stop_is_never_unprotected():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", stop_loss="79000")
    stage.stop(stop_loss="79500")
    stage.move("79400", taker="Sell")
    assert gaps(stage) == [] and stage.account.held() == []


def test_the_time_until_a_stop_is_measured_on_both_clocks():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    begin = stage.now
    stage.place("linear", "Buy", "0.1")
    assert gaps(stage) == [("linear", "0.2", True)]
    stage.stop(stop_loss="79000")
    (row,) = stage.exchange.ledger(stage.now)["unprotected"]
    assert (row["from_ts"], row["to_ts"]) == (begin.ts, stage.now.ts)
    assert row["wall_ms"] == stage.now.wall - begin.wall
    assert (row["account"], row["symbol"], row["qty"]) == (UID, "BTCUSDT", "0.2")


def test_a_target_alone_protects_nothing_and_a_running_gap_lasts_until_now():
    stage = Stage()
    stage.place("linear", "Buy", "0.1", take_profit="82000")
    begin = stage.now.wall
    stage.tick()
    (row,) = stage.exchange.ledger(stage.now)["unprotected"]
    assert row["to_ts"] is None and row["wall_ms"] == stage.now.wall - begin


def test_cancel_then_create_leaves_a_gap():
    stage = Stage()
    stage.place("linear", "Sell", "0.1", stop_loss="81000")
    (stop,) = stage.open()
    stage.cancel(stop)
    stage.stop(stop_loss="81500")
    assert gaps(stage) == [("linear", "0.1", False)]


def test_a_conditional_covers_only_its_size_and_only_when_it_reduces():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0.1", trigger_price="79000", trigger_direction=2)
    stage.place("linear", "Sell", "0.06", trigger_price="79000", trigger_direction=2, reduce_only=True)
    assert gaps(stage) == [("linear", "0.1", True)]
    stage.place("linear", "Sell", "0.04", trigger_price="78000", trigger_direction=2, reduce_only=True)
    assert gaps(stage) == [("linear", "0.1", False)]


def test_close_on_trigger_with_no_quantity_covers_everything():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.place("linear", "Sell", "0", trigger_price="79000", trigger_direction=2, reduce_only=True, close_on_trigger=True)
    assert gaps(stage) == [("linear", "0.1", False)]
    stage.move("78000", taker="Sell")
    assert stage.account.held() == []


def test_spot_counts_what_was_bought_and_ignores_dust_and_foreign_coins():
    stage = Stage(BTC="5")
    assert gaps(stage) == []
    stage.place("spot", "Buy", "0.01", "80000", stop_loss="79000", time_in_force="IOC")
    assert gaps(stage) == [], "the rest of the fee below a step is no position"
    stage.place("spot", "Buy", "0.02", market_unit="baseCoin")
    assert gaps(stage) == [("spot", "0.01998", True)]
    stage.place("spot", "Sell", "0.01998", order_filter="tpslOrder", trigger_price="79000")
    assert gaps(stage) == [("spot", "0.01998", False)]
    stage.move("78000", category="spot", taker="Sell")
    assert len(gaps(stage)) == 1 and stage.account.balance("BTC") > 5 - D("0.0001")


def test_a_spot_target_above_the_market_is_no_stop():
    stage = Stage()
    stage.place("spot", "Buy", "0.02", market_unit="baseCoin")
    stage.place("spot", "Sell", "0.01998", order_filter="tpslOrder", trigger_price="82000")
    assert gaps(stage) == [("spot", "0.01998", True)]


def test_a_bracket_cancelled_before_a_market_close_counts_from_the_cancel_to_the_fill():
    stage = Stage()
    stage.place("spot", "Buy", "0.02", "80000", stop_loss="79000", take_profit="82000", time_in_force="IOC")
    assert gaps(stage) == []
    (bracket,) = stage.open("spot")
    assert stage.cancel(bracket, "tpslOrder") == 0
    begin = stage.now
    assert gaps(stage) == [("spot", "0.01998", True)]
    stage.place("spot", "Sell", "0.01998", market_unit="baseCoin")
    (row,) = stage.exchange.ledger(stage.now)["unprotected"]
    assert (row["from_ts"], row["to_ts"], row["wall_ms"]) == (begin.ts, stage.now.ts, stage.now.wall - begin.wall)
    stage.move("70000", category="spot", taker="Sell")
    assert len(gaps(stage)) == 1


def test_an_ioc_entry_that_fills_in_part_is_covered_for_what_it_brought():
    for category, size in (("spot", "10"), ("linear", "10")):
        stage = Stage("10000000")
        entry = stage.place(category, "Buy", size, "80001", stop_loss="79000", take_profit="82000", time_in_force="IOC")
        assert 0 < entry.filled < D(size) and not entry.is_open
        stage.tick()
        assert gaps(stage) == []


def test_a_stop_that_is_cut_uncovers_the_rest():
    stage = Stage()
    stage.place("spot", "Buy", "0.02", "80000", stop_loss="79000", time_in_force="IOC")
    (stop,) = stage.open("spot")
    assert stage.amend(stop, qty="0.01") == 0
    assert gaps(stage) == [("spot", "0.00998", True)]
    assert stage.amend(stop, qty="0.01998") == 0
    assert gaps(stage) == [("spot", "0.00998", False)]


def test_what_the_venue_was_away_for_is_nobodys():
    stage = Stage()
    stage.place("linear", "Buy", "0.1")
    stage.tick()
    before = stage.exchange.ledger(stage.now)["unprotected"][0]["wall_ms"]
    stage.exchange.was_away(7_000)
    assert stage.exchange.ledger(stage.now)["unprotected"][0]["wall_ms"] == before - 7_000

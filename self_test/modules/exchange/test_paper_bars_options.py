"""The bar venue with options: bought at the ask of the open, looked at by the bid's bar, settled at the first open from the cut on."""

from __future__ import annotations

import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.engine.option_prices import bid_candle, quoted, terms_of
from modules.exchange.paper_bars import BarVenue
from self_test.fakes.option_markets import ms, slot
from self_test.forex.smiles import EURUSD
from state.accounts import Account, Domain, Mode
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side
from state.market import Candle
from state.messages import AccountEvent, Close, OrderCancelled, OrderFilled, Place, Protect, StopFilled
from state.options import OptionContract, Surface

KEY, NOW, M15 = "OPTIONS:EURUSD", ms("2025-03-03T12:00"), 900_000
ACCOUNT = Account(Domain.OPTIONS, Mode.PAPER)
CALL, PUT = (OptionContract.parse(f"EURUSD-20250328-{right}-1.05000") for right in "CP")


def bar(o: int, h: int = 0, low: int = 0, c: int = 0, ts: int = NOW) -> tuple[Candle, ...]:
    return (Candle(KEY, ts, o, h or o, low or o, c or o, 1.0),)


def ask(contract: OptionContract, ts: int, spot: int) -> int:
    return quoted(terms_of(EURUSD), int(contract.right), contract.strike, contract.expiry_ts, ts, spot, spot)[1]


def venue(contract: OptionContract, surfaces: dict[str, Surface]) -> BarVenue:
    """With an order for `contract`, planned at a spot of 1.05, stop and target at half and twice its ask."""
    engine, _ = fresh_engine(CONFIG, (slot("EURUSD"),), frozenset(), NOW, quotes=False)
    found = BarVenue(engine.state.inst, engine.state.seats_in(Mode.PAPER), M15, surfaces=surfaces)
    price = ask(contract, NOW, 105_000)
    plan = ExitPlan(stop=price // 2, target=2 * price, atr=float(price), trail_atr=0.0, max_hold_ms=10**10)
    intent = Intent(
        ts=NOW, account=ACCOUNT, key=KEY, strategy="O1", arm="base", side=Side.LONG, steps=10, order_type=OrderType.MARKET, reference=price,
        limit=plan.target - 1, expires_ts=NOW + M15, exits=plan, contract=contract,
    )  # fmt: skip
    found.submit(Place(Approved(intent=intent, order_id="e1")))
    return found


def one(events: list[AccountEvent], kind: type) -> AccountEvent:
    (found,) = events
    assert isinstance(found, kind), found
    return found


def test_without_a_surface_an_order_does_not_fill() -> None:
    assert isinstance(one(venue(CALL, {}).at_open(bar(105_000)), OrderCancelled), OrderCancelled)


@pytest.mark.parametrize("contract", [CALL, PUT])
def test_it_is_bought_at_the_ask_of_the_open_and_sold_at_its_bid(contract: OptionContract) -> None:
    surfaces = {"EURUSD": EURUSD}
    at = venue(contract, surfaces)
    filled = one(at.at_open(bar(105_010)), OrderFilled)
    assert filled.fill.price == ask(contract, NOW, 105_010)  # type: ignore[union-attr]
    assert at.inside(bar(105_010)) == []
    at.submit(Close(Reduce(ts=NOW + M15, account=ACCOUNT, key=KEY, order_id="x1", reason=ExitReason.OPERATOR)))
    sold = one(at.at_open(bar(105_050, ts=NOW + M15)), OrderFilled)
    assert sold.fill.price == bid_candle(EURUSD, contract, bar(105_050, ts=NOW + M15)[0], M15).open  # type: ignore[union-attr]
    assert at.idle


@pytest.mark.parametrize("contract, spot, reason", [(CALL, 102_500, "stop"), (PUT, 107_500, "stop"), (CALL, 108_000, "target")])
def test_the_pair_s_bar_reaches_the_premium_s_stop_or_target(contract: OptionContract, spot: int, reason: str) -> None:
    at = venue(contract, {"EURUSD": EURUSD})
    bought = one(at.at_open(bar(105_000)), OrderFilled).fill  # type: ignore[union-attr]
    inside = one(at.inside(bar(105_000, max(spot, 105_000), min(spot, 105_000))), StopFilled)
    plan = {"stop": ask(contract, NOW, 105_000) // 2, "target": 2 * ask(contract, NOW, 105_000)}
    assert inside.trigger == reason and inside.fill.price == plan[reason] and inside.ts == NOW + M15  # type: ignore[union-attr]
    assert bought.steps == 10


def test_a_bar_that_reaches_both_stops_and_a_gap_fills_at_its_open() -> None:
    at = venue(CALL, {"EURUSD": EURUSD})
    at.at_open(bar(105_000))
    assert one(at.inside(bar(105_000, 108_000, 102_000)), StopFilled).trigger == "stop"  # type: ignore[union-attr]
    at = venue(CALL, {"EURUSD": EURUSD})
    at.at_open(bar(105_000))
    at.inside(bar(105_000))
    gap = bar(102_000, ts=NOW + M15)
    fell = one(at.at_open(gap), StopFilled)
    assert fell.trigger == "stop" and fell.fill.price == bid_candle(EURUSD, CALL, gap[0], M15).open  # type: ignore[union-attr]


def test_a_lost_surface_leaves_the_premium_where_it_was() -> None:
    surfaces = {"EURUSD": EURUSD}
    at = venue(CALL, surfaces)
    at.at_open(bar(105_000))
    assert at.inside(bar(105_000)) == []
    last = bid_candle(EURUSD, CALL, bar(105_000)[0], M15).close
    surfaces.clear()
    assert [*at.at_open(bar(90_000, ts=NOW + M15)), *at.inside(bar(90_000, ts=NOW + M15))] == []
    at.submit(Close(Reduce(ts=NOW, account=ACCOUNT, key=KEY, order_id="x1", reason=ExitReason.MAX_HOLD)))
    assert one(at.at_open(bar(90_000, ts=NOW + 2 * M15)), OrderFilled).fill.price == last  # type: ignore[union-attr]


@pytest.mark.parametrize("late_ms", [0, 3 * 86_400_000])
@pytest.mark.parametrize(
    "contract, fixing, worth", [(CALL, 105_321, 321), (CALL, 105_000, 0), (CALL, 104_999, 0), (PUT, 104_679, 321), (PUT, 105_000, 0)]
)
def test_at_its_cut_it_pays_what_it_is_worth(contract: OptionContract, fixing: int, worth: int, late_ms: int) -> None:
    """Also with the close asked for, and when the first bar comes late."""
    at = venue(contract, {"EURUSD": EURUSD})
    at.at_open(bar(105_000))
    at.submit(Close(Reduce(ts=NOW, account=ACCOUNT, key=KEY, order_id="x1", reason=ExitReason.MAX_HOLD)))
    ts = contract.expiry_ts + late_ms
    end = one(at.at_open(bar(fixing, ts=ts)), StopFilled)
    assert isinstance(end, StopFilled)
    assert (end.ts, end.fill.price, end.fill.fee, end.fill.fixing, end.fill.side) == (ts, worth, 0, fixing, -1)
    assert end.fill.fixing_ts == ts
    assert end.trigger is (ExitReason.EXERCISED if worth else ExitReason.EXPIRED) and at.idle


def test_where_nobody_bids_a_close_or_a_stop_books_at_nothing_and_nothing_triggered_waits() -> None:
    """As with quotes (`test_paper_options.py`)."""
    for stop, close, ends in ((400, False, StopFilled), (-1, True, OrderFilled), (-1, False, None)):
        at = venue(CALL, {"EURUSD": EURUSD})
        bought = one(at.at_open(bar(105_000)), OrderFilled).fill  # type: ignore[union-attr]
        at.submit(Protect(ACCOUNT, KEY, 1, bought.steps, stop, 10**9))
        at.inside(bar(105_000))
        if close:
            at.submit(Close(Reduce(ts=NOW + M15, account=ACCOUNT, key=KEY, order_id="x1", reason=ExitReason.HALT)))
        gone = bar(90_000, ts=NOW + M15)
        assert bid_candle(EURUSD, CALL, gone[0], M15).open == 0
        events = at.at_open(gone)
        if ends is None:
            assert [*events, *at.inside(gone)] == [] and not at.idle
        else:
            assert one(events, ends).fill.price == 0 and at.idle  # type: ignore[union-attr]

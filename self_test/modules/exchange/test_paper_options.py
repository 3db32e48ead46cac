"""Options on paper: the pair's quote becomes a premium, the cut settles, and without a surface nothing happens."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from config import CONFIG
from forex.options_generated import generated_surface
from modules.engine.desk import make_state
from modules.engine.option_prices import quoted, terms_of
from modules.exchange.paper_options import PaperOptions
from self_test.fakes.pairs import pair
from self_test.modules.exchange.test_paper import told
from state.accounts import Account, Domain, Mode
from state.books import OPEN
from state.instruments import option_slot
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side
from state.market import Candle, Quote, Trade
from state.messages import BarsClosed, Close, OrderCancelled, OrderFilled, Place, Protect, StopFilled
from state.options import OptionContract, Right, cut_ts
from state.runtime import RuntimeState
from utils.errors import Invariant

OPTIONS = Account(Domain.OPTIONS, Mode.PAPER)
SLOT = option_slot(pair("EURUSD"))
KEY = SLOT.key
NOW, LATENCY = 1_741_075_200_000, 150  # 2025-03-04 08:00 UTC
SPOT = 105_000
CALL = OptionContract(pair="EURUSD", right=Right.CALL, strike=105_500, digits=5, expiry_ts=cut_ts(date(2025, 3, 28)))
PUT = msgspec.structs.replace(CALL, right=Right.PUT, strike=104_500)
LAST_DAY = 2**62
NEVER = -1
"""A stop that no bid reaches: 0 is reached where nobody bids."""
M15 = 900_000


def setting(*, surface: bool = True) -> tuple[PaperOptions, RuntimeState]:
    state = make_state(CONFIG, (SLOT,), (OPTIONS,))
    if surface:
        state.surfaces["EURUSD"] = generated_surface("EURUSD", 1, NOW, 1.05)
    return PaperOptions(state, {KEY: 0}, LATENCY, 900_000), state


def spot(after_ms: int, middle: int = SPOT, half: int = 5) -> Quote:
    return Quote(KEY, NOW + after_ms, middle - half, middle + half, 3, 3)


def premium(state: RuntimeState, contract: OptionContract, quote: Quote) -> tuple[int, int]:
    terms, right = terms_of(state.surfaces["EURUSD"]), int(contract.right)
    return quoted(terms, right, contract.strike, contract.expiry_ts, quote.ts, quote.bid, quote.ask)


def order(state: RuntimeState, contract: OptionContract | None = CALL, steps: int = 7) -> Place:
    ask = 1_000 if contract is None or not state.surfaces else premium(state, contract, spot(0))[1]
    intent = Intent(
        ts=NOW, account=OPTIONS, key=KEY, strategy="O1", arm="base", side=Side.LONG, steps=steps, order_type=OrderType.MARKET,
        reference=ask, limit=ask + 20, expires_ts=NOW + 900_000, contract=contract,
        exits=ExitPlan(stop=ask // 2, target=2 * ask, atr=float(ask), trail_atr=0.0, max_hold_ms=1),
    )  # fmt: skip
    return Place(Approved(intent=intent, order_id="e1"))


def held(at: PaperOptions, state: RuntimeState, contract: OptionContract = CALL, stop: int = NEVER, target: int = LAST_DAY) -> None:
    """A position as it is after a restart: the engine knows it, the venue is told of its protection alone."""
    pos = state.pos[0]
    pos["status"], pos["right"], pos["strike"], pos["expiry_ts"] = OPEN, int(contract.right), contract.strike, contract.expiry_ts
    at.submit(Protect(OPTIONS, KEY, 1, 7, stop, target))


@pytest.mark.parametrize("contract", [CALL, PUT])
def test_an_entry_pays_the_ask_of_its_contract_and_sizes_do_not_matter(contract: OptionContract) -> None:
    at, state = setting()
    at.submit(order(state, contract))
    arrived = spot(200)
    _, ask = premium(state, contract, arrived)
    assert told(at.on_quote(arrived)) == ["accepted", f"filled 7@{ask} left 0"] and ask > 10
    assert at.holding(KEY) is not None


def test_stop_and_target_are_judged_on_the_bid_and_a_close_sells_at_it() -> None:
    for middle, stop, target, ends in ((103_000, 400, LAST_DAY, ExitReason.STOP), (107_500, 1, 1_500, ExitReason.TARGET)):
        at, state = setting()
        held(at, state, CALL, stop, target)
        assert at.on_quote(spot(1_000)) == []
        moved = spot(2_000, middle)
        (event,) = at.on_quote(moved)
        assert isinstance(event, StopFilled) and (event.trigger, event.left) == (ends, 0)
        assert event.fill.price == premium(state, CALL, moved)[0] and event.fill.fixing == 0
    at, state = setting()
    held(at, state)
    at.submit(Close(Reduce(ts=NOW, account=OPTIONS, key=KEY, order_id="x1", reason=ExitReason.OPERATOR)))
    (event,) = at.on_quote(spot(500))
    assert isinstance(event, OrderFilled) and event.fill.price == premium(state, CALL, spot(500))[0]


@pytest.mark.parametrize(
    ("contract", "bid", "ask", "price", "ends"),
    [
        (CALL, 105_609, 105_611, 110, ExitReason.EXERCISED),
        (CALL, 105_500, 105_501, 0, ExitReason.EXPIRED),  # half a tick in the money: rounded against us
        (CALL, 105_499, 105_501, 0, ExitReason.EXPIRED),
        (CALL, 104_000, 104_010, 0, ExitReason.EXPIRED),
        (PUT, 104_389, 104_391, 110, ExitReason.EXERCISED),
        (PUT, 104_499, 104_500, 0, ExitReason.EXPIRED),
        (PUT, 104_499, 104_501, 0, ExitReason.EXPIRED),
        (PUT, 105_000, 105_010, 0, ExitReason.EXPIRED),
    ],
)
def test_the_first_quote_at_the_cut_settles_without_a_fee(
    contract: OptionContract, bid: int, ask: int, price: int, ends: ExitReason
) -> None:
    at, state = setting()
    held(at, state, contract)
    late = 1_000
    before = Quote(KEY, contract.expiry_ts - 1, bid, ask, 1, 1)
    assert at.on_quote(before) == []
    (event,) = at.on_quote(Quote(KEY, contract.expiry_ts + late, bid, ask, 1, 1))
    assert isinstance(event, StopFilled) and event.trigger is ends and event.left == 0
    fill = event.fill
    assert (fill.price, fill.fee, fill.steps, fill.side, fill.fixing_ts) == (price, 0, 7, -1, contract.expiry_ts + late)
    assert 2 * fill.fixing in range(bid + ask - 1, bid + ask + 2)
    assert at.holding(KEY) is None and at.on_quote(Quote(KEY, contract.expiry_ts + late + 1, bid, ask, 1, 1)) == []


def test_a_settlement_needs_no_surface_and_ends_a_close_that_waits() -> None:
    at, state = setting(surface=False)
    held(at, state)
    at.submit(Close(Reduce(ts=NOW, account=OPTIONS, key=KEY, order_id="x1", reason=ExitReason.MAX_HOLD)))
    assert at.on_quote(spot(500)) == [], "it waits: nobody can say what it is worth"
    (event,) = at.on_quote(Quote(KEY, CALL.expiry_ts, 106_000, 106_002, 1, 1))
    assert isinstance(event, StopFilled) and event.fill.price == 501 and event.trigger is ExitReason.EXERCISED


def test_without_a_surface_nothing_is_bought() -> None:
    at, state = setting(surface=False)
    at.submit(order(state))
    (event,) = at.on_quote(spot(200))
    assert isinstance(event, OrderCancelled) and event.reason == "no volatility surface of EURUSD prices it"
    assert at.on_quote(spot(300)) == [] and at.holding(KEY) is None


def candle(ts: int, price: int) -> Candle:
    return Candle(KEY, ts, price, price + 900, price - 900, price + 50, 1.0)


def missed(*candles: Candle) -> BarsClosed:
    """History as the feed brings it when it is back."""
    return BarsClosed(candles[-1].ts + M15, candles, (), late=True)


@pytest.mark.parametrize("quote_first", [True, False])
def test_who_was_off_at_the_cut_is_settled_by_the_bar_that_opens_at_it(quote_first: bool) -> None:
    at, state = setting()
    held(at, state)
    later, cut = Quote(KEY, CALL.expiry_ts + 3 * 86_400_000, 110_000, 110_002, 1, 1), CALL.expiry_ts
    if quote_first:
        assert at.on_quote(later) == []
    assert at.on_bars(missed(candle(cut - M15, 120_000))) == []
    (event,) = at.on_bars(missed(candle(cut, 105_600)))
    assert isinstance(event, StopFilled) and event.trigger is ExitReason.EXERCISED and event.ts == cut + M15
    assert (event.fill.price, event.fill.fixing, event.fill.fixing_ts) == (100, 105_600, cut)
    assert at.on_quote(later) == [] and at.holding(KEY) is None


def test_where_nothing_is_known_of_the_cut_the_earliest_price_after_it_counts() -> None:
    day = CALL.expiry_ts + 86_400_000
    for price_at, bar_at, fixing, fixing_ts in (
        (day, day + M15, 105_601, day),
        (day, day - M15, 105_700, day - M15),
        (day, None, 105_601, day),
    ):
        at, state = setting()
        held(at, state)
        assert at.on_quote(Quote(KEY, price_at, 105_600, 105_602, 1, 1)) == []
        assert at.on_quote(Quote(KEY, price_at + 2 * M15 - 1, 106_600, 106_602, 1, 1)) == []
        events = (
            at.on_quote(Quote(KEY, day + 2 * M15, 107_000, 107_002, 1, 1))
            if bar_at is None
            else at.on_bars(missed(candle(bar_at, 105_700)))
        )
        (event,) = events
        assert isinstance(event, StopFilled) and (event.fill.fixing, event.fill.fixing_ts) == (fixing, fixing_ts)


def test_a_late_price_of_the_contract_before_is_none_of_the_next() -> None:
    at, state = setting()
    held(at, state)
    late = CALL.expiry_ts + 3_600_000
    assert at.on_quote(Quote(KEY, late, 106_000, 106_002, 1, 1)) == []
    assert len(at.on_bars(missed(candle(CALL.expiry_ts, 106_100)))) == 1
    following = msgspec.structs.replace(CALL, expiry_ts=CALL.expiry_ts + 7 * 86_400_000)
    held(at, state, following)
    assert at.on_quote(Quote(KEY, late + M15, 106_000, 106_002, 1, 1)) == []
    (event,) = at.on_quote(Quote(KEY, following.expiry_ts, 105_700, 105_702, 1, 1))
    assert isinstance(event, StopFilled) and event.fill.fixing == 105_701


@pytest.mark.parametrize("reason", [ExitReason.HALT, ExitReason.OPERATOR, ExitReason.MAX_HOLD])
def test_where_nobody_bids_a_close_books_at_nothing(reason: ExitReason) -> None:
    at, state = setting()
    held(at, state)
    gone = spot(1_000, 90_000)
    assert premium(state, CALL, gone)[0] == 0 and at.on_quote(gone) == [], "nothing is triggered: it waits"
    at.submit(Close(Reduce(ts=NOW + 1_000, account=OPTIONS, key=KEY, order_id="x1", reason=reason)))
    (event,) = at.on_quote(spot(2_000, 90_000))
    assert isinstance(event, OrderFilled) and (event.fill.price, event.fill.steps, event.fill.fee, event.left) == (0, 7, 0, 0)
    assert at.holding(KEY) is None


def test_a_stop_that_was_jumped_over_books_at_nothing_and_a_target_alone_waits() -> None:
    at, state = setting()
    held(at, state, CALL, 400)
    (event,) = at.on_quote(spot(1_000, 90_000))
    assert isinstance(event, StopFilled) and (event.trigger, event.fill.price) == (ExitReason.STOP, 0)
    held(at, state, CALL, NEVER, 500)
    assert at.on_quote(spot(2_000, 90_000)) == []
    (event,) = at.on_quote(Quote(KEY, CALL.expiry_ts, 90_000, 90_002, 1, 1))
    assert isinstance(event, StopFilled) and (event.trigger, event.fill.price) == (ExitReason.EXPIRED, 0)


def test_what_nobody_bids_for_is_not_bought() -> None:
    at, state = setting()
    gone = spot(1_000, 90_000)
    at.submit(order(state))
    (no,) = at.on_quote(msgspec.structs.replace(gone, ts=NOW + 2_000))
    assert isinstance(no, OrderCancelled) and "nobody bids" in no.reason


def test_an_entry_that_comes_after_the_cut_ends() -> None:
    at, state = setting()
    at.submit(order(state))
    (event,) = at.on_quote(Quote(KEY, CALL.expiry_ts, SPOT, SPOT + 2, 1, 1))
    assert isinstance(event, OrderCancelled) and event.reason == "EURUSD-20250328-C-1.05500 has expired"


def test_the_next_order_on_the_slot_brings_its_own_contract() -> None:
    at, state = setting()
    held(at, state, PUT, 1, 2)  # the target is passed at once
    (sold,) = at.on_quote(spot(100))
    assert isinstance(sold, StopFilled) and sold.fill.price == premium(state, PUT, spot(100))[0]
    at.submit(order(state, CALL))
    filled = at.on_quote(spot(300))[1]
    assert isinstance(filled, OrderFilled) and filled.fill.price == premium(state, CALL, spot(300))[1]


def test_what_makes_no_sense_is_a_bug_and_says_so() -> None:
    at, state = setting()
    with pytest.raises(Invariant, match="names no contract"):
        at.submit(order(state, None))
    at.submit(Protect(OPTIONS, KEY, 1, 7, 1, LAST_DAY))
    with pytest.raises(Invariant, match="which contract"):
        at.on_quote(spot(1))


def test_an_empty_slot_hears_nothing_and_a_crossed_book_or_a_print_does_nothing() -> None:
    at, state = setting()
    assert at.on_quote(spot(1)) == []
    held(at, state, CALL, LAST_DAY)
    assert at.on_quote(spot(2, half=-1)) == [] and at.on_trade(Trade(KEY, NOW, 1, 1, buyer_is_taker=True)) == []
    assert Decimal(100) == SLOT.step

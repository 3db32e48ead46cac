from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from self_test.fakes.books import PERP, SPOT
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side
from state.market import Candle, FundingRate, Quote
from state.messages import (
    AccountDown,
    AccountUp,
    BarsClosed,
    Cancel,
    CashMoved,
    Close,
    Command,
    Control,
    Event,
    FeedDown,
    FeedUp,
    FundingPaid,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUnknown,
    Place,
    Protect,
    Protected,
    ProtectionFailed,
    Record,
    Report,
    StopFilled,
    SurfaceSeen,
    TargetTouched,
    Tick,
    VenueRead,
    VenueReset,
    decode_commands,
    decode_event,
    encode_commands,
    encode_event,
)
from state.options import Surface
from state.orders import Fill

whole = st.integers(-(2**63), 2**63 - 1)
text = st.text(max_size=20)
real = st.floats(allow_nan=False, allow_infinity=False)
exact = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**9), max_value=10**9)
accounts = st.sampled_from([SPOT, PERP])
reasons = st.sampled_from(ExitReason)
sides = st.sampled_from([Side.LONG, Side.SHORT])

quotes = st.builds(Quote, text, whole, whole, whole, whole, whole)
candles = st.builds(Candle, text, whole, whole, whole, whole, whole, real)
rates = st.builds(FundingRate, text, whole, whole)
fills = st.builds(
    Fill,
    ts=whole,
    account=accounts,
    key=text,
    order_id=text,
    exec_id=text,
    side=st.sampled_from([1, -1]),
    price=whole,
    steps=whole,
    fee=whole,
    maker=st.booleans(),
    base_fee=exact,
)
plans = st.builds(ExitPlan, stop=whole, target=whole, atr=real, trail_atr=real, max_hold_ms=whole)
intents = st.builds(
    Intent,
    ts=whole,
    account=accounts,
    key=text,
    strategy=text,
    arm=text,
    side=sides,
    steps=whole,
    order_type=st.sampled_from(OrderType),
    reference=whole,
    limit=whole,
    expires_ts=whole,
    exits=plans,
)
reduces = st.builds(Reduce, ts=whole, account=accounts, key=text, order_id=text, reason=reasons)

positive = st.floats(0.001, 10.0)
surfaces = st.integers(1, 4).flatmap(
    lambda n: st.builds(
        Surface,
        pair=text,
        ts=whole,
        spot=positive,
        days=st.lists(st.floats(0.1, 800.0), min_size=n, max_size=n, unique=True).map(sorted).map(tuple),
        vols=st.lists(st.tuples(*[positive] * 5), min_size=n, max_size=n).map(tuple),
        r_domestic=st.lists(st.floats(-0.1, 0.2), min_size=n, max_size=n).map(tuple),
        r_foreign=st.lists(st.floats(-0.1, 0.2), min_size=n, max_size=n).map(tuple),
        source=st.sampled_from(["file", "generated", "frozen"]),
    )
)


def few(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


EVENTS: dict[type, st.SearchStrategy[object]] = {
    BarsClosed: st.builds(BarsClosed, whole, few(candles), few(quotes), few(rates), st.booleans()),
    Tick: st.builds(Tick, whole, few(quotes)),
    FeedDown: st.builds(FeedDown, whole, text, text),
    FeedUp: st.builds(FeedUp, whole, text),
    SurfaceSeen: st.builds(SurfaceSeen, whole, surfaces),
    VenueReset: st.builds(VenueReset, whole, accounts),
    OrderAccepted: st.builds(OrderAccepted, whole, accounts, text),
    OrderRejected: st.builds(OrderRejected, whole, accounts, text, text),
    OrderCancelled: st.builds(OrderCancelled, whole, accounts, text, text),
    OrderFilled: st.builds(OrderFilled, whole, fills, whole),
    StopFilled: st.builds(StopFilled, whole, fills, reasons, whole),
    FundingPaid: st.builds(FundingPaid, whole, accounts, text, whole, text),
    OrderUnknown: st.builds(OrderUnknown, whole, accounts, text, text),
    Protected: st.builds(Protected, whole, accounts, text, whole, whole, whole, st.booleans()),
    ProtectionFailed: st.builds(ProtectionFailed, whole, accounts, text, text, whole),
    TargetTouched: st.builds(TargetTouched, whole, accounts, text),
    AccountDown: st.builds(AccountDown, whole, accounts, text, text),
    AccountUp: st.builds(AccountUp, whole, accounts, text),
    VenueRead: st.builds(
        VenueRead,
        whole,
        accounts,
        whole,
        whole,
        st.dictionaries(text, exact, max_size=3),
        st.dictionaries(text, whole, max_size=3),
        few(text),
    ),
    CashMoved: st.builds(CashMoved, whole, accounts, whole, text, text, st.booleans(), few(accounts)),
    Control: st.builds(Control, whole, text, st.dictionaries(text, text, max_size=3), text),
}
scalars = st.one_of(whole, text, st.booleans(), real)
COMMANDS: dict[type, st.SearchStrategy[object]] = {
    Place: st.builds(Place, st.builds(Approved, intent=intents, order_id=text)),
    Cancel: st.builds(Cancel, accounts, text, text),
    Protect: st.builds(Protect, accounts, text, st.sampled_from([1, -1]), whole, whole, whole, st.booleans()),
    Close: st.builds(Close, reduces),
    Record: st.builds(Record, text, st.dictionaries(text, scalars, max_size=4)),
    Report: st.builds(Report, whole, text, text, text, text, text),
}


def test_every_member_of_both_unions_is_tried() -> None:
    assert set(EVENTS) == set(get_args(Event))
    assert set(COMMANDS) == set(get_args(Command))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_an_event_comes_back_from_the_journal_as_it_was(kind: type) -> None:
    @given(EVENTS[kind])
    def round_trip(event: Event) -> None:
        stored = encode_event(event)
        assert decode_event(stored) == event
        assert encode_event(decode_event(stored)) == stored

    round_trip()


@given(st.lists(st.one_of(*COMMANDS.values()), max_size=4))
def test_commands_come_back_from_the_journal_as_they_were(commands: list[Command]) -> None:
    stored = encode_commands(commands)
    assert decode_commands(stored) == commands
    assert encode_commands(decode_commands(stored)) == stored


def test_each_kind_of_message_has_its_own_tag() -> None:
    for union in (Event, Command):
        tags = [kind.__struct_config__.tag for kind in get_args(union)]
        assert len(set(tags)) == len(tags)


def test_a_volume_that_is_whole_stays_a_float() -> None:
    event = decode_event(b'{"t":"bars","ts":1,"candles":[["CRYPTO:AAAUSDT",0,1,2,1,2,5]]}')
    assert isinstance(event, BarsClosed)
    assert isinstance(event.candles[0].volume, float)


def test_an_unknown_kind_is_refused_and_a_missing_late_field_is_not() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_event(b'{"t":"earthquake","ts":1}')
    assert json.loads(encode_event(Tick(5))) == {"t": "tick", "ts": 5, "quotes": []}
    assert decode_event(b'{"t":"tick","ts":5}') == Tick(5)

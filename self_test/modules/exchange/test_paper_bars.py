"""The bar-fill model's venue: what one bar does to orders and positions, as tables."""

from __future__ import annotations

import numpy as np
import pytest

from config import CONFIG
from modules.engine.desk import fresh_engine
from modules.exchange.paper_bars import BarVenue, FineBars
from self_test.fakes.books import PERP, coin
from state.accounts import Domain, Mode
from state.intents import Approved, ExitPlan, ExitReason, Intent, OrderType, Reduce, Side
from state.market import Candle
from state.messages import AccountEvent, Cancel, Close, FundingPaid, OrderCancelled, OrderFilled, Place, Protect, Record, StopFilled
from utils.errors import Invariant

KEY, NOW, TF = "PERPS:AAAUSDT", 1_735_689_600_000, 300_000


def venue(funding: dict[int, int] | None = None, fine: FineBars | None = None) -> BarVenue:
    engine, _ = fresh_engine(CONFIG, (coin("AAAUSDT", Domain.PERPS),), frozenset(), NOW, quotes=False)
    times = np.array(sorted(funding or {}), np.int64)
    rates = np.array([(funding or {})[ts] for ts in times.tolist()], np.int64)
    seats = engine.state.seats_in(Mode.PAPER)
    return BarVenue(engine.state.inst, seats, TF, {KEY: (times, rates)} if funding else {}, {KEY: fine} if fine else {})


def place(kind: OrderType = OrderType.MARKET, side: Side = Side.LONG, limit: int = 0, stop: int = 0, target: int = 0) -> Place:
    sign = int(side)
    plan = ExitPlan(
        stop=stop or 100_000 - sign * 2_000, target=target or 100_000 + sign * 4_000, atr=500.0, trail_atr=0.0, max_hold_ms=10**9
    )
    intent = Intent(
        ts=NOW,
        account=PERP,
        key=KEY,
        strategy="C1",
        arm="base",
        side=side,
        steps=10,
        order_type=kind,
        reference=100_000,
        limit=limit or plan.target - sign,
        expires_ts=NOW + TF,
        exits=plan,
    )
    return Place(Approved(intent=intent, order_id="e1"))


def bar(o: int, h: int, low: int, c: int, k: int = 0) -> tuple[Candle, ...]:
    return (Candle(KEY, NOW + k * TF, o, h, low, c, 1.0),)


def play(at: BarVenue, *bars: tuple[Candle, ...]) -> list[str]:
    words = []
    for candles in bars:
        words += [tell(event) for event in (*at.at_open(candles), *at.inside(candles))]
    return words


def tell(event: AccountEvent) -> str:
    when = "open" if event.ts % (2 * TF) == NOW % (2 * TF) else "close"
    match event:
        case OrderFilled(fill=fill):
            return f"filled {fill.price} {when}"
        case StopFilled(fill=fill, trigger=trigger):
            return f"{trigger} {fill.price} {when}"
        case OrderCancelled():
            return f"cancelled {when}"
        case FundingPaid(amount=amount):
            return f"funding {amount}"
    raise AssertionError(event)


def held(at: BarVenue, side: Side = Side.LONG) -> None:
    at.submit(place(side=side))
    at.at_open(bar(100_000, 100_000, 100_000, 100_000, -2))


@pytest.mark.parametrize(
    "order, bars, expected",
    [
        (place(), bar(100_000, 100_500, 99_500, 100_200), ["filled 100020 open"]),
        (place(side=Side.SHORT), bar(100_000, 100_500, 99_500, 100_200), ["filled 99980 open"]),
        (place(OrderType.IOC_LIMIT, limit=100_030), bar(100_010, 100_020, 99_990, 100_000), ["cancelled open"]),
        (place(OrderType.IOC_LIMIT, limit=100_030), bar(100_005, 100_020, 99_990, 100_000), ["filled 100026 open"]),
        (place(OrderType.IOC_LIMIT, limit=100_030), bar(100_000, 100_020, 99_990, 100_000), ["filled 100020 open"]),
        (place(), bar(97_900, 98_500, 97_000, 98_000), ["cancelled open"]),
        (place(), bar(104_100, 104_500, 104_000, 104_200), ["cancelled open"]),
        (place(), bar(100_000, 100_500, 97_900, 98_000), ["filled 100020 open", "stop 97980 close"]),
        (place(OrderType.MAKER, limit=100_000), bar(100_100, 100_500, 100_000, 100_200), ["cancelled close"]),
        (place(OrderType.MAKER, limit=100_000), bar(100_100, 100_500, 99_999, 100_200), ["filled 100000 close"]),
        (place(OrderType.MAKER, limit=100_000), bar(100_100, 104_500, 99_999, 100_200), ["filled 100000 close"]),
        (place(OrderType.MAKER, limit=100_000), bar(100_100, 104_500, 97_999, 98_200), ["filled 100000 close", "stop 97980 close"]),
        (place(OrderType.MAKER, Side.SHORT, limit=100_000), bar(99_900, 100_001, 99_000, 99_500), ["filled 100000 close"]),
    ],
)
def test_entries(order: Place, bars: tuple[Candle, ...], expected: list[str]) -> None:
    at = venue()
    at.submit(order)
    assert play(at, bars) == expected
    assert at.idle == (not expected[-1].startswith("filled"))


@pytest.mark.parametrize(
    "side, bars, expected",
    [
        (Side.LONG, bar(100_000, 103_999, 98_001, 100_000), []),
        (Side.LONG, bar(100_000, 103_999, 98_000, 100_000), ["stop 97980 close"]),
        (Side.LONG, bar(100_000, 104_000, 98_001, 100_000), ["target 103979 close"]),
        (Side.LONG, bar(100_000, 104_000, 98_000, 100_000), ["stop 97980 close"]),
        (Side.LONG, bar(97_000, 97_500, 96_000, 97_200), ["stop 96980 open"]),
        (Side.LONG, bar(105_000, 105_500, 104_800, 105_200), ["target 104979 open"]),
        (Side.SHORT, bar(100_000, 102_000, 99_000, 100_000), ["stop 102021 close"]),
        (Side.SHORT, bar(95_000, 96_500, 94_800, 95_200), ["target 95019 open"]),
    ],
)
def test_exits(side: Side, bars: tuple[Candle, ...], expected: list[str]) -> None:
    at = venue()
    held(at, side)
    assert play(at, bars) == expected


@pytest.mark.parametrize(
    "highs, lows, expected",
    [
        ([104_000, 101_000], [99_000, 98_000], "target 103979 close"),
        ([101_000, 104_000], [98_000, 99_000], "stop 97980 close"),
        ([104_000, 101_000], [98_000, 99_000], "stop 97980 close"),
    ],
)
def test_finer_bars_tell_which_came_first(highs: list[int], lows: list[int], expected: str) -> None:
    ts = np.array([NOW, NOW + 60_000], np.int64)
    at = venue(fine=FineBars(ts, np.array(highs, np.int64), np.array(lows, np.int64)))
    held(at)
    assert play(at, bar(100_000, 104_000, 98_000, 100_000)) == [expected]


def test_funding_comes_before_the_close_of_the_same_bar_and_only_on_its_time() -> None:
    at = venue(funding={NOW: 10_000, NOW + 1: 99})
    held(at)
    at.submit(Close(Reduce(ts=NOW, account=PERP, key=KEY, order_id="x1", reason=ExitReason.MAX_HOLD)))
    assert play(at, bar(100_000, 100_100, 99_900, 100_000)) == ["funding 1000000", "filled 99980 open"]
    assert at.idle


def test_protection_moves_and_a_missing_bar_does_nothing() -> None:
    at = venue()
    held(at)
    at.submit(Protect(PERP, KEY, 1, 10, 99_000, 104_000, trailed=True))
    assert play(at, ()) == []
    assert play(at, bar(100_000, 100_000, 99_000, 99_500)) == ["stop 98980 close"]


def test_a_cancelled_entry_never_fills() -> None:
    at = venue()
    at.submit(place())
    at.submit(Cancel(PERP, KEY, "e1"))
    assert at.idle
    assert play(at, bar(100_000, 100_100, 99_900, 100_000)) == []
    with pytest.raises(Invariant, match="cannot carry out Record"):
        at.submit(Record("cash", {}))

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from modules.exchange.reports import ExecutionKind, ExecutionReport, OrderKind, OrderReport, OrderStatus, PositionReport
from modules.flatten_plan import BATCH, Close, Ours, Progress, Reading, own_quantities, plan
from self_test.fakes.flat_venue import NOW, FlatVenue
from state.accounts import Account, Domain, Mode
from state.instruments import Instrument

SPOT, PERPS = Account(Domain.CRYPTO, Mode.LIVE), Account(Domain.PERPS, Mode.LIVE)
KEY = {SPOT: "CRYPTO:C0USDT", PERPS: "PERPS:C0USDT"}


def ours(account: Account, held: str = "0", **more: object) -> Ours:
    one = Instrument(
        domain=account.domain, symbol="C0USDT", base="C0", quote="USDT", tick=Decimal("0.01"), step=Decimal("0.1"), min_qty=Decimal("0.1"),
        min_notional=Decimal(5), max_qty=Decimal(100),
    )  # fmt: skip
    told = {"tag": "abc", "ts": NOW, "instruments": {one.key: one}, "held": {one.key: Decimal(held)}} | more
    return Ours(account=account, **told)  # type: ignore[arg-type]


def ran(account: Account, side: int, qty: str, link: str = "", **more: object) -> ExecutionReport:
    told = {
        "key": KEY[account], "exec_id": f"x{side}{qty}{link}", "kind": ExecutionKind.TRADE, "order_kind": OrderKind.PLAIN, "venue_id": "v",
        "link_id": link, "side": side, "price": Decimal(1), "qty": Decimal(qty), "fee": Decimal(0), "fee_coin": "USDT", "ts": NOW,
    } | more  # fmt: skip
    return ExecutionReport(**told)  # type: ignore[arg-type]


def seen(
    orders: list[OrderReport] | None = None, *, size: str = "0", coins: str = "0", executions: list[ExecutionReport] | None = None,
    asked: dict[str, OrderReport | None] | None = None,
) -> Reading:  # fmt: skip
    amount = Decimal(size)
    position = PositionReport(key=KEY[PERPS], side=1 if amount > 0 else -1, size=abs(amount), entry=Decimal(1))
    return Reading(
        orders=orders or [], positions=[position] if amount else [], coins={"C0": Decimal(coins)}, executions=executions or [],
        asked=asked or {},
    )  # fmt: skip


@pytest.mark.parametrize(
    "execution, left",
    [
        (ran(PERPS, -1, "4", "PLabc-C0USDT-1-x"), "6"),
        (ran(PERPS, 1, "4", "PLabc-C0USDT-1-e"), "14"),
        (ran(PERPS, -1, "4", order_kind=OrderKind.STOP_LOSS), "6"),
        (ran(PERPS, -1, "4", kind=ExecutionKind.LIQUIDATION), "6"),
        (ran(PERPS, -1, "40", order_kind=OrderKind.STOP_LOSS), None),
        (ran(PERPS, 1, "4", order_kind=OrderKind.STOP_LOSS), "10"),
        (ran(PERPS, -1, "4", "someone"), "10"),
        (ran(PERPS, -1, "4", "PLxyz-C0USDT-1-x"), "10"),
        (ran(PERPS, -1, "4", "PLabc-C0USDT-1-x", kind=ExecutionKind.FUNDING), "10"),
        (ran(PERPS, -1, "4", "PLabc-C0USDT-1-x", key="CRYPTO:C0USDT"), "10"),
        (ran(PERPS, -1, "4", "PLabc-C0USDT-1-x", exec_id="booked"), "10"),
    ],
)
def test_what_is_ours(execution: ExecutionReport, left: str | None) -> None:
    found = own_quantities(ours(PERPS, "10", booked=frozenset({"booked"})), [execution])
    assert found == ({} if left is None else {KEY[PERPS]: Decimal(left)})


def test_fees_taken_in_the_coin_are_not_ours_any_more() -> None:
    bought = ran(SPOT, 1, "4", "CLabc-C0USDT-1-e", fee=Decimal("0.004"), fee_coin="C0")
    assert own_quantities(ours(SPOT), [bought]) == {KEY[SPOT]: Decimal("3.996")}
    assert plan(ours(SPOT), seen(coins="9", executions=[bought]), Progress()).closes == [Close(KEY[SPOT], -1, Decimal("3.9"))]


def test_a_size_is_what_both_sides_have_and_one_order_can_carry() -> None:
    assert plan(ours(PERPS, "10"), seen(size="4"), Progress()).closes == [Close(KEY[PERPS], -1, Decimal(4))]
    assert plan(ours(PERPS, "-10"), seen(size="-40"), Progress()).closes == [Close(KEY[PERPS], 1, Decimal(10))]
    assert plan(ours(PERPS, "250"), seen(size="250"), Progress()).closes == [Close(KEY[PERPS], -1, Decimal(100))]
    found = plan(ours(PERPS, "10"), seen(size="-4"), Progress())
    assert found.done and "not ours" in found.left[0]


def test_a_stop_of_a_perpetual_stands_while_there_is_a_position() -> None:
    venue = FlatVenue()
    stop = venue.rest(KEY[PERPS], "PLabc-C0USDT-1-s1", -1, "10", OrderKind.CONDITIONAL)
    entry = venue.rest(KEY[PERPS], "PLabc-C0USDT-2-e", 1, "10")
    assert plan(ours(PERPS, "10"), seen([stop, entry], size="10"), Progress()).cancels == [entry]
    assert plan(ours(PERPS, "10"), seen([stop]), Progress()).cancels == [stop]


def test_spot_exits_go_a_few_at_a_time_and_a_sale_waits_for_its_coin() -> None:
    venue = FlatVenue()
    one = ours(SPOT, "10").instruments[KEY[SPOT]]
    coins = [msgspec.structs.replace(one, symbol=f"C{n}USDT", base=f"C{n}") for n in range(15)]
    many = {coin.key: coin for coin in coins}
    known = msgspec.structs.replace(ours(SPOT), instruments=many, held=dict.fromkeys(many, Decimal(10)))
    orders = [venue.rest(key, f"9{n}", -1, "10", OrderKind.SPOT_BRACKET) for n, key in enumerate(many)]
    reading = Reading(orders=orders, positions=[], coins={one.base: Decimal(10) for one in many.values()}, executions=[])
    found = plan(known, reading, Progress())
    assert (len(found.cancels), found.closes, found.later) == (BATCH, [], 5)


def test_a_closing_order_is_waited_for_until_all_its_executions_are_told() -> None:
    known, link = ours(PERPS, "10"), ours(PERPS).link(KEY[PERPS], 0)
    progress = Progress(sent={KEY[PERPS]: Decimal(10)})

    def order(status: OrderStatus, filled: str) -> OrderReport:
        return OrderReport(
            key=KEY[PERPS], venue_id="v", link_id=link, side=-1, kind=OrderKind.PLAIN, status=status, qty=Decimal(10),
            filled=Decimal(filled), created_ts=NOW, ts=NOW,
        )  # fmt: skip

    for report in (order(OrderStatus.OPEN, "0"), order(OrderStatus.FILLED, "10")):
        found = plan(known, seen(size="10", asked={KEY[PERPS]: report}), progress)
        assert (found.closes, found.waiting, found.done) == ([], [KEY[PERPS]], False)
    nobody = plan(known, seen(size="10", asked={KEY[PERPS]: None}), progress)
    assert nobody.closes == [Close(KEY[PERPS], -1, Decimal(10))] and known.link(KEY[PERPS], progress.attempt.get(KEY[PERPS], 0)) == link
    part = [ran(PERPS, -1, "6", link)]
    found = plan(known, seen(size="4", executions=part, asked={KEY[PERPS]: order(OrderStatus.CANCELLED, "6")}), progress)
    assert found.closes == [Close(KEY[PERPS], -1, Decimal(4))] and known.link(KEY[PERPS], progress.attempt[KEY[PERPS]]) != link


def test_a_bracket_that_would_sell_more_than_ours_is_somebody_elses() -> None:
    venue = FlatVenue()
    large = venue.rest(KEY[SPOT], "777", -1, "11", OrderKind.SPOT_BRACKET)
    mine = venue.rest(KEY[SPOT], "778", -1, "10", OrderKind.SPOT_BRACKET)
    progress = Progress()
    found = plan(ours(SPOT, "10"), seen([large, mine], coins="30"), progress)
    assert found.cancels == [mine] and found.left == ("CRYPTO:C0USDT: an order that is not ours, id 777",)
    assert plan(ours(SPOT), seen([mine], coins="20"), progress).cancels == [mine], "ours it stays once it was"

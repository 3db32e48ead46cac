from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from modules.exchange.ibkr_contracts import option_of
from modules.exchange.ibkr_orders import NOT_BY_TRIGGER, SHORT_PREMIUM, UNPROTECTED, bracket, closing, entry_of
from modules.ports import BAD_GRID, Ticket
from utils.errors import Rejected

KEY = "OPTIONS:EURUSD-20261204-C-1.10000"
OPTION = option_of(KEY)


def ticket(**changes: Any) -> Ticket:
    plain: dict[str, Any] = {
        "key": KEY, "link_id": "bot-1", "side": 1, "qty": Decimal(250_000), "price": Decimal("0.00809"), "stop": Decimal("0.00481"),
        "target": Decimal("0.01618"),
    }  # fmt: skip
    return Ticket(**(plain | changes))


def test_an_entry_brings_its_protection_and_works_only_when_all_of_it_has_come() -> None:
    parent, stop, target = bracket(ticket(), OPTION)
    assert (parent.action, parent.limit, parent.tif, parent.contracts, parent.oca) == ("BUY", Decimal("0.0080"), "IOC", 2, "")
    assert (stop.action, stop.trigger, stop.tif, stop.limit) == ("SELL", Decimal("0.0049"), "GTC", None)
    assert (target.action, target.limit, target.trigger) == ("SELL", Decimal("0.0161"), None)
    assert [one.transmit for one in (parent, stop, target)] == [False, False, True]
    assert stop.oca == target.oca != "" and [one.opens for one in (parent, stop, target)] == [True, False, False]
    assert bracket(ticket(immediate=False), OPTION)[0].tif == "DAY"
    assert [entry_of(one.ref) for one in (parent, stop, target)] == ["", "bot-1", "bot-1"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": None}, NOT_BY_TRIGGER),
        ({"trigger": Decimal("0.01")}, NOT_BY_TRIGGER),
        ({"stop": None}, UNPROTECTED),
        ({"target": Decimal(0)}, UNPROTECTED),
        ({"qty": Decimal(100)}, BAD_GRID),
        ({"stop": Decimal("0.009")}, BAD_GRID),
        ({"target": Decimal("0.0080")}, BAD_GRID),
    ],
)
def test_an_entry_that_may_not_be_sent_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Rejected) as caught:
        bracket(ticket(**changes), OPTION)
    assert caught.value.code == code


def test_a_close_sells_what_is_held_and_joins_its_group() -> None:
    plain = {"side": -1, "reduce_only": True, "price": None, "stop": None, "target": None}
    market = closing(ticket(**plain), OPTION, "group")
    assert (market.action, market.kind, market.oca, market.contracts, market.opens) == ("SELL", "MKT", "group", 2, False)
    limit = closing(ticket(**(plain | {"price": Decimal("0.00801")})), OPTION, "")
    assert (limit.kind, limit.limit, limit.tif) == ("LMT", Decimal("0.0081"), "IOC")
    stop = closing(ticket(**(plain | {"trigger": Decimal("0.00481")})), OPTION, "")
    assert (stop.kind, stop.trigger, stop.tif) == ("STP", Decimal("0.0049"), "GTC")
    with pytest.raises(Rejected) as caught:
        closing(ticket(side=-1), OPTION, "")
    assert caught.value.code == SHORT_PREMIUM

"""An option on a live account from its order to its sale: premium and fees are cash, what is held is a position, and nothing is a coin."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from config import CONFIG
from modules.engine import candidates, coins, live
from modules.engine.core import Engine
from modules.engine.decide import demo_steps
from modules.engine.desk import make_mandate, make_state
from modules.live_floor import held_on
from risk.admission import sellable
from self_test.fakes.option_markets import ms, slot
from self_test.forex.smiles import EURUSD
from self_test.scenarios.desk import kinds, only, rows
from state.accounts import Account, Domain, Mode
from state.books import FLAT, OPEN
from state.intents import Approved, ExitReason
from state.market import Candle, Quote
from state.messages import AccountUp, BarsClosed, Command, Control, OrderFilled, Place, Report, StopFilled, SurfaceSeen, VenueRead
from state.orders import Fill
from strategy.base import LONG, O1
from utils.fixed import MONEY_SCALE, money

LIVE = Account(Domain.OPTIONS, Mode.LIVE)
SLOT = slot("EURUSD")
NOW, M15, SPOT = ms("2025-02-24T12:00"), 900_000, 105_000
CONTRACT = 1_250
"""Steps in one contract of the exchange."""
FEE = Decimal("2.47")


class Wallet:
    """An engine with OPTIONS/LIVE, and what its venue's own books say, counted here without it."""

    def __init__(self, usd: int = 200_000) -> None:
        state = make_state(CONFIG, (SLOT,), (LIVE,))
        state.tag = "abc"
        self.engine = Engine(state, make_mandate(CONFIG, (SLOT,), (LIVE,), frozenset({O1}), quotes=True))
        self.cash, self.held, self.execs = Decimal(usd), 0, 0
        self.said: list[Command] = []
        units = usd * MONEY_SCALE
        self.tell(Control(NOW, "boot", {"stage": "5", "live": str(LIVE), "override": "1"}, "start"))
        self.tell(Control(NOW, "open_wallet", {"account": str(LIVE), "balance_units": str(units)}, "venue"))
        self.read()
        self.tell(AccountUp(NOW, LIVE, "reconcile"))
        self.tell(SurfaceSeen(NOW, msgspec.structs.replace(EURUSD, ts=NOW)))
        self.tell(BarsClosed(NOW, (self.bar(),)))

    @staticmethod
    def bar() -> Candle:
        return Candle(SLOT.key, NOW - M15, SPOT, SPOT, SPOT, SPOT, 1.0)

    @property
    def pos(self) -> Any:
        return self.engine.state.pos[0]

    def tell(self, event: Any) -> list[Command]:
        found = self.engine.process(event)
        self.said += found
        return found

    def wants(self) -> list[Command]:
        """What comes of O1's signal for a rise."""
        out: list[Command] = []
        quote = Quote(SLOT.key, NOW, SPOT - 1, SPOT + 1, 1_000_000, 1_000_000)
        candidates.confirmed(self.engine.state, self.engine.mandate, 0, LONG << (2 * O1), self.bar(), NOW, quote, out)
        self.said += out
        return out

    def fill(self, side: int, price: int, steps: int, order_id: str = "") -> Fill:
        """An execution, in the venue's books and in ours."""
        self.execs += 1
        self.cash -= side * SLOT.price(price) * SLOT.qty(steps) + FEE
        self.held += side * steps
        ts, units = NOW + self.execs, int(FEE * MONEY_SCALE)
        told: dict[str, Any] = {
            "ts": ts,
            "account": LIVE,
            "key": SLOT.key,
            "order_id": order_id,
            "exec_id": str(self.execs),
            "side": side,
            "price": price,
        }
        return Fill(steps=steps, fee=units, **told)

    def enter(self) -> Approved:
        order = only(Place, self.wants()).order
        self.tell(OrderFilled(NOW, self.fill(1, order.intent.reference, order.intent.steps, order.order_id), 0))
        return order

    def read(self, **told: Any) -> list[Command]:
        units = int(self.cash * MONEY_SCALE)
        positions = {SLOT.key: self.held} if self.held else {}
        figures: dict[str, Any] = {"cash": units, "free": units, "positions": positions} | told
        return self.tell(VenueRead(NOW, LIVE, **figures))

    @property
    def holds(self) -> dict[str, str]:
        return self.engine.state.holds.get(str(LIVE), {})

    def settled(self) -> None:
        """Ours is the venue's, to the last unit; the ledger's rows sum to it, and none is of a coin."""
        state = self.engine.state
        assert money(int(state.acct[0]["cash"])) == self.cash
        moved = rows(self.said, "cash")
        assert sum(Decimal(row["amount"]) for row in moved) == self.cash and not any("coin" in row for row in moved)
        assert state.coins.get(str(LIVE), {}) == {} and state.outside_coins.get(str(LIVE), {}) == {}


def test_what_was_bought_is_a_position_that_the_next_reading_finds() -> None:
    one = Wallet()
    order = one.enter()
    assert one.pos["status"] == OPEN and one.pos["steps"] == order.intent.steps == one.held
    assert one.held > 0 and one.held % CONTRACT == 0, "whole contracts of the exchange"
    found = live.book_of(one.engine.state, LIVE)
    assert (found.positions, found.coins, found.dust, found.busy) == ({SLOT.key: one.held}, {}, {}, frozenset())
    assert kinds(one.read(), Report) == [] and one.holds == {}
    held = held_on(one.engine.state, LIVE)[SLOT.key]
    assert (held.side, held.steps, held.coins) == (1, one.held, Decimal(0))
    one.settled()


def test_a_stop_sells_all_of_it_and_the_money_agrees() -> None:
    one = Wallet()
    one.enter()
    stop = int(one.pos["stop"])
    one.tell(StopFilled(NOW, one.fill(-1, stop, one.held), ExitReason.STOP, 0))
    assert one.pos["status"] == FLAT and one.held == 0
    assert kinds(one.read(), Report) == [] and one.holds == {}
    one.settled()
    (trade,) = rows(one.said, "trade")
    assert trade["account"] == str(LIVE) and Decimal(trade["pnl"]) == one.cash - 200_000


def test_premium_that_is_worth_next_to_nothing_is_still_a_position() -> None:
    one = Wallet()
    one.enter()
    one.pos["mark"] = one.pos["stop"] = 0
    assert not coins.unsellable(one.engine.state, 0) and not coins.worthless_at_stop(one.engine.state, 0)
    one.read()
    assert one.pos["status"] == OPEN and one.holds == {}


def test_what_differs_is_told_in_steps_of_the_slot() -> None:
    one = Wallet()
    one.enter()
    one.read(positions={SLOT.key: one.held - CONTRACT})
    assert one.holds == {"mismatch": f"{SLOT.key}: the venue shows {one.held - CONTRACT} steps, the bot holds {one.held}"}
    one.read()
    assert one.holds == {}


@pytest.mark.parametrize("side", [1, -1])
def test_an_execution_of_nothing_we_know_moves_cash_alone(side: int) -> None:
    one = Wallet()
    one.tell(OrderFilled(NOW, one.fill(side, 900, CONTRACT, "unknown"), 0))
    assert "mismatch" in one.holds
    one.settled()


def test_no_fee_is_paid_in_what_is_bought() -> None:
    state = Wallet().engine.state
    assert not coins.counted(state, 0) and state.inst[0]["spot"] == state.inst[0]["option"] == 1
    assert sellable(state.inst, 0, int(state.inst[0]["min_steps"]), 1)


def test_a_wallet_that_cannot_buy_one_contract_sends_nothing_and_hears_the_figures() -> None:
    one = Wallet(1_000)
    said = one.wants()
    assert kinds(said, Place) == [] and one.pos["status"] == FLAT
    (no,) = kinds(said, Report)
    found = re.fullmatch(
        r"O1 long EURUSD-\S+ skipped: below_min_order, smaller than the venue accepts, at entry or at the stop "
        r"\(125,000 EUR cost ([\d,.]+) USD; 2\.00% of the wallet \(1,000\.00 USD\) is 20\.00 USD, "
        r"and 0\.25% of it lost at the stop allows ([\d.]+) USD; the smallest wallet that could buy them has ([\d,.]+) USD\)",
        no.text,
    )
    assert found, no.text
    cost, allowed, smallest = (Decimal(figure.replace(",", "")) for figure in found.groups())
    assert cost > 100 and 2.5 < allowed < 5 and smallest == pytest.approx(cost * 1_000 / allowed, rel=Decimal("0.002"))
    counts = one.engine.state.health.get(str(LIVE), {})
    assert not counts.get("orders") and not counts.get("rejects"), "it is no error of anybody"
    assert kinds(Wallet(int(smallest) - 500).wants(), Place) == [] and kinds(Wallet(int(smallest) + 500).wants(), Place)


def test_a_demo_is_whole_contracts_too() -> None:
    engine = Wallet().engine
    assert engine.mandate.demo_min_multiple > 1
    assert demo_steps(engine.state, engine.mandate, 0, 900, 450) == CONTRACT

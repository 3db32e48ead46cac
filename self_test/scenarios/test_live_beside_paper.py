"""Playbooks of a live account beside its paper one: who trades what, and that neither ever touches the other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from self_test.scenarios.desk import (
    LiveDesk,
    books_balance,
    close,
    kinds,
    refused,
    rows,
    settled,
)
from state.accounts import Domain
from state.books import OPEN
from state.intents import Approved, ExitReason
from state.messages import (
    Close,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderUnknown,
    Place,
    StopFilled,
    TargetTouched,
)
from state.runtime import account_view
from strategy.base import C1, C2, C3, C4

# --- who trades what ------------------------------------------------------------------------------------------------------------------


def test_beside_a_live_account_paper_trades_what_is_not_live() -> None:
    desk = LiveDesk()
    for strategy in (C1, C2):
        with desk.on(desk.paper):
            assert refused(desk.signal(strategy=strategy)) == "not_allowed_here"
    for strategy in (C3, C4):
        assert refused(desk.signal(strategy=strategy)) == "not_allowed_here"
    live = desk.enter(strategy=C2)
    with desk.on(desk.paper):
        paper = desk.enter(strategy=C4)
    assert (live.intent.account, paper.intent.account) == (desk.live, desk.paper)


def test_both_accounts_hold_the_same_coin_and_neither_sees_the_other() -> None:
    desk = LiveDesk()
    desk.open()
    with desk.on(desk.paper):
        desk.filled(desk.enter(strategy=C4))
        paper_before = account_view(desk.engine.state, 1), desk.pos().copy()
    desk.closed(close(desk), 12_000)
    with desk.on(desk.paper):
        assert (account_view(desk.engine.state, 1), desk.pos()) == paper_before
        assert kinds(desk.control("flatten", account="CRYPTO/PAPER"), Close)[0].reduce.account == desk.paper
    assert desk.engine.state.halted == {"CRYPTO/PAPER": "flatten by me"}
    assert {row["account"] for row in rows(desk.all, "trade")} == {"CRYPTO/LIVE"}
    settled(desk)


MOVES = ("enter", "part", "rest", "gone", "close", "sold", "sold part", "stop", "stray", "again", "bar", "read", "unknown", "accepted")


class Walk:
    """Random news on one account; what can be true of the venue is told, nothing else."""

    def __init__(self, desk: LiveDesk, i: int) -> None:
        self.desk, self.i = desk, i
        self.order: Approved | None = None
        self.left = 0
        self.asked: Close | None = None
        self.last: OrderFilled | None = None

    def move(self, name: str, share: int, price: int) -> None:
        desk, i = self.desk, self.i
        held = int(desk.pos(i)["steps"]) if desk.pos(i)["status"] == OPEN else 0
        if not held:
            self.asked = None
        match name:
            case "enter" if self.order is None:
                strategy = C1 if desk.account == desk.live else C4
                for place in kinds(desk.signal(i, strategy=strategy), Place):
                    self.order, self.left = place.order, place.order.intent.steps
            case "part" | "rest" if self.order is not None:
                steps = self.left if name == "rest" else max(1, self.left * share // 100)
                self.left -= steps
                self.last = OrderFilled(desk.now, desk.execution(i, self.order.order_id, 1, price, steps), self.left)
                desk.tell(self.last)
                self.order = self.order if self.left else None
            case "unknown" if self.order is not None:
                desk.tell(OrderUnknown(desk.now, desk.account, self.order.order_id, "timeout"))
            case "accepted" if self.order is not None:
                desk.tell(OrderAccepted(desk.now, desk.account, self.order.order_id))
            case "gone" if self.order is not None:
                desk.tell(OrderCancelled(desk.now, desk.account, self.order.order_id, "gone"))
                self.order = None
            case "close" if held:
                asked = kinds(desk.tell(TargetTouched(desk.now, desk.account, desk.coin(i).key)), Close)
                self.asked = asked[0] if asked else self.asked
            case "sold" | "sold part" if held and self.asked is not None:
                steps = held if name == "sold" else max(1, held * share // 100)
                desk.tell(OrderFilled(desk.now, desk.execution(i, self.asked.reduce.order_id, -1, price, steps), held - steps))
            case "stop" if held:
                steps = max(1, held * share // 100)
                desk.tell(StopFilled(desk.now, desk.execution(i, "venue", -1, price, steps), ExitReason.STOP, held - steps))
            case "stray" if desk.account == desk.live:
                desk.tell(OrderFilled(desk.now, desk.execution(i, "lost", 1 if share % 2 else -1, price, share), 0))
            case "again" if self.last is not None:
                assert desk.tell(self.last) == []
            case "read" if desk.account == desk.live:
                desk.read(**({"cash": int(desk.acct["cash"])} if desk.live.domain is Domain.PERPS else {}))
            case "bar":
                desk.bar(price)


@settings(max_examples=120, deadline=None)
@given(
    st.booleans(),
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 1), st.sampled_from(MOVES), st.integers(1, 100), st.integers(9_400, 10_900)),
        min_size=20,
        max_size=80,
    ),
)
def test_whatever_happens_the_accounts_never_mix(perps: bool, moves: list[tuple[bool, int, str, int, int]]) -> None:
    desk = LiveDesk("AAAUSDT", "BBBUSDT", perps=perps)
    state = desk.engine.state
    strays = False
    walks = {(live, i): Walk(desk, i) for live in (True, False) for i in (0, 1)}
    for live, i, name, share, price in moves:
        mine, other = (0, 1) if live else (1, 0)
        before = state.acct[other].copy(), [state.pos[j].copy() for j, seat in enumerate(state.seats) if seat[0] == other]
        coins = dict(desk.coins)
        with desk.on(desk.live if live else desk.paper):
            walks[live, i].move(name, share, price)
        if name != "bar":  # a bar is everybody's: marks and days move
            after = state.acct[other], [state.pos[j] for j, seat in enumerate(state.seats) if seat[0] == other]
            assert after == before, f"{name} on {state.accounts[mine]} touched {state.accounts[other]}"
            assert live or desk.coins == coins
        held = {
            desk.coin(j).base: int(row["steps"])
            for j in (0, 1)
            for row in [state.pos[state.row_of(desk.live, desk.coin(j).key)]]
            if row["status"] == OPEN
        }
        strays = strays or name == "stray"
        assert strays or perps or all(desk.coins[coin] // desk.coin(0).step >= steps for coin, steps in held.items()), (
            "never more than is there"
        )
    if perps:
        books_balance(desk)
    else:
        settled(desk)

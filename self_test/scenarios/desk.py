"""The table the playbooks are told at: a real engine over made-up coins, events in, commands out, nothing in between.

Prices are ticks of a cent near 10,000; a signal of C1 with the ATR used here stops 300 ticks away and aims 1,200 ticks ahead.
A `LiveDesk` has a live account beside the paper one; `on` says whose turn it is to be spoken of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

from config import CONFIG
from modules.engine import choose
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies, fresh_engine, make_mandate, make_state, wallet_events
from modules.settings import BotConfig, Risk
from self_test.fakes.books import M5, coin
from state.accounts import Account, Domain, Mode
from state.booking import fee_of
from state.instruments import Instrument
from state.intents import Approved, ExitReason, Side, Signal
from state.market import Candle, Quote
from state.messages import (
    AccountUp,
    BarsClosed,
    Close,
    Command,
    Control,
    Event,
    OrderFilled,
    Place,
    Record,
    Report,
    StopFilled,
    TargetTouched,
    Tick,
    VenueRead,
)
from state.orders import Fill
from state.stages import paper_account
from strategy.base import C1
from utils.fixed import MONEY_SCALE, money

START = 1_741_046_400_000
"""2025-03-04 00:00 UTC."""
DAY_MS = 86_400_000
LEVEL, ATR, STOP, TARGET = 10_000, 50.0, 9_700, 11_200
FEE_PPM = 1_000

C = TypeVar("C", bound=Command)


class Desk:
    """One engine and the time; every method tells it one thing and returns its commands."""

    def __init__(self, *symbols: str, perps: bool = False, demo: bool = False, risk: Risk | None = None, balance: int = 1_000) -> None:
        domain = Domain.PERPS if perps else Domain.CRYPTO
        coins = tuple(coin(symbol, domain) for symbol in symbols or ("AAAUSDT",))
        config = CONFIG.model_copy(update={"risk": risk or Risk()})
        self.now = START
        self.all: list[Command] = []
        self.decisions: list[dict[str, Any]] = []
        chosen = chosen_strategies(("demo",) if demo else None)
        self.execs = 0
        self.engine, opened = self.set_up(config, coins, chosen, balance)
        self.all += opened
        self.account = self.engine.state.accounts[0]
        for _ in range(6):  # two primary bars: what usually trades is known
            self.bar()

    def set_up(
        self, config: BotConfig, coins: tuple[Instrument, ...], chosen: frozenset[int], balance: int
    ) -> tuple[Engine, list[Command]]:
        """The engine with its wallet open, and what opening it led to."""
        return fresh_engine(config, coins, chosen, self.now, quotes=True, balance=balance)

    def coin(self, i: int = 0) -> Instrument:
        return self.engine.state.instruments[i]

    def seat(self, i: int = 0) -> int:
        """The row of coin `i` on the account that is spoken of."""
        return self.engine.state.row_of(self.account, self.coin(i).key)

    def pos(self, i: int = 0) -> Any:
        return self.engine.state.pos[self.seat(i)]

    @property
    def acct(self) -> Any:
        state = self.engine.state
        return state.acct[state.accounts.index(self.account)]

    def tell(self, event: Event) -> list[Command]:
        """Any event."""
        return self.heard(self.engine.process(event))

    def heard(self, commands: list[Command]) -> list[Command]:
        """What is to be looked at; the rows that decisions leave are kept apart, in `decisions`."""
        kept = [one for one in commands if not (isinstance(one, Record) and one.kind == "decision")]
        self.decisions += [one.row for one in commands if isinstance(one, Record) and one.kind == "decision"]
        self.all += kept
        return kept

    def later(self, ms: int) -> Desk:
        """Let time pass without telling the engine."""
        self.now += ms
        return self

    def quote(self, i: int = 0, level: int = LEVEL, spread: int = 2) -> Quote:
        return Quote(self.coin(i).key, self.now, level - spread // 2, level - spread // 2 + spread, 1_000_000, 1_000_000)

    def bar(
        self, close: int = LEVEL, *, high: int | None = None, low: int | None = None, late: bool = False, spread: int = 2
    ) -> list[Command]:
        """Five minutes pass and the bar of every coin closes; a late one closed just now too, but is not to be traded on."""
        self.now = (self.now // M5 + 1) * M5
        return self.tell(self.bars(close, high, low, late=late, spread=spread))

    def bars(self, close: int, high: int | None = None, low: int | None = None, *, late: bool = False, spread: int = 2) -> BarsClosed:
        top, bottom = close + 5 if high is None else high, close - 5 if low is None else low
        count = range(len(self.engine.state.instruments))
        candles = tuple(Candle(self.coin(i).key, self.now - M5, close, top, bottom, close, 1_000.0) for i in count)
        quotes = () if late else tuple(self.quote(i, close, spread) for i in count)
        return BarsClosed(self.now, candles, quotes, (), late)

    def tick(self, level: int = LEVEL) -> list[Command]:
        """A tick with the quotes of now."""
        return self.tell(Tick(self.now, tuple(self.quote(i, level) for i in range(len(self.engine.state.instruments)))))

    def control(self, name: str, **args: str) -> list[Command]:
        return self.tell(Control(self.now, name, args, "me"))

    def signal(
        self, i: int = 0, *, strategy: int = C1, side: Side = Side.LONG, quote: Quote | None = None, blind: bool = False, **changes: Any
    ) -> list[Command]:
        """A confirmed signal as the market kernel gives one, judged with a quote (`blind`: without)."""
        told: dict[str, Any] = {"regime": 0, "atr": ATR, "reference": LEVEL, **changes}
        signal = Signal(ts=self.now, key=self.coin(i).key, strategy=strategy, side=side, **told)
        out: list[Command] = []
        seen = None if blind else quote or self.quote(i)
        choose.decide(self.engine.state, self.engine.mandate, self.seat(i), strategy, signal, seen, 10_000_000.0, out)
        return self.heard(out)

    def enter(self, i: int = 0, **changes: Any) -> Approved:
        """A signal that must be followed."""
        return only(Place, self.signal(i, **changes)).order

    def open(self, i: int = 0, price: int = LEVEL, **changes: Any) -> Approved:
        """An entry that fills at once and in full."""
        order = self.enter(i, **changes)
        self.filled(order, price)
        return order

    def execution(self, i: int, order_id: str, side: int, price: int, steps: int) -> Fill:
        self.execs += 1
        fee, base_fee = self.fees(i, side, price, steps)
        return Fill(
            ts=self.now,
            account=self.account,
            key=self.coin(i).key,
            order_id=order_id,
            exec_id=f"x{self.execs}",
            side=side,
            price=price,
            steps=steps,
            fee=fee,
            base_fee=base_fee,
        )

    def fees(self, i: int, _side: int, price: int, steps: int) -> tuple[int, Decimal]:
        """What an execution costs: money units, and coins of its base."""
        return fee_of(price * steps * self.coin(i).unit, FEE_PPM), Decimal(0)

    def number(self, key: str) -> int:
        """Which coin `key` is."""
        return self.engine.state.market_row(key)

    def filled(self, order: Approved, price: int = LEVEL, steps: int | None = None, left: int = 0) -> list[Command]:
        """The venue filled an entry."""
        intent = order.intent
        i = self.number(intent.key)
        fill = self.execution(i, order.order_id, int(intent.side), price, intent.steps if steps is None else steps)
        return self.tell(OrderFilled(self.now, fill, left))

    def stopped(
        self, price: int, i: int = 0, *, trigger: ExitReason = ExitReason.STOP, steps: int | None = None, left: int = 0
    ) -> list[Command]:
        """The venue's own protection took the position, or `steps` of it."""
        pos = self.pos(i)
        fill = self.execution(i, "venue", -int(pos["side"]), price, int(pos["steps"]) if steps is None else steps)
        return self.tell(StopFilled(self.now, fill, trigger, left))

    def closed(self, close: Close, price: int, steps: int | None = None, left: int = 0) -> list[Command]:
        """A market close of ours was filled."""
        i = self.number(close.reduce.key)
        pos = self.pos(i)
        fill = self.execution(i, close.reduce.order_id, -int(pos["side"]), price, int(pos["steps"]) if steps is None else steps)
        return self.tell(OrderFilled(self.now, fill, left))


class LiveDesk(Desk):
    """A live account in front of the paper one of its domain; it starts recovered: nothing keeps it from entering.

    A spot buy pays a thousandth of the coins bought, exactly, as on the venue; every other execution pays in the quote coin.
    """

    def set_up(
        self, config: BotConfig, coins: tuple[Instrument, ...], chosen: frozenset[int], balance: int
    ) -> tuple[Engine, list[Command]]:
        domain = coins[0].domain
        self.live, self.paper = Account(domain, Mode.LIVE), paper_account(domain)
        self.venue_cash, self.venue_coins = Decimal(balance), dict.fromkeys((one.base for one in coins), Decimal(0))
        accounts = (self.live, self.paper)
        state = make_state(config, coins, accounts)
        state.tag = "abc"
        engine = Engine(state, make_mandate(config, coins, accounts, chosen, quotes=True))
        units = str(balance * MONEY_SCALE)
        events: list[Event] = [
            Control(self.now, "boot", {"stage": "2", "live": str(self.live), "override": "1"}, "start"),
            *wallet_events(config, accounts, self.now, balance),
            Control(self.now, "open_wallet", {"account": str(self.live), "balance_units": units}, "venue"),
            VenueRead(self.now, self.live, int(units), int(units)),
            AccountUp(self.now, self.live, "reconcile"),
        ]
        return engine, [command for event in events for command in engine.process(event)]

    @contextmanager
    def on(self, account: Account) -> Iterator[LiveDesk]:
        """Speak of `account` for the length of the block."""
        before, self.account = self.account, account
        try:
            yield self
        finally:
            self.account = before

    def fees(self, i: int, side: int, price: int, steps: int) -> tuple[int, Decimal]:
        """And the venue's own wallet moves by it, counted here without the engine."""
        one, spot = self.coin(i), self.coin(i).domain is Domain.CRYPTO
        in_coin = spot and side > 0 and self.account == self.live
        fee = 0 if in_coin else fee_of(price * steps * one.unit, FEE_PPM)
        base_fee = one.qty(steps) * FEE_PPM / 1_000_000 if in_coin else Decimal(0)
        if self.account == self.live:
            self.venue_cash -= money(fee) + (side * one.price(price) * one.qty(steps) if spot else 0)
            if spot:
                self.venue_coins[one.base] += side * one.qty(steps) - base_fee
        return fee, base_fee

    @property
    def causes(self) -> set[str]:
        """What keeps the account that is spoken of from entering."""
        return set(self.engine.state.holds.get(str(self.account), {}))

    @property
    def coins(self) -> dict[str, Decimal]:
        """What the live account's own fills brought."""
        return self.engine.state.coins.get(str(self.live), {})

    def read(self, **told: Any) -> list[Command]:
        """The venue's figures of the live account as its own book has them, unless told otherwise."""
        units = int(self.venue_cash * MONEY_SCALE)
        figures = {"cash": units, "free": units, "coins": {coin: qty for coin, qty in self.venue_coins.items() if qty}, **told}
        return self.tell(VenueRead(self.now, self.live, **figures))


def kinds(commands: list[Command], of: type[C]) -> list[C]:
    return [command for command in commands if isinstance(command, of)]


def only(of: type[C], commands: list[Command]) -> C:
    found = kinds(commands, of)
    assert len(found) == 1, f"{len(found)} x {of.__name__} in {commands}"
    return found[0]


def rows(commands: list[Command], kind: str) -> list[dict[str, Any]]:
    """The ledger rows of one kind."""
    return [command.row for command in kinds(commands, Record) if command.kind == kind]


def reports(commands: list[Command]) -> list[tuple[str, str]]:
    """(what, rule) of each report."""
    return [(report.what, report.rule) for report in kinds(commands, Report)]


def refused(commands: list[Command]) -> str:
    """The rule that refused; nothing else may have come out."""
    report = only(Report, commands)
    assert commands == [report] and report.what == "refused"
    return report.rule


def cash(desk: LiveDesk) -> Decimal:
    return money(int(desk.acct["cash"]))


def settled(desk: LiveDesk) -> None:
    """What the bot counts as its own is what the venue has, to the last unit."""
    with desk.on(desk.live):
        assert cash(desk) == desk.venue_cash
    assert {coin: qty for coin, qty in desk.coins.items() if qty} == {coin: qty for coin, qty in desk.venue_coins.items() if qty}
    books_balance(desk)


def books_balance(desk: LiveDesk) -> None:
    """Each account's cash rows sum to its cash, its coin rows to its coins; paper has no coins."""
    moved = rows(desk.all, "cash")
    for account in (desk.live, desk.paper):
        with desk.on(account):
            mine = [row for row in moved if row["account"] == str(account)]
            assert sum(Decimal(row["amount"]) for row in mine if "coin" not in row) == cash(desk)
            coins: dict[str, Decimal] = {}
            for row in mine:
                if "coin" in row:
                    coins[row["coin"]] = coins.get(row["coin"], Decimal(0)) + Decimal(row["amount"])
            assert coins == desk.engine.state.coins.get(str(account), {})


def close(desk: LiveDesk, i: int = 0) -> Close:
    """A market close that somebody asks for (the software target, the shortest way)."""
    return only(Close, desk.tell(TargetTouched(desk.now, desk.account, desk.coin(i).key)))


def round_trip(desk: LiveDesk, i: int = 0, price: int = LEVEL, steps: int | None = None) -> list[Command]:
    """In and out; returns what the way out led to."""
    desk.filled(desk.enter(i), steps=steps)
    return desk.closed(close(desk, i), price)

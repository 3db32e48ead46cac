"""The table the playbooks are told at: a real engine over made-up coins, events in, commands out, nothing in between.

Prices are ticks of a cent near 10,000; a signal of C1 with the ATR used here stops 300 ticks away and aims 1,200 ticks ahead.
"""

from __future__ import annotations

from typing import Any, TypeVar

from config import CONFIG
from modules.engine import decide
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.settings import Risk
from self_test.fakes.books import M5, coin
from state.accounts import Domain
from state.booking import fee_of
from state.instruments import Instrument
from state.intents import Approved, ExitReason, Side, Signal
from state.market import Candle, Quote
from state.messages import BarsClosed, Close, Command, Control, Event, OrderFilled, Place, Record, Report, StopFilled, Tick
from state.orders import Fill
from strategy.base import C1

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
        chosen = chosen_strategies(("demo",) if demo else None)
        self.engine, opened = fresh_engine(config, coins, chosen, self.now, quotes=True, balance=balance)
        self.all += opened
        self.account = self.engine.state.accounts[0]
        self.execs = 0
        for _ in range(6):  # two primary bars: what usually trades is known
            self.bar()

    def coin(self, i: int = 0) -> Instrument:
        return self.engine.state.instruments[i]

    def pos(self, i: int = 0) -> Any:
        return self.engine.state.pos[i]

    @property
    def acct(self) -> Any:
        return self.engine.state.acct[0]

    def tell(self, event: Event) -> list[Command]:
        """Any event."""
        commands = self.engine.process(event)
        self.all += commands
        return commands

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
        decide.decide(self.engine.state, self.engine.mandate, i, strategy, signal, seen, 10_000_000.0, out)
        self.all += out
        return out

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
        fee = fee_of(price * steps * self.coin(i).unit, FEE_PPM)
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
        )

    def filled(self, order: Approved, price: int = LEVEL, steps: int | None = None, left: int = 0) -> list[Command]:
        """The venue filled an entry."""
        intent = order.intent
        i = self.engine.state.row_of(intent.account, intent.key)
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
        i = self.engine.state.row_of(close.reduce.account, close.reduce.key)
        pos = self.pos(i)
        fill = self.execution(i, close.reduce.order_id, -int(pos["side"]), price, int(pos["steps"]) if steps is None else steps)
        return self.tell(OrderFilled(self.now, fill, left))


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

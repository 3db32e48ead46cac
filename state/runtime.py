"""What the engine holds true at one moment: rows, orders, stage, switches. It is all that a restart needs.

Everything here changes only inside `Engine.process`; `freeze` and `thaw` carry it through a snapshot without loss.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from state.accounts import Account, Mode
from state.barred import bars
from state.books import ACCT, FLAT, INST, OPEN, POS, Rows, rows
from state.drift import Drift
from state.exploring import LiveTrial
from state.instruments import Instrument
from state.intents import ExitReason, Side
from state.observed import new_observed
from state.option_figures import Figures, OptionFigures, no_figures
from state.options import OptionContract, Right, Surface, tick_digits
from state.orders import Order
from state.policies import PolicyRef, Waiting
from state.sentiment import Felt
from state.stages import Toggles
from state.standing import Level, Standing
from state.transfers import CashLog
from utils.errors import Invariant
from utils.fixed import money, plain

SPREADS = 288
"""Spreads remembered per instrument, one a confirm bar: a day at five minutes."""

REASONS: tuple[ExitReason, ...] = (
    ExitReason.STOP,
    ExitReason.TRAIL,
    ExitReason.TARGET,
    ExitReason.MAX_HOLD,
    ExitReason.HALT,
    ExitReason.OPERATOR,
    ExitReason.UNPROTECTED,
    ExitReason.LIQUIDATION,
    ExitReason.ADL,
    ExitReason.EXTERNAL,
    ExitReason.DUST,
    ExitReason.WEEKEND,
    ExitReason.SUPERSEDED,
    ExitReason.EXERCISED,
    ExitReason.EXPIRED,
)
"""Exit reasons by number: POS.closing holds index + 1."""


class RuntimeState:
    """The engine's memory: row `m` of market is `instruments[m]`, row `a` of acct `accounts[a]`, row `i` of pos and inst `seats[i]`."""

    def __init__(self, instruments: tuple[Instrument, ...], accounts: tuple[Account, ...], market: Rows) -> None:
        n = len(instruments)
        self.instruments = instruments
        self.accounts = accounts
        self.seats = tuple(
            (a, m) for m, instrument in enumerate(instruments) for a, account in enumerate(accounts) if account.domain is instrument.domain
        )
        """Who trades what: (account row, market row), in config order; at one time they are decided in this order."""
        self.index = {instrument.key: m for m, instrument in enumerate(instruments)}
        self.seats_of = tuple(tuple(i for i, seat in enumerate(self.seats) if seat[1] == m) for m in range(n))
        self._rows = {(accounts[a], instruments[m].key): i for i, (a, m) in enumerate(self.seats)}
        self.market = market
        self.pos = np.zeros(len(self.seats), POS)
        self.inst = rows(INST, len(self.seats))
        self.acct = np.zeros(len(accounts), ACCT)
        self.observed = new_observed(n)
        """Beside each market row what policies remember of it."""
        self.spreads = np.zeros((n, SPREADS), np.int64)
        self.spread_n = np.zeros(n, np.int64)
        self.demo_ts = np.zeros(len(self.seats), np.int64)
        self.orders: dict[str, Order] = {}
        self.execs: dict[str, None] = {}
        self.feeds_down: dict[str, str] = {}
        self.halted: dict[str, str] = {}
        self.stage = 1
        self.toggles = Toggles()
        self.exploration = 0
        """The operator's exploration, percent of decisions; 0: what the configuration says."""
        self.live_trials: dict[str, LiveTrial] = {}
        """Domain -> exploration with real money; off where there is none."""
        self.policies: dict[str, PolicyRef] = {}
        """Domain -> the policy in force; the static one where there is none."""
        self.waiting: dict[str, Waiting] = {}
        """`account/key` of a seat -> the entry that waits until what was explored there is closed."""
        self.drift: dict[str, Drift] = {}
        """Domain -> what was found to have changed there; as it was where there is none."""
        self.sentiment: dict[str, Felt] = {}
        """Domain -> the mood last told; neutral where there is none."""
        self.surfaces: dict[str, Surface] = {}
        """Pair -> the newest volatility surface; without one its options are not entered."""
        self.ts = 0
        self.closed_trades = [0] * len(accounts)
        self.realised = [0] * len(accounts)
        self.tag = ""
        """Three characters in the ids of this bot's live orders, told from another bot's; empty without live accounts."""
        self.holds: dict[str, dict[str, str]] = {}
        """Account -> cause -> reason: no entries while there is any."""
        self.coins: dict[str, dict[str, Decimal]] = {}
        """Live spot account -> base coin -> what its own fills brought, less fees in the coin; more than its positions by dust."""
        self.outside_coins: dict[str, dict[str, Decimal]] = {}
        """Live account -> coin -> what stands there and is not ours."""
        self.standings: dict[str, Standing] = {}
        """`DOMAIN/style` -> where it stands; on paper when it is not here."""
        self.samples: dict[str, str] = {}
        """`DOMAIN/MODE/style` -> procedure hash of the sample of evidence that runs."""
        self.earned = 1
        """The highest stage that evidence and a person have opened."""
        self.health: dict[str, dict[str, int]] = {}
        """Account -> counts of the day that the error budget is judged by (`telemetry.ledger_rows.HEALTH`)."""
        self.evidence: list[tuple[str, bytes]] = []
        """Rows of the ledger that verdicts rest on, (kind, JSON); the ledger keeps them, a snapshot does not."""
        self.cursors: dict[str, int] = {}
        """Live account -> venue time of the newest execution it knows."""
        self.cash_logs: dict[str, CashLog] = {}
        """Wallet (`state.transfers.wallet_name`) -> what the venue's list of cash movements has told of it."""

    def count(self, account: Account, name: str, n: int = 1) -> None:
        """Add to a count of the day."""
        day = self.health.setdefault(str(account), {})
        day[name] = day.get(name, 0) + n

    def account_of(self, i: int) -> Account:
        """The account of seat `i`."""
        return self.accounts[self.seats[i][0]]

    def tag_of(self, i: int) -> str:
        """What marks this bot's order ids on the account of seat `i`: nothing on paper."""
        return self.tag if self.account_of(i).mode is Mode.LIVE else ""

    def instrument(self, i: int) -> Instrument:
        """The instrument of seat `i`."""
        return self.instruments[self.seats[i][1]]

    def bar_ms(self, m: int) -> int:
        """Length of the confirm bars of market row `m`."""
        return int(self.market[m]["confirm_ms"])

    def contract_of(self, i: int) -> OptionContract | None:
        """What seat `i` holds or has ordered, where it is a slot of options; None elsewhere and while it is flat."""
        pos = self.pos[i]
        if not self.inst[i]["option"] or int(pos["status"]) == FLAT:
            return None
        pair = self.instrument(i).symbol
        right, strike, expiry_ts = Right(int(pos["right"])), int(pos["strike"]), int(pos["expiry_ts"])
        return OptionContract(pair=pair, right=right, strike=strike, digits=tick_digits(pair), expiry_ts=expiry_ts)

    def symbol_of(self, i: int) -> str:
        """What people call the thing on seat `i`: its instrument's symbol, or the option that it holds or has ordered."""
        contract = self.contract_of(i)
        return self.instrument(i).symbol if contract is None else contract.symbol

    def market_row(self, key: str) -> int:
        """Market row of an instrument; Invariant when the engine does not know it."""
        try:
            return self.index[key]
        except KeyError:
            raise Invariant(f"an event names {key}, which this engine does not hold") from None

    def row_of(self, account: Account, key: str) -> int:
        """Seat of an instrument on an account; Invariant when the engine does not know it."""
        try:
            return self._rows[account, key]
        except KeyError:
            raise Invariant(f"an event names {key} on {account}, which this engine does not hold") from None

    def find(self, account: Account, key: str) -> int | None:
        """Seat of an instrument on an account, None when there is none."""
        return self._rows.get((account, key))

    def seats_in(self, mode: Mode) -> dict[str, int]:
        """Instrument key -> seat on the account of `mode` in its domain."""
        return {key: i for (account, key), i in self._rows.items() if account.mode is mode}

    def seats_on(self, account: Account) -> dict[str, int]:
        """Instrument key -> seat of everything `account` trades."""
        return {key: i for (one, key), i in self._rows.items() if one == account}

    def spread_median(self, m: int) -> float:
        """Median spread of market `m` in ticks over the last day of bars; 0 before an hour was seen."""
        n = int(min(self.spread_n[m], SPREADS))
        return float(np.median(self.spreads[m, :n])) if n >= 12 else 0.0


class Holding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An open position as people and JSON readers see it; every amount a decimal string. An option's prices are its premium."""

    symbol: str
    side: str
    qty: str
    entry: str
    stop: str
    target: str
    opened_ts: int
    option: OptionFigures | None = None
    """Left out where it is none."""


class CanaryView(msgspec.Struct, frozen=True, kw_only=True):
    """How far the probation of a live account has come."""

    trades: int
    since_ts: int
    realised: str


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """One account as `status --json` shows it."""

    equity: str
    balance: str
    closed_trades: int
    realised_pnl: str
    drawdown: float
    halted: str | None
    standing: str
    canary: CanaryView | None
    open_positions: list[Holding]
    held_by: dict[str, str] = {}
    """Why it may not enter now, by cause; empty when it is in order."""
    barred: list[str] = []
    """What rules of risk keep it, or a style of it, from entering, and until when (`state.barred`)."""


def holding(state: RuntimeState, i: int, figures: Figures = no_figures) -> Holding:
    """Seat `i` as a Holding; `figures` prices what is an option."""
    pos, instrument = state.pos[i], state.instrument(i)
    steps = int(pos["steps"])
    qty = instrument.qty(steps)
    return Holding(
        symbol=state.symbol_of(i),
        side=Side(int(pos["side"])).word,
        qty=plain(qty),
        entry=plain((money(int(pos["value"])) / qty).normalize()),
        stop=plain(instrument.price(int(pos["stop"]))),
        target=plain(instrument.price(int(pos["target"]))),
        opened_ts=int(pos["opened_ts"]),
        option=figures(state, i),
    )


def account_view(state: RuntimeState, a: int, figures: Figures = no_figures) -> AccountView:
    """Account `a` in words and decimal strings, at the last mark; `figures` prices options."""
    acct = state.acct[a]
    peak, equity = int(acct["peak"]), int(acct["equity"])
    return AccountView(
        equity=plain(money(equity)),
        balance=plain(money(int(acct["cash"]))),
        closed_trades=state.closed_trades[a],
        realised_pnl=plain(money(state.realised[a])),
        drawdown=round(max(0.0, 1.0 - equity / peak), 6) if peak > 0 else 0.0,
        halted=state.halted.get(str(state.accounts[a])),
        standing=_standing(state, a),
        canary=_canary(acct),
        held_by=dict(state.holds.get(str(state.accounts[a]), {})),
        barred=bars(state, a),
        open_positions=[
            holding(state, i, figures) for i in range(len(state.pos)) if state.pos[i]["status"] == OPEN and state.inst[i]["account"] == a
        ],
    )


def _standing(state: RuntimeState, a: int) -> str:
    """The highest standing on the account: what a person asks about first."""
    if state.accounts[a].mode is Mode.PAPER:
        return "paper"
    found = {one.level for key, one in state.standings.items() if key.partition("/")[0] == state.accounts[a].domain}
    return next((str(level) for level in (Level.LIVE, Level.CANARY, Level.PAPER) if level in found), "live")  # the demo has no standing


def _canary(acct: Any) -> CanaryView | None:
    """The probation that has lasted longest, None when no style is on one."""
    styles = [style for style in range(len(acct["canary"])) if acct["canary"][style]]
    if not styles:
        return None
    style = min(styles, key=lambda one: int(acct["canary_since"][one]))
    return CanaryView(
        trades=int(acct["canary_trades"][style]),
        since_ts=int(acct["canary_since"][style]),
        realised=plain(money(int(acct["canary_realised"][style]))),
    )


class Readable(msgspec.Struct, kw_only=True):
    """The part of a snapshot that people read and that is not rows."""

    stage: int
    toggles: Toggles
    ts: int
    instruments: list[Instrument]
    accounts: dict[str, AccountView]
    orders: list[Order]
    execs: list[str]
    feeds_down: dict[str, str]
    halted: dict[str, str]
    closed_trades: list[int]
    realised: list[int]
    tag: str = ""
    holds: dict[str, dict[str, str]] = {}
    coins: dict[str, dict[str, Decimal]] = {}
    outside_coins: dict[str, dict[str, Decimal]] = {}
    cursors: dict[str, int] = {}
    cash_logs: dict[str, CashLog] = {}
    standings: dict[str, Standing] = {}
    samples: dict[str, str] = {}
    earned: int = 1
    exploration: int = 0
    live_trials: dict[str, LiveTrial] = {}
    policies: dict[str, PolicyRef] = {}
    waiting: dict[str, Waiting] = {}
    drift: dict[str, Drift] = {}
    sentiment: dict[str, Felt] = {}
    surfaces: dict[str, Surface] = {}
    health: dict[str, dict[str, int]] = {}


BLOBS = ("market", "observed", "pos", "inst", "acct", "spreads", "spread_n", "demo_ts")


def freeze(state: RuntimeState) -> tuple[bytes, dict[str, Any]]:
    """The state as readable JSON and the row arrays by name."""
    readable = Readable(
        stage=state.stage,
        toggles=state.toggles,
        ts=state.ts,
        instruments=list(state.instruments),
        accounts={str(account): account_view(state, a) for a, account in enumerate(state.accounts)},
        orders=list(state.orders.values()),
        execs=list(state.execs),
        feeds_down=state.feeds_down,
        halted=state.halted,
        closed_trades=state.closed_trades,
        realised=state.realised,
        tag=state.tag,
        holds=state.holds,
        coins=state.coins,
        outside_coins=state.outside_coins,
        cursors=state.cursors,
        cash_logs=state.cash_logs,
        standings=state.standings,
        samples=state.samples,
        earned=state.earned,
        exploration=state.exploration,
        live_trials=state.live_trials,
        drift=state.drift,
        sentiment=state.sentiment,
        surfaces=state.surfaces,
        policies=state.policies,
        waiting=state.waiting,
        health=state.health,
    )
    return msgspec.json.encode(readable), {name: getattr(state, name) for name in BLOBS}


def thaw(readable_json: bytes, blobs: dict[str, Any]) -> RuntimeState:
    """The state that `freeze` wrote, exactly: the boot event, not this, turns off what is off at every boot."""
    readable = msgspec.json.decode(readable_json, type=Readable)
    accounts = tuple(Account.parse(text) for text in readable.accounts)
    state = RuntimeState(tuple(readable.instruments), accounts, blobs["market"])
    for name in BLOBS:
        setattr(state, name, blobs[name])
    state.stage, state.ts = readable.stage, readable.ts
    state.toggles, state.exploration, state.live_trials = readable.toggles, readable.exploration, readable.live_trials
    state.policies, state.waiting = readable.policies, readable.waiting
    state.drift, state.sentiment, state.surfaces = readable.drift, readable.sentiment, readable.surfaces
    state.orders = {order.order_id: order for order in readable.orders}
    state.execs = dict.fromkeys(readable.execs)
    state.feeds_down, state.halted = readable.feeds_down, readable.halted
    state.closed_trades, state.realised = readable.closed_trades, readable.realised
    state.tag, state.holds, state.cursors = readable.tag, readable.holds, readable.cursors
    state.coins, state.outside_coins, state.cash_logs = readable.coins, readable.outside_coins, readable.cash_logs
    state.standings, state.samples, state.earned, state.health = readable.standings, readable.samples, readable.earned, readable.health
    return state

"""The simulated OANDA as one object: the account, its market, REST and streams, what survives, and the loop's entry `advance`.

It sleeps until somebody asks or something is held: then its market is made, and from there on every price of every pair passes through the
account in order of time. At one instant: prices before it, then what the clock brings (turn of the day, close of the week), then requests.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from forex import sessions
from modules.simulator import oanda_financing as financing
from modules.simulator.fault_frames import FrameFaults
from modules.simulator.faults import Fault, FaultTable
from modules.simulator.intervals import MINUTE
from modules.simulator.keyring import made_secret
from modules.simulator.oanda_broker import Broker
from modules.simulator.oanda_desk import Desk
from modules.simulator.oanda_ledger import accounts_row, ledger
from modules.simulator.oanda_market import FxMarket, FxSeries
from modules.simulator.oanda_pairs import HOME, wire_name
from modules.simulator.oanda_reads import Reads
from modules.simulator.oanda_rest import Rest
from modules.simulator.oanda_store import Kept, OandaStore
from modules.simulator.oanda_streams import Streams
from modules.simulator.oanda_types import Quote, Row, State, money
from modules.simulator.oanda_web import OandaReplyFaults, OandaWeb
from modules.simulator.order_types import Now
from utils.errors import Refusal

DEFAULT_BALANCE = "10000"
MOST_MONEY = Decimal("1e12")
AHEAD_MS = 10 * MINUTE
"""Points are read ahead by so much."""
BEAT_MS = 5 * MINUTE
Event = tuple[int, int, str, int, int, bool]
"""A point: time, place of its pair, pair, bid and spread in ticks, whether it is the first of its bar."""


class OandaAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about the account; None = not said."""

    oanda_token: str | None = None
    oanda_account: str | None = None
    oanda_balance: str | None = None


class OandaSide:
    """`market` makes the prices when they are first needed; `now`: both clocks; `faults`: the table. Without a folder nothing is kept."""

    def __init__(
        self, market: Callable[[], FxMarket], seed: int, start_ms: int, access: OandaAccess, folder: Path | None, now: Callable[[], Now],
        faults: FaultTable, say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._make, self._now, self._say, self._faults = market, now, say, faults
        self._market: FxMarket | None = None
        self._store = OandaStore(folder) if folder is not None else None
        loaded = self._store.load() if self._store is not None else None
        balance = parse_balance(access.oanda_balance or DEFAULT_BALANCE)
        if loaded is None:
            account = access.oanda_account or f"101-004-{1_000_000 + int(made_secret(seed, 'oanda account', 6), 16) % 9_000_000}-001"
            state = State(account_id=account, created=start_ms, opening=balance, taken=start_ms)
            rows: list[Row] = []
            token = access.oanda_token or made_secret(seed, "oanda token", 32) + "-" + made_secret(seed, "oanda token end", 32)
        else:
            kept, rows = loaded
            state, token = kept.state, access.oanda_token or kept.token
            if access.oanda_balance is not None and balance != state.opening:
                raise Refusal(f"--oanda-balance: this state directory holds an account that began with {state.opening}, not {balance}")
            if access.oanda_account not in (None, state.account_id):
                raise Refusal(f"--oanda-account: this state directory holds {state.account_id}, not {access.oanda_account}")
        self.desk = Desk(state, rows)
        self.broker = Broker(self.desk)
        reads = Reads(self.desk, self.series, lambda: now().ts)
        self.rest = Rest(self.broker, reads, token, lambda: now().ts, lambda: now().wall, self.changed)
        self.streams = Streams(self.desk)
        frames = FrameFaults(faults, now, lambda: self.streams.lines)
        self.streams.filter, self._frame_faults = frames.frame, frames
        replies = OandaReplyFaults(faults, now, lambda: now().wall, lambda _: state.account_id)
        self.web = OandaWeb(self.rest, reads, self.streams, replies, lambda: now().ts, self.wake)
        self._queue: deque[Event] = deque()
        self._read_ms = 0
        self._turn_ms = self._hours_ms = 0
        self._keeping = False
        if loaded is None:
            self._open(start_ms)

    def _open(self, now: int) -> None:
        desk = self.desk
        desk.book("CREATE", now, divisionID=4, siteID=101, accountUserID=1_000_001, accountNumber=1, homeCurrency=HOME)
        desk.book("CLIENT_CONFIGURE", now, alias=desk.state.alias)
        desk.begin()
        desk.state.balance = desk.state.opening
        if desk.state.opening:
            amount = desk.text(desk.state.opening)
            desk.book("TRANSFER_FUNDS", now, amount=amount, fundingReason="CLIENT_FUNDING", accountBalance=amount)
        desk.news.clear()

    # what is there --------------------------------------------------------------------------------------------------------------------
    @property
    def token(self) -> str:
        """Of the account."""
        return self.rest.token

    @property
    def account_id(self) -> str:
        """Of the account."""
        return self.desk.state.account_id

    @property
    def awake(self) -> bool:
        """Whether its market is made and followed."""
        return self._market is not None

    @property
    def outstanding(self) -> int:
        """Requests and lines that are on their way."""
        return self.web.outstanding + self.streams.outstanding

    def series(self) -> dict[str, FxSeries]:
        """The listed pairs by wire name."""
        self.wake()
        return dict(self._market.series) if self._market is not None else {}

    def ready(self) -> dict[str, Any]:
        """Its part of the ready line."""
        return {
            "oanda": {"http": self.web.address(0), "stream": self.web.address(1)},
            "oanda_token": self.token,
            "oanda_account": self.account_id,
        }

    # time -----------------------------------------------------------------------------------------------------------------------------
    def wake(self) -> None:
        """Make the market and take its prices as they are; at once when something is held (from where it was left)."""
        if self._market is not None:
            return
        state = self.desk.state
        now = self._now().ts
        begin = state.taken if self._busy() else now
        market = self._market = self._make()
        for notice in market.notices:
            self._say(notice)
        market.extend(max(now, begin) + MINUTE)
        for name, at, factor in state.gaps:
            if name in market.series:
                market.series[name].shift(at, factor)
        state.taken = begin
        for name, series in market.series.items():
            if (point := series.last_point(begin)) is not None:
                self.desk.quotes[name] = _quote(series, (int(point["ts"]), 0, name, int(point["bid"]), int(point["spread"]), False))
        self._read_ms = begin
        self._turn_ms = financing.next_turn(begin)
        self._look(begin)
        self.advance(now)

    def _busy(self) -> bool:
        return bool(self.desk.open_trades() or self.desk.pending())

    def _look(self, now: int) -> None:
        """Whether the market trades from `now` on, and until when that holds."""
        hours = sessions.hours(now)
        is_open = hours.open_ts <= now < hours.close_ts
        self._hours_ms = hours.close_ts if is_open else hours.rest_until
        names = set(self._market.series) if self._market is not None else set()
        closes = not is_open and not names <= self.desk.shut
        self.desk.shut = set(self.desk.state.halted) if is_open else names
        if closes:
            for name in names:
                self.streams.price(name)

    def advance(self, now: int) -> None:
        """Venue time is `now`: everything before it happens, in order."""
        if self._market is None:
            if not self._busy():
                return
            self.wake()
        state = self.desk.state
        while state.taken < now:
            stop = min(now, self._turn_ms, self._hours_ms, *(one.gtd for one in self.desk.pending() if one.gtd is not None))
            stop = max(stop, state.taken)
            self._points(stop)
            state.taken = stop
            if stop == self._turn_ms:
                self._turn_ms = financing.next_turn(stop)
                financing.settle(self.desk, stop)
                self.broker.expire(stop, day_ends=True)
                self._tell()
            if stop == self._hours_ms:
                self._look(stop)
            self.broker.expire(stop)
            self._tell()
        if now % BEAT_MS == 0:
            self.streams.beat(now)

    def _points(self, stop: int) -> None:
        queue, market = self._queue, self._market
        if market is None:
            return
        while True:
            while queue and queue[0][0] < stop:
                event = queue.popleft()
                self.desk.state.taken = event[0]
                self.broker.on_quote(event[2], _quote(market.series[event[2]], event))
                self.streams.price(event[2])
                self._tell()
            if self._read_ms >= stop:
                return
            begin, self._read_ms = self._read_ms, self._read_ms + AHEAD_MS
            market.extend(self._read_ms + MINUTE)
            found: list[Event] = []
            for place, (name, series) in enumerate(market.series.items()):
                points = series.points(begin, self._read_ms)
                found += [(ts, place, name, bid, spread, first) for ts, bid, spread, first in points.tolist()]
            queue.extend(sorted(found))

    def pulse(self, wall_s: float) -> None:
        """Called as time passes: heartbeats of the wall clock, connections that go silent."""
        self._frame_faults.silence()
        self.streams.pulse(wall_s, self._now().ts)

    # what happened --------------------------------------------------------------------------------------------------------------------
    def changed(self) -> None:
        """Something was booked: keep it, then tell it."""
        self._tell()

    def _tell(self) -> None:
        if not self.desk.news:
            return
        self.desk.trim()
        self.save()
        news, self.desk.news = self.desk.news, []
        self.streams.told(news)

    def save(self) -> None:
        """Keep the account as it is (nothing without a folder, or before `start`)."""
        if self._store is not None and self._keeping:
            self._store.save(Kept(token=self.token, state=self.desk.state), self.desk.rows)

    async def start(self, host: str, ports: tuple[int, int]) -> None:
        """Listen, and keep everything from here on."""
        await self.web.start(host, ports)
        self._keeping = True
        self.save()

    async def close(self) -> None:
        """Save, end streams and servers."""
        self.save()
        self._keeping = False
        await self.web.close()
        if self._store is not None:
            self._store.close()

    # scripts and truth ----------------------------------------------------------------------------------------------------------------
    def script(self, fault: Fault, now: int) -> bool:
        """Let a scripted fault happen to a pair that it names; False when it is about no pair."""
        name = wire_name(fault.symbol)
        if name is None:
            return False
        self.wake()
        self.advance(now)
        if fault.kind == "price_gap" and self._market is not None and name in self._market.series:
            series = self._market.series[name]
            at = -(-now // series.tf_ms) * series.tf_ms
            series.shift(at, 1 + float(fault.value))
            self.desk.state.gaps.append((name, at, 1 + float(fault.value)))
            self._queue.clear()
            self._read_ms = self.desk.state.taken
        elif fault.kind == "filters" and "status" in fault.value:
            halted = set(self.desk.state.halted) - {name} | (set() if fault.value["status"] == "Trading" else {name})
            self.desk.state.halted = sorted(halted)
            self._look(now)
            self.streams.price(name)
        elif fault.kind == "liquidate":
            self.broker.take_over(now, name)
            self._tell()
        self.save()
        return True

    def revoke(self, name: str, *, revoked: bool) -> bool:
        """Refuse the token from now on, or take that back; open streams end. False when the name is not this account's."""
        if name not in {"oanda", self.account_id, self.token}:
            return False
        self.desk.state.revoked = revoked
        if revoked:
            self.streams.close()
        self.save()
        return True

    def transfer(self, name: str, amount: Decimal) -> dict[str, Any] | None:
        """Money in (> 0) or out (< 0); what is there then. None when the name is not this account's; ValueError: not that much is free."""
        if name not in {"oanda", self.account_id, self.token}:
            return None
        now, desk = self._now().ts, self.desk
        self.advance(now)
        free = min(desk.state.balance, desk.figures().margin_available)
        if not (amount.is_finite() and 0 < abs(amount) < MOST_MONEY and amount == money(amount) and -amount <= free):
            raise ValueError(f"amount must be a number other than 0, and no more than {free} can be taken out")
        desk.begin()
        desk.state.balance += amount
        desk.book(
            "TRANSFER_FUNDS", now, amount=desk.text(amount), fundingReason="CLIENT_FUNDING", accountBalance=desk.text(desk.state.balance)
        )
        self._tell()
        return {"account": self.account_id, "coin": HOME, "balance": desk.text(desk.state.balance)}

    def ledger(self) -> dict[str, Any]:
        """The truth about this account."""
        self.advance(self._now().ts)
        return ledger(self.desk)

    def account(self) -> dict[str, Any]:
        """Its row of the control API."""
        self.advance(self._now().ts)
        return accounts_row(self.desk, self.token)


def _quote(series: FxSeries, event: Event) -> Quote:
    tick = series.pair.tick
    return Quote(event[0], event[3] * tick, (event[3] + event[4]) * tick, event[5])


def parse_balance(text: str) -> Decimal:
    """`10000` or `USD=10000`; Refusal otherwise."""
    try:
        found = Decimal(text.removeprefix(f"{HOME}="))
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found < MOST_MONEY and found == found.quantize(Decimal("0.0001"))):
        raise Refusal(f"--oanda-balance: {text!r} is not an amount of {HOME}, e.g. 10000")
    return found

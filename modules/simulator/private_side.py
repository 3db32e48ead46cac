"""The private side of a venue, wired: exchange, keys, REST, streams, faults, and what survives of them when the process is killed.

Order at one instant: points before it (each: exchange, then its public frames, then private ones), funding, scripted faults, requests.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from modules.simulator.account import cash
from modules.simulator.credentials import Key
from modules.simulator.exchange_feed import ExchangeFeed, Ladders
from modules.simulator.exchange_journal import ExchangeStore, JournalledExchange, Line, Snapshot, at, repeat
from modules.simulator.fault_frames import FrameFaults
from modules.simulator.fault_replies import RESTARTING_TEXT
from modules.simulator.faults import Fault, FaultError, FaultTable
from modules.simulator.filters import QUOTE, Listing
from modules.simulator.hub import Hub
from modules.simulator.keyring import Access, KeyRequest, Keyring, holders, parse_balance
from modules.simulator.market import Series
from modules.simulator.order_types import Now
from modules.simulator.point_reader import Row
from modules.simulator.private_rest import Done, PrivateRest
from modules.simulator.private_streams import PrivateStreams
from modules.simulator.rate_limits import RateLimits
from modules.simulator.scripts import Scripts
from modules.simulator.venue import Venue
from modules.simulator.wall_track import WallTrack
from utils.fixed import plain

RESTARTING_STREAM = 10019
REPLAY_POINTS = 20_000
"""After so many points a snapshot is due: making them again costs a restart about as many times 20 µs."""
REPLAY_LINES = 2_000
PAUSE_FACTOR = 50
"""A snapshot that took long is not taken again before this many times as long."""
TICK = "time"
"""A line of the journal that only says what time it is, this often (wall time):"""
TICK_MS = 1000
MOST_MONEY = Decimal("1e15")
POLICY = 1008
"""Close code of a connection whose key is no longer good."""


class PrivateSide:
    """`now`: venue and wall time. Without a folder nothing is kept."""

    def __init__(self, venue: Venue, seed: int, access: Access, folder: Path | None, now: Callable[[], Now]) -> None:
        self._venue, self._now = venue, now
        self._store = ExchangeStore(folder) if folder is not None else None
        listings = {key: one.listing for key, one in venue.market.series.items()}
        self.exchange = JournalledExchange(listings.values(), seed=seed, ladder=Ladders(venue.market))
        self.feed = ExchangeFeed(venue.market, self.exchange, lambda: now().wall)
        self.faults = FaultTable(seed)
        self.scripts = Scripts(venue.market, self.exchange, now)
        self.listings = self.scripts.listings
        self.beside: Callable[[Fault, int], bool] = lambda _fault, _now_ms: False
        """Whether a scripted fault is another venue's, which then does it."""
        self.elsewhere: dict[str, str] = {}
        """Accounts of other venues that faults may name: id by every name."""
        self._points = 0
        self._rest_until_ms = self._ticked_ms = 0
        loaded = self._store.load() if self._store is not None else None
        snapshot = loaded[0] if loaded is not None else None
        accounts = holders(seed, access, snapshot.holders() if snapshot is not None else ())
        self.keyring = Keyring(accounts, snapshot.rights if snapshot is not None else {})
        if loaded is None:
            self.feed.begin(self._venue.now_ms)
        else:
            self._resume(*loaded)
        for one in accounts:
            self.exchange.open_account(one.uid, parse_balance(one.balance), now())
        for uid in self.exchange.waiting():
            self.exchange.drain(uid)  # there is nobody yet
        credentials = self.keyring.credentials
        self.rest = PrivateRest(self.exchange, credentials, RateLimits(), self.api_now, self.listings, truth=now)
        self.streams = PrivateStreams(self.exchange, credentials, _Entry(self), wall_ms=lambda: self.api_now().wall)
        self._frame_faults: FrameFaults | None = None
        self._hub: Hub | None = None

    @property
    def api_key(self) -> str:
        """Of the first account."""
        return self.keyring.accounts[0].api_key

    @property
    def api_secret(self) -> str:
        """Of the first account."""
        return self.keyring.accounts[0].api_secret

    # time -----------------------------------------------------------------------------------------------------------------------------
    def api_now(self) -> Now:
        """The instant as the API sees it: a skewed clock is wrong for everybody who asks."""
        now = self._now()
        skew = self.faults.skew_ms(now)
        return Now(now.ts, now.wall + skew) if skew else now

    # the market moves (Follower) ------------------------------------------------------------------------------------------------------
    def point(self, series: Series, row: Row) -> None:
        """The exchange sees the point before its frames go out."""
        self._points += 1
        self.feed.point(series, row)

    def told(self) -> None:
        """Private events follow the market frames that caused them."""
        if self.exchange.waiting():
            self.streams.pump()
            self._tell_liquidations()

    def _tell_liquidations(self) -> None:
        """Positions that were taken over, on the public stream of their symbol."""
        for ts, symbol, side, size, price in self.exchange.liquidations():
            topic = f"allLiquidation.{symbol}"
            if self._hub is not None and (listeners := self._hub.subscribers("linear", topic)):
                row = {"T": ts, "s": symbol, "S": side, "v": format(size, "f"), "p": format(price, "f")}
                frame = {"topic": topic, "type": "snapshot", "ts": ts, "data": [row]}
                self._hub.publish(listeners, msgspec.json.encode(frame))

    def next_stop(self, after_ms: int) -> int:
        """The next funding or scripted fault."""
        funding, fault = self.feed.next_funding(after_ms), self.faults.next_ts(after_ms)
        return funding if fault is None else min(funding, fault)

    def reached(self, now_ms: int) -> None:
        """Funding, then what is scripted for this instant."""
        self.feed.funding(now_ms)
        self._script(now_ms)

    # faults ---------------------------------------------------------------------------------------------------------------------------
    def join(self, hub: Hub, forget: Callable[[str], None]) -> None:
        """Let faults reach the public streams as well; `forget`: the bars ahead of a listing have changed."""
        self.scripts.forget, self._hub = forget, hub
        found = FrameFaults(self.faults, self._now, lambda: [*hub.clients, *self.streams.hub.lines], self.keyring.signer)
        self.streams.hub.frames_filter, self.streams.hub.events_filter = found.frame, found.event
        self._frame_faults = found

        def armed() -> None:
            hub.faults = found.frame if self.faults.frames else None  # a healthy venue pays nothing for it

        self.faults.on_change = armed
        armed()

    def add_fault(self, fault: Fault, fault_id: str | None = None) -> str:
        """Take a fault in; what is due happens at once. FaultError for an account that is not here."""
        if fault.account:
            uid = self.elsewhere.get(fault.account) or self.keyring.uid_of(fault.account)
            if uid is None:
                raise FaultError(f"account: {fault.account!r} is neither a key nor one of {', '.join(self.exchange.accounts)}")
            fault = msgspec.structs.replace(fault, account=uid)
        fault_id = self.faults.add(fault, fault_id)
        self._script(self._venue.now_ms)
        self.told()
        self.save()
        return fault_id

    def remove_fault(self, fault_id: str) -> bool:
        """Take a fault back; False when it is not there."""
        gone = self.faults.remove(fault_id)
        self.save()
        return gone

    def _script(self, now_ms: int) -> None:
        if due := self.faults.due(now_ms):
            for one in due:
                if not self.beside(one.fault, now_ms):
                    self.scripts.do(one.fault, now_ms)
            self.save()

    # keys and money -------------------------------------------------------------------------------------------------------------------
    def change_key(self, request: KeyRequest) -> None:
        """Give and take rights of a key, at once; connections of one that is not good any longer are ended. ValueError: nonsense."""
        key = self.keyring.change(request)
        rights = self.keyring.rights[key.api_key]
        for line in [one for one in self.streams.hub.lines if one.key is not None and one.key.api_key == key.api_key]:
            line.key = key
            if rights.revoked or rights.expired:
                line.close(POLICY, b"api key")
        self.save()

    def transfer(self, name: str, coin: str, amount: Decimal) -> dict[str, Any]:
        """Money in (> 0) or out (< 0) of an account, by uid or key; what it holds then. ValueError: nonsense, or not that much is free."""
        uid = self.keyring.uid_of(name)
        if uid is None:
            raise ValueError(f"account: {name!r} is neither a key nor one of {', '.join(self.exchange.accounts)}")
        coins = {one.instrument.base for one in self.listings.values()} | {QUOTE}
        if coin not in coins:
            raise ValueError(f"coin: {coin!r} is none of {', '.join(sorted(coins))}")
        if not (amount.is_finite() and 0 < abs(amount) < MOST_MONEY and cash(amount) == amount):
            raise ValueError("amount must be a number other than 0, above 0 for money in, with as many decimals as can be booked")
        if (no := self.exchange.transfer(uid, coin, amount, self._now())) is not None:
            raise ValueError(f"amount: {no.code} {no.message} {plain(self.exchange.transferable(uid, coin))} {coin} can be taken out")
        self.told()
        return {"account": uid, "coin": coin, "balance": plain(self.exchange.accounts[uid].balance(coin))}

    # what survives --------------------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """From here on everything is kept: a first snapshot, then the journal."""
        if self._store is not None:
            note = at(self._now, self._store)
            self.exchange.note = note
            self.faults.on_hit = lambda one: note("hit", {"id": one.id, "seen": one.seen, "hits": one.hits})
        self.save()

    def keep_up(self) -> None:
        """Called as time passes: silent sockets, events that nobody pumped, a snapshot when the way back has become long."""
        if self._frame_faults is not None:
            self._frame_faults.silence()
        self.streams.pump()
        if self._store is not None and self.exchange.note is not None and self._now().wall - self._ticked_ms >= TICK_MS:
            self._ticked_ms = self._now().wall
            self.exchange.note(TICK, {})
        if self._store is None or (self._points < REPLAY_POINTS and self._store.lines < REPLAY_LINES):
            return
        if self._now().wall >= self._rest_until_ms:
            self.save(durable=False)

    def save(self, *, durable: bool = True) -> None:
        """Write a snapshot (nothing without a folder)."""
        if self._store is None or self.exchange.note is None:
            return
        began = self._now().wall
        first, perp = self.keyring.accounts
        snapshot = Snapshot(
            number=0, ts=self._venue.now_ms, uid=first.uid, api_key=first.api_key, api_secret=first.api_secret, balance=first.balance,
            exchange=self.exchange.state(), gaps=self.scripts.gaps, listings=list(self.scripts.changed.values()),
            faults=self.faults.state(), perp=perp, wall=began, rights=self.keyring.rights,
        )  # fmt: skip
        self._store.save(snapshot, durable=durable)
        self._points = 0
        ended = self._now().wall
        self._rest_until_ms = ended + PAUSE_FACTOR * (ended - began)

    def _resume(self, snapshot: Snapshot, lines: list[Line]) -> None:
        """Back to where it was: the stored state, then market and commands again in their order, up to venue time."""
        self.scripts.again(snapshot.gaps)
        self.feed.begin(snapshot.ts)
        self.exchange.load(snapshot.exchange)
        for listing in snapshot.listings:
            self.scripts.relist(listing)
        self.faults.load(snapshot.faults)
        ts, now = snapshot.ts, self._now()
        walls = WallTrack(self._venue.clock.speed, now.wall)
        walls.add(ts, snapshot.wall)
        for line in lines:
            walls.add(line.ts, line.wall)
        for line in lines:
            self.feed.replay(ts, line.ts, walls.at)
            ts = max(ts, line.ts)
            if line.do == TICK:
                continue
            if line.do == "hit":
                self.faults.restore(**line.given)
            else:
                repeat(self.exchange, line)
                if line.do == "change_filters":
                    self.scripts.show(msgspec.convert(line.given["listing"], Listing))
        self.feed.replay(ts, self._venue.now_ms, walls.at)
        self.exchange.was_away(now.wall - walls.at(self._venue.now_ms))

    # what the control API shows -------------------------------------------------------------------------------------------------------
    def ledger(self) -> dict[str, Any]:
        """The truth that tests compare a bot with."""
        return self.exchange.ledger(self._now())

    def accounts(self) -> list[dict[str, Any]]:
        """Every account with its key, wallet, positions and number of open orders."""
        return [
            {
                "uid": uid,
                "api_key": self.keyring.key_of(uid),
                "wallet": self.exchange.wallet(uid),
                "positions": self.exchange.positions(uid),
                "open_orders": len(account.open_ids),
            }
            for uid, account in self.exchange.accounts.items()
        ]

    def close(self) -> None:
        """A last snapshot; nothing is journalled any longer."""
        self.save()
        self.exchange.note = None
        self.faults.on_hit = lambda _: None
        if self._store is not None:
            self._store.close()


class _Entry:
    """Orders that come over a stream: the same work as over REST, for the key of the account."""

    def __init__(self, side: PrivateSide) -> None:
        self._side = side

    def order(self, key: Key, path: str, body: dict[str, Any]) -> Done:
        side = self._side
        if side.faults.replies and side.faults.standing("maintenance", path, side.api_now(), account=key.uid, method="POST") is not None:
            return Done(RESTARTING_STREAM, RESTARTING_TEXT, {}, {}, {})
        return side.rest.order(key, path, body)

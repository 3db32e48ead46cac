"""A small honest venue in memory: its book behind the port of live accounts, with misfortunes scripted per call."""

from __future__ import annotations

from collections import defaultdict, deque
from decimal import Decimal
from enum import Enum

import msgspec

from modules.exchange.reports import (
    ZERO,
    ExecutionReport,
    KeyRights,
    OrderKind,
    OrderReport,
    OrderStatus,
    PositionReport,
    WalletReport,
)
from modules.ports import (
    BAD_PRICE,
    BARRED,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_SUCH_ORDER,
    NOTHING_TO_REDUCE,
    Barred,
    Ticket,
    World,
    free,
)
from self_test.fakes.venue_book import GOOD, VenueBook
from state.instruments import Instrument
from utils.clock import SECOND, Clock
from utils.errors import Rejected, Transient, Unknown
from utils.throttle import Urgency


class Mishap(Enum):
    """What can happen to one call."""

    LOST_REPLY = "it took effect, nobody hears of it"
    LOST_REQUEST = "it never arrived, nobody can say so"
    HICCUP = "it surely had no effect"


class Slow(msgspec.Struct, frozen=True):
    """The call takes effect, its answer takes `seconds`."""

    seconds: float


class Refuse(msgspec.Struct, frozen=True):
    """An explicit no."""

    code: str


Fate = Mishap | Slow | Refuse


class FakeVenue(VenueBook):
    """One account, as the bot reaches it."""

    def __init__(self, instruments: dict[str, Instrument], clock: Clock, *, cash: str = "100000", base_fee: str = "0.001") -> None:
        super().__init__(instruments, clock, cash=cash, base_fee=base_fee)
        self.fates: dict[str, deque[Fate]] = defaultdict(deque)
        self.down: set[str] = set()
        """Calls that fail without effect until taken out again; "all" for every call."""
        self.hidden_ns: dict[str, int] = {}
        """Link id -> not shown by any reading before."""
        self.calls: list[tuple[str, str]] = []
        """(name, link or venue id) of every write that arrived."""
        self.asked: list[str] = []
        """The name of every question that was answered or not."""
        self.prepared: list[str] = []

    def fate(self, call: str, *fates: Fate) -> None:
        """What happens to the next calls of a name."""
        self.fates[call].extend(fates)

    def writes(self, name: str) -> int:
        return sum(call == name for call, _ in self.calls)

    async def _before(self, name: str, ref: str) -> Fate | None:
        if name in self.down or "all" in self.down:
            raise Transient(f"{name}: the venue is down")
        fate = self.fates[name].popleft() if self.fates[name] else None
        if fate is Mishap.HICCUP:
            raise Transient(f"{name}: reset before sending")
        if fate is Mishap.LOST_REQUEST:
            raise Unknown(f"{name}: no answer")
        if isinstance(fate, Refuse):
            raise Rejected(f"{name}: {fate.code}", fate.code)
        self.calls.append((name, ref))
        return fate

    async def _after(self, name: str, fate: Fate | None) -> None:
        if isinstance(fate, Slow):
            await self._clock.sleep(fate.seconds)
        if fate is Mishap.LOST_REPLY:
            raise Unknown(f"{name}: no answer")

    async def create(self, ticket: Ticket, urgency: Urgency, barred: Barred = free) -> str:
        fate = await self._before("create", ticket.link_id)
        if why := barred():
            raise Rejected(why, BARRED)
        venue_id = self._create(ticket)
        await self._after("create", fate)
        return venue_id

    def _create(self, ticket: Ticket) -> str:
        key, one = ticket.key, self._instruments[ticket.key]
        if any(known.link_id == ticket.link_id for known in self.orders.values()):
            self.calls.pop()
            raise Rejected("duplicate", DUPLICATE_ID)
        last = self.price[key]
        if ticket.qty < one.min_qty or ticket.qty * (ticket.price or last) < one.min_notional:
            raise Rejected("below the minimum", BELOW_MINIMUM)
        protective = ticket.world is World.PROTECTIVE
        if self._spot(key):
            locked = sum((known.qty for known in self.open(key) if known.side < 0), ZERO)
            if ticket.side < 0 and ticket.qty > self.coins[one.base] - locked:
                raise Rejected("insufficient balance", NO_FUNDS)
            if ticket.side > 0 and ticket.qty * (ticket.price or last) > self.cash:
                raise Rejected("insufficient balance", NO_FUNDS)
        elif ticket.reduce_only and self.held(key) * ticket.side >= 0:
            raise Rejected("nothing to reduce", NOTHING_TO_REDUCE)
        if protective and (ticket.trigger is None or ticket.trigger >= last):
            raise Rejected("wrong side", BAD_PRICE)
        order = OrderReport(
            key=key, venue_id=f"v{next(self._ids)}", link_id=ticket.link_id, side=ticket.side,
            kind=OrderKind.SPOT_EXIT if protective else OrderKind.PLAIN, status=OrderStatus.WAITING if protective else OrderStatus.OPEN,
            qty=ticket.qty, filled=ZERO, price=ticket.price or ZERO, trigger=ticket.trigger or ZERO, reduce_only=ticket.reduce_only,
            created_ts=self.now, ts=self.now,
        )  # fmt: skip
        self.attached[order.venue_id] = (ticket.stop or ZERO, ticket.target or ZERO)
        self._put(order)
        if protective or not ticket.immediate:
            return order.venue_id
        reaches = ticket.price is None or ticket.side * (ticket.price - last) >= 0
        most = min(order.qty, abs(self.held(key))) if ticket.reduce_only else order.qty
        found = (self.depth[key].popleft() if self.depth[key] else most) if reaches else ZERO
        self._take(order, min(found, most), last)
        if self.orders[order.venue_id].status is not OrderStatus.FILLED:
            self._end(order.venue_id, "the rest was not there")
        return order.venue_id

    async def amend(
        self,
        key: str,
        venue_id: str,
        *,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        trigger: Decimal | None = None,
        qty: Decimal | None = None,
    ) -> None:
        fate = await self._before("amend", venue_id)
        order = self.orders.get(venue_id)
        if order is None or order.status not in GOOD:
            raise Rejected("too late", NO_SUCH_ORDER)
        if max(stop or ZERO, trigger or ZERO) >= self.price[key]:
            raise Rejected("wrong side", BAD_PRICE)
        self._put(
            msgspec.structs.replace(
                order,
                stop=order.stop if stop is None else stop,
                target=order.target if target is None else target,
                trigger=order.trigger if trigger is None else trigger,
                qty=order.qty if qty is None else qty,
                ts=self.now,
            )
        )
        await self._after("amend", fate)

    async def cancel(self, key: str, world: World, *, venue_id: str = "", link_id: str = "") -> None:
        fate = await self._before("cancel", venue_id or link_id)
        found = [one for one in self.open(key) if one.venue_id == venue_id or (link_id and one.link_id == link_id)]
        if not found or (world is World.PROTECTIVE) != (found[0].kind in {OrderKind.SPOT_EXIT, OrderKind.SPOT_BRACKET}):
            raise Rejected("no such order", NO_SUCH_ORDER)
        self._end(found[0].venue_id, "cancelled")
        await self._after("cancel", fate)

    async def set_stops(self, key: str, stop: Decimal, target: Decimal) -> None:
        fate = await self._before("set_stops", key)
        row = self.rows.get(key)
        if row is None or not row.side:
            raise Rejected("zero position", "10001")
        if row.side * (self.price[key] - stop) <= 0:
            raise Rejected("wrong side", BAD_PRICE)
        self.rows[key] = msgspec.structs.replace(row, stop=stop, target=target, ts=self.now)
        self.tell(self.rows[key])
        await self._after("set_stops", fate)

    async def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.down or "all" in self.down:
            raise Transient(f"{name}: the venue is down")
        fate = self.fates[name].popleft() if self.fates[name] else None
        if isinstance(fate, Slow):
            await self._clock.sleep(fate.seconds)
        elif fate is not None:
            raise Transient(f"{name}: no answer")

    def _shown(self, order: OrderReport) -> bool:
        return self.hidden_ns.get(order.link_id, 0) <= self._clock.monotonic_ns()

    async def order(self, key: str, *, link_id: str = "", venue_id: str = "") -> OrderReport | None:
        await self._ask("order")
        return next(
            (
                one
                for one in self.orders.values()
                if self._shown(one) and (one.venue_id == venue_id or (link_id and one.link_id == link_id))
            ),
            None,
        )

    async def open_orders(self) -> list[OrderReport]:
        await self._ask("open_orders")
        return [one for one in self.orders.values() if one.status in GOOD and self._shown(one)]

    async def executions(self, since_ms: int) -> list[ExecutionReport]:
        await self._ask("executions")
        hidden = {link for link, until in self.hidden_ns.items() if until > self._clock.monotonic_ns()}
        return [one for one in self.execs if one.ts >= since_ms and one.link_id not in hidden]

    async def executions_of(self, key: str, venue_id: str, since_ms: int = 0) -> list[ExecutionReport]:
        await self._ask("executions_of")
        return [one for one in self.execs if one.venue_id == venue_id and one.ts >= since_ms]

    async def positions(self) -> list[PositionReport]:
        await self._ask("positions")
        return [row for row in self.rows.values() if row.side]

    async def wallet(self, urgency: Urgency = Urgency.ACCOUNT) -> WalletReport:
        await self._ask("wallet")
        return WalletReport(cash=self.cash, free=self.cash, coins=dict(self.coins), ts=self.now)

    async def rights(self) -> KeyRights:
        return KeyRights(account_id="1", read_only=False, spot=True, derivatives=True, withdraw=False)

    async def prepare(self, key: str) -> None:
        fate = await self._before("prepare", key)
        self.prepared.append(key)
        await self._after("prepare", fate)

    async def sync_clock(self) -> int:
        return 0

    async def close(self) -> None:
        return None

    def hide(self, link_id: str, seconds: float) -> None:
        """No reading shows this order or its executions for so long."""
        self.hidden_ns[link_id] = self._clock.monotonic_ns() + round(seconds * SECOND)

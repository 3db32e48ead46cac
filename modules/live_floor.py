"""Where live orders meet their venue: for each live account its adapter, tracker, executor and watch, wired to the engine and its inbox."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import structlog

from modules.accounts import Key, Lineup, confirmed, real_keys
from modules.confirm import last_digits
from modules.data.together import together
from modules.doors import Door, Doors
from modules.engine import live
from modules.engine.coins import in_coins
from modules.engine.core import Engine
from modules.engine.inbox import Inbox
from modules.environment import BrokerHosts, Environment, Hosts
from modules.exchange import rights
from modules.exchange.cash_look import CashLook
from modules.exchange.executor import Executor
from modules.exchange.holdings import Held
from modules.exchange.order_times import OrderTimes
from modules.exchange.steps import Limits
from modules.exchange.tracker import Tracker
from modules.exchange.watch import Watch
from modules.options import RunOptions
from modules.settings import BotConfig
from state.accounts import OF_PAIRS, Account, Domain, Mode
from state.books import FLAT, PAR_E9
from state.instruments import Instrument
from state.intents import prefix_of
from state.market import Quote
from state.messages import Cancel, Close, Command, Control, Event, OrderRejected, Place, Protect
from state.runtime import RuntimeState
from state.transfers import wallet_name
from utils.clock import SECOND, Clock
from utils.errors import ExitCode, Refusal, Rejected, Transient
from utils.fixed import MONEY_SCALE
from utils.throttle import Throttle

log = structlog.get_logger(__name__)
TAG_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
START_S = 1.0
"""For so long the market waits until every account was read once."""
Filters = Callable[[Domain], Coroutine[Any, Any, Mapping[str, Instrument]]]


class Desk(msgspec.Struct, kw_only=True):
    """One live account at work."""

    venue: Door
    tracker: Tracker
    executor: Executor
    watch: Watch


def new_tag() -> str:
    """Three characters that tell this bot's orders from another's; drawn once for a state directory."""
    return "".join(secrets.choice(TAG_LETTERS) for _ in range(3))


class LiveFloor:
    """Every live account of a run. Without one it does nothing, and costs nothing."""

    def __init__(
        self,
        options: RunOptions,
        config: BotConfig,
        hosts: Hosts,
        keys: Mapping[Domain, Key],
        throttle: Throttle,
        clock: Clock,
        broker: BrokerHosts | None = None,
    ) -> None:
        self._options, self._config, self._clock = options, config, clock
        self._rng = random.Random()  # jitter only
        self._time = clock.now_ms
        self._doors = Doors(config, hosts, broker, real_keys(options.env, keys), throttle, clock, self._rng, self._now)
        self._venues: dict[Account, Door] = {}
        self.desks: dict[Account, Desk] = {}
        self._opening: dict[Account, int] = {}
        self.matched: dict[str, str] = {}
        """Live account -> the end of its id, which a person typed."""

    # --- before the engine is built ------------------------------------------------------------------------------------------------

    async def introduce(self, lineup: Lineup, stored: RuntimeState | None) -> Lineup:
        """Open every live account's door and look at its key; the line-up without those that a person has not confirmed.

        Accounts that trade no more and still hold something are opened, too. Refusal for a key that is not fit, and when a new account's
        venue does not answer; one that was here before goes on without, held until it is read. FOREX and OPTIONS trade on paper instead:
        what is wrong at a broker keeps nobody else from starting.
        """
        managed = [] if stored is None else holding_live(stored)
        known = () if stored is None else stored.accounts
        for account in (*lineup.live, *(one for one in managed if one not in lineup.live and one.domain in self._doors.keys)):
            venue = self._doors.open(account)
            self._venues[account] = venue
            try:
                await venue.sync_clock()
                found = await venue.rights()
                faults = rights.faults(found, account.domain, may_withdraw=self._config.capital.key_may_withdraw)
                if faults and account.domain in OF_PAIRS:
                    lineup = await self._leave_out(lineup, account, managed, "; ".join(faults))
                    continue
                if faults:
                    raise rights.refusal(account, str(self._options.env), rights.hold_reason(account, faults))
                if account in lineup.live and (reason := confirmed(self._options, found.account_id)):
                    lineup = await self._leave_out(lineup, account, managed, reason)
                    continue
                if account in lineup.live and self._options.env is not Environment.SIMULATED:
                    self.matched[str(account)] = last_digits(found.account_id)
                self._opening[account] = int((await venue.wallet()).cash * MONEY_SCALE)
            except Rejected as no:
                if account.domain in OF_PAIRS:  # a gateway has no token: what is wrong with it, it says itself
                    reason = str(no) if account.domain is Domain.OPTIONS else f"the broker refuses its token: {no}"
                    lineup = await self._leave_out(lineup, account, managed, reason)
                    continue
                raise rights.refusal(account, str(self._options.env), f"the venue refuses the API key of {account}: {no}") from no
            except Transient as error:
                if account.domain in OF_PAIRS and account not in known:
                    lineup = await self._leave_out(lineup, account, managed, f"it cannot be read: {error}")
                    continue
                if account not in known:
                    raise Refusal(f"--env {self._options.env}: {account} cannot be read: {error}", ExitCode.UNREACHABLE) from error
                if account in lineup.live and self._options.env is not Environment.SIMULATED:  # is it the one that a person named?
                    lineup = lineup.without(account, f"whose it is cannot be confirmed: {error}")
        return lineup

    async def _leave_out(self, lineup: Lineup, account: Account, managed: Sequence[Account], reason: str) -> Lineup:
        """The line-up without a live account; its door stays open only for what is held there."""
        if account not in managed:
            await self._venues.pop(account).close()
        return lineup.without(account, reason) if account in lineup.live else lineup

    async def account_id(self, account: Account) -> str:
        """The venue's id of an account of ours, open here or not; empty when there is no key, or nobody tells."""
        if account.domain not in self._doors.keys:
            return ""
        open_here = self._venues.get(account)
        venue = open_here or self._doors.open(account)
        try:
            await venue.sync_clock()
            return (await venue.rights()).account_id
        except (Rejected, Transient) as error:
            log.warning("the id of an account cannot be read", account=str(account), error=str(error))
            return ""
        finally:
            if open_here is None:
                await venue.close()

    # --- wiring ---------------------------------------------------------------------------------------------------------------------

    def wire(
        self,
        engine: Engine,
        inbox: Inbox,
        venue_now: Callable[[], int],
        filters: Filters,
        halted: Callable[[Account], bool],
        times: Callable[[Account], OrderTimes] | None = None,
    ) -> None:
        """Build what stands between the engine and each venue; `times` makes what looks on as an account's orders go their way."""
        self._time = venue_now
        state = engine.state
        for account, venue in self._venues.items():
            seats = state.seats_on(account)
            instruments = {key: state.instrument(i) for key, i in seats.items()}
            prefix = prefix_of(account, state.tag)
            self._doors.sign(venue, prefix)
            seen = [name.removeprefix(f"{account}/") for name in state.execs if name.startswith(f"{account}/")]
            tracker = Tracker(account, instruments, prefix, seen)
            ways = OrderTimes(str(account), self._clock) if times is None else times(account)
            emit = ways.around(inbox.put_account)
            executor = Executor(
                account,
                venue,
                tracker,
                instruments,
                emit,
                self._clock,
                venue_now,
                state.tag,
                limits=Limits(leverage=self._config.domains[account.domain].costs.leverage),
                halted=partial(halted, account),
                rate=partial(rate_of, state, account),
                times=ways,
            )
            executor.restore([order for order in state.orders.values() if order.account == account], held_on(state, account))
            domain = account.domain
            sharing = self._doors.sharing(account, self._venues)
            look = CashLook(
                account,
                venue,
                inbox.put_account,
                self._clock,
                venue_now,
                partial(live.unexplained, state, account),
                told=state.cash_logs.get(wallet_name(account, sharing)),
                sharing=sharing,
                own_deposits=self._config.capital.deposits == "own",
                traded=instruments,
            )
            watch = Watch(
                account,
                venue,
                self._doors.stream(account, venue),
                tracker,
                executor,
                instruments,
                emit,
                self._clock,
                self._rng,
                venue_now,
                prefix=prefix,
                cursor=state.cursors.get(str(account), 0),
                env=str(self._options.env),
                listing=partial(filters, domain),
                look=look,
                may_withdraw=self._config.capital.key_may_withdraw,
            )
            self.desks[account] = Desk(venue=venue, tracker=tracker, executor=executor, watch=watch)

    def _now(self) -> int:
        return self._time()

    def openings(self, state: RuntimeState, ts: int) -> list[Control]:
        """The events that open wallets which are new here: a sub-account's whole cash, or its share of a wallet that two domains share."""
        events = []
        for account, units in self._opening.items():
            if state.acct[state.accounts.index(account)]["peak"]:
                continue
            crypto = Decimal(str(self._config.capital.crypto_share))
            share = crypto if account.domain is Domain.CRYPTO else 1 - crypto
            own = int(units * share) if self._doors.sharing(account, self._venues) else units
            events.append(Control(ts, "open_wallet", {"account": str(account), "balance_units": str(own)}, "venue"))
        return events

    def unmanaged(self, state: RuntimeState) -> list[Account]:
        """Live accounts that hold something and have no venue here."""
        return [account for account in holding_live(state) if account not in self._venues]

    # --- living ---------------------------------------------------------------------------------------------------------------------

    def observe(self, _seq: int, event: Event, _commands: Sequence[Command]) -> None:
        """An observer of the runner: a refusal may mean that filters or rights have changed, so they are looked at.

        Who resumes an account has looked into the executions on it that are nobody's here.
        """
        if isinstance(event, OrderRejected) and event.account in self.desks:
            self.desks[event.account].watch.doubt()
        elif isinstance(event, Control) and event.name == "resume":
            for account, desk in self.desks.items():
                if event.args.get("account", "all") in {"all", str(account)}:
                    desk.tracker.forget_foreign()
                    desk.watch.ask()

    def dispatch(self, command: Command) -> bool:
        """Carry out a command for a live account; False when it is for another.

        What a live account without a venue here has to do stays undone, and is asked about when there is one again: nobody else's to do.
        """
        account = account_of(command)
        if account is None or account.mode is not Mode.LIVE:
            return False
        desk = self.desks.get(account)
        if desk is not None and isinstance(command, Place | Cancel | Protect | Close):
            desk.executor.submit(command)
        return True

    def on_quote(self, quote: Quote) -> None:
        """A touch moved: software targets look at it."""
        for desk in self.desks.values():
            desk.executor.on_quote(quote.key, quote.bid, quote.ask)

    async def fee_rates(self) -> dict[str, tuple[int, int]]:
        """Instrument key -> (taker, maker) in ppm, as each live account's venue says. Transient or Rejected as a venue raises."""
        found: dict[str, tuple[int, int]] = {}
        for venue in self._venues.values():
            found |= await venue.fee_rates()
        return found

    def jobs(self) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]], bool]]:
        """(name, task, whether a bug in it is fatal) of everything that runs."""
        found: list[tuple[str, Callable[[], Coroutine[Any, Any, None]], bool]] = []
        for account, desk in self.desks.items():
            found += [(f"executor {account}", partial(_carry_out, desk), True), (f"watch {account}", desk.watch.run, False)]
        return found

    async def start(self) -> None:
        """Recover every account once, before the market is heard; one whose venue does not answer soon goes on trying as a task."""
        await together([_recover(account, desk) for account, desk in self.desks.items()])

    def uncovered_ms(self) -> dict[str, int]:
        """Account -> for how long the longest of its positions has been without a confirmed stop."""
        return {str(account): max(desk.executor.unprotected.values(), default=0) for account, desk in self.desks.items()}

    @property
    def idle(self) -> bool:
        """No account has work on its way."""
        return not any(desk.executor.busy for desk in self.desks.values())

    async def settle(self, limit_s: float) -> list[str]:
        """Wait until nothing is on its way, at most `limit_s`; the accounts that still have work then. A start goes on with it."""
        until_ns = self._clock.monotonic_ns() + round(limit_s * SECOND)
        while not self.idle and self._clock.monotonic_ns() < until_ns:
            await self._clock.sleep(0.01)
        return [str(account) for account, desk in self.desks.items() if desk.executor.busy]

    async def close(self) -> None:
        """Release the connections."""
        for venue in self._venues.values():
            await venue.close()


async def _recover(account: Account, desk: Desk) -> None:
    """The first reading. The orders of this account wait for it; the market and the other accounts do not wait for a slow one.

    Refusal when a key is not fit; not where pairs are traded: what is wrong at a broker is one more outage of its account alone.
    """
    try:
        async with asyncio.timeout(START_S):
            await desk.watch.start()
    except TimeoutError:
        log.info("start-up reading takes longer and goes on", account=str(account))
    except Transient as error:
        log.warning("start-up reading failed, trying on", account=str(account), error=str(error))
    except Refusal as refusal:
        if account.domain not in OF_PAIRS:
            raise
        log.warning("start-up reading refused, trying on", account=str(account), error=str(refusal))


async def _carry_out(desk: Desk) -> None:
    """Orders move once it is known what happened since the last life: what a stop sold meanwhile is not ours to sell again."""
    await desk.watch.caught_up.wait()
    await desk.executor.run()


def account_of(command: Command) -> Account | None:
    """Whose account a command is for; None for rows and reports."""
    match command:
        case Place(order):
            return order.intent.account
        case Close(reduce):
            return reduce.account
        case Cancel(account) | Protect(account):
            return account
    return None


def holding_live(state: RuntimeState) -> list[Account]:
    """Live accounts with a position or an order."""
    return [one for one in state.accounts if one.mode is Mode.LIVE and any(state.pos[i]["status"] for i in state.seats_on(one).values())]


def held_on(state: RuntimeState, account: Account) -> dict[str, Held]:
    """What the engine holds on a live account, as the tracker counts it."""
    found = {}
    own = state.coins.get(str(account), {})
    for key, i in state.seats_on(account).items():
        pos = state.pos[i]
        coins = own.get(state.instrument(i).base, Decimal(0)) if in_coins(state, i) else Decimal(0)
        if pos["status"] != FLAT:  # an entry under way may turn out to have filled: its protection is wanted from that moment on
            found[key] = Held(side=int(pos["side"]), steps=int(pos["steps"]), stop=int(pos["stop"]), target=int(pos["target"]), coins=coins)
        elif coins:
            found[key] = Held(coins=coins)
    return found


def rate_of(state: RuntimeState, account: Account, key: str) -> Decimal:
    """The account's currency for one of a pair's quote currency, as the engine has it now; 0 while it is not known."""
    return Decimal(int(state.inst[state.row_of(account, key)]["rate_e9"])) / PAR_E9

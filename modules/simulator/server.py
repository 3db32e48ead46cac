"""The simulated venue as one server: composition, the loop that moves venue time, and a clean end.

Lockstep: after the frames of each five-minute close the loop waits until every registered daemon has acknowledged it and no private request
is outstanding, or five seconds of wall time. An embedded venue holds time while no daemon is attached and ends after a minute without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from modules.simulator import state_folder
from modules.simulator.attachments import PATIENCE_S, Attachments
from modules.simulator.bybit_rest import PublicRest
from modules.simulator.bybit_ws import PublicStream
from modules.simulator.clock import VenueClock
from modules.simulator.control import PREFIX, Control
from modules.simulator.fault_replies import ReplyFaults
from modules.simulator.faults import Fault, FaultError
from modules.simulator.faults import parse as parse_fault
from modules.simulator.generated import GeneratedMarket, default_start
from modules.simulator.hub import Hub
from modules.simulator.intervals import MINUTE
from modules.simulator.keyring import Access
from modules.simulator.market import Market
from modules.simulator.oanda_generated import GeneratedFx
from modules.simulator.oanda_market import FxMarket
from modules.simulator.oanda_pairs import wire_name
from modules.simulator.oanda_side import OandaAccess, OandaSide
from modules.simulator.order_types import Now
from modules.simulator.private_side import PrivateSide
from modules.simulator.publisher import STEP_MS, Publisher
from modules.simulator.state_folder import Stored
from modules.simulator.venue import Venue
from modules.simulator.venue_options import RECORDED, Pace, SimulatorOptions, agree, market_name
from modules.simulator.web import Web
from utils.clock import SECOND, Clock
from utils.errors import Refusal
from utils.files import atomic_write

LOCKSTEP_ABOVE = 10.0
LONELY_S = 60.0
TICK_S = 0.010
SLICE_S = 0.005
"""After so long the loop lets the sockets have a turn."""
DEFAULT_SEED = 1
LOOK_S = 0.002
FEW = 20
"""So many series are published five minutes at a time; more take smaller strides, so that requests are heard in between."""


def read_faults(file: Path) -> list[Fault]:
    """The faults in a file; Refusal names the one that makes no sense."""
    try:
        found = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Refusal(f"--faults: {file} cannot be read: {error}") from error
    if not isinstance(found, list):
        raise Refusal(f"--faults: {file} must hold a JSON list of faults")
    faults = []
    for number, raw in enumerate(found):
        try:
            faults.append(parse_fault(raw))
        except FaultError as error:
            raise Refusal(f"--faults: number {number + 1} in {file}: {error}") from error
    return faults


def split_symbols(symbols: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(coins as asked for, wire names of currency pairs). All pairs are listed when none is named, no coins when only pairs are."""
    pairs = tuple(found for one in symbols if (found := wire_name(one)) is not None)
    return tuple(one for one in symbols if wire_name(one) is None), pairs


def build_fx(market: str, seed: int, start_ms: int, end_ms: int | None, names: tuple[str, ...]) -> FxMarket:
    """The currency market that belongs to a market of this name."""
    if market.startswith(RECORDED):
        from modules.simulator.oanda_recorded import RecordedFx  # noqa: PLC0415  pyarrow loads for stored candles, not for generated ones

        return RecordedFx(Path(market.removeprefix(RECORDED)), start_ms, end_ms, names)
    return GeneratedFx(seed, start_ms, names)


def build_market(
    market: str, seed: int, start_ms: int | None, end_ms: int | None, symbols: tuple[str, ...], speed: float, wall_ms: int
) -> Market:
    """The market of this description; Refusal names the option that is wrong."""
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise Refusal("--to: must be after --from")
    coins, pairs = split_symbols(symbols)
    if pairs and not coins and market.startswith(RECORDED):
        from modules.simulator.oanda_recorded import recorded_pairs_only  # noqa: PLC0415  as above

        return recorded_pairs_only(Path(market.removeprefix(RECORDED)), start_ms, end_ms, pairs)
    if pairs and not coins and market == "generated":
        from modules.simulator.oanda_recorded import NoCoins  # noqa: PLC0415  as above

        return NoCoins(market, start_ms if start_ms is not None else default_start(speed, wall_ms), end_ms)
    if market == "generated":
        made = GeneratedMarket(seed, start_ms if start_ms is not None else default_start(speed, wall_ms), coins)
        if end_ms is not None and end_ms <= made.start_ms:
            raise Refusal("--to: must be after the start of the market")
        made.end_ms = end_ms
        return made
    if market.startswith(RECORDED) and len(market) > len(RECORDED):
        from modules.simulator.recorded import RecordedMarket  # noqa: PLC0415  as above

        return RecordedMarket(Path(market.removeprefix(RECORDED)), start_ms, end_ms, coins)
    raise Refusal(f"--market: {market!r} is neither generated nor recorded:DIR")


class Simulator:
    """One venue. Build it (may take a second), `await start()`, `await run()` until it ends, `await close()`."""

    def __init__(self, options: SimulatorOptions, clock: Clock, *, say: Callable[[str], None] = lambda _: None) -> None:
        if not 0 < options.speed < 1e6:
            raise Refusal(f"--speed: must be above 0 and below 1e6, not {options.speed}")
        self.options = options
        self._say = say
        self._transport_clock = clock
        self._base_s = clock.now_ms() / 1000 - clock.monotonic_ns() / SECOND
        stored = state_folder.load(options.state_folder) if options.state_folder else None
        if stored is not None:
            agree(stored, options)
        born_ms = self._wall_ms()  # building the market takes a moment; at speed 1 venue time is wall time all the same
        wanted = market_name(options.market or "generated")
        if stored is None:
            seed = DEFAULT_SEED if options.seed is None else options.seed
            self.market = build_market(wanted, seed, options.from_ms, options.to_ms, options.symbols, options.speed, born_ms)
            stored = Stored(
                market=self.market.name, seed=seed, start_ms=self.market.start_ms, venue_ms=self.market.start_ms, symbols=options.symbols
            )
        else:
            # What was listed once stays listed: somebody may hold it. A coin's path does not depend on the others.
            stored.symbols = tuple(dict.fromkeys((*stored.symbols, *options.symbols))) if stored.symbols else ()
            self.market = build_market(stored.market, stored.seed, stored.start_ms, options.to_ms, stored.symbols, options.speed, born_ms)
        self._stored = stored
        self.pace: Pace = options.pace or ("lockstep" if options.speed > LOCKSTEP_ABOVE else "free")
        self.clock = VenueClock(stored.venue_ms, options.speed, end_ms=self.market.end_ms, wall_ms=born_ms)
        self.clock.now_ms = min(stored.venue_ms, self.market.end_ms or stored.venue_ms)
        self.market.extend(self.clock.now_ms)
        self.venue = Venue(self.market, self.clock)
        self.hub = Hub()
        self.attachments = Attachments(self._wall_s)
        access = Access(**{name: getattr(options, name) for name in Access.__struct_fields__})
        self.private = private = PrivateSide(self.venue, stored.seed, access, options.state_folder, self._now)
        self.publisher = Publisher(self.venue, self.hub, private)
        private.join(self.hub, self.publisher.forget)
        fx = partial(build_fx, self.market.name, stored.seed, self.market.start_ms, options.to_ms, split_symbols(stored.symbols)[1])
        self.oanda = OandaSide(
            fx, stored.seed, self.market.start_ms, OandaAccess(**{name: getattr(options, name) for name in OandaAccess.__struct_fields__}),
            options.state_folder, self._now, private.faults, self._say,
        )  # fmt: skip
        private.beside = self.oanda.script
        private.elsewhere = dict.fromkeys(("oanda", self.oanda.account_id, self.oanda.token), self.oanda.account_id)
        self._faults = read_faults(options.faults) if options.faults is not None else []
        about = {"pace": self.pace, "market": self.market.name, "seed": stored.seed, "embedded": options.embedded}
        self._control = Control(self.venue, self.hub, self.attachments, about, self._wall_ms, private, self.oanda)
        self._web = Web(
            PublicRest(self.venue, self._api_ms),
            PublicStream(self.venue, self.publisher),
            self._control,
            self.hub,
            self._wall_s,
            private=private.rest,
            streams=private.streams,
            faults=ReplyFaults(private.faults, self._now, self._api_ms, lambda name: private.keyring.uid_of(name) or ""),
            told=private.told,
        )
        self._stride_ms = max(MINUTE, STEP_MS * FEW // max(FEW, len(self.market.series)))
        self._stop = asyncio.Event()
        self._leased_ms = 0
        self._lonely_since: float | None = None
        self._asked = 0

    def _wall_s(self) -> float:
        """The wall clock's seconds, but only ever forward."""
        return self._base_s + self._transport_clock.monotonic_ns() / SECOND

    def _wall_ms(self) -> int:
        return int(self._wall_s() * 1000)

    def _now(self) -> Now:
        return Now(self.clock.now_ms, self._wall_ms())

    def _api_ms(self) -> int:
        """The wall clock as the API has it: right, unless a fault skews it."""
        return self.private.api_now().wall

    @property
    def http(self) -> str:
        """Base URL of the REST API, once started."""
        return f"http://{self.options.host}:{self._web.port}"

    def ready(self) -> dict[str, object]:
        """The one line that is printed when it serves."""
        ws = self.http.replace("http://", "ws://", 1)
        first, perp = self.private.keyring.accounts
        return {
            "ready": True,
            "bybit": {"http": self.http, "ws": ws},
            "control": self.http + PREFIX,
            "api_key": first.api_key,
            "api_secret": first.api_secret,
            "perp_api_key": perp.api_key,
            "perp_api_secret": perp.api_secret,
            **self.oanda.ready(),
        }

    async def start(self) -> None:
        """Listen; Refusal when a port is in use."""
        await self._web.start(self.options.host, self.options.port)
        try:
            await self.oanda.start(self.options.host, (self.options.oanda_port, self.options.oanda_stream_port))
        except Refusal:
            await self._web.close()
            raise
        self._save(self.clock.now_ms, durable=True)
        self.private.start()
        for number, fault in enumerate(self._faults):
            self.private.add_fault(fault, f"file-{number + 1}")
        for notice in self.market.notices:
            self._say(notice)
        self._lonely_since = self._wall_s()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stop.set()
        self.attachments.dismiss()

    async def run(self) -> None:
        """Move venue time until `stop`, or until an embedded venue has been alone, expecting nobody and asked nothing, for a minute."""
        said_end = False
        while not self._stop.is_set():
            self._attend()
            await self._catch_up()
            self.private.keep_up()
            self.publisher.pulse(self._wall_s())
            self.oanda.pulse(self._wall_s())
            self.hub.flush()
            self.clock.note(self._wall_ms())
            if self.clock.ended and not said_end:
                said_end = True
                self._say(f"the market ends here, venue time {self.clock.now_ms}; holding")
            await self._transport_clock.sleep(TICK_S)

    async def close(self) -> None:
        """Save everything, write the ledger, close all connections; Refusal when it cannot be written."""
        self._save(self.clock.now_ms, durable=True)
        self.private.close()
        await self.oanda.close()
        await self._web.close()
        if self.options.ledger is not None:
            try:
                atomic_write(self.options.ledger, msgspec.json.encode(self.private.ledger() | {"oanda": self.oanda.ledger()}))
            except OSError as error:
                raise Refusal(f"--ledger: {self.options.ledger} cannot be written: {error.strerror}") from error

    def _attend(self) -> None:
        """Hold or run, depending on who is there (embedded only)."""
        if not self.options.embedded:
            return
        wall = self._wall_s()
        if self.attachments.live():
            self._lonely_since = None
            self.clock.go_on(self._wall_ms())
            return
        self.clock.hold()
        asked = self._web.asked + self.oanda.web.asked
        # A daemon that compiles, or reads its warm-up history, is not attached yet.
        if self._lonely_since is None or asked != self._asked or self.attachments.expected():
            self._lonely_since, self._asked = wall, asked
        elif wall - max(self._lonely_since, self._control.looked_ms / 1000) > LONELY_S:
            self._say("no daemon for a minute; ending")
            self.stop()

    async def _catch_up(self) -> None:
        """Publish up to what the schedule allows, waiting for daemons at each five-minute close."""
        slice_end = self._wall_s() + SLICE_S
        while not self._stop.is_set() and self.clock.now_ms < (target := self.clock.target(self._wall_ms())):
            self._lease(target)
            now = self.publisher.advance(min(target, self.clock.now_ms + self._stride_ms))
            self.oanda.advance(now)
            self.hub.flush()
            if self.pace == "lockstep" and now % STEP_MS == 0 and (self.attachments.behind(now) or self._outstanding()):
                await self.attachments.wait(now)
                await self._answered()
                slice_end = self._wall_s() + SLICE_S
            elif self._wall_s() > slice_end:
                await asyncio.sleep(0)
                slice_end = self._wall_s() + SLICE_S

    def _outstanding(self) -> int:
        """Private requests and frames that are still on their way."""
        return self._web.outstanding + self.private.streams.outstanding + self.oanda.outstanding

    async def _answered(self) -> None:
        """Until nothing private is outstanding, at most five seconds."""
        until = self._wall_s() + PATIENCE_S
        while self._outstanding() and self._wall_s() < until and not self._stop.is_set():
            await self._transport_clock.sleep(LOOK_S)

    def _lease(self, target_ms: int) -> None:
        """Save ahead how far time may go before the next save: to the next close, at most a second of wall time."""
        now = self.clock.now_ms
        if self.options.state_folder is None or min(target_ms, (now // STEP_MS + 1) * STEP_MS) <= self._leased_ms:
            return
        ahead = int(self.clock.speed * 1000) + 1
        self._leased_ms = max(min(target_ms, (now // STEP_MS + 1) * STEP_MS), min(now + ahead, (now // STEP_MS + 1) * STEP_MS))
        self._save(self._leased_ms, durable=False)

    def _save(self, venue_ms: int, *, durable: bool) -> None:
        if self.options.state_folder is not None:
            self._stored.venue_ms = venue_ms
            state_folder.save(self.options.state_folder, self._stored, durable=durable)

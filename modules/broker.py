"""The broker of FOREX beside the crypto venue: its market as one more of a run's, or the reason why the domain is not there.

The slots of OPTIONS are pairs of the same market: they come and go with it, and their past is that of the pair.

The crypto domains never wait for it. Who was here before goes on with what is stored while the broker does not answer; who is new is left
out, told once, and asked for again: when it answers, another life of the daemon begins with it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import aiohttp
import msgspec

from forex.oanda_parse import Beat, Priced, Terms
from forex.oanda_rest import OandaRest, open_session
from forex.oanda_stream import LineStream, pricing_stream
from modules.accounts import Key
from modules.data.backfill import Progress
from modules.data.oanda_feed import subscribed
from modules.data.oanda_history import OandaHistory
from modules.environment import OANDA_HOSTS, BrokerHosts, Environment
from modules.marketplace import is_pair, past_candles
from modules.settings import BotConfig
from modules.simulator.launcher import Endpoints
from modules.timeframes import Frames
from state.accounts import OF_PAIRS, Domain
from state.instruments import Financing, Instrument, option_slot
from state.market import Candle
from state.runtime import RuntimeState
from utils.backoff import Backoff
from utils.clock import Clock
from utils.errors import Refusal, Rejected, Transient
from utils.frames import FrameError
from utils.outage import Outages
from utils.throttle import Throttle

AGAIN = Backoff(base_s=15.0, cap_s=300.0)
FAULTS = (Transient, Rejected, FrameError)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker brings to a run."""

    instruments: tuple[Instrument, ...] = ()
    before: dict[str, list[Candle]] = {}
    candles: dict[str, list[Candle]] = {}
    """The warm-up of the pairs that are new: native primary bars, then confirm bars."""
    reason: str = ""
    """Why it does not answer; with instruments, these are the stored ones."""
    slotless: str = ""
    """Why there is none of the options that were wanted, although it answers."""


class Broker:
    """One account's way to the broker's market; open only while it is used."""

    def __init__(self, key: Key, hosts: BrokerHosts, throttle: Throttle, clock: Clock, rng: random.Random) -> None:
        self._key, self.hosts, self._clock, self._rng = key, hosts, clock, rng
        self._session: aiohttp.ClientSession = open_session(throttle)
        self.rest = OandaRest(self._session, hosts.http, key.secret, key.key, throttle, clock, rng)

    async def offer(
        self,
        config: BotConfig,
        symbols: Sequence[str] | None,
        stored: RuntimeState | None,
        known: Callable[[Instrument], bool],
        progress: Progress,
        say: Callable[[str], None],
        *,
        options: bool = False,
    ) -> Offer:
        """Its pairs, with `options` their slots, and the past of those that are not `known`. Refusal for a pair that it does not have."""
        try:
            found, slots = await self._listed(config, symbols, options=options)
            before, candles = await self._past(config, [one for one in (*found, *slots) if not known(one)], progress, say)
        except FAULTS as error:
            there = () if stored is None else tuple(one for one in stored.instruments if one.domain in OF_PAIRS)
            return Offer(instruments=there, reason=f"the broker at {self.hosts.http} does not answer as it should: {error}")
        slotless = ""
        if options and not slots:
            slotless = f"there are options on {', '.join(config.domains[Domain.OPTIONS].symbols)}, and none of them is traded in this run"
        return Offer(instruments=(*found, *slots), before=before, candles=candles, slotless=slotless)

    async def _past(
        self, config: BotConfig, fresh: Sequence[Instrument], progress: Progress, say: Callable[[str], None]
    ) -> tuple[dict[str, list[Candle]], dict[str, list[Candle]]]:
        """The past of `fresh`: asked once where a pair and its slot have the same timeframes, given to both."""
        groups: dict[tuple[str, Frames, int], list[Instrument]] = {}
        for one in fresh:
            settings = config.domains[one.domain]
            groups.setdefault((one.symbol, settings.frames(one.symbol), settings.warmup_days), []).append(one)
        found = await past_candles(OandaHistory(self.rest), config, [group[0] for group in groups.values()], progress, say)
        for series in found:
            for first, *others in groups.values():
                for one in others:
                    series[one.key] = [msgspec.structs.replace(candle, key=one.key) for candle in series[first.key]]
        return found

    async def _listed(
        self, config: BotConfig, symbols: Sequence[str] | None, *, options: bool
    ) -> tuple[list[Instrument], list[Instrument]]:
        """The pairs of a run, and the slots of their options."""
        asked = [symbol for symbol in symbols or () if is_pair(symbol)]
        listed = {one.instrument.symbol: instrument_of(one) for one in await self.rest.terms()}
        unknown = [symbol for symbol in asked if symbol not in listed]
        if unknown:
            raise Refusal(f"--symbols: forex does not know {', '.join(unknown)}; it lists {', '.join(sorted(listed))}")
        wanted = asked or [symbol for symbol in config.domains[Domain.FOREX].symbols if symbol in listed]
        if not wanted:
            raise Rejected(f"it lists none of {', '.join(config.domains[Domain.FOREX].symbols)}", code="symbol")
        slots = [symbol for symbol in config.domains[Domain.OPTIONS].symbols if symbol in (asked or listed)] if options else []
        return [listed[symbol] for symbol in wanted], [option_slot(listed[symbol]) for symbol in slots]

    async def filters(self, symbols: Sequence[str], domain: Domain = Domain.FOREX) -> dict[str, Instrument]:
        """Today's terms of the pairs `symbols` in a domain, by instrument key; who is listed no more is left out. Raises as `OandaRest`."""
        pairs = [one for one in map(instrument_of, await self.rest.terms()) if one.symbol in symbols]
        return {one.key: one for one in (map(option_slot, pairs) if domain is Domain.OPTIONS else pairs)}

    def prices(self, instruments: Sequence[Instrument]) -> LineStream[Priced | Beat]:
        """A stream of their prices, one of each pair, not open yet."""
        pairs = subscribed(instruments)
        return pricing_stream(self._session, self.hosts.stream, self._key.secret, self._key.key, pairs, self._clock, self._rng)

    async def until_it_answers(self) -> None:
        """Return once it lists its pairs again."""
        failures, outages = 0, Outages()
        while True:
            failures += 1
            await self._clock.sleep(AGAIN.delay_s(failures, self._rng))
            try:
                await self.rest.terms()
            except FAULTS as error:
                outages.begin("broker", str(error))
            else:
                outages.over("broker")
                return

    async def close(self) -> None:
        """Release the connections."""
        await self._session.close()


def instrument_of(terms: Terms) -> Instrument:
    """A pair with the broker's terms for it, as the engine books it."""
    cost = None
    if terms.long_rate is not None and terms.short_rate is not None:
        cost = (
            Financing(terms.long_rate, terms.short_rate) if terms.days is None else Financing(terms.long_rate, terms.short_rate, terms.days)
        )
    return msgspec.structs.replace(terms.instrument, margin_rate=terms.margin_rate, pip=terms.pip, financing=cost)


def broker_hosts(env: Environment, key: Key | None, simulator: Endpoints | None) -> BrokerHosts | None:
    """Where the broker of `env` is; None without a key or, in the built-in exchange, without one there."""
    if key is None:
        return None
    if env is not Environment.SIMULATED:
        return OANDA_HOSTS[key.site]
    return None if simulator is None or not simulator.oanda_http else BrokerHosts(simulator.oanda_http, simulator.oanda_stream)


def find_broker(
    env: Environment, key: Key | None, simulator: Endpoints | None, throttle: Throttle, clock: Clock, rng: random.Random
) -> Broker | None:
    """The way to it, None where there is none. Whoever asks closes it."""
    hosts = broker_hosts(env, key, simulator)
    return None if key is None or hosts is None else Broker(key, hosts, throttle, clock, rng)

"""Where a run's market is and what it knows of it before the stream begins: hosts, instruments, past candles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from marketdata.bybit_rest import BybitRest
from modules.data.backfill import Klines, Progress, history
from modules.data.together import together
from modules.engine.grid import DAY_MS, NATIVE_DAYS
from modules.environment import HOSTS, Environment, Hosts
from modules.options import RunOptions
from modules.settings import BotConfig
from modules.simulator import launcher
from modules.simulator.venue_options import SimulatorOptions
from modules.timeframes import Frames
from state.accounts import OF_PAIRS, Domain
from state.instruments import Instrument
from state.market import Candle
from utils.clock import Clock
from utils.errors import ExitCode, Refusal, Transient

WEEKEND_DAYS = 3.5
"""A history that begins in a weekend begins with the week."""
CURRENCIES = frozenset({"AUD", "CAD", "CHF", "EUR", "GBP", "JPY", "NZD", "USD", "SEK", "NOK", "DKK", "PLN", "SGD", "HKD", "MXN", "ZAR"})


def is_pair(symbol: str) -> bool:
    """Two currencies: a symbol of the broker's, not of the crypto venue's."""
    return len(symbol) == 6 and {symbol[:3], symbol[3:]} <= CURRENCIES


class MarketPlace(msgspec.Struct, kw_only=True):
    """The venue's addresses; with a simulator also its control API, and the process when it is our own."""

    name: str
    """As the banner says it."""
    hosts: Hosts
    control_url: str | None = None
    embedded: launcher.Endpoints | None = None
    wanted: SimulatorOptions | None = None
    """How ours was asked for."""
    state_dir: Path

    async def revive(self, clock: Clock) -> bool:
        """Start our simulator again, at its address and from where it was, if it is gone; True when it was. Transient when it cannot be."""
        if self.embedded is None or self.wanted is None or await launcher.answers(self.embedded):
            return False
        again = msgspec.structs.replace(self.wanted, port=urlsplit(self.embedded.control).port or 0)
        try:
            self.embedded = await launcher.ensure_running(self.state_dir, again, clock)
        except Refusal as error:
            raise Transient(f"the built-in exchange does not come back: {error}") from error
        return True

    async def leave(self) -> None:
        """End the simulator if it is ours; it has stored where it stands."""
        if self.embedded is not None:
            await launcher.stop(self.state_dir, self.embedded)


async def find_market(options: RunOptions, clock: Clock) -> MarketPlace:
    """The market of this environment, the built-in exchange started where it is needed. Refusal when it does not come up."""
    if options.env is not Environment.SIMULATED:
        return MarketPlace(name="Bybit", hosts=HOSTS[options.env], state_dir=options.state_dir)
    if options.simulator_url is not None:
        base = options.simulator_url.rstrip("/").removesuffix("/control")
        hosts = Hosts(base, base.replace("http", "ws", 1))
        return MarketPlace(name=f"the simulator at {base}", hosts=hosts, control_url=f"{base}/control", state_dir=options.state_dir)
    wanted = SimulatorOptions(
        speed=options.venue_speed,
        pace=options.pace,  # type: ignore[arg-type]
        seed=options.seed,
        market=options.market,
        from_ms=options.from_ms,
        to_ms=options.to_ms,
        symbols=tuple(symbol for symbol in options.symbols or () if not is_pair(symbol)),
    )
    try:
        found = await launcher.ensure_running(options.state_dir, wanted, clock)
    except Transient as error:
        raise Refusal(f"the built-in exchange did not start: {error}", ExitCode.UNREACHABLE) from error
    return MarketPlace(
        name=options.market or "generated",
        hosts=Hosts(found.bybit_http, found.bybit_ws),
        control_url=found.control,
        embedded=found,
        wanted=wanted,
        state_dir=options.state_dir,
    )


def unreachable(options: RunOptions, what: str) -> Refusal:
    """Which world, what is missing, what to do."""
    simulated = options.env is Environment.SIMULATED
    advice = "start again, or check --simulator-url" if simulated else "check the network, or take --env simulated"
    return Refusal(f"--env {options.env}: {what}; {advice}", ExitCode.UNREACHABLE)


async def listed(rest: BybitRest, config: BotConfig, domains: Sequence[Domain], symbols: Sequence[str] | None) -> list[Instrument]:
    """Today's filters of the symbols asked for (default: the configured ones that the venue trades); Refusal names unknown ones.

    Pairs of currencies are the broker's; who names those alone has the configured symbols here.
    """
    found: list[Instrument] = []
    symbols = [symbol for symbol in symbols or () if not is_pair(symbol)]
    for domain in domains:
        known = {one.symbol: one for one in await rest.instruments(domain)}
        wanted = symbols or [symbol for symbol in config.domains[domain].symbols if symbol in known and known[symbol].trading]
        if closed := [symbol for symbol in wanted if symbol in known and not known[symbol].trading]:
            raise Refusal(f"--symbols: {domain.lower()} lists {', '.join(closed)} but does not trade it now")
        unknown = [symbol for symbol in wanted if symbol not in known]
        if unknown or not wanted:
            names = ", ".join(unknown) or "any of the configured symbols"
            raise Refusal(f"--symbols: {domain.lower()} does not know {names}; it lists {', '.join(sorted(known))}")
        found += [known[symbol] for symbol in wanted]
    return found


async def past_candles(
    source: Klines, config: BotConfig, instruments: Sequence[Instrument], progress: Progress, say: Callable[[str], None]
) -> tuple[dict[str, list[Candle]], dict[str, list[Candle]]]:
    """The warm-up history of instruments of one venue: native primary bars from before, then candles. Says where there is too little."""
    before: dict[str, list[Candle]] = {}
    found: dict[str, list[Candle]] = {}
    groups: dict[tuple[int, Frames], list[Instrument]] = {}
    for one in instruments:
        settings = config.domains[one.domain]
        groups.setdefault((settings.warmup_days, settings.frames(one.symbol)), []).append(one)
    for (days, frames), group in groups.items():
        confirm_ms, primary_ms = frames.confirm_ms, frames.primary_ms
        running = await source.newest_start(group[0], confirm_ms)
        if running is None:
            raise Transient(f"no candles of {group[0].symbol}")
        got = await history(source, group, confirm_ms, running - days * DAY_MS, None, progress)
        for one in group:
            had = _days_of(one, got[one.key], running, confirm_ms)
            if had < days - (WEEKEND_DAYS if one.domain in OF_PAIRS else 0.5):
                say(f"warm-up: {one.key} has {had:.1f} of {days} days of history, {days - had:.1f} too few")
        found |= got
        jobs = []
        for one in group:
            first = (got[one.key][0].ts if got[one.key] else running) // primary_ms * primary_ms
            jobs.append(source.klines(one, primary_ms, first - NATIVE_DAYS * DAY_MS, first))
        before |= zip((one.key for one in group), await together(jobs), strict=True)
    return before, found


def _days_of(instrument: Instrument, candles: Sequence[Candle], running: int, confirm_ms: int) -> float:
    """How much history there is, in days; a market that rests at weekends is measured from its first candle to now."""
    if instrument.domain in OF_PAIRS:
        return (running - candles[0].ts) / DAY_MS if candles else 0.0
    return len(candles) * confirm_ms / DAY_MS

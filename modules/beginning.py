"""What a run begins from: stored state, instruments of today, accounts that can be had and the past of what is new, as one engine."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from marketdata.bybit_rest import BybitRest
from modules.accounts import Lineup
from modules.boot import assemble, checkpoint, knows, needed, recover, stored_policies, warm_up
from modules.broker import Broker, Offer
from modules.data.backfill import Progress
from modules.engine.core import Engine
from modules.engine.desk import make_mandate
from modules.live_floor import LiveFloor, new_tag
from modules.marketplace import listed, past_candles
from modules.options import RunOptions
from modules.procedure import procedures
from modules.settings import BotConfig
from modules.ui.recent import BARS
from state.accounts import OF_PAIRS, Domain
from state.chain import Chain
from state.instruments import Instrument
from state.market import Candle
from state.runtime import RuntimeState


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, ready for its first event, and what stands around it."""

    engine: Engine
    lineup: Lineup
    domains: tuple[Domain, ...]
    """Whose markets are fed: those that trade, and those in which something is held."""
    past: list[Candle]
    """The newest bars of what was warmed up."""
    resumed: bool


class Foundation(msgspec.Struct, frozen=True, kw_only=True):
    """What it is built on."""

    options: RunOptions
    config: BotConfig
    chain: Chain
    rest: BybitRest
    broker: Broker | None
    live: LiveFloor
    chosen: frozenset[int]
    say: Callable[[str], None]
    progress: Progress


async def begin(on: Foundation, lineup: Lineup) -> Beginning:
    """Build it. Transient, Rejected or FrameError when the crypto market cannot be had; without its broker FOREX is left out, and told."""
    policies = stored_policies(on.options.folder)
    stored = recover(on.chain, policies)
    for warning in stored.warnings:
        on.say(f"recovery: {warning}")
    asked = await listed(on.rest, on.config, [one for one in lineup.domains if one not in OF_PAIRS], on.options.symbols)
    offer, lineup = await _offered(on, lineup, lambda one: knows(stored.state, on.config, one), stored.state)
    asked += offer.instruments
    instruments = needed(asked, stored.state)
    lineup = await on.live.introduce(lineup, stored.state)
    state, fresh = assemble(on.config, instruments, lineup.accounts, stored.state)
    state.tag = state.tag or (new_tag() if lineup.live else "")
    idle = [account for account in state.accounts if account not in lineup.accounts]
    kept = frozenset(one.key for one in instruments) - {one.key for one in asked}
    engine = Engine(
        state,
        make_mandate(
            on.config,
            instruments,
            state.accounts,
            on.chosen,
            quotes=True,
            closing_only=kept,
            idle=idle,
            env=str(on.options.env),
            procedures=procedures(on.config, lineup.domains, on.chosen),
            policies=policies,
            explore_own=True,
            switched=True,
        ),
    )
    past: list[Candle] = []
    if fresh:
        new = [one for one in instruments if one.key in fresh and one.key not in offer.candles]
        before, candles = await past_candles(on.rest, on.config, new, on.progress, on.say)
        warm_up(engine, before | offer.before, candles | offer.candles)
        past = [candle for found in (candles | offer.candles).values() for candle in found[-BARS:]]
    if stored.state is not None:
        held = sum(int(row["status"] == 2) for row in state.pos)
        on.say(f"going on from the stored state: {held} open position(s), {sum(state.closed_trades)} closed trade(s)")
    for _ in range(2):
        # Instruments and terms may have changed outside the journal: the snapshot that is kept as the previous one must know them too.
        checkpoint(engine, on.chain)
    domains = tuple(dict.fromkeys(one.domain for one in instruments))
    return Beginning(engine=engine, lineup=lineup, domains=domains, past=past, resumed=stored.state is not None)


async def _offered(
    on: Foundation, lineup: Lineup, known: Callable[[Instrument], bool], stored: RuntimeState | None
) -> tuple[Offer, Lineup]:
    """What the broker brings, and the line-up with or without it."""
    if Domain.FOREX not in lineup.domains:
        return Offer(), lineup
    if on.broker is None:
        for domain in sorted(OF_PAIRS & set(lineup.domains)):
            lineup = lineup.lacking(domain, "there is no way to the broker")
        return Offer(), lineup
    options = Domain.OPTIONS in lineup.domains
    offer = await on.broker.offer(on.config, on.options.symbols, stored, known, on.progress, on.say, options=options)
    if offer.slotless:
        lineup = lineup.lacking(Domain.OPTIONS, offer.slotless)
    if not offer.reason:
        return offer, lineup
    there = {one.domain for one in offer.instruments}
    for domain in sorted(OF_PAIRS & set(lineup.domains)):
        if domain in there:
            lineup = msgspec.structs.replace(lineup, notes=(*lineup.notes, f"{domain} goes on from what is stored: {offer.reason}"))
        else:
            lineup = lineup.lacking(domain, f"{offer.reason}; asked again until it does")
    return offer, lineup

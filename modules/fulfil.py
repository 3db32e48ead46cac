"""What an operator asks for, done by the running daemon: an event in the inbox, what the engine said of it, and what has to follow.

A resume lets the HALTED file go, a flatten writes it first; another stage or profile is stored and asks for another life of the daemon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from modules.accounts import Lineup
from modules.confirm import joined_digits
from modules.engine import explore_live
from modules.latch import ALL, latch, unlatch
from modules.options import OPENED_BY, RunOptions, check, newest_checks
from modules.requests import POLICY, request_event
from modules.settings import BotConfig
from modules.stage_request import remember, remembered
from modules.ui.commands import Wanted
from state.accounts import Account, Domain, Mode
from state.messages import Command, Control, Event, Report
from state.runtime import RuntimeState
from state.stages import STAGES, Cell
from utils.clock import Clock
from utils.errors import Refusal

ENGINE_LIMIT_S = 5.0
"""For so long an answer waits for what the engine says."""


class Building(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may need of the daemon."""

    options: RunOptions
    config: BotConfig
    state: RuntimeState
    clock: Clock
    venue_ts: Callable[[], int]
    put: Callable[[Event], None]
    lineup: Lineup
    """The accounts of this life."""
    lineup_of: Callable[[RunOptions], Lineup]
    """Those of another, as far as keys and stage go."""
    account_id: Callable[[Account], Awaitable[str]]
    another_life: Callable[[RunOptions], None]


class Fulfilment:
    """The `Deeds` of a running daemon; `observe` is an observer of its runner."""

    def __init__(self, building: Building) -> None:
        self._at = building
        self._heard: dict[int, asyncio.Future[list[str]]] = {}

    # --- what would be --------------------------------------------------------------------------------------------------------------

    def check(self, wanted: Wanted, who: str) -> None:
        """Refusal when `wanted` cannot be."""
        self._events(wanted, who)

    def opens_live(self, wanted: Wanted) -> tuple[Account, ...]:
        """Live accounts that could enter afterwards and cannot now."""
        if wanted.name == "promote" and wanted.args["style"].endswith(POLICY):
            return ()
        if wanted.name == "promote":
            return (Account(Domain(wanted.args["style"].partition("/")[0]), Mode.LIVE),)
        if wanted.name == explore_live.NAME and wanted.args["to"] == "on":
            return tuple(one for one in self._at.lineup.live if not explore_live.is_on(self._at.state, one))
        if wanted.name in {"forex", "options"} and wanted.args["to"] == "on":
            domain = Domain(wanted.name.upper())
            shut = not self._at.state.toggles.lets_in(domain)
            return tuple(one for one in self._at.lineup.live if shut and one.domain is domain)
        if wanted.name not in {"stage", "profile"}:
            return ()
        later = self._at.lineup_of(msgspec.structs.replace(self._next(wanted), real_money="asked"))
        return tuple(one for one in later.live if one not in self._at.lineup.live)

    def describe(self, wanted: Wanted) -> str:
        """What would happen, in the words of a question."""
        env = str(self._at.options.env).upper()
        match wanted.name:
            case "stage":
                later = self._next(wanted)
                row = STAGES[later.stage]
                cells = ", ".join(f"{one.lower()} {row.cell(one)}" for one in Domain if row.cell(one) is not Cell.OFF)
                return f"{env}: stage {self._at.options.stage} -> {later.stage}, {row.name} ({cells}). {self._gate(later.stage)}".rstrip()
            case "flatten":
                return f"{env}: DISASTER. Every account is halted, every order taken back, every position closed at market."
            case explore_live.NAME if wanted.args["to"] == "on":
                return f"{env}: {explore_live.QUESTION}"
            case _:
                return f"{env}: {wanted.line}?"

    def _gate(self, stage: int) -> str:
        earned = max(1, self._at.state.earned)
        if stage <= earned:
            return "Its gate is open."
        unmet = "; ".join(need for one, need in OPENED_BY.items() if earned < one <= stage)
        return f"NOT EARNED, this overrides the gate; unmet: {unmet}{newest_checks(self._at.options.folder)}."

    async def account_id(self, account: Account) -> str:
        """The venue's id of an account; empty when nobody can tell."""
        return await self._at.account_id(account)

    # --- doing it -------------------------------------------------------------------------------------------------------------------

    async def carry_out(self, wanted: Wanted, who: str, digits: str = "") -> str:
        """Do it; what the engine said of it. Refusal when it can no longer be."""
        events, folder = self._events(wanted, who), self._at.options.folder
        unlatched = self._latch(who) if wanted.name == "flatten" else []
        said = [*unlatched, *await self._tell(events)]
        if wanted.name == "resume":
            unlatch(folder, wanted.args.get("account", ALL))
        if wanted.name in {"stage", "profile"}:
            later = self._next(wanted, digits)
            last = remembered(folder)
            remember(folder, last, later.stage, override=later.override_gates, real_money=later.real_money, profile=later.profile)
            self._at.another_life(later)
            said.append("the bot starts again with it, positions keep their stops on the venue")
        return "\n".join(dict.fromkeys(said))

    def _latch(self, who: str) -> list[str]:
        """Write the HALTED file; what to say where the disk refuses: a Disaster goes on without it."""
        try:
            latch(self._at.options.folder, who, self._at.clock.now_ms())
        except OSError as error:
            return [f"HALTED cannot be written ({error.strerror}): a new start would trade again; halting and closing all the same"]
        return []

    def observe(self, _seq: int, event: Event, commands: list[Command]) -> None:
        """Pass on what the engine said of a request."""
        waiting = self._heard.pop(id(event), None) if isinstance(event, Control) else None
        if waiting is not None and not waiting.done():
            waiting.set_result(
                [one.text if not one.account else f"{one.account}: {one.text}" for one in commands if isinstance(one, Report)]
            )

    async def _tell(self, events: list[Control]) -> list[str]:
        """Leave events in the inbox and wait for what the engine says, up to `ENGINE_LIMIT_S`."""
        loop = asyncio.get_running_loop()
        waiting = {id(event): loop.create_future() for event in events}
        self._heard |= waiting
        try:
            for event in events:
                self._at.put(event)
            async with asyncio.timeout(ENGINE_LIMIT_S):
                return [line for future in waiting.values() for line in await future]
        except TimeoutError:
            return [f"{events[0].name}: the bot has it and is busy; look again soon"]
        finally:
            for name in waiting:
                self._heard.pop(name, None)

    def _events(self, wanted: Wanted, who: str) -> list[Control]:
        """The events of a request; Refusal when it cannot be."""
        words = dict(wanted.args)
        if wanted.name in {"stage", "profile"}:
            later = self._next(wanted)
            if (later.stage, later.profile) == (self._at.options.stage, self._at.options.profile):
                raise Refusal(f"{wanted.name} {wanted.args['to']} is what runs")
            if later.override_gates and later.stage > max(1, self._at.state.earned):
                words["override"] = "1"
        ts = max(self._at.state.ts, self._at.venue_ts())
        return request_event(self._at.state, self._at.config, wanted.name, words, ts, who)

    def _next(self, wanted: Wanted, digits: str = "") -> RunOptions:
        """The options of a life with another stage or profile; Refusal when nothing could trade in it."""
        now, state = self._at.options, self._at.state
        stage = int(wanted.args["to"]) if wanted.name == "stage" else now.stage
        profile = wanted.args["to"] if wanted.name == "profile" else now.profile
        kept = 1 < stage <= now.stage
        found = msgspec.structs.replace(
            now,
            stage=stage,
            profile=profile,
            override_gates=stage > max(1, state.earned) or (now.override_gates and kept),
            real_money=joined_digits(now.real_money, digits) if stage > 1 else None,
        )
        check(found, state.earned)
        return found

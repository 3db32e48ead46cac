"""Another stage or profile for a bot that does not run: journalled, and stored where the next start looks for it."""

from __future__ import annotations

from pathlib import Path

from modules.confirm import DIGITS, joined_digits, typed_digits
from modules.environment import Environment
from modules.offline import NOTHING, journal_request
from modules.options import PROFILES, RunOptions, check
from modules.settings import BotConfig
from modules.stage_request import remember, remembered
from modules.ui.commands import Wanted
from state.accounts import Domain
from state.stages import STAGES, Cell
from utils.errors import Refusal
from utils.files import DirectoryLock

DEFAULT_PROFILE = "spot"


def queue(place: Path, env: str, wanted: Wanted, config: BotConfig, digits: str) -> list[str]:
    """Store it; what the engine said. Refusal when nothing could trade, when a gate is shut, or when real money lacks its digits.

    `digits`: the last characters of the account's id, compared with the venue's at the next start.
    """
    if not place.is_dir():
        raise Refusal(NOTHING.format(place))
    with DirectoryLock(place):
        last = remembered(place)
        stage = int(wanted.args["to"]) if wanted.name == "stage" else last.stage
        profile = wanted.args["to"] if wanted.name == "profile" else last.profile or DEFAULT_PROFILE
        over = stage > max(1, last.earned, last.opened)
        simulated = env == Environment.SIMULATED
        more = stage > last.stage or wanted.name == "profile"
        live = [one for one in (*PROFILES[profile], Domain.FOREX) if STAGES[stage].cell(one) in {Cell.LIVE, Cell.LIVE_IF_EARNED}]
        if not simulated and (over or (more and live)) and {len(one) for one in typed_digits(digits)} != {DIGITS}:
            check(_options(place, stage, profile, override=not over), last.earned)  # a shut gate says what it lacks
            raise Refusal(f"{wanted.line} in {env} can open real money: say --real-money with the last 4 characters of the account's id")
        check(_options(place, stage, profile, override=over or stage <= last.opened), last.earned)
        words = {**wanted.args, **({"override": "1"} if over else {})}
        lines = journal_request(place, wanted.name, words, config)
        override = over or 1 < stage <= last.opened
        remember(place, last, stage, override=override, real_money=joined_digits(last.real_money, digits), profile=profile)
    return [*lines, f"no bot runs here: the next start without --stage and --profile takes stage {stage}, {profile}"]


def _options(place: Path, stage: int, profile: str, *, override: bool) -> RunOptions:
    return RunOptions(stage=stage, env=Environment(place.name), state_dir=place.parent, profile=profile, override_gates=override)

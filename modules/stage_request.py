"""The stage that was asked for, remembered: without `--stage` the last one holds.

What a person opened over its gate stays open until a lower stage is asked for. A request is a ceiling: it never undoes a demotion, for
what an account may do inside a stage is the engine's own memory, not this file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from modules.confirm import typed_digits
from utils.errors import Refusal
from utils.files import atomic_write

NAME = "stage.json"


class StageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`opened`: the highest stage that a person opened here over its gate; `real_money`: the account digits typed for real money.

    `earned`: the highest stage that evidence opened, copied from the engine's state at each snapshot. `profile`: what is traded; empty
    in the record of an older version. `accounts`: live account -> those of the digits that its id at the venue ended with.
    """

    stage: int = 1
    opened: int = 1
    real_money: str | None = None
    earned: int = 1
    profile: str = ""
    accounts: dict[str, str] = {}


def remembered(folder: Path) -> StageRequest:
    """The request of the last run in `folder`; stage 1 when there was none, or its record cannot be read (which opens nothing)."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=StageRequest)
    except (OSError, msgspec.MsgspecError):
        return StageRequest()


def resolve(last: StageRequest, stage: int | None, *, override: bool, real_money: str | None) -> tuple[int, bool, str | None]:
    """(stage, gates overridden, digits) of a run, from what was said now and what is remembered."""
    wanted = last.stage if stage is None else stage
    if override:
        return wanted, True, real_money
    kept = last.real_money if 1 < wanted <= max(last.opened, min(last.stage, last.earned)) else None
    return wanted, 1 < wanted <= last.opened, real_money if real_money is not None else kept


def digits_of(last: StageRequest, account: str) -> str:
    """What is typed for real money in `account`; empty where it is not open. Refusal where nobody can tell whose digits are whose yet."""
    if account in last.accounts:
        return last.accounts[account]
    unseen = [one for one in typed_digits(last.real_money) if one not in last.accounts.values()]  # typed for a start that is yet to come
    if len(unseen) > 1:
        raise Refusal(f"which digits are those of {account} only the venue can tell: start the bot once, then ask again")
    return "".join(unseen)


def note_earned(folder: Path, earned: int) -> None:
    """Store what evidence has opened, when that is news; OSError when the disk refuses."""
    last = remembered(folder)
    if last.earned != earned:
        atomic_write(folder / NAME, msgspec.json.encode(msgspec.structs.replace(last, earned=earned)), mode=0o600)


def remember(
    folder: Path,
    last: StageRequest,
    stage: int,
    *,
    override: bool,
    real_money: str | None,
    profile: str = "",
    accounts: Mapping[str, str] | None = None,
) -> None:
    """Store the request of a run that has started, or that the next one shall go by; OSError when the disk refuses.

    Going down closes what lay above: money opened by hand is opened by hand again. `real_money`: digits that the venue's account matched;
    `accounts`: which account matched which, as far as it was seen now.
    """
    opened = stage if override else min(last.opened, stage)
    kept = StageRequest(
        stage=stage,
        opened=opened,
        real_money=real_money if stage > 1 else None,
        earned=last.earned,
        profile=profile or last.profile,
        accounts={**last.accounts, **(accounts or {})} if stage > 1 else {},
    )
    if kept != last:
        atomic_write(folder / NAME, msgspec.json.encode(kept), mode=0o600)

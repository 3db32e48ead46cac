"""What lies on disk: whether it can be read to its end, and which samples of evidence today's procedures would begin anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from modules.cli_kpi import LEDGER, stored_rows
from modules.doctor.findings import Finding, fail, ok, skip, warn
from modules.engine.core import Engine
from modules.engine.desk import chosen_strategies
from modules.engine.migrations import snapshots
from modules.engine.recovery import restore
from modules.offline import stored_engine
from modules.procedure import procedures
from modules.settings import BotConfig
from state.accounts import Account, Domain, Mode
from state.standing import standing_key
from strategy.base import DEMO
from telemetry.ledger_rows import read_rows
from utils.errors import ExitCode, Refusal
from utils.files import Damaged

QUARANTINE = "take the newest backup of the state directory, or start the bot: it sets damage aside and says what is lost"


def look(place: Path, *, running: bool) -> tuple[list[Finding], Engine | None]:
    """The chain of snapshot, journal and ledger, changing nothing; and the engine it leads to.

    The files of a running bot move under the reader: its newest snapshot alone is read.
    """
    try:
        loaded = snapshots(place).peek() if place.is_dir() else None
        if loaded is None or loaded.snapshot is None:
            return [skip("state", f"nothing is stored in {place}; the first start makes it")], None
        engine = restore(loaded.snapshot) if running else stored_engine(place)
    except Refusal as refusal:
        remedy = QUARANTINE if refusal.code is ExitCode.NO_STATE_CHAIN else "run the program that wrote it, or a newer one"
        return [fail("state", str(refusal), remedy, ExitCode.NO_STATE_CHAIN)], None
    except Damaged as error:
        return [warn("state", f"the journal is damaged: {error}", QUARANTINE)], None
    found = [warn("state", warning, QUARANTINE) for warning in loaded.warnings]
    led = "" if loaded.schema == loaded.snapshot.schema else f" (the next start writes schema {loaded.snapshot.schema})"
    words = f"schema {loaded.schema}{led}, snapshot {loaded.snapshot.seq}"
    how = "kept by the running bot" if running else "the journal replays to its end"
    found += [] if found else [ok("state", f"{words}, {how}; {sum(engine.state.closed_trades)} closed trades")]
    if (place / LEDGER).is_dir():
        lost = stored_rows(place)[1]
        found.append(fail("ledger", lost[0], QUARANTINE, ExitCode.NO_STATE_CHAIN) if lost else ok("ledger", "every row checks"))
    return found, engine


def resets(engine: Engine | None, config: BotConfig, place: Path) -> Iterator[Finding]:
    """Which samples this program and configuration would begin anew at its next start: looked at before an upgrade."""
    if engine is None or not engine.state.samples:
        yield skip("procedure", "no sample of evidence runs, so nothing could begin anew")
        return
    state = engine.state
    domains = tuple(dict.fromkeys(account.domain for account in state.accounts if account.domain in config.domains))
    changed = changed_samples(state.samples, procedures(config, domains, chosen_of(engine)))
    if not changed:
        yield ok("procedure", f"the next start begins none of {len(state.samples)} samples of evidence anew")
        return
    book = read_rows(*stored_rows(place)) if (place / LEDGER).is_dir() else read_rows([], ())
    for name in changed:
        account, _, style = name.rpartition("/")
        since = max((one.ts for one in book.starts if (one.account, one.style) == (account, style)), default=0)
        trades = sum(one.account == account and one.style == style and one.exit_ts >= since for one in book.trades)
        yield warn(
            "procedure",
            f"{account} {style}: this version decides differently, so the next start begins its sample anew ({trades} closed trades)",
            "keep the version and settings that gathered it, or accept that the gates count from zero",
        )


def chosen_of(engine: Engine) -> frozenset[int]:
    """The strategies that the stored run had; the default set where it names none."""
    found = frozenset[int]().union(*engine.mandate.allowed.values()) - {DEMO}
    return found or chosen_strategies(None)


def changed_samples(samples: Mapping[str, str], today: Mapping[str, str]) -> list[str]:
    """`DOMAIN/MODE/style` of every sample whose procedure is another one now."""
    found = []
    for name, procedure in samples.items():
        domain, mode, style = name.split("/")
        account = Account(Domain(domain), Mode(mode))
        now = today.get(standing_key(account.domain, style))
        if now is not None and now != procedure:
            found.append(name)
    return sorted(found)

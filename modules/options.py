"""What the command line asked of a run, checked once: the roof parses words, this says whether they make sense together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from modules.environment import Environment
from modules.settings import Http
from state.accounts import Domain
from state.stages import STAGES, Cell
from utils.errors import ExitCode, Refusal

TOO_FAST = 1e6
DEFAULT_SPEED = 600.0
PROFILES = {"spot": (Domain.CRYPTO,), "perp": (Domain.PERPS,), "spot+perp": (Domain.CRYPTO, Domain.PERPS)}
"""Which markets of the crypto venue; FOREX and OPTIONS are another venue's, and go by the stage alone."""

OPENED_BY = {
    2: "CRYPTO paper passes its gate",
    3: "CRYPTO's canary ends without a demotion",
    4: "FOREX paper passes its gate",
    5: "FOREX's canary ends without a demotion",
}
"""What a stage needs beyond the one before it (definitions, "Stage and standing")."""


MODEL_PRICED = "paper evidence is model-priced and cannot open live"
"""Of options: nobody's quotes stand behind their paper fills."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the daemon."""

    stage: int
    env: Environment
    env_named: bool = False
    """The environment was asked for, not chosen by default."""
    state_dir: Path
    profile: str = "spot"
    symbols: tuple[str, ...] | None = None
    strategies: tuple[str, ...] | None = None
    enable: tuple[str, ...] = ()
    speed: float | None = None
    """None: not said."""
    pace: str | None = None
    seed: int | None = None
    market: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    simulator_url: str | None = None
    duration_s: float | None = None
    http_host: str | None = None
    http_port: int | None = None
    override_gates: bool = False
    real_money: str | None = None
    verbose: bool = False

    @property
    def venue_speed(self) -> float:
        """Venue seconds per wall second of the built-in exchange."""
        return DEFAULT_SPEED if self.speed is None else self.speed

    @property
    def folder(self) -> Path:
        """Where this environment's state lies."""
        return self.state_dir / str(self.env)


def check(options: RunOptions, earned: int = 1) -> tuple[Domain, ...]:
    """The domains this run trades; Refusal for what cannot be: an unknown stage, an unearned one, a profile with nothing to trade."""
    wrong = [problem for problem in _problems(options, earned) if problem]
    if wrong:
        raise Refusal("; ".join(wrong))
    if options.stage > max(1, earned) and not options.override_gates:
        needs = [need for stage, need in OPENED_BY.items() if earned < stage <= options.stage]
        unmet = "; ".join(needs) + newest_checks(options.folder)
        raise Refusal(
            f"stage {options.stage} is not earned; unmet: {unmet}. --override-gates opens it in simulated; elsewhere it also "
            "takes --real-money with the last 4 digits of the account id",
            ExitCode.GATE_REFUSED,
        )
    row = STAGES[options.stage]
    trading = tuple(domain for domain in domains_of(options) if row.cell(domain) is not Cell.OFF)
    if not set(trading) & set(PROFILES[options.profile]):
        raise Refusal(
            f"--profile {options.profile} --stage {options.stage}: nothing could trade, because stage {options.stage} "
            f"({row.name}) has perpetuals off; use --profile spot"
        )
    return trading


def domains_of(options: RunOptions) -> tuple[Domain, ...]:
    """The domains that a stage may open to `options`."""
    return (*PROFILES[options.profile], Domain.FOREX, Domain.OPTIONS)


def http_address(options: RunOptions, configured: Http) -> tuple[str, int]:
    """Host and port to serve on."""
    host = options.http_host if options.http_host is not None else configured.host
    return host, options.http_port if options.http_port is not None else configured.port


def newest_checks(folder: Path) -> str:
    """The unmet checks of the newest verdict on each style, in words; empty where nothing was ever judged."""
    from state.ledger import RowKind, read_ledger  # noqa: PLC0415  only a refusal reads the ledger
    from telemetry.gate_checks import Check  # noqa: PLC0415
    from telemetry.verdict_words import finding  # noqa: PLC0415

    newest: dict[str, str] = {}
    if (folder / "ledger").is_dir():
        for stored in read_ledger(folder / "ledger", RowKind.VERDICT):
            row = msgspec.json.decode(bytes(stored.row))
            if row.get("what") == "verdict":
                checks = msgspec.convert(row["checks"], list[Check])
                unmet = [finding(one) for one in checks if one.gates and not one.ok]
                newest[f"{row['account']} {row['style']}"] = f"{row['state']}: {'; '.join(unmet)}"
    return "".join(f". {name} {found}" for name, found in sorted(newest.items()))


def _problems(options: RunOptions, earned: int) -> Iterator[str]:
    """Everything that is wrong whatever the stage allows, each with its value and what is allowed."""
    if options.stage not in STAGES:
        yield f"--stage: {options.stage} is not a stage; there are {', '.join(str(stage) for stage in STAGES)}"
    if options.profile not in PROFILES:
        yield f"--profile: {options.profile!r} is not one of {', '.join(PROFILES)}"
    if options.strategies and "demo" in options.strategies and options.env is not Environment.SIMULATED:
        yield f"--strategies demo runs in the simulated environment only, not in {options.env}"
    if options.speed is not None and options.speed >= TOO_FAST:
        yield f"--speed: {options.speed:g} is not below {TOO_FAST:g}"
    if options.seed is not None and options.seed < 0:
        yield f"--seed: {options.seed} is below 0"
    if options.from_ms is not None and options.to_ms is not None and options.from_ms >= options.to_ms:
        yield "--to: must be after --from"
    url = options.simulator_url
    if url is not None and not url.startswith(("http://", "https://")):
        yield f"--simulator-url: {url!r} is not an address like http://127.0.0.1:9109/control"
    given = {
        "--market": options.market,
        "--seed": options.seed,
        "--from": options.from_ms,
        "--to": options.to_ms,
        "--speed": options.speed,
        "--pace": options.pace,
    }
    named = [name for name, value in given.items() if value is not None]
    if url is not None and named:
        yield f"{', '.join(named)} cannot go with --simulator-url: the simulator that runs there has its own"
    if url is not None:
        named.append("--simulator-url")
    if options.real_money is not None and not options.override_gates and not 1 < options.stage <= earned:
        yield "--real-money goes with --override-gates, which is missing"
    if named and options.env is not Environment.SIMULATED:
        yield f"{', '.join(named)} belong to --env simulated, not to --env {options.env}"


def notices(options: RunOptions, trading: tuple[Domain, ...]) -> list[str]:
    """One line for everything asked for that this stage leaves off."""
    row = STAGES[options.stage]
    lines = [
        f"--enable {name}: stage {options.stage} ({row.name}) has {name} off; nothing changes"
        for name in options.enable
        if row.cell(Domain(name.upper())) is Cell.OFF
    ]
    lines += [
        f"--profile {options.profile}: stage {options.stage} has {domain.lower()} off"
        for domain in PROFILES[options.profile]
        if domain not in trading
    ]
    for domain in (Domain.FOREX, Domain.OPTIONS):
        name = domain.lower()
        if domain in trading and name not in options.enable:
            lines.append(f"{domain} enters nothing until somebody says `{name} on` (or starts with --enable {name})")
    if Domain.OPTIONS in trading:
        lines.append(f"OPTIONS: {MODEL_PRICED}")
    if options.override_gates and options.stage == 1:
        lines.append("--override-gates: stage 1 is open to everybody; there is nothing to override")
    return lines

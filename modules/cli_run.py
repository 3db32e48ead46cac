"""The commands that trade or replay: the arguments of a run and of `replay`, turned into options."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from modules.state_place import add_state_dir, folder, last_env
from utils.errors import ExitCode, Refusal
from utils.files import atomic_write

if TYPE_CHECKING:
    from modules.environment import Environment
    from modules.settings import BotConfig
    from state.options import Surface

Load = Callable[[], "BotConfig"]
ENVIRONMENTS = ("simulated", "demo", "testnet", "live")
DAY_MS = 86_400_000
DATE_DIGITS, MS_DIGITS = 8, 13
LEAST_BALANCE, MOST_BALANCE = 10, 1_000_000
"""As for a paper wallet: far enough below what money units hold (`utils.fixed.MONEY_LIMIT`) for gains, values and sums."""
TIME_FORMS = "2025-02-15, 20250215, 2025-02-15T08:00 or 1739577600000 (ms)"


def moment(text: str) -> int:
    """A time as ms UTC: `2025-02-15`, `20250215`, `2025-02-15T08:00` (UTC unless it says otherwise) or 13 digits of milliseconds."""
    digits = text.isascii() and text.isdigit()
    if digits and len(text) == MS_DIGITS:
        return int(text)
    try:
        if digits and len(text) != DATE_DIGITS:
            raise ValueError(text)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like {TIME_FORMS}") from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def names(text: str) -> tuple[str, ...]:
    """`A,B` as names, each once."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found:
        raise argparse.ArgumentTypeError("an empty list")
    return found


def symbols(text: str) -> tuple[str, ...]:
    """`BTCUSDT,ETHUSDT` as symbols, upper case, each once."""
    return names(text.upper())


def positive(text: str) -> float:
    """A number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def stored_profile(text: str) -> str:
    """Which stored candles: `spot`, `perp`, `fx` (which may also be called `forex`), or those of currency pairs for their `options`."""
    found = "fx" if text == "forex" else text
    if found not in {"spot", "perp", "fx", "options"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of spot, perp, fx, options")
    return found


def port(text: str) -> int:
    """A port number; 0 means a free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


class Words(argparse.ArgumentParser):
    """A parser whose complaint is one line, like every other refusal, instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Refusal with the argument's name and what is wrong with it."""
        raise Refusal(f"{message.removeprefix('argument ')}; see {self.prog} --help")


def parser(*, add_help: bool = True) -> argparse.ArgumentParser:
    """The options of a run."""
    found = Words(prog="main.py", add_help=add_help, description="Run the bot.")
    add = found.add_argument
    add("--stage", type=int, metavar="N", help="1 to 5, from crypto on paper to full live; earned above 1 (default: the last one, first 1)")
    add("--env", help="simulated, demo, testnet or live (default: live when BYBIT_API_KEY is set, else simulated)")
    add_state_dir(found)
    add("--profile", help="spot, perp or spot+perp (default: the last one, first spot)")
    add("--symbols", type=symbols, metavar="A,B", help="symbols to trade (default: those of config.py)")
    add("--strategies", type=names, metavar="C1,C2|demo", help="what to run (default C1,C2,C3,C4, forex F1,F2, options O1); demo: a tour")
    add("--enable", type=names, default=(), metavar="forex,options", help="switch these on for this boot, where the stage has them")
    add("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one value of config.py (may be repeated)")
    add("--duration", type=positive, metavar="SECONDS", help="end cleanly after so many wall seconds of trading")
    add("--http-host", metavar="HOST", help="address of status, health and metrics (default 127.0.0.1)")
    add("--http-port", type=port, metavar="PORT", help="its port; 0 takes a free one (default 9108)")
    add("--override-gates", action="store_true", help="open a stage that is not earned (outside simulated also --real-money)")
    add("--real-money", metavar="LAST4", help="with --override-gates outside simulated: last four digits of each account id, with commas")
    add("--verbose", action="store_true", help="also tell of moved stops and of signals on symbols already held")
    simulated = found.add_argument_group("the built-in exchange (--env simulated)")
    add = simulated.add_argument
    add("--speed", type=positive, metavar="X", help="venue seconds per wall second (default 600: a day in 144 s)")
    add("--pace", choices=("lockstep", "free"), help="wait for the bot at every close (default above x10) or not")
    add("--seed", type=int, metavar="S", help="seed of the generated market (default 1)")
    add("--market", metavar="generated|recorded:DIR", help="generated prices (default) or recorded candles")
    add("--from", dest="from_ms", type=moment, metavar="T", help="where venue time begins, e.g. 2025-02-15")
    add("--to", dest="to_ms", type=moment, metavar="T", help="where the market ends")
    add("--simulator-url", metavar="CONTROL", help="use a simulator that already runs, by its control address")
    return found


def run(args: argparse.Namespace, load: Load) -> ExitCode:
    """The daemon, and beside it its exchange in a box: both take a while to load."""
    from modules.environment import Environment, choose
    from modules.simulator import standby
    from utils.heap import loaded, loading

    env = choose(args.env, os.environ)
    if env is Environment.SIMULATED and args.simulator_url is None:
        standby.prepare(args.state_dir, os.environ)
    loading()
    try:
        return _daemon(args, env, load)
    finally:
        loaded()
        standby.leave()


def _daemon(args: argparse.Namespace, env: Environment, load: Load) -> ExitCode:
    from modules.environment import known_secrets
    from modules.options import RunOptions, check
    from modules.overrides import in_force
    from modules.stage_request import remembered, resolve

    last = remembered(args.state_dir / str(env))
    stage, override, digits = resolve(last, args.stage, override=args.override_gates, real_money=args.real_money)
    options = RunOptions(
        stage=stage,
        env=env,
        env_named=args.env is not None,
        state_dir=args.state_dir,
        profile=args.profile or last.profile or "spot",
        symbols=args.symbols,
        strategies=args.strategies,
        enable=_domains(args.enable),
        speed=args.speed,
        pace=args.pace,
        seed=args.seed,
        market=args.market,
        from_ms=args.from_ms,
        to_ms=args.to_ms,
        simulator_url=args.simulator_url,
        duration_s=args.duration,
        http_host=args.http_host,
        http_port=args.http_port,
        override_gates=override,
        real_money=digits,
        verbose=args.verbose,
    )
    check(options, last.earned)
    config = in_force(load(), args.state_dir / str(env), os.environ, args.set)
    from modules import process
    from modules.log_settings import begin_log
    from modules.ui.console import ConsoleObserver, console_on
    from utils.clock import WallClock

    begin_log(config.logs, verbose=args.verbose, secrets=known_secrets(os.environ))
    console = ConsoleObserver(console_on(), WallClock(), verbose=args.verbose)
    return process.run(options, config, console)


def _domains(asked: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in asked if name not in {"forex", "options"}]
    if unknown:
        raise Refusal(f"--enable: {', '.join(unknown)} cannot be switched on; there are forex, options")
    return asked


def add_promoted(found: argparse.ArgumentParser) -> None:
    """Whose promoted parameters count for a command over stored candles."""
    add = found.add_argument
    add("--env", choices=ENVIRONMENTS, help="whose promoted parameters count (default: the one used last there; none where no bot ran)")
    add_state_dir(found)


def promoted_place(args: argparse.Namespace) -> Path | None:
    """The state folder whose promoted parameters count; None where no bot ever ran."""
    env = args.env or last_env(args.state_dir)
    if env is None:
        return None
    place: Path = args.state_dir / env
    return place


def add_replay(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the `replay` command."""
    found = commands.add_parser("replay", help="the rules over stored candles, by the engine or by the compiled sweep")
    add = found.add_argument
    add("--data", type=folder, required=True, metavar="DIR", help="a data root (crypto_spot/, crypto_perp/, fx/)")
    add("--symbols", type=symbols, required=True, metavar="A,B")
    add("--from", dest="from_ms", type=moment, metavar="T", help="first bar that may trade; earlier data warm up")
    add("--to", dest="to_ms", type=moment, metavar="T")
    add("--profile", type=stored_profile, default="spot", metavar="spot|perp|fx|options")
    add("--surface", choices=("frozen",), help="of options: the volatility surface of 2025-02-10, held constant in delta and tenor")
    add("--strategies", type=names, metavar="C1,C2", help="default C1,C2,C3,C4; of forex F1,F2; of options O1")
    add("--costs", type=Path, metavar="FILE", help="a costs.json with measured costs (default: those of config.py)")
    add("--parameters", type=Path, metavar="FILE", help="these promoted parameters (a parameters.toml) instead of those of --env")
    add("--balance", type=int, default=1_000, metavar="N", help="starting balance in quote currency (default 1000)")
    add("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    add_promoted(found)
    how = found.add_mutually_exclusive_group()
    how.add_argument("--engine", action="store_true", help="event by event through the real engine (default)")
    how.add_argument("--sweep", action="store_true", help="the compiled loops over the same functions")
    add("--json", type=Path, metavar="FILE", help="write trades and final equity there (- for standard output)")
    found.set_defaults(handler=replay)


def replay(args: argparse.Namespace, load: Load) -> ExitCode:
    """Replay stored candles and print what came of it."""
    from dataio.archive import open_archive
    from modules.cost_store import read_book
    from modules.engine.desk import chosen_strategies
    from modules.engine.frozen_surface import NAME
    from modules.engine.grid import PROFILES
    from modules.engine.grid import load as load_grid
    from modules.learning.parameter_file import layered
    from modules.overrides import in_force

    if args.from_ms is not None and args.to_ms is not None and args.from_ms >= args.to_ms:
        raise Refusal("--from must lie before --to")
    if not LEAST_BALANCE <= args.balance <= MOST_BALANCE:
        raise Refusal(f"--balance: {args.balance} is not between {LEAST_BALANCE} and {MOST_BALANCE}")
    if args.strategies and "demo" in args.strategies:
        raise Refusal("--strategies demo needs quotes, and stored candles have none; replay C1, C2, C3 or C4, F1 and F2, or O1")
    file, place = load(), promoted_place(args)
    given = file
    if args.parameters is not None:
        if not args.parameters.is_file():
            raise Refusal(f"--parameters: there is no file {args.parameters}")
        given, place = layered(file, args.parameters), None
    config = in_force(given, place, os.environ, args.set)
    chosen = chosen_strategies(args.strategies)
    domain = PROFILES[args.profile]
    settings = config.domains[domain]
    costs = () if args.costs is None else tuple(read_book(args.costs).models.values())
    archive = open_archive(args.data)
    surfaces = _surfaces(args, config)
    grid = load_grid(archive, domain, args.symbols, settings, (args.from_ms, args.to_ms), surfaces)
    if args.sweep:
        from modules.learning.research import run_sweep

        outcome = run_sweep(grid, config, chosen, args.balance, costs=costs)
    else:
        from modules.engine.replay import run_engine

        outcome = run_engine(grid, config, chosen, args.balance, costs=costs)
    document = {"trades": [_published(trade) for trade in outcome.trades], "final_equity": outcome.final_equity}
    document |= {"surface": NAME} if surfaces else {}
    if args.json is not None and str(args.json) == "-":
        sys.stdout.write(json.dumps(document) + "\n")
        return ExitCode.DONE
    if args.json is not None:
        try:
            atomic_write(args.json.absolute(), json.dumps(document).encode())
        except OSError as error:
            raise Refusal(f"--json: {args.json} cannot be written: {error.strerror}") from error
    warm_days = grid.start * grid.confirm_ms / DAY_MS
    held = f"surface: {NAME}, held constant in delta and tenor; such a run counts for no gate\n" if surfaces else ""
    sys.stdout.write(_tuned(config, file) + held + _summary(outcome, warm_days, settings.warmup_days, args.balance))
    return ExitCode.DONE


def _surfaces(args: argparse.Namespace, config: BotConfig) -> dict[str, Surface]:
    """What a replay prices options with; none for other domains. Refusal where one is needed and not named, or named and not needed."""
    from modules.engine.frozen_surface import frozen_surfaces, without_surface

    if args.profile != "options":
        if args.surface is not None:
            raise Refusal(f"--surface {args.surface} prices options: it goes with --profile options")
        return {}
    if args.surface is None:
        raise without_surface(args.data)
    return frozen_surfaces(args.data, args.symbols, config.options.deposits)


def _tuned(config: BotConfig, file: BotConfig) -> str:
    """The parameters that are not those of the file, in a line; empty where all are."""
    ours, theirs = config.parameters.model_dump(), file.parameters.model_dump()
    found = [f"{one}.{name} {value:g}" for one, values in ours.items() for name, value in values.items() if value != theirs[one][name]]
    return f"not as in config.py: {', '.join(found)}\n" if found else ""


def _published(trade: dict[str, Any]) -> dict[str, Any]:
    from modules.engine.replay import FIELDS

    return {name: trade[name] for name in FIELDS}


def _summary(outcome: Any, warm_days: float, wanted_days: int, balance: int) -> str:
    """A few lines for people."""
    wins = sum(float(trade["pnl"]) > 0 for trade in outcome.trades)
    counts = f"{outcome.bars} bars, {len(outcome.trades)} closed trades, {wins} of them won"
    lines = [f"{counts}; equity {balance} -> {float(outcome.final_equity):.2f}"]
    if warm_days < wanted_days:
        lines.append(
            f"warm-up: {warm_days:.1f} of {wanted_days} days of candles before the first trading bar (longer bars reach back further)"
        )
    by_strategy: dict[str, list[dict[str, Any]]] = {}
    for trade in outcome.trades:
        by_strategy.setdefault(trade["strategy"], []).append(trade)
    for name, trades in sorted(by_strategy.items()):
        mean = sum(trade["r"] for trade in trades) / len(trades)
        lines.append(f"  {name}: {len(trades)} trades, mean {mean:+.3f} R, pnl {sum(float(trade['pnl']) for trade in trades):+.2f}")
    if outcome.refused:
        lines.append("skipped: " + ", ".join(f"{rule} {count}" for rule, count in sorted(outcome.refused.items())))
    lines.append("Past candles under modelled fills. This is no evidence of profit.")
    return "\n".join(lines) + "\n"

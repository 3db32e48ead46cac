"""`python main.py simulator`: arguments, the one ready line on stdout, notices on stderr, a clean end on SIGTERM and SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from modules.cli_run import moment
from modules.simulator import standby
from modules.simulator.generated import DEFAULT_START, GeneratedMarket
from modules.simulator.server import DEFAULT_SEED, Simulator
from modules.simulator.venue_options import SimulatorOptions
from utils.clock import WallClock
from utils.errors import ExitCode, Refusal
from utils.heap import settle

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it


def parse_symbols(text: str) -> tuple[str, ...]:
    """`BTCUSDT,ETHUSDT` as names, upper case, each once."""
    return tuple(dict.fromkeys(one.strip().upper() for one in text.split(",") if one.strip()))


def parse_port(text: str) -> int:
    """A port number; 0 means a free one."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def add_arguments(subparsers: Subparsers) -> None:
    """Add the `simulator` command."""
    parser = subparsers.add_parser("simulator", help="the exchange in a box: a local venue that speaks Bybit v5")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=parse_port, default=0, help="port for REST, streams and control (default 0: a free one)")
    parser.add_argument("--seed", type=int, help="seed of the generated market (default 1)")
    parser.add_argument("--speed", type=float, default=1.0, help="venue seconds per wall second (default 1)")
    parser.add_argument("--pace", choices=("lockstep", "free"), help="wait for registered daemons at each close (default above x10) or not")
    parser.add_argument("--market", help="generated (default) or recorded:DIR")
    parser.add_argument("--from", dest="from_ms", type=moment, metavar="T", help="where venue time begins, e.g. 2025-02-15")
    parser.add_argument("--to", dest="to_ms", type=moment, metavar="T", help="where the market ends")
    parser.add_argument("--symbols", type=parse_symbols, default=(), metavar="A,B", help="symbols to list (default all)")
    parser.add_argument("--api-key", metavar="K", help="key of the account (default: made from the seed; in the ready line)")
    parser.add_argument("--api-secret", metavar="S", help="its secret")
    parser.add_argument("--balance", metavar="USDT=10000[,BTC=1]", help="what the account begins with (default USDT=10000)")
    parser.add_argument("--perp-api-key", metavar="K", help="key of the second account, the perpetuals' sub-account (default: made)")
    parser.add_argument("--perp-api-secret", metavar="S", help="its secret")
    parser.add_argument("--perp-balance", metavar="USDT=10000", help="what it begins with (default: as --balance)")
    parser.add_argument(
        "--oanda-port", type=parse_port, default=0, metavar="Q", help="port of the simulated OANDA's REST (default: a free one)"
    )
    parser.add_argument("--oanda-stream-port", type=parse_port, default=0, metavar="R", help="port of its streams (default: a free one)")
    parser.add_argument("--oanda-token", metavar="T", help="token of its account (default: made from the seed; in the ready line)")
    parser.add_argument("--oanda-account", metavar="A", help="id of its account (default: made from the seed; in the ready line)")
    parser.add_argument("--oanda-balance", metavar="10000", help="what its account begins with, in USD (default 10000)")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a JSON list of faults, as posted to /control/faults, with at_ts")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="write the ledger there at the end")
    parser.add_argument("--state-folder", type=Path, help="remember venue time there and go on from it")
    parser.add_argument("--embedded", action="store_true", help="hold time while no daemon is attached; end after a minute without one")
    parser.add_argument(standby.WORD, action="store_true", help=argparse.SUPPRESS)


def options_of(args: argparse.Namespace) -> SimulatorOptions:
    """The parsed arguments as options."""
    return SimulatorOptions(**{name: getattr(args, name) for name in SimulatorOptions.__struct_fields__})


def run(args: argparse.Namespace) -> ExitCode:
    """Serve until told to stop; Refusal for whatever cannot be served."""
    if args.standby:
        GeneratedMarket(DEFAULT_SEED, DEFAULT_START, ("BTCUSDT",))  # what makes prices is compiled code, and is loaded at its first use
        words = standby.told(sys.stdin)
        if words is None:
            return ExitCode.DONE
        args = _parser().parse_args(["simulator", *words])
    return asyncio.run(_serve(options_of(args)))


async def _serve(options: SimulatorOptions) -> ExitCode:
    try:
        simulator = Simulator(options, WallClock(), say=_say)
    except Refusal as refusal:
        if "data root" in str(refusal):  # the archive does not know by which option it was named
            raise Refusal(f"--market: {refusal}", refusal.code) from refusal
        raise
    await simulator.start()
    settle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, simulator.stop)
    sys.stdout.write(msgspec.json.encode(simulator.ready()).decode() + "\n")
    sys.stdout.flush()
    try:
        await simulator.run()
    finally:
        await simulator.close()
    return ExitCode.DONE


def _say(text: str) -> None:
    sys.stderr.write(f"simulator: {text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="main.py")
    add_arguments(parser.add_subparsers(required=True))
    return parser


def main(arguments: list[str]) -> ExitCode:
    """The command by itself, without the rest of the program: a Refusal becomes one line and its exit code."""
    try:
        return run(_parser().parse_args(arguments))
    except Refusal as refusal:
        _say(str(refusal))
        return refusal.code

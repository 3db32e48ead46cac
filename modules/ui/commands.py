"""THE VOCABULARY: every command and button of Telegram, the panel and the command line, with its arguments and its help line; pure.

A face turns what was typed or tapped into a `Wanted` by `parse` and hands it to `modules.ui.operator`. What was typed is never repeated
at length, and never with its control characters: an answer may end up on a terminal, in a page or in a chat.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from modules.confirm import Kind
from state.accounts import Domain, Mode
from state.stages import STAGES
from strategy.registry import Style
from utils.errors import Refusal

LONGEST = 256
"""Characters of a command; nothing in the vocabulary comes near."""
SHOWN = 40
"""Characters of what was typed that an answer may repeat."""
EXPLORE_FLOOR, EXPLORE_CAP = 10, 25
"""Bounds of the operator's exploration, percent of decisions."""
ALL = "all"


class Way(StrEnum):
    """Whether a command looks or asks for something to change."""

    LOOK = "look"
    ASK = "ask"


class Shape(StrEnum):
    """What an argument looks like."""

    CHOICE = "choice"
    NUMBER = "number"
    SYMBOL = "symbol"
    ACCOUNT = "account"
    STYLE = "style"
    OFFER = "offer"
    """A style, or the policy of a domain."""
    COMMAND = "command"


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """One argument: how it is called, what it may be. `least` and `most` bound a number; `choices` may stand beside a symbol.

    `word`: what a usage line calls it, where that is not its name.
    """

    name: str
    shape: Shape = Shape.CHOICE
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    default: str = ""
    """What is meant when it is left out; empty and `optional`: it is absent from `Wanted.args`."""
    optional: bool = False
    example: str = ""
    word: str = ""

    @property
    def sign(self) -> str:
        """How a usage line writes it: `N`, `[day|week|all]`, `SYMBOL`."""
        word = self.word or self.name.upper()
        words = "|".join((word, *self.choices) if self.shape is Shape.SYMBOL else self.choices) or word
        return f"[{words}]" if self.optional else words


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the vocabulary. `bare_looks`: an ASK that only looks when nothing follows its name."""

    name: str
    help: str
    args: tuple[Argument, ...] = ()
    kind: Way = Way.LOOK
    confirm: Kind = Kind.NONE
    """The least it needs outside `simulated`; what opens real money needs DIGITS whatever stands here (`Operator.ask` decides)."""
    bare_looks: bool = False
    works_offline: bool = False
    """The command line can serve it with the daemon dead."""

    @property
    def usage(self) -> str:
        """`close SYMBOL [ACCOUNT]`."""
        return " ".join((self.name, *(one.sign for one in self.args)))

    @property
    def example(self) -> str:
        """A line that would be taken."""
        return " ".join((self.name, *(one.example for one in self.args if one.example)))


class Wanted(msgspec.Struct, frozen=True):
    """What somebody wants: a row of the vocabulary and its arguments, checked for form (not for what exists)."""

    name: str
    args: dict[str, str] = {}

    @property
    def line(self) -> str:
        """As it would be typed."""
        return " ".join((self.name, *self.args.values()))


ACCOUNTS = tuple(f"{domain}/{mode}" for domain in Domain for mode in Mode)
STYLES = tuple(f"{domain}/{style}" for domain in Domain for style in Style)
OFFERS = (*STYLES, *(f"{domain}/policy" for domain in Domain))

_SYMBOL = Argument(name="symbol", shape=Shape.SYMBOL, example="BTCUSDT")
_ACCOUNT = Argument(name="account", shape=Shape.ACCOUNT, default=ALL, optional=True)
_SWITCH = Argument(name="to", choices=("on", "off"), example="on")
_STYLE = Argument(name="style", shape=Shape.STYLE, example="CRYPTO/swing", word="DOMAIN/STYLE")


def _count(default: int, most: int) -> Argument:
    return Argument(name="n", shape=Shape.NUMBER, least=1, most=most, default=str(default), optional=True, example=str(default))


def _opt(argument: Argument, default: str = "") -> Argument:
    return msgspec.structs.replace(argument, optional=True, default=default)


_ROWS = (
    Entry(name="status", help="stage, accounts, equity, health", works_offline=True),
    Entry(name="positions", help="open positions with stop, target and R", works_offline=True),
    Entry(name="trades", help="the last closed trades", args=(_count(10, 50),), works_offline=True),
    Entry(
        name="pnl",
        help="profit and loss by account",
        args=(Argument(name="period", choices=("day", "week", "all"), default="day", optional=True, example="week"),),
        works_offline=True,
    ),
    Entry(name="kpi", help="key figures against their targets", args=(_opt(_STYLE),), works_offline=True),
    Entry(name="why", help="the last decision on a symbol, and its reason", args=(_SYMBOL,)),
    Entry(name="pairs", help="what is traded, with regime and spread", works_offline=True),
    Entry(name="drift", help="whether live results leave what was tested"),
    Entry(name="regime", help="trend, range or chop of each symbol", works_offline=True),
    Entry(
        name="chart",
        help="a picture of a symbol's candles, or of equity",
        args=(
            Argument(
                name="what", shape=Shape.SYMBOL, choices=("equity",), default="equity", optional=True, example="BTCUSDT", word="SYMBOL"
            ),
        ),
    ),
    Entry(
        name="report",
        help="the last report as a picture",
        args=(Argument(name="period", choices=("daily", "weekly"), default="daily", optional=True, example="daily"),),
    ),
    Entry(name="logs", help="the last lines of the log", args=(_count(20, 100),)),
    Entry(name="version", help="the program's version", works_offline=True),
    Entry(
        name="help",
        help="all commands, or one",
        args=(Argument(name="command", shape=Shape.COMMAND, optional=True, example="close"),),
        works_offline=True,
    ),
    Entry(name="panel", help="the panel with its buttons"),
    Entry(
        name="stage",
        help="the stages and their gates; with a number: go there",
        args=(Argument(name="to", shape=Shape.NUMBER, least=min(STAGES), most=max(STAGES), optional=True, example="2", word="N"),),
        kind=Way.ASK,
        confirm=Kind.ONCE,
        bare_looks=True,
        works_offline=True,
    ),
    Entry(
        name="promote",
        help="confirm an offer: a style for real money, a domain's policy",
        args=(Argument(name="style", shape=Shape.OFFER, example="CRYPTO/swing", word="DOMAIN/STYLE|DOMAIN/policy"),),
        kind=Way.ASK,
        confirm=Kind.ONCE,
        works_offline=True,
    ),
    Entry(
        name="profile",
        help="which products trade",
        args=(Argument(name="to", choices=("spot", "perp", "spot+perp"), example="spot+perp"),),
        kind=Way.ASK,
        confirm=Kind.ONCE,
        works_offline=True,
    ),
    Entry(name="forex", help="forex on or off; off at every start", args=(_SWITCH,), kind=Way.ASK, confirm=Kind.ONCE),
    Entry(name="options", help="options on or off; off at every start", args=(_SWITCH,), kind=Way.ASK, confirm=Kind.ONCE),
    Entry(
        name="explore",
        help="exploration; with a percentage: set it",
        args=(Argument(name="percent", shape=Shape.NUMBER, least=EXPLORE_FLOOR, most=EXPLORE_CAP, optional=True, example="15"),),
        kind=Way.ASK,
        bare_looks=True,
        works_offline=True,
    ),
    Entry(name="explore_live", help="explore with real money, on or off; off by itself", args=(_SWITCH,), kind=Way.ASK),
    Entry(
        name="learn", help="online learning; on or off: set it", args=(_opt(_SWITCH),), kind=Way.ASK, bare_looks=True, works_offline=True
    ),
    Entry(name="close", help="close a position at market", args=(_SYMBOL, _ACCOUNT), kind=Way.ASK, confirm=Kind.ONCE),
    Entry(name="pause", help="no new entries; exits go on", kind=Way.ASK, works_offline=True),
    Entry(name="unpause", help="entries on again", kind=Way.ASK, confirm=Kind.ONCE, works_offline=True),
    Entry(name="resume", help="let a halted account trade again", args=(_ACCOUNT,), kind=Way.ASK, confirm=Kind.ONCE, works_offline=True),
    Entry(name="reset", help="a flat paper wallet starts over", args=(_ACCOUNT,), kind=Way.ASK, confirm=Kind.ONCE, works_offline=True),
    Entry(name="flatten", help="DISASTER: halt and close everything", kind=Way.ASK, confirm=Kind.TWICE, works_offline=True),
)
VOCABULARY: dict[str, Entry] = {row.name: row for row in _ROWS}
"""Every row by name, in the order of /help."""


def changes(wanted: Wanted) -> bool:
    """Whether `wanted` asks for a change; else it looks."""
    entry = VOCABULARY[wanted.name]
    return entry.kind is Way.ASK and not (entry.bare_looks and not wanted.args)


def shown(text: str) -> str:
    """At most `SHOWN` characters of what was typed, without control or invisible characters."""
    seen = "".join(one for one in text[: 4 * SHOWN] if one.isprintable())
    return seen if len(seen) <= SHOWN and len(text) <= 4 * SHOWN else f"{seen[: SHOWN - 1]}…"


def parse(text: str | Sequence[str]) -> Wanted:
    """What `text` (`/close btcusdt`, `close@my_bot BTCUSDT`, or the words of a shell) wants; Refusal with one helpful sentence."""
    typed = text if isinstance(text, str) else " ".join(text)
    if len(typed) > LONGEST:
        raise Refusal(f"that is {len(typed)} characters; a command is a word or two, e.g. status")
    words = typed.split()
    if not words:
        raise Refusal("nothing was asked; try: help")
    name = words[0].removeprefix("/").partition("@")[0].lower()
    entry = VOCABULARY.get(name)
    if entry is None:
        raise Refusal(f"'{shown(words[0])}' is no command{nearest(name, VOCABULARY) or '; try: help'}")
    given = words[1:]
    if len(given) > len(entry.args):
        told = f"takes nothing after it, not '{shown(' '.join(given))}'" if not entry.args else f"is written: {entry.usage}"
        raise Refusal(f"{name} {told}")
    found: dict[str, str] = {}
    for k, one in enumerate(entry.args):
        if k < len(given):
            found[one.name] = _value(entry, one, given[k])
        elif one.default:
            found[one.name] = one.default
        elif not one.optional:
            raise Refusal(f"{name} what? It is written: {entry.usage}, e.g. {entry.example}")
    return Wanted(name, found)


def nearest(word: str, known: Sequence[str] | dict[str, Entry]) -> str:
    """`; did you mean status?` when something known resembles `word`, else nothing."""
    close = difflib.get_close_matches(word[:SHOWN], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _value(entry: Entry, argument: Argument, word: str) -> str:
    """One argument in its canonical form; Refusal."""
    match argument.shape:
        case Shape.NUMBER:
            return _number(entry, argument, word)
        case Shape.SYMBOL:
            return word.lower() if word.lower() in argument.choices else _symbol(entry, word)
        case Shape.ACCOUNT:
            return ALL if word.lower() == ALL else _one_of(entry, argument, word.upper(), word, ACCOUNTS)
        case Shape.STYLE:
            domain, _, style = word.partition("/")
            return _one_of(entry, argument, f"{domain.upper()}/{style.lower()}", word, STYLES)
        case Shape.OFFER:
            domain, _, what = word.partition("/")
            return _one_of(entry, argument, f"{domain.upper()}/{what.lower()}", word, OFFERS)
        case Shape.COMMAND:
            name = word.removeprefix("/").lower()
            if name not in VOCABULARY:
                raise Refusal(f"'{shown(word)}' is no command{nearest(name, VOCABULARY) or '; try: help'}")
            return name
        case Shape.CHOICE:
            return _one_of(entry, argument, word.lower(), word, argument.choices)


def _number(entry: Entry, argument: Argument, word: str) -> str:
    digits = word.removesuffix("%")
    if re.fullmatch(r"[0-9]{1,9}", digits) and argument.least <= int(digits) <= argument.most:
        return str(int(digits))
    unit = " %" if argument.name == "percent" else ""
    raise Refusal(
        f"{entry.name} takes a whole number from {argument.least} to {argument.most}{unit}, not '{shown(word)}'; try: {entry.example}"
    )


def _symbol(entry: Entry, word: str) -> str:
    """An instrument's symbol or an option's, `EURUSD-20250321-C-1.05000`."""
    symbol = word.upper().replace("/", "")
    if not re.fullmatch(r"[A-Z0-9]{2,20}|[A-Z]{6}-[0-9]{8}-[CP]-[0-9]{1,6}\.[0-9]{1,6}", symbol):
        raise Refusal(f"'{shown(word)}' is no symbol; try: {entry.example}")
    return symbol


def _one_of(entry: Entry, argument: Argument, value: str, word: str, known: tuple[str, ...]) -> str:
    if value in known:
        return value
    there = "one of " + ", ".join(known) if len(known) <= 5 else f"like {argument.example or known[0]}"
    raise Refusal(f"{entry.name}: '{shown(word)}' is not right, it is {there}{nearest(value, known)}")

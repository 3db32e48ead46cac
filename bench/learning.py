"""What learning is worth on stored market data: static, lcb_table, sb3_dqn, flat, and buying and holding, side by side, all costs in.

Walk-forward: every candidate that the engine meets in a replay is labelled with what each answer to it came to; at each cut-off both
learners are trained on the last 180 days, less what could still have been open (the longest holding time) and a day of embargo; then
they answer the next 30 days, which they have never seen. What a policy answered is traded by the portfolio pass of the sweep, with all
limits of the wallet. Nothing here was tuned: the settings are those of the running bot.

python -m bench.learning [--data DIR] [--json FILE] [--doc FILE] [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from bench.learning_rows import Alone, Line, Result, alone_line, document, held_line, traded_line
from config import CONFIG
from dataio.archive import open_archive
from modules.engine.desk import chosen_strategies, fresh_engine
from modules.engine.grid import Grid, load
from modules.engine.replay import run_engine
from modules.learning.experience import Experience, asked_of, candidates, join
from modules.learning.fit_lcb import fit_lcb
from modules.learning.labels import Labeller
from modules.learning.passes import MarketPass, run_portfolio
from modules.learning.research import market_of
from modules.settings import BotConfig
from state.accounts import Domain
from state.books import Rows
from state.decisions import DecisionRow
from state.messages import Command, Event, Record
from strategy.actions import ACTIONS, SKIP, Values
from strategy.features import SCHEMA
from strategy.lcb_table import LcbTable
from strategy.network import Ensemble
from strategy.policy import Policy, greedy_action
from strategy.registry import BY_ID, STRATEGIES
from utils.errors import ExitCode, Refusal

DAY_MS = 86_400_000
FIRST_D, TEST_D = 120, 30
"""Days of experience before the first training, and between two of them."""
EMBARGO_MS = DAY_MS
BALANCE = 100_000
"""Quote currency of the wallet: so much that no venue's smallest order stands in the way of a policy, as it would with a small wallet."""
STATIC, LCB, DQN = "static", "lcb_table", "sb3_dqn"
JAN_2024, OCT_2024, JAN_2025, MID_2025, JAN_2026 = (
    1_704_067_200_000,
    1_727_740_800_000,
    1_735_689_600_000,
    1_750_204_800_000,
    1_767_225_600_000,
)
Ints = npt.NDArray[np.int64]


class Market(msgspec.Struct, frozen=True):
    """A stretch of candles without holes."""

    name: str
    domain: Domain
    symbols: tuple[str, ...]
    window: tuple[int, int]


COINS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
MARKETS = (
    Market("spot", Domain.CRYPTO, COINS, (JAN_2024, OCT_2024)),
    Market("spot", Domain.CRYPTO, COINS, (JAN_2025, MID_2025)),
    Market("perps", Domain.PERPS, COINS[:2], (JAN_2025, JAN_2026)),
)


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """One training and the days that it was judged on; `policies`: None where there was too little, and the static one decides."""

    cut_off: int
    until: int
    lessons: int
    policies: dict[str, Policy | None]
    notes: dict[str, str]


def decided(grid: Grid, config: BotConfig, domain: Domain) -> list[DecisionRow]:
    """Every candidate of a replay under the static policy, as the ledger of a bot would have it."""
    rows: list[DecisionRow] = []

    def sink(_event: Event, commands: list[Command]) -> None:
        rows.extend(msgspec.convert(one.row, DecisionRow) for one in commands if isinstance(one, Record) and one.kind == "decision")

    run_engine(grid, config, chosen_strategies(None), sink=sink)
    return [group[0] for group in candidates(rows, domain)]


def experience_of(grid: Grid, config: BotConfig, rows: Sequence[DecisionRow]) -> Experience:
    """The candidates with what each answer to them came to."""
    labeller = Labeller(grid, config)
    index = {one.key: i for i, one in enumerate(grid.instruments)}
    return join([[row] for row in rows], labeller.label(asked_of(rows, index)), {}, labeller.hold_ms)


def folds_of(first: int, end: int, test_d: int = TEST_D) -> list[tuple[int, int]]:
    """(cut-off, until) of each: the first after `FIRST_D` days, the last one may be shorter, but not less than half."""
    found = []
    cut_off = first + FIRST_D * DAY_MS
    while end - cut_off >= test_d * DAY_MS // 2:
        found.append((cut_off, min(end, cut_off + test_d * DAY_MS)))
        cut_off += test_d * DAY_MS
    return found


def train(experience: Experience, config: BotConfig, domain: Domain, number: int, span: tuple[int, int], *, network: bool) -> Fold:
    """Both learners at a cut-off."""
    cut_off, until = span
    lessons = experience.lessons(cut_off, config.learning.window_days * DAY_MS, embargo_ms=EMBARGO_MS)
    policies: dict[str, Policy | None] = {LCB: None, DQN: None}
    notes: dict[str, str] = {}
    try:
        policies[LCB] = LcbTable(f"{LCB} {number}", fit_lcb(lessons, cut_off).arrays["lower"])
    except Refusal as refusal:
        notes[LCB] = str(refusal)
    if network:
        from modules.learning.fit_dqn import DqnSettings, fit_dqn, seeds_of

        try:
            fitted = fit_dqn(lessons, cut_off, seeds_of(config.learning.seed, domain, number, DqnSettings().members))
            policies[DQN] = Ensemble.from_tensors(f"{DQN} {number}", fitted.arrays)
            share = fitted.metrics["disagreement"]
            if share > config.learning.max_disagreement:
                notes[DQN] = f"the seeds disagree on {share:.0%} of held-out decisions: the bot would have thrown it away, here it answers"
        except Refusal as refusal:
            notes[DQN] = str(refusal)
    return Fold(cut_off=cut_off, until=until, lessons=len(lessons), policies=policies, notes=notes)


def fold_at(folds: Sequence[Fold], ts: int) -> Fold | None:
    """The fold that answers at `ts`; None outside of all."""
    return next((fold for fold in folds if fold.cut_off < ts <= fold.until), None)


def values_of(policy: Policy | None, row: DecisionRow) -> Values | None:
    """What a policy holds the actions of a candidate for; None where the static one decides."""
    if policy is None:
        return None
    seen = np.array(row.obs, np.float32) if row.obs is not None and row.schema == SCHEMA else None
    return policy.values(seen, BY_ID[row.strategy].index, row.side, row.regime)


def answer(values: Values | None, row: DecisionRow) -> int:
    """The action, by the engine's own rule."""
    return greedy_action(np.zeros(ACTIONS, np.float32) if values is None else values, int(values is not None), row.regime, row.mask)


def as_values(action: int) -> Values:
    """Values that make the portfolio pass take `action`: how the static answer is given beside learned ones."""
    found = np.full(ACTIONS, np.nan, np.float32)
    found[SKIP] = 0.0
    if action != SKIP:
        found[action] = 1.0
    return found


def trade(
    grid: Grid, config: BotConfig, kept: MarketPass, inside: Ints, answers: Mapping[tuple[int, str, int], Values]
) -> tuple[Rows, int]:
    """Closed trades (TRADE rows) of the portfolio pass when each candidate is worth what `answers` says, and the balance begun with."""
    signals = kept.signals[inside]
    values = np.full((len(signals), len(STRATEGIES), ACTIONS), np.nan, np.float32)
    values[..., SKIP] = 0.0
    for n, signal in enumerate(signals):
        key, ts = grid.instruments[int(signal["i"])].key, int(grid.ts[signal["k"]]) + grid.confirm_ms
        for s in range(len(STRATEGIES)):
            found = answers.get((ts, key, s))
            if found is not None:
                values[n, s] = found
    engine, _ = fresh_engine(config, grid.instruments, chosen_strategies(None), int(grid.ts[0]), quotes=False, balance=BALANCE)
    state, mandate = engine.state, engine.mandate
    balance = int(state.acct[0]["equity"])
    allowed = np.zeros(len(STRATEGIES), np.int64)
    allowed[[s for s in mandate.allowed[state.accounts[0]] if mandate.strategies[s].confirmed]] = 1
    trades = run_portfolio(grid, MarketPass(signals), (state.pos, state.inst, state.acct), mandate.rules, mandate.limits, allowed, values)
    return trades, balance


def measure(market: Market, data: Path, config: BotConfig, *, network: bool, quick: bool) -> Result:
    """Everything about one stretch."""
    began = time.process_time()
    grid = load(open_archive(data), market.domain, market.symbols, config.domains[market.domain], market.window)
    rows = decided(grid, config, market.domain)
    experience = experience_of(grid, config, rows)
    told(f"{market.name}: {grid.bars} bars, {len(rows)} candidates, {experience.labels.good.sum()} with labels")
    spans = folds_of(max(int(grid.ts[0]), market.window[0]), int(grid.ts[-1]) + grid.confirm_ms)[: 1 if quick else None]
    folds = []
    for number, span in enumerate(spans, 1):
        folds.append(train(experience, config, market.domain, number, span, network=network))
        notes = "".join(f"; {name}: {note}" for name, note in folds[-1].notes.items())
        told(
            f"  fold {number} of {len(spans)}: {folds[-1].lessons} lessons, {time.process_time() - began:.0f} s of computing so far{notes}"
        )
    kept = market_of(grid, config)
    closes = grid.ts[kept.signals["k"]] + grid.confirm_ms
    inside = np.flatnonzero((closes > folds[0].cut_off) & (closes <= folds[-1].until))
    window = (folds[0].cut_off, folds[-1].until)
    lines: list[Line] = []
    alone: list[Alone] = []
    static = np.array([answer(None, row) for row in rows], np.int64)
    for name in (STATIC, LCB, *([DQN] if network else [])):
        answers, actions = {}, np.full(len(rows), -1, np.int64)
        for n, row in enumerate(rows):
            fold = fold_at(folds, row.ts)
            if fold is not None:
                values = values_of(fold.policies.get(name), row)
                actions[n] = answer(values, row)
                answers[row.ts, row.key, BY_ID[row.strategy].index] = as_values(int(static[n])) if values is None else values
        trades, balance = trade(grid, config, kept, inside, answers)
        lines.append(traded_line(name, trades, balance, window, rows, actions))
        alone.append(alone_line(name, experience, actions, static))
    lines += [Line(name="flat", skip_rate=1.0), held_line(grid, config, window)]
    refused = {name: sum(name in fold.notes for fold in folds) for name in (LCB, DQN)}
    return Result(
        name=market.name,
        symbols=market.symbols,
        window=window,
        candidates=int(sum(fold_at(folds, row.ts) is not None for row in rows)),
        folds=len(folds),
        lessons=[fold.lessons for fold in folds],
        refused=refused,
        notes=[f"fold {n}, {name}: {note}" for n, fold in enumerate(folds, 1) for name, note in fold.notes.items()],
        lines=lines,
        alone=alone,
        cpu_s=round(time.process_time() - began, 1),
    )


def told(words: str) -> None:
    """Progress."""
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description="What learning is worth on stored market data.")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: $BOT_MARKET_DATA, else ../shared/data")
    parser.add_argument("--json", type=Path, default=Path("var/learning.json"), metavar="FILE")
    parser.add_argument("--doc", type=Path, metavar="FILE", help="also write the table as Markdown")
    parser.add_argument("--quick", action="store_true", help="one market, one fold: to see that it works, not to quote")
    args = parser.parse_args(arguments)
    data: Path = args.data or Path(os.environ.get("BOT_MARKET_DATA", "../shared/data"))
    if not data.is_dir():
        told(f"{data} does not exist: learning is not measured; set BOT_MARKET_DATA or say --data DIR")
        return ExitCode.DONE if args.data is None else ExitCode.USAGE  # `make bench` goes on without market data
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = [measure(one, data, CONFIG, network=True, quick=args.quick) for one in MARKETS[: 1 if args.quick else None]]
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    text = document(found)
    if args.doc is not None:
        args.doc.write_text(text)
    sys.stdout.write(text + f"\nwritten to {args.json}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

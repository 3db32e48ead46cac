"""New figures for what trading costs, as an event: the rows that gate, paper and bars read change by it alone, so a replay sees the same.

Its arguments are `instrument key -> "taker_ppm=1000 slip_ppm=166"`; what is not named stays. It is sent at every boot (rows begin with the
configured figures) and after each calibration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from risk.cost_model import PPM_PER_BP, CostModel, slip_ppm, spread_ppm
from state.messages import Command, Control, Report
from state.runtime import RuntimeState

FIELDS = ("taker_ppm", "maker_ppm", "slip_ppm", "spread_ppm")
"""Fields of INST that it may set."""
TOLD = 3
"""So many pairs are named in the report."""


def cost_words(models: Iterable[CostModel]) -> dict[str, str]:
    """The arguments that put `models` into force: fees where the venue has told them, slippage where it was measured."""
    found = {}
    for model in models:
        figures: dict[str, int] = {}
        if model.fee_ts:
            figures |= {"taker_ppm": model.taker_ppm, "maker_ppm": model.maker_ppm}
        if model.measured:
            figures |= {"slip_ppm": slip_ppm(model), "spread_ppm": spread_ppm(model)}
        if figures:
            found[model.key] = " ".join(f"{name}={value}" for name, value in figures.items())
    return found


def figures_of(words: str) -> dict[str, int]:
    """The figures of one pair; ValueError for a name that is none, or a number below 0."""
    found = {name: int(value) for name, _, value in (word.partition("=") for word in words.split())}
    wrong = [f"{name}={value}" for name, value in found.items() if name not in FIELDS or value < 0]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} is no cost")
    return found


def apply_costs(state: RuntimeState, args: Mapping[str, str], ts: int, who: str, out: list[Command]) -> None:
    """Set the figures on every seat of the pairs named; pairs that are not here are left alone. One report, when anything changed."""
    changed = []
    for key, words in args.items():
        figures = figures_of(words)
        before = [int(state.inst[i][name]) for i in _seats(state, key) for name in figures]
        for i in _seats(state, key):
            for name, value in figures.items():
                state.inst[i][name] = value
        if before != [int(state.inst[i][name]) for i in _seats(state, key) for name in figures]:
            changed.append(f"{key.partition(':')[2]} {_told(figures)}")
    if changed:
        more = f" and {len(changed) - TOLD} more" if len(changed) > TOLD else ""
        out.append(Report(ts=ts, what="control", rule="costs", text=f"costs, {who}: {'; '.join(changed[:TOLD])}{more}"))


def cost_event(models: Iterable[CostModel], ts: int, who: str) -> list[Control]:
    """The event that puts `models` into force; none when they say nothing."""
    args = cost_words(models)
    return [Control(ts, "costs", args, who)] if args else []


def _seats(state: RuntimeState, key: str) -> tuple[int, ...]:
    return state.seats_of[state.index[key]] if key in state.index else ()


def _told(figures: Mapping[str, int]) -> str:
    words = {"taker_ppm": "taker", "maker_ppm": "maker", "slip_ppm": "slippage", "spread_ppm": "usual spread"}
    return ", ".join(f"{words[name]} {value / PPM_PER_BP:g} bp" for name, value in figures.items())

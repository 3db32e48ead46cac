"""Why a confirmed signal was not followed, with the figures that were judged: for the journal, the metrics and whoever asks."""

from __future__ import annotations

from modules.engine.mandate import Mandate
from risk.facts import Facts
from risk.gate import refusal
from risk.rules import Rule
from state.intents import Side, Signal
from state.messages import Report
from state.runtime import RuntimeState


def refused(state: RuntimeState, mandate: Mandate, signal: Signal, rule: Rule, facts: Facts) -> Report:
    """The report of a refusal: strategy, side and symbol, then the rule with its reason and figures."""
    told = refusal(rule, facts)
    name, account = mandate.strategies[signal.strategy].name, str(state.account_of(facts.book.i))
    symbol = facts.instrument.symbol if signal.contract is None else signal.contract.symbol
    text = f"{name} {Side(signal.side).word} {symbol} skipped: {told.rule}, {told.reason}"
    return Report(ts=signal.ts, what="refused", account=account, key=signal.key, rule=told.rule, text=text)

"""The procedure's hash: what computes differently changes it, what only reads differently does not."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from config import CONFIG
from modules.data.sentiment_settings import SentimentConfig
from modules.overrides import apply_overrides
from modules.procedure import OPTION_ROOTS, OWN_MODULES, ROOTS, Procedure, changed, code_of, our_source, procedure
from state.accounts import Domain
from strategy.base import F1, O1
from strategy.registry import STRATEGIES

ALL = frozenset(range(4))


def edited(module: str, *changes: tuple[str, str], style: str = "swing") -> list[str]:
    """What parts change when a module's text is edited so."""
    text = our_source(module)
    assert text is not None
    for old, new in changes:
        assert old in text, f"{module} has no {old!r} any more: the test edits nothing"
        text = text.replace(old, new)
    return changed(of(style).parts, of(style, {module: text}).parts)


def of(style: str = "swing", texts: Mapping[str, str] | None = None, domain: Domain = Domain.CRYPTO) -> Procedure:
    return procedure(CONFIG, domain, style, ALL, sources=lambda name: (texts or {}).get(name) or our_source(name))


def test_it_is_the_same_every_time():
    assert of() == of() and len(of().hash) == 64


def test_styles_and_domains_differ():
    assert len({of(style, domain=domain).hash for style in ("swing", "scalp") for domain in (Domain.CRYPTO, Domain.PERPS)}) == 4


def test_docstrings_comments_annotations_and_layout_change_nothing():
    assert not edited("strategy.swing_trend", ('"""Side to arm at a primary close.', '"""Another word on it.'))
    assert not edited("strategy.swing_trend", ("    if daily_sign > 0", "    # why\n\n    if daily_sign > 0"))
    assert not edited("strategy.swing_trend", ("daily_sign: int) -> int:", "daily_sign) -> 'object':"))
    text = our_source("strategy.swing_trend")
    assert text is not None
    without = re.sub(r'    """.*?"""\n', "", text, flags=re.DOTALL)
    assert without != text and of(texts={"strategy.swing_trend": without}) == of()


@pytest.mark.parametrize(
    "module, old, new, part",
    [
        ("strategy.swing_trend", "close > high_level", "close >= high_level", "code strategy.swing_trend.arm_trend"),
        ("strategy.swing_trend", "channels >= 3", "channels >= 4", "code strategy.swing_trend.channel_level"),
        ("strategy.base", "CANDIDATES = 3", "CANDIDATES = 4", "code strategy.base.CANDIDATES"),
        ("strategy.policy", "return TIGHT\n", "return WIDE\n", "code strategy.policy.preferred_arm"),
        ("risk.stops", "def trail(", "def trail(more, ", "code risk.stops.trail"),
    ],
)
def test_what_computes_differently_changes_it(module: str, old: str, new: str, part: str):
    assert edited(module, (old, new)) == [part]


def test_what_the_style_does_not_call_is_no_part_of_it():
    assert edited("strategy.scalp_fade", ("return", "return 1 +"), style="scalp")
    assert not edited("strategy.scalp_fade", ("return", "return 1 +"), style="swing")
    text = our_source("strategy.swing_trend")
    assert text is not None
    assert of(texts={"strategy.swing_trend": text + "\n\nUNUSED = 5\n\n\ndef unused():\n    return UNUSED\n"}) == of()


def test_numbers_that_decide_are_part_of_it():
    other = CONFIG.model_copy(update={"risk": CONFIG.risk.model_copy(update={"base": 0.04})})
    assert changed(of().parts, procedure(other, Domain.CRYPTO, "swing", ALL).parts) == ["sizing and stops"]
    crypto = CONFIG.domains[Domain.CRYPTO]
    for name, part in (("costs", "costs"), ("confirm_ms", "timeframes")):
        value = crypto.costs.model_copy(update={"taker_ppm": 900}) if name == "costs" else 900_000 // 3
        value = value if name == "costs" or value != crypto.confirm_ms else crypto.confirm_ms * 3
        settings = crypto.model_copy(update={name: value})
        dear = CONFIG.model_copy(update={"domains": CONFIG.domains | {Domain.CRYPTO: settings}})
        assert changed(of().parts, procedure(dear, Domain.CRYPTO, "swing", ALL).parts) == [part]


def test_strategies_and_learner_are_part_of_it():
    fewer = procedure(CONFIG, Domain.CRYPTO, "swing", frozenset({0}))
    assert "rules C2" in changed(of().parts, fewer.parts)
    learner = procedure(CONFIG, Domain.CRYPTO, "swing", ALL, learner={"class": "linear", "ridge": 1.0})
    assert changed(of().parts, learner.parts) == ["learner"]


def test_a_mood_that_counts_is_part_of_it_and_one_that_does_not_is_none():
    def felt(asked: Mapping[str, object], domain: Domain = Domain.CRYPTO) -> Procedure:
        mood = SentimentConfig.model_validate({"source": "file", "path": "mood.csv", "domains": ("CRYPTO",)} | dict(asked))
        return procedure(CONFIG.model_copy(update={"sentiment": mood}), domain, "swing", ALL)

    assert changed(of().parts, felt({}).parts) == ["sentiment"]
    for name, value in (("shrink_at", 0.4), ("veto_at", 0.95), ("max_age_h", 24.0), ("path", "other.csv"), ("every_s", 60.0)):
        assert changed(felt({}).parts, felt({name: value}).parts) == ["sentiment"], name
    assert felt({"source": "off", "shrink_at": 0.4}) == of() and felt({}, Domain.PERPS) == of(domain=Domain.PERPS)


def test_exploration_symbols_and_pages_are_no_part_of_it():
    crypto = CONFIG.domains[Domain.CRYPTO].model_copy(update={"symbols": ("ETHUSDT",), "paper_balance": 500})
    other = CONFIG.model_copy(
        update={
            "domains": CONFIG.domains | {Domain.CRYPTO: crypto},
            "learning": CONFIG.learning.model_copy(update={"explore": 0.2}),
            "http": CONFIG.http.model_copy(update={"port": 1}),
        }
    )
    assert procedure(other, Domain.CRYPTO, "swing", ALL) == of()


def test_the_roots_exist_and_reach_the_kernels():
    found = code_of(ROOTS, our_source, frozenset())
    assert {f"{module}.{name}" for module, name in ROOTS} <= set(found)
    assert not any(name.startswith(("forex.", "modules.engine.option_")) for name in found)
    for wanted in (
        "risk.sizing.notional",
        "risk.costs.round_trip",
        "risk.stops.trail",
        "strategy.regime.label",
        "strategy.policy.choose_arm",
    ):
        assert wanted in found
    assert not any(name.startswith("utils.kernel") for name in found)


def test_each_strategy_has_its_own_module():
    assert set(OWN_MODULES) >= {one.id for one in STRATEGIES}
    assert all(our_source(module) for modules in OWN_MODULES.values() for module in modules)


def test_an_options_procedure_holds_what_is_picked_and_how_it_is_priced():
    one = procedure(CONFIG, Domain.OPTIONS, "swing", frozenset({O1}))
    found = set(one.parts)
    assert {f"code {module}.{name}" for module, name in OPTION_ROOTS} <= found
    for wanted in (
        "rules O1",
        "code strategy.option_trend.confirm_option_trend",
        "code strategy.fx_trend.arm_fx_trend",
        "code risk.option_caps.room",
        "code forex.options_chain.candidates",
        "code forex.options_kernels.premium",
    ):
        assert wanted in found, wanted
    assert not any("swing_trend" in name or "fx_fade" in name for name in found), "others' rules"
    days = apply_overrides(CONFIG, {}, ["domains.options.by_days=>=0:1h/15m"])
    assert changed(one.parts, procedure(days, Domain.OPTIONS, "swing", frozenset({O1})).parts) == ["timeframes"]
    assert procedure(days, Domain.FOREX, "swing", frozenset({F1})) == procedure(CONFIG, Domain.FOREX, "swing", frozenset({F1}))
    assert "rules O1" not in procedure(CONFIG, Domain.OPTIONS, "scalp", frozenset({O1})).parts, "there is no scalp of options"


def test_changes_are_told_by_part():
    assert changed({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == ["a", "b", "c"] and changed({"a": "1"}, {"a": "1"}) == []


def test_a_pair_on_timeframes_of_its_own_is_another_procedure() -> None:
    chosen = frozenset({5, 6})
    one = procedure(CONFIG, Domain.FOREX, "swing", chosen)
    own = apply_overrides(CONFIG, {}, ["domains.forex.timeframes=EURUSD=4h/1h"])
    assert changed(one.parts, procedure(own, Domain.FOREX, "swing", chosen).parts) == ["timeframes"]
    assert procedure(own, Domain.CRYPTO, "swing", ALL).hash == procedure(CONFIG, Domain.CRYPTO, "swing", ALL).hash
    assert "rules F1" in one.parts and "rules C1" not in one.parts and "code strategy.fx_trend.arm_fx_trend" in one.parts
